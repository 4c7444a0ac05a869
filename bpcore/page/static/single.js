// A derivative for one example, written out as the textbook derives it: bpcore/explain/single.py.

import { Derivation, Explanation, Note, Table } from "./blocks.js";
import {
  derivative, enoughDigits, Formula, inParentheses, joined, lossFormula, product, slopeFormula,
  slopeOf, times,
} from "./notation.js";
import { Writer } from "./writer.js";

export class Single extends Writer {
  constructor(trace, place, i, options) {
    super(trace, place, i, options);
    this.at = i ?? 0;
    this.terms = trace.examples[this.at];
    if (i !== null && trace.examples.length > 1) this.C = new Formula(`C_${i}`, `C_{${i}}`);
  }

  // A number of the example as a list of one.
  column(term, layer, unit) {
    return [this.terms[term][layer][unit]];
  }

  // The whole of it: the chain, then each factor that stands in it.
  explanation() {
    const { letter } = this.place;
    const [title, count] = this.heading(letter);
    const blocks = [count];
    if (this.C.text !== "C") {
      const share = this.number(this.trace.shares[this.at]);
      const n = this.trace.examples.length;
      const text = ` is the cost of example ${this.i} alone; of C, the mean over ${n}, it is the `;
      blocks.push(new Note(this.C, text, "share ", share, "."));
    }
    const [value, more] = letter === "a" ? this.activation(this.layer, this.unit)
      : this.product(letter);
    const unit = letter === "a" ? [] : this.ofUnit(this.layer, this.unit);
    return new Explanation(title, value, [...blocks, ...more, ...unit]);
  }

  // The derivative as a product, in symbols and with the numbers.
  product(letter) {
    const [names, factors] = [this.factors(letter), this.factors(letter, this.isChain)];
    const values = factors.map((one) => one.values[0]);
    const total = this.trace.derivative({ ...this.place, letter }, this.at);
    const chain = product(...names.map((one) => one.derivative));
    const meaning = product(...factors.map((one) => one.meaning));
    const rights = names.length > 1 ? [chain] : [];
    if (meaning.text !== chain.text) rights.push(meaning);
    if (values.length > 1) {
      rights.push(this.numbers(values, enoughDigits([[values, total]], times, this.digits)));
    }
    const left = derivative(this.C, this.target(letter));
    return [total, [new Derivation(left, ...rights, this.number(total))]];
  }

  // z, a and σ' of a unit, of a chain also those after it, and where the end comes from.
  ofUnit(layer, unit) {
    const blocks = [];
    const last = this.isChain ? this.last : layer;
    for (let l = layer; l <= last; l++) {
      blocks.push(...this.own(l, unit));
      if (!this.splits(l, unit)) return [...blocks, ...this.boundOutput(l, unit)];
    }
    return [...blocks, ...this.activation(last, unit)[1]];
  }

  // A unit's z and a.
  ownForward(layer, unit) {
    const [z, a] = [this.symbol("z", layer, unit), this.symbol("a", layer, unit)];
    const { name } = this.model.sigma[layer];
    let sigma = new Formula(
      `${name}(${z.text})`, String.raw`\mathrm{${name.replaceAll("_", "\\_")}}(${z.latex})`);
    if (this.model.isSoftmax(layer)) {
      const whole = this.symbol("z", layer);
      sigma = new Formula(`softmax(${whole.text})`, String.raw`\mathrm{softmax}(${whole.latex})`);
      if (!this.isChain) sigma = new Formula(`${sigma.text}_${unit}`, `${sigma.latex}_{${unit}}`);
    }
    const { [layer]: zs } = this.terms.z;
    return [
      this.preActivation(layer, unit, zs[unit]),
      new Derivation(a, sigma, this.number(this.terms.a[layer][unit])),
    ];
  }

