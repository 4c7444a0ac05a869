// The network as circles and lines: coloured by what goes forward or by what comes back.

import { byRoot, css, diverging, inkOn, sequential } from "./colours.js";
import { distance, layOut } from "./layout.js";
import { general } from "./notation.js";
import { draw } from "./pixels.js";

const SVG = "http://www.w3.org/2000/svg";
const PIXELS = 3; // connections drawn from an image to each unit, the strongest
const NEAR = 7; // how far from a line it is still pointed at

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function keyOf({ letter, layer, j, k }) {
  return letter === "w" ? `w:${layer}:${j}:${k}` : `${letter}:${layer}:${j}`;
}

export function placeOf(key) {
  const [letter, ...numbers] = key.split(":");
  const [layer, j, k] = numbers.map(Number);
  return letter === "w" ? { letter, layer, j, k } : { letter, layer, j };
}

export class Diagram {
  // spec: the description; choose(place), hover(place or null): what to do when one is pointed at;
  // ofPixel(k): which place an input stands for
  constructor(element, spec, { choose, hover, ofPixel }) {
    Object.assign(this, { element, spec, choose, ofPixel });
    this.sizes = spec.sizes;
    this.last = spec.sizes.length - 1;
    this.hasImage = Boolean(spec.imageShape);
    element.addEventListener("click", (event) => {
      const place = this.pointedAt(event);
      if (place) choose(place);
    });
    element.addEventListener("pointermove", (event) => hover(this.pointedAt(event)));
    element.addEventListener("pointerleave", () => hover(null));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  // ------------------------------------------------------------ drawing

  // view: {model, values, known, place, example, …}, see view.js
  show(view) {
    const { place } = view;
    const keep = this.sizes.map(() => []);
    if (place.layer < keep.length) keep[place.layer].push(place.j);
    if (place.letter === "w") keep[place.layer - 1].push(place.k);
    keep[this.last].push(...view.marked);
    const layout = layOut(this.sizes, keep, this.hasImage);
    const pairs = this.pairsOf(layout, view);
    const shape = JSON.stringify([layout.shown, pairs]);
    if (shape !== this.shape) {
      const { key, image } = document.activeElement?.dataset ?? {};
      Object.assign(this, { shape, layout, pairs });
      this.build();
      const again = image === undefined ? this.parts.get(key) : this.picture[1];
      again?.focus();
    }
    this.colour(view);
    this.fit();
  }

  // Names may be long: the drawing is as wide as they need.
  fit() {
    const { width, height } = this.layout;
    const drawn = this.element.getBBox();
    const left = Math.min(0, drawn.x - 4);
    const right = Math.max(width, drawn.x + drawn.width + 4);
    this.element.setAttribute("viewBox", `${left} 0 ${right - left} ${height}`);
    this.element.style.minWidth = `${0.75 * (right - left)}px`; // or it could not be read
  }

  // The connections drawn into each layer, as [j, k].
  pairsOf({ shown }, { model, strengths, place }) {
    return shown.map((units, l) => {
      if (l === 0) return [];
      if (l > 1 || !this.hasImage) return units.flatMap((j) => shown[l - 1].map((k) => [j, k]));
      return units.flatMap((j) => {
        const row = strengths.subarray(j * model.sizes[0], (j + 1) * model.sizes[0]);
        const order = [...row.keys()].sort((p, q) => Math.abs(row[q]) - Math.abs(row[p]) || p - q);
        const strongest = order.slice(0, PIXELS);
        const { letter, layer } = place;
        const isExtra = letter === "w" && layer === 1 && place.j === j &&
          !strongest.includes(place.k);
        return [...strongest, ...(isExtra ? [place.k] : [])].map((k) => [j, k]);
      });
    });
  }

  build() {
    const { layout, element } = this;
    this.parts = new Map();
    this.labels = new Map();
    this.heads = this.sizes.map((n, l) => this.head(n, l));
    this.overlay = svg("g", { class: "overlay" }, svg("line", { class: "rim" }), svg("line"));
    const lines = this.sizes.map((_, l) => (l ? this.linesInto(l) : ""));
    const units = this.sizes.map((_, l) => this.unitsOf(l));
    this.picture = this.hasImage ? this.imageParts() : [];
    element.replaceChildren(...this.heads, ...this.picture, ...lines.filter(Boolean),
      this.overlay, ...units);
  }

  head(n, l) {
    const { name } = this.spec.sigma[l] ?? { name: l === 0 ? "input" : "" };
    const title = svg("text", { class: "head", x: this.layout.columns[l], y: 16 });
    title.append(svg("tspan", {}), svg("tspan", { x: this.layout.columns[l], dy: 16 }));
    title.children[0].textContent = l === 0 ? `input, ${n}` : `layer ${l}, ${n}`;
    title.children[1].textContent = l === 0 ? "" : name;
    return title;
  }

  linesInto(l) {
    const group = svg("g", { class: "lines", "data-layer": l });
    for (const [j, k] of this.pairs[l]) {
      const [from, to] = this.ends(l, j, k);
      const key = `w:${l}:${j}:${k}`;
      const line = svg("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], role: "button",
        tabindex: -1, "data-key": key });
      group.append(line);
      this.parts.set(key, line);
      if (this.isSparse(l)) group.append(this.lineLabel(key, from, to));
    }
    return group;
  }

