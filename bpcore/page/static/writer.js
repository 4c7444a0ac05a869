// What the derivations of one example and of a mean share: bpcore/explain/mean.py's Writer.
//
// In a chain, a network of one unit a layer, units need no index and sums no Σ, and a derivative is
// one product from its layer to the cost.

import { Note } from "./blocks.js";
import { derivative, Formula, number, product, slopeOf, sumOver, symbol } from "./notation.js";

export class Writer {
  // place: {letter, layer, j, k}; i: an example, or null
  constructor(trace, place, i, { most = 8, digits = 4 } = {}) {
    Object.assign(this, { trace, place, i, most, digits });
    this.model = trace.model;
    this.last = this.model.last;
    this.layer = place.layer;
    this.unit = place.j;
    this.isChain = this.model.sizes.every((size) => size === 1);
    this.tolerance = 16 * this.model.eps;
    this.C = new Formula("C");
  }

  symbol(letter, layer, ...units) {
    return symbol(letter, layer, ...(this.isChain ? [] : units));
  }

  sumOver(index, term) {
    return this.isChain ? term : sumOver(index, term);
  }

  number(value, digits = this.digits, operand = false) {
    // where more digits are needed, less may be left open
    const tolerance = this.tolerance * 10 ** (this.digits - digits);
    return number(value, digits, { operand, tolerance });
  }

  numbers(values, digits) {
    return product(...values.map((value, at) => this.number(value, digits, at > 0)));
  }

  // Numbers of one term and unit, one for each example of the derivation; see Single and Mean.
  isFinite(layer, unit) {
    return this.column("dC_da", layer, unit).every(Number.isFinite);
  }

  // Whether ∂C/∂z is σ'(z) ∂C/∂a in finite numbers.
  splits(layer, unit) {
    return !this.model.isSoftmax(layer) && this.isFinite(layer, unit);
  }

  target(letter) {
    const units = letter === "w" ? [this.unit, this.place.k] : [this.unit];
    return this.symbol(letter, this.layer, ...units);
  }

  // ∂C/∂w, ∂C/∂b or ∂C/∂z as a product; through a chain to the cost, where it is one.
  factors(letter, through = false) {
    const { layer, unit } = this;
    const inner = (l, j) => (through ? this.through(l) : this.inner(l, j, false));
    if (letter === "a") return [this.onward(layer + 1), ...inner(layer + 1, 0)];
    const [z, target] = [this.symbol("z", layer, unit), this.target(letter)];
    const first = [];
    if (letter === "w") {
      const { k } = this.place;
      const a = this.symbol("a", layer - 1, k);
      first.push(factor(derivative(z, target), a, this.column("a", layer - 1, k), "a"));
    } else if (letter === "b") {
      const ones = this.column("a", this.last, 0).map(() => 1);
      first.push(factor(derivative(z, target), number(1), ones, "one"));
    }
    return [...first, ...inner(layer, unit)];
  }

  // ∂C/∂z as ∂a/∂z · ∂C/∂a; as one factor where the outputs are bound to each other.
  inner(layer, unit, through) {
    const [z, a] = [this.symbol("z", layer, unit), this.symbol("a", layer, unit)];
    if (!this.splits(layer, unit)) {
      const whole = derivative(this.C, z);
      return [factor(whole, whole, this.column("dC_dz", layer, unit))];
    }
    const back = derivative(this.C, a);
    return [
      factor(derivative(a, z), slopeOf(z), this.column("da_dz", layer, unit)),
      factor(back, through ? this.byOutput(unit) : back, this.column("dC_da", layer, unit)),
    ];
  }

  // ∂C/∂z of a layer of a chain, ∂C/∂a replaced by what it comes from, up to the cost.
  through(layer) {
    const factors = [];
    for (let l = layer; l <= this.last; l++) {
      if (factors.length) factors[factors.length - 1] = this.onward(l);
      const inner = this.inner(l, 0, l === this.last);
      factors.push(...inner);
      if (inner.length === 1) break;
    }
    return factors;
  }

  // ∂z/∂a from the layer before to this one of a chain.
  onward(layer) {
    const [z, a] = [this.symbol("z", layer), this.symbol("a", layer - 1)];
    const values = this.column("a", this.last, 0).map(() => this.model.weight(layer, 0, 0));
    return factor(derivative(z, a), this.symbol("w", layer), values);
  }

  // ∂C/∂a of an output, where a product through a chain ends.
  byOutput(unit) {
    return derivative(this.C, this.symbol("a", this.last, unit));
  }

  // The derivative in words, and how layers and units are counted.
  heading(letter) {
    const name = `∂${this.C.text}/∂${letter}`;
    const count = `Layers run from 0, the input, to L = ${this.last}`;
    const { layer, unit } = this;
    if (this.isChain) {
      const where = letter === "w" ? `the weight from layer ${layer - 1} to ` : "";
      return [`${name} of ${where}layer ${layer}`, new Note(`${count}, with one unit each.`)];
    }
    const title = letter === "w"
      ? `${name} of the weight from unit ${this.place.k} of layer ${layer - 1} to unit ${unit} ` +
        `of layer ${layer}`
      : `${name} of unit ${unit} of layer ${layer}`;
    return [title, new Note(`${count}; units count from 0.`)];
  }
}

function factor(asDerivative, meaning, values, kind = "") {
  return { derivative: asDerivative, meaning, values, kind };
}