  // A unit's z and a, and σ' where ∂C/∂z has it for a factor.
  own(layer, unit) {
    const blocks = this.ownForward(layer, unit);
    if (!this.splits(layer, unit)) return blocks;
    const [z, a] = [this.symbol("z", layer, unit), this.symbol("a", layer, unit)];
    const [zValue, aValue] = [this.terms.z[layer][unit], this.terms.a[layer][unit]];
    const value = this.number(this.terms.da_dz[layer][unit]);
    const sigma = this.model.sigma[layer];
    const formula = slopeFormula(sigma, a, z, this.digits);
    let { digits } = this;
    if (formula.text.includes("1 - ")) { // it is the distance from 1 that counts
      const size = Math.abs(aValue);
      digits = enoughDigits([[[size], 1 - size]], (v) => 1 - v, digits);
    }
    const filled = slopeFormula(
      sigma, this.number(aValue, digits, true), this.number(zValue, this.digits, true),
      this.digits);
    const rights = filled.text === value.text ? [formula] : [formula, chosen(filled, value)];
    return [...blocks, new Derivation(slopeOf(z), ...rights, value)];
  }

  // How z = Σ_k w_jk a_k + b_j comes about.
  preActivation(layer, unit, value) {
    const [w, a] = [this.symbol("w", layer, unit, "k"), this.symbol("a", layer - 1, "k")];
    const b = this.symbol("b", layer, unit);
    const bias = this.model.b[layer][unit];
    let digits;
    let sum;
    if (this.isChain) {
      const operands = [this.model.weight(layer, 0, 0), this.terms.a[layer - 1][0], bias];
      digits = enoughDigits([[operands, value]], (p, q, r) => p * q + r, this.digits);
      sum = this.numbers(operands.slice(0, 2), digits);
    } else {
      const operands = [value - bias, bias];
      digits = enoughDigits([[operands, value]], (p, q) => p + q, this.digits);
      sum = this.number(operands[0], digits);
    }
    const summed = this.sumOver(
      "k", new Formula(`${w.text} ${a.text}`, String.raw`${w.latex}\,${a.latex}`));
    return new Derivation(
      this.symbol("z", layer, unit), joined(summed, " + ", b),
      joined(sum, " + ", this.number(bias, digits, true)), this.number(value));
  }

  // ∂C/∂a: from the loss at the outputs, else the sum over outgoing connections.
  activation(layer, unit) {
    if (this.isChain && layer < this.last) {
      const [value, blocks] = this.product("a");
      return [value, [...blocks, ...this.ofUnit(layer + 1, 0)]];
    }
    const value = this.terms.dC_da[layer][unit];
    const left = derivative(this.C, this.symbol("a", layer, unit));
    if (layer === this.last) {
      const rights = this.lossDerivative(unit, value);
      return [value, [new Derivation(left, ...rights, this.number(value))]];
    }
    return [value, this.overConnections(layer, unit, left, value)];
  }

  overConnections(layer, unit, left, value) {
    const after = layer + 1;
    const n = this.model.sizes[after];
    const [zj, aj] = [this.symbol("z", after, "j"), this.symbol("a", after, "j")];
    const w = this.symbol("w", after, "j", unit);
    const { dC_da, dC_dz, da_dz } = this.terms;
    const isBound = this.model.isSoftmax(after) || !dC_da[after].every(Number.isFinite);
    const names = isBound ? [derivative(this.C, zj)] : [derivative(aj, zj), derivative(this.C, aj)];
    const meaning = isBound ? names : [slopeOf(zj), derivative(this.C, aj)];
    const units = Array.from({ length: n }, (_, j) => j);
    const factors = units.map((j) => [
      this.model.weight(after, j, unit),
      ...(isBound ? [dC_dz[after][j]] : [da_dz[after][j], dC_da[after][j]]),
    ]);
    const table = this.table([new Formula("j"), w, ...meaning], units, factors, value, after);
    const note = n > 1 ? `summed over ${n} outgoing connections` : "one connection goes out";
    return [
      new Derivation(left,
        this.sumOver("j", product(derivative(zj, this.symbol("a", layer, unit)), ...names)),
        this.sumOver("j", product(w, ...meaning)), this.number(value)),
      new Note(`    ${note}:`), table,
    ];
  }

