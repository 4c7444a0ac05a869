// All numbers of a layer, as tables: its units, and the connections into one of them.

import { make } from "./blocks.js";
import { general } from "./notation.js";

const DIGITS = 9;

function cell(value) {
  return make("td", { text: general(value, DIGITS) });
}

function fill(table, head, rows) {
  const names = head.map((text) => make("th", { scope: "col", text }));
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...names)), make("tbody", {}, ...rows));
}

// A row's label, which leads to a place.
function link(text, place, choose) {
  const button = make("button", { type: "button", class: "link", text });
  button.addEventListener("click", () => choose(place));
  return make("th", { scope: "row" }, button);
}

export class Numbers {
  constructor(element, choose) {
    Object.assign(this, { element, choose });
    [this.units, this.connections] = element.querySelectorAll("table");
    element.addEventListener("toggle", () => this.show(this.state));
  }

  show(state) {
    this.state = state;
    if (!this.element.open) return; // 784 rows are made when they are asked for
    const { trace, i, place } = state;
    const C = i === null || trace.examples.length === 1 ? "C" : `C_${i}`;
    this.showUnits(trace, i, place.layer, C);
    const isInner = place.layer > 0;
    this.connections.parentNode.hidden = !isInner;
    if (isInner) this.showConnections(trace, i, place.layer, place.j, C);
  }

  showUnits(trace, i, layer, C) {
    const { model } = trace;
    const of = (term) => (j) => trace.over(i, (one) => one[term][layer][j]);
    const isOne = i !== null;
    const isInner = layer > 0;
    const columns = [];
    if (isInner) columns.push(["b", (j) => model.b[layer][j]]);
    if (isInner && isOne) columns.push(["z", of("z")]);
    if (isOne) columns.push(["a", of("a")]);
    if (isInner && isOne && !model.isSoftmax(layer)) columns.push(["σ'(z)", of("da_dz")]);
    columns.push([`∂${C}/∂a`, of("dC_da")]);
    if (isInner) columns.push([`∂${C}/∂z`, of("dC_dz")], [`∂${C}/∂b`, of("dC_dz")]);
    const rows = Array.from({ length: model.sizes[layer] }, (_, j) => make("tr", {},
      link(String(j), { letter: "a", layer, j }, this.choose),
      ...columns.map(([, value]) => cell(value(j)))));
    this.units.caption?.remove();
    fill(this.units, ["unit", ...columns.map(([name]) => name)], rows);
    this.units.prepend(make("caption", { text: `Units of layer ${layer}` }));
  }

  showConnections(trace, i, layer, j, C) {
    const { model } = trace;
    const isOne = i !== null;
    const rows = Array.from({ length: model.sizes[layer - 1] }, (_, k) => {
      const place = { letter: "w", layer, j, k };
      const w = model.weight(layer, j, k);
      const before = isOne ? trace.examples[i].a[layer - 1][k] : null;
      return make("tr", {}, link(String(k), place, this.choose), cell(w),
        ...(isOne ? [cell(before), cell(w * before)] : []), cell(trace.derivative(place, i)));
    });
    const head = ["from unit k", "w", ...(isOne ? ["a", "w a"] : []), `∂${C}/∂w`];
    fill(this.connections, head, rows);
    this.connections.prepend(make("caption", {
      text: `Connections into unit ${j} of layer ${layer}` }));
  }
}
