// What an explanation is made of, as text and as elements: bpcore/explain/render.py once more.

import { math } from "./mathml.js";
import { enoughDigits, Formula, grouped, number, times } from "./notation.js";

const INDEXED = /\b([^\W_]+)_(\w+)/gu;

export function make(name, options = {}, ...children) {
  const made = document.createElement(name);
  const { text, ...attributes } = options;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

// A sentence, its C_2 as mathematics.
export function words(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(INDEXED)) {
    parts.push(text.slice(at, found.index));
    parts.push(math(new Formula(found[0], `${found[1]}_{${found[2]}}`)));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

// A sentence, with mathematics in it.
export class Note {
  constructor(...parts) {
    this.parts = parts;
  }

  get text() {
    return this.parts.map((part) => part.text ?? part).join("");
  }

  toElement() {
    const inside = this.parts.flatMap((part) =>
      part instanceof Formula ? [math(part)] : words(part));
    return make("p", { class: "note" }, ...inside);
  }
}

// left = right = right …, a line each; ≈ before a right side with a rounded number.
export class Derivation {
  constructor(left, ...rights) {
    this.left = left;
    this.rights = rights;
  }

  lines() {
    return this.rights.map((right, i) => [i === 0, right.rounded ? "≈" : "=", right]);
  }

  get text() {
    const indent = " ".repeat(this.left.text.length);
    return this.lines()
      .map(([first, sign, right]) => `  ${first ? this.left.text : indent} ${sign} ${right.text}`)
      .join("\n");
  }

  toElement() {
    const rows = this.lines().map(([first, sign, right]) => make("div", { class: "line" },
      make("span", first ? {} : { class: "again", "aria-hidden": "true" }, math(this.left)),
      make("span", { class: "equals", text: sign }),
      math(right)));
    return make("div", { class: "derivation" }, ...rows);
  }
}

// The terms of a sum, the largest first: a label, the factors and their product.
export class Table {
  // kind: what its labels are, "unit" or "example"; layer: whose units
  constructor(columns, labels, factors, { total, most, digits, kind, layer }) {
    const products = factors.map((row) => times(...row));
    const order = products.map((_, i) => i).sort(
      (p, q) => Math.abs(products[q]) - Math.abs(products[p]) || p - q);
    // terms that are 0, of which softmax and relu make many, are counted, not listed
    const some = Math.max(1, products.filter((one) => one !== 0).length);
    const kept = order.slice(0, Math.min(most, some < order.length - 1 ? some : order.length));
    const left = order.slice(kept.length);
    Object.assign(this, { kind, layer, digits, total, kept });
    this.columns = [...columns, new Formula("product", String.raw`\mathrm{product}`)];
    this.rest = left.length
      ? [left.length, left.reduce((sum, i) => sum + products[i], 0)] : null;
    this.rows = kept.map((i) => ({ label: labels[i], factors: factors[i], product: products[i] }));
    this.factorDigits = enoughDigits(
      kept.map((i) => [factors[i], products[i]]), times, digits);
  }

  // Every row below the header, blank cells as empty strings.
  cells() {
    const blank = this.columns.slice(2).map(() => "");
    const cells = this.rows.map((row) => [
      String(row.label),
      ...row.factors.map((one) => number(one, this.factorDigits)),
      number(row.product, this.digits),
    ]);
    if (this.rest) {
      cells.push([`${grouped(this.rest[0])} smaller`, ...blank, number(this.rest[1], this.digits)]);
    }
    return [...cells, ["sum", ...blank, number(this.total, this.digits)]];
  }

  get text() {
    const rows = [this.columns, ...this.cells()].map((row) => row.map((one) => one.text ?? one));
    const widths = this.columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    const lines = rows.map((row) => row.map((one, i) => one.padStart(widths[i])).join("   "));
    const rule = "-".repeat(widths.at(-1));
    lines.splice(-1, 0, rule.padStart(lines[0].length));
    return lines.map((line) => `    ${line}`.trimEnd()).join("\n");
  }

  toElement() {
    const cell = (one) => (one instanceof Formula ? math(one) : one);
    const head = this.columns.map((one) => make("th", { scope: "col" }, math(one)));
    const body = this.cells().map((row, at) => {
      const [label, ...others] = row;
      const first = at < this.rows.length && this.kind
        ? make("button", { type: "button", class: "link", text: label,
          "data-go": `${this.kind}:${this.layer ?? ""}:${label}`,
          "aria-label": `${this.kind} ${label}` })
        : label;
      return make("tr", {}, make("th", { scope: "row" }, first),
        ...others.map((one) => make("td", {}, cell(one))));
    });
    const table = make("table", {},
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
    return make("div", { class: "derivation", tabindex: "0", role: "region",
      "aria-label": "terms of the sum" }, table);
  }
}

export class Explanation {
  constructor(title, value, blocks) {
    Object.assign(this, { title, value, blocks });
  }

  get text() {
    let text = this.title;
    this.blocks.forEach((block, i) => {
      const before = this.blocks[i - 1];
      // notes that follow one another belong together
      const isJoined = !before || (before instanceof Note && block instanceof Note);
      text += (isJoined ? "\n" : "\n\n") + block.text;
    });
    return text;
  }

  toElements() {
    return [make("h3", {}, ...words(this.title)), ...this.blocks.map((one) => one.toElement())];
  }
}
