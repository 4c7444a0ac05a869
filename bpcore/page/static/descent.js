// Steps down the gradient: θ ← θ - η ∇C, for C or for the cost of one example.

import { general } from "./notation.js";
import { plot } from "./plot.js";

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

export class Descent {
  // getState() → {model, trace, i}; changed(): after θ has changed
  constructor(element, getState, changed) {
    Object.assign(this, { element, getState, changed });
    this.rate = element.querySelector("input");
    this.start = getState().model.theta.slice();
    this.costs = [];
    const on = (name, act) => {
      element.querySelector(`[data-do="${name}"]`).addEventListener("click", act);
    };
    on("one", () => this.walk(1));
    on("twenty", () => this.walk(20));
    on("back", () => this.goBack());
    this.rate.addEventListener("input", () => this.changed());
  }

  get eta() {
    const value = this.rate.valueAsNumber;
    return Number.isFinite(value) && value >= 0 ? value : 0;
  }

  get isWalking() {
    return Boolean(this.current);
  }

  step() {
    const { model, trace, i } = this.getState();
    const gradient = trace.gradient(i);
    const { eta } = this;
    const moved = model.theta.map((value, at) => value - eta * gradient[at]);
    if (!moved.every(Number.isFinite)) return false;
    if (!this.costs.length) this.costs.push(trace.costOf(i));
    model.theta.set(moved);
    this.changed();
    this.costs.push(this.getState().trace.costOf(i));
    this.show();
    return true;
  }

  // n steps, each of them seen where motion is welcome.
  async walk(n) {
    if (this.isWalking) return;
    const own = (this.current = {}); // until another cost is looked at
    let isWell = true;
    for (let at = 0; at < n && isWell && this.current === own; at++) {
      isWell = this.step();
      if (n > 1 && !calm.matches) await new Promise((done) => setTimeout(done, 60));
    }
    if (this.current !== own) return;
    this.current = null;
    this.show(isWell ? "" : "A parameter would not be finite: no step was made. Try a smaller η.");
  }

  goBack() {
    this.getState().model.theta.set(this.start);
    this.restart();
    this.changed();
  }

  // Another cost is looked at: its curve begins anew.
  restart() {
    this.current = null;
    this.costs = [];
  }

  show(problem = "") {
    const { trace, i } = this.getState();
    const C = i === null || trace.examples.length === 1 ? "C" : `C_${i}`;
    const costs = this.costs.length ? this.costs : [trace.costOf(i)];
    const n = costs.length - 1;
    const words = n === 0 ? `${C} = ${general(costs[0], 4)}, before the first step.`
      : `${C} = ${general(costs[n], 4)} after ${n} step${n > 1 ? "s" : ""}, ` +
        `${general(costs[0], 4)} at the start.`;
    this.element.querySelector(".says").textContent = problem || words;
    this.element.dataset.steps = n;
    plot(this.element.querySelector("svg"), {
      lines: [{ points: costs.map((cost, at) => [at, cost]), class: "curve" }],
      marks: [{ at: [n, costs[n]], class: "now" }],
      x: "steps", y: C, label: `${words}`,
      box: { left: 0, right: Math.max(n, 1), bottom: 0, top: 1.06 * Math.max(...costs) || 1 },
    });
  }
}
