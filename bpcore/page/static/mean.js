// A derivative of the mean over several examples, each with its share: bpcore/explain/mean.py.

import { Derivation, Explanation, Note, Table } from "./blocks.js";
import { derivative, Formula, grouped, product, sumOver, symbol } from "./notation.js";
import { Writer } from "./writer.js";

export class Mean extends Writer {
  constructor(trace, place, options) {
    super(trace, place, null, options);
  }

  // A number of each example; derivatives of C, to which C_i adds its share only.
  column(term, layer, unit) {
    const isOfCost = term.startsWith("dC_");
    return this.trace.examples.map((one, i) => {
      const share = this.trace.shares[i];
      if (isOfCost && share === 0) return 0;
      return one[term][layer][unit] * (isOfCost ? share : 1);
    });
  }

  // The whole of it: what C is the mean of, then the sum.
  explanation() {
    const { letter } = this.place;
    const [title, count] = this.heading(letter);
    const { shares } = this.trace;
    const n = shares.length;
    const areEqual = shares.every((one) => one === shares[0]);
    const mean = areEqual
      ? new Formula("1/n Σ_i C_i", String.raw`\frac{1}{n} \sum_i C_i`)
      : new Formula("Σ_i s_i C_i / Σ_i s_i", String.raw`\sum_i s_i C_i / \sum_i s_i`);
    const share = areEqual ? `1/${n}` : "s_i / Σ s";
    const over = ` over n = ${grouped(n)} examples: ∂C/∂a and ∂C/∂z of example i hold ${share} of ` +
      "those of ";
    const blocks = [count, new Note("C = ", mean, over, symbol("C", null, "i"), ".")];
    const isSum = letter === "a" && this.layer < this.last && !this.isChain;
    const [value, more] = isSum ? this.overConnections() : this.overExamples(letter);
    return new Explanation(title, value, [...blocks, ...more]);
  }

  // Σ over the examples of the chain of each.
  overExamples(letter) {
    const { layer, unit } = this;
    let names;
    let factors;
    if (letter === "a" && layer === this.last) {
      const back = derivative(this.C, this.target("a"));
      const values = this.column("dC_da", layer, unit);
      names = factors = [{ derivative: back, meaning: back, values }];
    } else {
      names = this.factors(letter);
      factors = this.factors(letter, this.isChain);
    }
    factors = factors.filter((one) => one.kind !== "one"); // ∂z/∂b = 1 in every row: not a column
    const total = this.trace.derivative({ ...this.place, letter }, null);
    const columns = [
      new Formula("example i", String.raw`\mathrm{example}\ i`),
      ...factors.map((one) => one.meaning),
    ];
    const rows = this.trace.examples.map((_, i) => factors.map((one) => one.values[i]));
    const table = new Table(columns, rows.map((_, i) => i), rows,
      { total, most: this.most, digits: this.digits, kind: "example" });
    const chain = product(...names.map((one) => one.derivative));
    const meaning = product(...factors.map((one) => one.meaning));
    const rights = [sumOver("i", chain)];
    if (meaning.text !== chain.text) rights.push(sumOver("i", meaning));
    const left = derivative(this.C, this.target(letter));
    return [total, [new Derivation(left, ...rights, this.number(total)), table]];
  }

  // Σ_j w_jk ∂C/∂z_j, with ∂C/∂z_j summed over the examples.
  overConnections() {
    const { layer, unit } = this;
    const after = layer + 1;
    const n = this.model.sizes[after];
    const units = Array.from({ length: n }, (_, j) => j);
    const factors = units.map((j) => [
      this.model.weight(after, j, unit),
      this.trace.derivative({ letter: "z", layer: after, j }, null),
    ]);
    const total = this.trace.derivative({ letter: "a", layer, j: unit }, null);
    const [zj, w] = [symbol("z", after, "j"), symbol("w", after, "j", unit)];
    const back = derivative(this.C, zj);
    const table = new Table([new Formula("j"), w, back], units, factors,
      { total, most: this.most, digits: this.digits, kind: "unit", layer: after });
    const left = derivative(this.C, symbol("a", layer, unit));
    return [total, [
      new Note("Each example has its own activation; here all of them move alike."),
      new Derivation(left, sumOver("j", product(w, back)), this.number(total)),
      new Note(`    summed over ${n} outgoing connections:`), table,
    ]];
  }
}