  // Whether there is room for a number at each connection.
  isSparse(l) {
    return this.pairs[l].length <= 4 && this.layout.gap > 110 && !(l === 1 && this.hasImage);
  }

  lineLabel(key, [x1, y1], [x2, y2]) {
    const label = svg("text", { class: "weight", x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 7 });
    this.labels.set(key, label);
    return label;
  }

  ends(l, j, k) {
    const to = this.layout.places[l].units.get(j);
    const from = l === 1 && this.hasImage ? this.pixelPlace(k)
      : this.layout.places[l - 1].units.get(k);
    return [from, to];
  }

  unitsOf(l) {
    const { radius, places } = this.layout;
    const group = svg("g", { class: "units", "data-layer": l });
    for (const [unit, [x, y]] of places[l].units) {
      const key = `a:${l}:${unit}`;
      const part = svg("g", { class: "unit", role: "button", tabindex: -1, "data-key": key },
        svg("circle", { cx: x, cy: y, r: radius }),
        svg("text", { class: "value", x, y: y + radius * 0.08 }));
      group.append(part);
      this.parts.set(key, part);
      if (l > 0) group.append(this.bias(l, unit, x, y));
      if (l === this.last) group.append(this.outputLabel(unit, x, y));
      if (l === 0 && this.spec.features) group.append(this.inputLabel(unit, x, y));
    }
    const { dots } = places[l];
    if (dots) {
      group.append(...[-8, 0, 8].map((dy) =>
        svg("circle", { class: "dot", cx: dots[0], cy: dots[1] + dy, r: 2 })));
    }
    return group;
  }

  // A bias is a small square at the foot of its unit.
  bias(l, unit, x, y) {
    const { radius } = this.layout;
    const side = Math.max(9, radius * 0.6);
    const key = `b:${l}:${unit}`;
    const part = svg("rect", { class: "bias", x: x - radius - side * 0.35, y: y + radius * 0.35,
      width: side, height: side, role: "button", tabindex: -1, "data-key": key });
    this.parts.set(key, part);
    return part;
  }

  outputLabel(unit, x, y) {
    const left = x + this.layout.radius + 8;
    const label = svg("text", { class: "output", "data-unit": unit, x: left, y: y + 4 });
    label.append(svg("tspan", { class: "name" }), svg("tspan", { class: "says", dx: 6 }));
    return label;
  }

  inputLabel(unit, x, y) {
    const label = svg("text", { class: "input", x: x - this.layout.radius - 6, y: y + 4 });
    label.textContent = this.spec.features[unit];
    return label;
  }

