// The network: forward, backward and down the gradient, in double precision.
//
// Layers run l = 0 … L. Of layer l, w[l] are n_l rows of n_{l-1} weights, b[l] its biases; both are
// views into one vector θ, in the order w^(1), b^(1), w^(2), … as in the library.

import { ACTIVATIONS, softmax } from "./activations.js";
import { FROM_Z, LOSSES } from "./losses.js";

export class Model {
  constructor(spec, theta) {
    this.sizes = spec.sizes;
    this.last = spec.sizes.length - 1;
    this.sigma = spec.sigma; // {name, parameter, …} of layer l; null for l = 0
    this.loss = spec.loss; // {name, parameters, …}: a parameter for each output
    this.eps = spec.eps; // the rounding error of the library's numbers
    this.theta = theta;
    [this.w, this.b] = this.split(theta);
  }

  // A vector of θ's layout by layers: [weights, biases].
  split(vector) {
    const w = [null];
    const b = [null];
    let at = 0;
    for (let l = 1; l <= this.last; l++) {
      const n = this.sizes[l] * this.sizes[l - 1];
      w.push(vector.subarray(at, at + n));
      b.push(vector.subarray(at + n, at + n + this.sizes[l]));
      at += n + this.sizes[l];
    }
    return [w, b];
  }

  weight(l, j, k) {
    return this.w[l][j * this.sizes[l - 1] + k];
  }

  isSoftmax(l) {
    return l > 0 && this.sigma[l].name === "softmax";
  }

  // Whether ∂C/∂z of the outputs is a - y, by which σ' and the loss's quotient cancel.
  get isCanonical() {
    return this.loss.cancelsWith === this.sigma[this.last].name;
  }

  // z^(l) = w^(l) a^(l-1) + b^(l)
  affine(l, a) {
    const n = this.sizes[l - 1];
    return Float64Array.from(this.b[l], (b_j, j) => {
      let z = b_j;
      for (let k = 0; k < n; k++) z += this.w[l][j * n + k] * a[k];
      return z;
    });
  }

  // a^(l) = σ(z^(l))
  activate(l, z) {
    if (this.isSoftmax(l)) return softmax(z);
    const { name, parameter } = this.sigma[l];
    return z.map((z_j) => ACTIVATIONS[name].value(z_j, parameter));
  }

  // σ'(z^(l)); null for softmax, whose derivatives are a_i (1[i = j] - a_j)
  slopes(l, z) {
    if (this.isSoftmax(l)) return null;
    const { name, parameter } = this.sigma[l];
    return z.map((z_j) => ACTIVATIONS[name].slope(z_j, parameter));
  }

  forward(x) {
    const a = [x];
    const z = [null];
    for (let l = 1; l <= this.last; l++) {
      z.push(this.affine(l, a[l - 1]));
      a.push(this.activate(l, z[l]));
    }
    return { a, z };
  }

  // C_i of an example, from its outputs.
  cost(z, a, y) {
    const { name, parameters, clips } = this.loss;
    if (clips) {
      const kept = (p) => Math.min(Math.max(p, this.eps), 1 - this.eps);
      return a.reduce((sum, a_j, j) => sum + LOSSES[name].cost(kept(a_j), y[j]), 0);
    }
    if (this.isCanonical) return FROM_Z[name](z, a, y);
    return a.reduce((sum, a_j, j) => sum + LOSSES[name].cost(a_j, y[j], parameters?.[j]), 0);
  }

  // The way back of one example: ∂C_i/∂a, σ' and δ = ∂C_i/∂z of each layer.
  backward({ a, z }, y) {
    const L = this.last;
    const { name, parameters } = this.loss;
    const dC_da = [];
    const da_dz = [null];
    const dC_dz = [null];
    for (let l = 1; l <= L; l++) da_dz.push(this.slopes(l, z[l]));
    dC_da[L] = a[L].map((a_j, j) => LOSSES[name].slope(a_j, y[j], parameters?.[j]));
    dC_dz[L] = this.outputDelta(a[L], dC_da[L], da_dz[L], y);
    for (let l = L - 1; l >= 0; l--) {
      dC_da[l] = this.backTo(l, dC_dz[l + 1]);
      if (l > 0) dC_dz[l] = dC_da[l].map((d, k) => da_dz[l][k] * d);
    }
    return { dC_da, da_dz, dC_dz };
  }