  table(columns, units, factors, total, layer) {
    return new Table(columns, units, factors,
      { total, most: this.most, digits: this.digits, kind: "unit", layer });
  }

  byOutput(unit) {
    const [a, y] = [this.symbol("a", this.last, unit), this.symbol("y", null, unit)];
    return inParentheses(lossFormula(this.model.loss, unit, a, y, this.digits));
  }

  // ∂C/∂a_j of the loss, in symbols and with the numbers.
  lossDerivative(unit, value) {
    const formula = lossFormula(this.model.loss, unit, this.symbol("a", this.last, unit),
      this.symbol("y", null, unit), this.digits);
    const [a, y] = this.output(unit);
    let digits = this.apart(a, y);
    if (formula.text.includes("1 - ")) { // binary cross-entropy's (1 - a)
      digits = Math.max(digits, enoughDigits([[[a], 1 - a]], (v) => 1 - v, this.digits));
    }
    const filled = lossFormula(this.model.loss, unit, this.number(a, digits),
      this.number(y, digits, true), this.digits);
    return [formula, chosen(filled, this.number(value))];
  }

  // An output and its target.
  output(unit) {
    return [this.terms.a[this.last][unit], this.trace.targets[this.at][unit]];
  }

  // Digits that tell an output from its target; there may be a 2 before their difference.
  apart(a, y) {
    return enoughDigits([[[a, y], 2 * (a - y)]], (p, q) => 2 * (p - q), this.digits);
  }

  // ∂C/∂z where it is no single product: softmax, or a quotient that overflowed.
  boundOutput(layer, unit) {
    const z = this.symbol("z", layer, unit);
    const value = this.terms.dC_dz[layer][unit];
    const left = derivative(this.C, z);
    const total = this.trace.targets[this.at].reduce((sum, y) => sum + y, 0);
    const canonical = layer === this.last ? this.canonical(unit, total) : [];
    const result = this.number(value);
    if (!this.model.isSoftmax(layer)) {
      const whole = new Derivation(left, ...canonical, result);
      const note = "σ'(z) and the loss's quotient cancel; apart they leave the finite numbers:";
      return canonical.length ? [new Note(note), whole] : [whole];
    }
    const a = this.terms.a[layer];
    const ai = this.symbol("a", layer, "i");
    const [slope, back] = [derivative(ai, z), derivative(this.C, ai)];
    const sum = this.sumOver("i", product(slope, back));
    const blocks = [new Derivation(left, sum, ...canonical, result)];
    const { dC_da } = this.terms;
    if (!this.isChain && dC_da[layer].every(Number.isFinite)) {
      const units = Array.from(a, (_, i) => i);
      const factors = units.map((i) => [a[i] * (Number(i === unit) - a[unit]), dC_da[layer][i]]);
      blocks.push(
        new Note("    softmax binds the outputs to each other, so that z moves all of them:"),
        this.table([new Formula("i"), slope, back], units, factors, value, layer));
    }
    return blocks;
  }

  // What ∂C/∂z comes to where loss and output activation belong together: a - y.
  canonical(unit, total) {
    if (!this.model.isCanonical) return [];
    let [a, y] = [this.symbol("a", this.last, unit), this.symbol("y", null, unit)];
    const [output, target] = this.output(unit);
    const isWeighted = this.model.isSoftmax(this.last) && total !== 1;
    const digits = this.apart(isWeighted ? output * total : output, target);
    let value = this.number(output, digits);
    if (isWeighted) {
      const sum = this.sumOver("i", this.symbol("y", null, "i"));
      a = new Formula(`${a.text} ${sum.text}`, String.raw`${a.latex}\,${sum.latex}`);
      value = this.numbers([output, total], digits);
    }
    return [joined(a, " - ", y), joined(value, " - ", this.number(target, digits, true))];
  }
}

// A formula with its numbers; where it only asks for a sign or a side, rounding is no error.
function chosen(filled, value) {
  if (/ if |sign\(|kept/.test(filled.text) && !value.rounded) {
    return new Formula(filled.text, filled.latex, false);
  }
  return filled;
}