  imageParts() {
    const { x, y, size } = this.layout.box;
    const [height, width] = this.spec.imageShape;
    const scale = size / Math.max(height, width);
    const box = { x: x + (size - width * scale) / 2, y: y + (size - height * scale) / 2,
      width: width * scale, height: height * scale };
    this.box = { ...box, scale };
    const image = svg("image", { ...box, preserveAspectRatio: "none", class: "pixels" });
    const frame = svg("rect", { ...box, class: "frame", role: "button", tabindex: 0,
      "data-image": "" });
    const pixel = svg("rect", { class: "pixel", width: scale, height: scale });
    return [image, frame, pixel];
  }

  pixelPlace(k) {
    const [, width, colours = 1] = this.spec.imageShape;
    const at = Math.floor(k / colours);
    const { x, y, scale } = this.box ?? this.boxOf();
    return [x + ((at % width) + 0.5) * scale, y + (Math.floor(at / width) + 0.5) * scale];
  }

  boxOf() {
    this.imageParts();
    return this.box;
  }

  // ------------------------------------------------------------ colours and words

  colour(view) {
    const { known, limits } = view;
    this.sizes.forEach((_, l) => {
      for (const unit of this.layout.shown[l]) this.colourUnit(l, unit, view, limits);
      for (const [j, k] of this.pairs[l]) this.colourLine(l, j, k, view, limits);
      this.heads[l].classList.toggle("unknown", !known.units(l));
    });
    if (this.hasImage) this.colourImage(view);
    this.labelOutputs(view);
    this.markChosen(view);
  }

  colourUnit(l, unit, { values, known, format }, limits) {
    const part = this.parts.get(`a:${l}:${unit}`);
    const [circle, text] = part.children;
    const isKnown = known.units(l);
    const value = values.units[l][unit];
    const colour = values.isBack(l) ? diverging(byRoot(value, limits.units))
      : sequential((value - limits.low) / (limits.high - limits.low));
    part.classList.toggle("unknown", !isKnown);
    circle.style.fill = isKnown ? css(colour) : "";
    text.style.fill = isKnown ? inkOn(colour) : "";
    const { radius } = this.layout;
    const words = isKnown && radius > 12 ? general(value, 2) : "";
    text.textContent = words;
    text.setAttribute("font-size", Math.min(0.72 * radius, (3 * radius) / (words.length || 1)));
    const name = values.isBack(l) ? "∂C/∂a" : "a";
    part.setAttribute("aria-label",
      `unit ${unit} of layer ${l}${isKnown ? `, ${name} = ${format(value)}` : ", not yet known"}`);
    if (l === 0) return;
    const bias = this.parts.get(`b:${l}:${unit}`);
    const b = values.biases[l][unit];
    bias.style.fill = css(diverging(byRoot(b, limits.biases[l])));
    bias.setAttribute("aria-label", `bias of unit ${unit} of layer ${l}, ` +
      `${values.parameterName("b", l)} = ${format(b)}`);
  }

  colourLine(l, j, k, { values, known, format }, limits) {
    const line = this.parts.get(`w:${l}:${j}:${k}`);
    const value = values.weight(l, j, k);
    const t = values.isBack(l) ? byRoot(value, limits.weights[l])
      : value / (limits.weights[l] || 1);
    line.style.stroke = css(diverging(t));
    line.style.strokeWidth = 0.4 + 3 * t * t;
    line.classList.toggle("unknown", !known.lines(l));
    line.setAttribute("aria-label", `weight from unit ${k} of layer ${l - 1} to unit ${j} of ` +
      `layer ${l}, ${values.parameterName("w", l)} = ${format(value)}`);
    const label = this.labels.get(line.dataset.key);
    if (label) label.textContent = general(value, 2);
  }

  colourImage({ values }) {
    const signed = values.isBack(0);
    const canvas = draw(values.units[0], this.spec.imageShape, { signed });
    this.picture[0].setAttribute("href", canvas.toDataURL());
    this.picture[1].setAttribute("aria-label",
      `${signed ? "∂C/∂a of the input's pixels" : "the input image"}; arrow keys choose a pixel`);
  }