  outputDelta(a, dC_da, da_dz, y) {
    if (this.isCanonical) {
      const total = this.loss.name === "categorical_cross_entropy"
        ? y.reduce((sum, y_j) => sum + y_j, 0) : 1;
      return a.map((a_j, j) => a_j * total - y[j]);
    }
    if (da_dz) return dC_da.map((d, j) => da_dz[j] * d);
    const mean = a.reduce((sum, a_i, i) => sum + a_i * dC_da[i], 0);
    return a.map((a_j, j) => a_j * (dC_da[j] - mean));
  }

  // ∂C/∂a_k^(l) = Σ_j w_jk ∂C/∂z_j^(l+1)
  backTo(l, delta) {
    const n = this.sizes[l];
    const back = new Float64Array(n);
    for (let j = 0; j < delta.length; j++) {
      for (let k = 0; k < n; k++) back[k] += this.w[l + 1][j * n + k] * delta[j];
    }
    return back;
  }

  // Every term of every example, each of its own cost C_i; C and ∇C are means by the shares.
  trace(X, Y, shares) {
    const examples = X.map((x, i) => {
      const pass = this.forward(x);
      const cost = this.cost(pass.z[this.last], pass.a[this.last], Y[i]);
      return { ...pass, ...this.backward(pass, Y[i]), cost };
    });
    return new Trace(this, examples, Y, shares);
  }

  copy() {
    return new Model(this, this.theta.slice());
  }
}

export class Trace {
  constructor(model, examples, targets, shares) {
    this.model = model;
    this.examples = examples;
    this.targets = targets;
    this.shares = shares;
    this.cost = this.mean(examples.map((one) => one.cost));
  }

  mean(values) {
    return values.reduce((sum, v, i) => (this.shares[i] ? sum + this.shares[i] * v : sum), 0);
  }

  // The cost that is looked at: C_i of example i, or C where i is null.
  costOf(i) {
    return i === null ? this.cost : this.examples[i].cost;
  }

  // What is added up over the examples that count: of one its own derivative.
  over(i, term) {
    return i === null ? this.mean(this.examples.map(term)) : term(this.examples[i]);
  }

  // ∂C/∂w_jk = ∂C/∂z_j a_k, ∂C/∂b_j = ∂C/∂z_j
  derivative({ letter, layer, j, k }, i) {
    if (letter === "w") return this.over(i, (e) => e.dC_dz[layer][j] * e.a[layer - 1][k]);
    if (letter === "a") return this.over(i, (e) => e.dC_da[layer][j]);
    return this.over(i, (e) => e.dC_dz[layer][j]);
  }

  // ∇C, or ∇C_i, in the layout of θ.
  gradient(i) {
    const { model } = this;
    const vector = new Float64Array(model.theta.length);
    const [w, b] = model.split(vector);
    this.examples.forEach((e, at) => {
      const share = i === null ? this.shares[at] : Number(at === i);
      if (share === 0) return;
      for (let l = 1; l <= model.last; l++) {
        const n = model.sizes[l - 1];
        e.dC_dz[l].forEach((delta, j) => {
          b[l][j] += share * delta;
          for (let k = 0; k < n; k++) w[l][j * n + k] += share * delta * e.a[l - 1][k];
        });
      }
    });
    return vector;
  }

  // The cost with one weight or bias at another value; only what follows it is computed anew.
  costWith({ letter, layer, j, k }, value, i) {
    const { model } = this;
    const now = letter === "w" ? model.weight(layer, j, k) : model.b[layer][j];
    const costs = this.examples.map((e, at) => {
      if (i !== null && at !== i) return 0;
      let z = e.z[layer].slice();
      z[j] += (value - now) * (letter === "w" ? e.a[layer - 1][k] : 1);
      let a = model.activate(layer, z);
      for (let l = layer + 1; l <= model.last; l++) {
        z = model.affine(l, a);
        a = model.activate(l, z);
      }
      return model.cost(z, a, this.targets[at]);
    });
    return i === null ? this.mean(costs) : costs[i];
  }
}
