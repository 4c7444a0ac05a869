// Whose share pulls where: what each example adds to one derivative of the mean.

import { make } from "./blocks.js";
import { largest } from "./colours.js";
import { general } from "./notation.js";

export class Shares {
  // choose(i): look at one example; caption(i): its name
  constructor(element, choose, caption) {
    Object.assign(this, { element, choose, caption });
  }

  show({ trace, i, place }) {
    const parts = trace.examples.map((one, at) =>
      (trace.shares[at] === 0 ? 0 : trace.shares[at] * trace.derivative(place, at)));
    const limit = largest(parts) || 1;
    const total = trace.derivative(place, null);
    const rows = parts.map((part, at) => {
      const bar = make("span", { class: `bar ${part < 0 ? "below" : "above"}` });
      bar.style.width = `${(50 * Math.abs(part)) / limit}%`;
      const button = make("button", { type: "button", class: "link", text: this.caption(at) });
      button.addEventListener("click", () => this.choose(at));
      return make("tr", at === i ? { class: "chosen" } : {},
        make("th", { scope: "row" }, button),
        make("td", { class: "bars", "aria-hidden": "true" }, bar),
        make("td", { text: general(part, 4), "data-exact": String(part) }));
    });
    const sum = make("tr", { class: "total" }, make("th", { scope: "row", text: "sum" }),
      make("td", {}), make("td", { text: general(total, 4), "data-exact": String(total) }));
    this.element.querySelector("tbody").replaceChildren(...rows, sum);
    const name = `∂C/∂${place.letter}`;
    this.element.querySelector(".says").textContent =
      `What each example adds to ${name}: its share of C times the derivative of its own cost. ` +
      `To the left, blue: it pulls ${place.letter} up, since more of it would lower its cost; to ` +
      "the right, orange: it pulls down.";
  }
}