  labelOutputs({ outputs, names, known, marked }) {
    const isKnown = known.outputs;
    for (const label of this.element.querySelectorAll("text.output")) {
      const unit = Number(label.dataset.unit);
      const [name, says] = label.children;
      name.textContent = names ? names[unit] : "";
      says.textContent = isKnown && outputs
        ? `a = ${outputs.a[unit].toFixed(2)}, y = ${general(outputs.y[unit], 3)}` : "";
      label.classList.toggle("guess", isKnown && unit === marked[0]);
      label.classList.toggle("truth", unit === marked[1]);
    }
  }

  // One tab stop for the weights, the biases and the units of each layer: the chosen, or the first.
  markChosen({ place }) {
    const chosen = keyOf(place.letter === "z" ? { ...place, letter: "a" } : place);
    const stops = new Map();
    for (const [key, part] of this.parts) {
      part.classList.toggle("chosen", key === chosen);
      part.setAttribute("aria-pressed", String(key === chosen));
      part.setAttribute("tabindex", -1);
      const group = key.split(":").slice(0, 2).join(":");
      if (key === chosen || !stops.has(group)) stops.set(group, part);
    }
    for (const part of stops.values()) part.setAttribute("tabindex", 0);
    const line = place.letter === "w" ? this.parts.get(chosen) : null;
    this.overlay.classList.toggle("hidden", !line);
    for (const part of line ? this.overlay.children : []) {
      for (const name of ["x1", "y1", "x2", "y2"]) part.setAttribute(name, line.getAttribute(name));
    }
    if (line) this.overlay.lastChild.style.stroke = line.style.stroke;
    if (!this.hasImage) return;
    const k = place.letter === "w" && place.layer === 1 ? place.k
      : place.layer === 0 ? place.j : null;
    this.picture[2].classList.toggle("hidden", k === null);
    if (k === null) return;
    const [x, y] = this.pixelPlace(k);
    this.picture[2].setAttribute("x", x - this.box.scale / 2);
    this.picture[2].setAttribute("y", y - this.box.scale / 2);
    this.pixel = k;
  }

  // ------------------------------------------------------------ pointing and keys

  // What is said of a place that is drawn.
  wordsOf(place) {
    return this.parts.get(keyOf(place))?.getAttribute("aria-label") ?? null;
  }

  // The place that an event is about: a unit, a bias, a pixel or the nearest connection.
  pointedAt(event) {
    const part = event.target.closest?.("[data-key]");
    if (part && part.localName !== "line") return placeOf(part.dataset.key);
    const matrix = this.element.getScreenCTM();
    if (!matrix) return null;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    if (event.target.hasAttribute?.("data-image")) return this.ofPixel(this.pixelAt(x, y));
    let [best, nearest] = [null, NEAR];
    this.pairs.forEach((pairs, l) => {
      for (const [j, k] of pairs) {
        const d = distance([x, y], ...this.ends(l, j, k));
        if (d < nearest) [best, nearest] = [{ letter: "w", layer: l, j, k }, d];
      }
    });
    return best;
  }

  pixelAt(x, y) {
    const [height, width, colours = 1] = this.spec.imageShape;
    const column = Math.min(Math.max(Math.floor((x - this.box.x) / this.box.scale), 0), width - 1);
    const row = Math.min(Math.max(Math.floor((y - this.box.y) / this.box.scale), 0), height - 1);
    return (row * width + column) * colours;
  }

  onKey(event) {
    const part = event.target.closest("[data-key], [data-image]");
    if (!part) return;
    if (part.hasAttribute("data-image")) {
      this.onPixelKey(event);
      return;
    }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(placeOf(part.dataset.key));
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const [letter, layer] = part.dataset.key.split(":");
      const keys = [...this.parts.keys()].filter((key) => key.startsWith(`${letter}:${layer}:`));
      const at = keys.indexOf(part.dataset.key) + (event.key === "ArrowDown" ? 1 : -1);
      const next = keys[(at + keys.length) % keys.length];
      this.choose(placeOf(next));
      this.parts.get(next)?.focus();
    }
  }

  onPixelKey(event) {
    const [height, width, colours = 1] = this.spec.imageShape;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = Math.floor((this.pixel ?? 0) / colours) + moves[event.key];
    if (next >= 0 && next < width * height) this.choose(this.ofPixel(next * colours));
  }
}
