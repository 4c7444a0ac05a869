// A weight or a bias, nudged: what ∂C/∂w foretells, what happens, and C along the way.

import { make, words } from "./blocks.js";
import { general } from "./notation.js";
import { plot } from "./plot.js";

const POINTS = 60;

export class Nudge {
  // element: the panel; getState() → {trace, i, place}; getRate() → η
  constructor(element, getState, getRate) {
    Object.assign(this, { element, getState, getRate });
    [this.slider, this.field] = element.querySelectorAll("input");
    this.slider.addEventListener("input", () => this.set(Number(this.slider.value)));
    this.field.addEventListener("input", () => this.set(this.field.valueAsNumber, false));
  }

  set(delta, isFromSlider = true) {
    if (!Number.isFinite(delta)) return;
    this.delta = delta;
    if (isFromSlider) this.field.value = general(delta, 4);
    else this.slider.value = delta;
    this.write();
  }

  // Another place, or other parameters: the nudge begins anew.
  show() {
    const { trace, place } = this.getState();
    const isParameter = "wb".includes(place.letter);
    this.element.classList.toggle("empty", !isParameter);
    if (!isParameter) return;
    const { model } = trace;
    this.value = place.letter === "w" ? model.weight(place.layer, place.j, place.k)
      : model.b[place.layer][place.j];
    this.span = Math.max(1, Math.abs(this.value));
    Object.assign(this.slider, { min: -this.span, max: this.span, step: this.span / 200 });
    const key = JSON.stringify(place);
    if (key !== this.key) this.delta = this.span / 10;
    this.key = key;
    this.slider.value = this.delta;
    this.field.value = general(this.delta, 4);
    this.curve = this.costs();
    this.write();
  }

  costs() {
    const { trace, i, place } = this.getState();
    return Array.from({ length: POINTS + 1 }, (_, at) => {
      const value = this.value + this.span * ((2 * at) / POINTS - 1);
      return [value, trace.costWith(place, value, i)];
    });
  }

  write() {
    const { trace, i, place } = this.getState();
    const cost = trace.costOf(i);
    const slope = trace.derivative(place, i);
    const foretold = slope * this.delta;
    const after = trace.costWith(place, this.value + this.delta, i);
    const happens = after - cost;
    const C = i === null || trace.examples.length === 1 ? "C" : `C_${i}`;
    const { letter } = place;
    const rows = [
      [`${letter} now`, this.value, "now"],
      [`${letter} nudged`, this.value + this.delta, "nudged"],
      [`foretold, ∂${C}/∂${letter} · Δ`, foretold, "foretold"],
      [`what happens, ${C}(${letter} + Δ) - ${C}(${letter})`, happens, "happens"],
      ["apart by", happens - foretold, "apart"],
    ];
    this.element.querySelector("tbody").replaceChildren(...rows.map(([what, value, key]) =>
      make("tr", {}, make("th", { scope: "row" }, ...words(what)),
        make("td", { text: general(value, 4), "data-value": key, "data-exact": String(value) }))));
    const eta = this.getRate();
    const step = -eta * slope;
    const left = this.value - this.span;
    const right = this.value + this.span;
    const tangent = [left, right].map((v) => [v, cost + slope * (v - this.value)]);
    const stepped = this.value + step;
    plot(this.element.querySelector("svg"), {
      lines: [
        { points: this.curve, class: "curve" },
        { points: tangent, class: "tangent", isLoose: true },
        { points: [[this.value, cost], [stepped, cost + slope * step]], class: "step",
          isLoose: true },
      ],
      marks: [
        { at: [this.value, cost], class: "now" },
        ...(Math.abs(this.delta) <= this.span
          ? [{ at: [this.value + this.delta, after], class: "nudged" }] : []),
      ],
      x: letter, y: C,
      label: `${C} as a function of ${letter}, its tangent at ${general(this.value, 4)} with the ` +
        `slope ${general(slope, 4)}, and the step -η ∂${C}/∂${letter} = ${general(step, 4)}`,
    });
    this.element.querySelector(".says").replaceChildren(...words(
      `Line: ${C}(${letter}). Dashes: its tangent. Thick: the step -η ∂${C}/∂${letter} = ` +
      `${general(step, 4)} with η = ${general(eta, 4)}.`));
  }
}
