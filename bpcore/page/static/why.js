// "Why a 1?": an activation by the largest terms of the sum that it comes from, which is what
// bpcore/explain/forward.py writes.

import { Derivation, Explanation, Note, Table } from "./blocks.js";
import { Formula } from "./notation.js";
import { Single } from "./single.js";

export class Why extends Single {
  explanation() {
    const { layer, unit } = this;
    const [, count] = this.heading("a");
    const where = this.isChain ? `layer ${layer}` : `unit ${unit} of layer ${layer}`;
    const of = this.trace.examples.length > 1 ? `, example ${this.at}` : "";
    const value = this.terms.a[layer][unit];
    const result = this.number(value);
    const title = `Why a ${result.rounded ? "≈" : "="} ${result.text} at ${where}${of}`;
    if (layer === 0) {
      const given = new Derivation(this.symbol("a", 0, unit), result);
      return new Explanation(title, value, [count, new Note("It is an input:"), given]);
    }
    const [sum, activation] = this.ownForward(layer, unit);
    const blocks = [count, sum, ...this.incoming(layer, unit), activation];
    return new Explanation(title, value, blocks);
  }

  // The terms w_jk a_k of z_j.
  incoming(layer, unit) {
    if (this.isChain) return [];
    const n = this.model.sizes[layer - 1];
    const units = Array.from({ length: n }, (_, k) => k);
    const before = this.terms.a[layer - 1];
    const factors = units.map((k) => [this.model.weight(layer, unit, k), before[k]]);
    const total = this.terms.z[layer][unit] - this.model.b[layer][unit];
    const columns = [
      new Formula("k"), this.symbol("w", layer, unit, "k"), this.symbol("a", layer - 1, "k"),
    ];
    const note = n > 1 ? `the sum over ${n} incoming connections` : "one connection comes in";
    return [
      new Note(`    ${note}, without the bias:`),
      this.table(columns, units, factors, total, layer - 1),
    ];
  }
}
