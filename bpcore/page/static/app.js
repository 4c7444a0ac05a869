// The page: its state, and what has to be drawn anew when that changes.

import { make, words } from "./blocks.js";
import { css, darkMode, diverging, sequential } from "./colours.js";
import { read } from "./data.js";
import { Descent } from "./descent.js";
import { Diagram } from "./diagram.js";
import { explain, why } from "./explain.js";
import { math } from "./mathml.js";
import { Model } from "./model.js";
import { Formula, general, grouped } from "./notation.js";
import { Nudge } from "./nudge.js";
import { Numbers } from "./numbers.js";
import { draw } from "./pixels.js";
import { Shares } from "./shares.js";
import { formulasOf, stagesOf, titleOf } from "./stages.js";
import { top, viewOf } from "./view.js";

const find = (selector) => document.querySelector(selector);

export class App {
  constructor({ spec, theta, X, Y, shares }) {
    Object.assign(this, { spec, X, Y, shares });
    this.model = new Model(spec, theta);
    this.trace = this.model.trace(X, Y, shares);
    this.stages = stagesOf(this.model.last);
    this.stage = this.stages.length - 1;
    this.i = spec.example;
    this.isBackward = true;
    this.place = this.largestWeight();
    this.readAddress();
    this.build();
    this.refresh();
  }

  // The weight that the cost answers to most, of the last layer with inner units before it.
  largestWeight() {
    const layer = Math.max(1, this.model.last - 1);
    const [w] = this.model.split(this.trace.gradient(this.i));
    const n = this.model.sizes[layer - 1];
    const at = top(w[layer].map(Math.abs));
    return { letter: "w", layer, j: Math.floor(at / n), k: at % n };
  }

  build() {
    find("#about").textContent = this.about();
    this.diagram = new Diagram(find("#diagram"), this.spec, {
      choose: (place) => this.choose(place),
      hover: (place) => this.hover(place),
      ofPixel: (k) => this.ofPixel(k),
    });
    this.shareTable = new Shares(find("#shares"), (i) => this.look(i), (i) => this.caption(i));
    this.numbers = new Numbers(find("#numbers"), (place) => this.choose(place));
    find("#descent input").value = this.spec.learningRate;
    this.descent = new Descent(find("#descent"), () => this, () => this.recompute());
    this.nudge = new Nudge(find("#nudge"), () => this, () => this.descent.eta);
    this.buildExamples();
    this.listen();
  }

  about() {
    const { sizes, loss } = this.spec;
    const n = this.X.length;
    const count = `${grouped(n)} example${n > 1 ? "s" : ""}`;
    return `A network of ${sizes.join("-")} units, ${grouped(this.model.theta.length)} weights ` +
      `and biases; ${count}; the cost of one is a sum over the outputs, ${loss.name}: ` +
      `${loss.words}. Click or tab to a weight, bias or unit to see where its derivative comes ` +
      "from; the arrow keys ← and → go through the pass.";
  }

  buildExamples() {
    const choice = (i, words, picture) => {
      const input = make("input", { type: "radio", name: "example", value: String(i) });
      input.addEventListener("change", () => this.look(i));
      return make("label", { class: picture ? "thumb" : "" }, input, ...(picture ? [picture] : []),
        make("span", { text: words }));
    };
    const { imageShape } = this.spec;
    const choices = this.X.map((x, i) =>
      choice(i, this.caption(i), imageShape ? draw(x, imageShape) : null));
    const isAlone = choices.length === 1;
    if (!isAlone) choices.push(choice(null, "mean over all"));
    find("#examples .choices").replaceChildren(...choices);
    find("#examples").hidden = isAlone;
    find("#shares").hidden = isAlone;
  }

  caption(i) {
    const given = this.spec.captions?.[i];
    return given ? `${i}: ${given}` : String(i);
  }

  listen() {
    for (const button of document.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => this.step(button.dataset.step));
    }
    find("#backward").addEventListener("change", (event) => {
      this.isBackward = event.target.checked;
      this.refresh();
    });
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select, textarea, summary, .scroller")) return;
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowRight") this.step("next");
      else if (event.key === "ArrowLeft") this.step("before");
      else return;
      event.preventDefault();
    });
    find("#place").addEventListener("change", () => this.readPlace());
    find("#place").addEventListener("submit", (event) => event.preventDefault());
    find("#right").addEventListener("click", (event) => this.follow(event.target));
    darkMode.addEventListener("change", () => this.refresh());
    window.addEventListener("hashchange", () => {
      this.readAddress();
      this.refresh();
    });
  }

  // ------------------------------------------------------------ what can be done

  choose(place) {
    this.place = place;
    this.refresh();
  }

  // A pixel is the k of a weight where one of layer 1 is looked at, else an input.
  ofPixel(k) {
    const { letter, layer, j } = this.place;
    if ("wbz".includes(letter) && layer === 1) return { letter: "w", layer, j, k };
    return { letter: "a", layer: 0, j: k };
  }

  look(i) {
    this.i = i;
    this.descent.restart();
    this.refresh();
  }

  step(where) {
    const last = this.stages.length - 1;
    this.stage = { first: 0, last, before: Math.max(0, this.stage - 1),
      next: Math.min(last, this.stage + 1) }[where];
    this.isBackward = ["backward", "gradient"].includes(this.stages[this.stage].kind);
    this.refresh();
  }

  // θ has changed.
  recompute() {
    this.trace = this.model.trace(this.X, this.Y, this.shares);
    this.refresh();
  }

  // A row of a sum leads to its unit or example, a button to the next derivative.
  follow(target) {
    const go = target.closest("[data-go]")?.dataset.go;
    if (!go) return;
    const [kind, layer, at] = go.split(":");
    if (kind === "example") this.look(Number(at));
    else this.choose({ letter: kind === "unit" ? "a" : kind, layer: Number(layer), j: Number(at) });
  }

  // ------------------------------------------------------------ the form, the address

  readPlace() {
    const form = find("#place");
    const { sizes } = this.model;
    const letter = form.letter.value;
    const within = (field, low, high) => {
      const value = Math.round(field.valueAsNumber);
      return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : low;
    };
    const layer = within(form.layer, letter === "a" ? 0 : 1, this.model.last);
    const place = { letter, layer, j: within(form.j, 0, sizes[layer] - 1) };
    if (letter === "w") place.k = within(form.k, 0, sizes[layer - 1] - 1);
    this.choose(place);
  }

  showPlace() {
    const form = find("#place");
    const { letter, layer, j, k } = this.place;
    const { sizes, last } = this.model;
    form.letter.value = letter;
    Object.assign(form.layer, { min: letter === "a" ? 0 : 1, max: last, value: layer });
    Object.assign(form.j, { min: 0, max: sizes[layer] - 1, value: j });
    find("#place .to").textContent = letter === "w" ? "to unit" : "unit";
    find("#place .from").hidden = letter !== "w";
    Object.assign(form.k, { min: 0, max: (sizes[layer - 1] ?? 1) - 1, value: k ?? 0 });
  }

  // The address ends in what is looked at, so that a link leads there: #example/stage/w:2:0:3
  readAddress() {
    const [i, stage, place] = window.location.hash.slice(1).replaceAll("%3A", ":").split("/");
    if (!place) return;
    const [letter, ...numbers] = place.split(":");
    const [layer, j, k] = numbers.map(Number);
    const { sizes, last } = this.model;
    const isUnit = (unit, l) => Number.isInteger(unit) && unit >= 0 && unit < sizes[l];
    const first = letter === "a" ? 0 : 1;
    const exists = "wbaz".includes(letter) && Number.isInteger(layer) && layer >= first &&
      layer <= last && isUnit(j, layer) && (letter !== "w" || isUnit(k, layer - 1));
    if (!exists) return;
    this.place = letter === "w" ? { letter, layer, j, k } : { letter, layer, j };
    if (i === "mean" && this.X.length > 1) this.i = null;
    else if (Number(i) in this.X) this.i = Number(i);
    if (Number(stage) in this.stages) this.stage = Number(stage);
    this.isBackward = ["backward", "gradient"].includes(this.stages[this.stage].kind);
  }

  writeAddress() {
    const { letter, layer, j, k } = this.place;
    const place = [letter, layer, j, ...(letter === "w" ? [k] : [])].join(":");
    try {
      window.history.replaceState(null, "", `#${this.i ?? "mean"}/${this.stage}/${place}`);
    } catch {
      // a page inside of another may not have an address of its own
    }
  }

  // ------------------------------------------------------------ drawing

  get cost() {
    const isMean = this.i === null || this.X.length === 1;
    return isMean ? new Formula("C") : new Formula(`C_${this.i}`, `C_{${this.i}}`);
  }

  refresh() {
    this.showPlace();
    for (const input of document.querySelectorAll("[name=example]")) {
      input.checked = input.value === String(this.i);
    }
    this.showStage();
    const view = viewOf(this, this.spec.names);
    this.diagram.show(view);
    this.showLegend(view.values);
    this.showExplanation();
    if (this.X.length > 1) this.shareTable.show(this);
    this.nudge.show();
    this.descent.show();
    this.numbers.show(this);
    this.writeAddress();
  }

  showStage() {
    const stage = this.stages[this.stage];
    const at = `${this.stage + 1} of ${this.stages.length}`;
    find("#stage h2").textContent = `${titleOf(stage, this.model.last)} (${at})`;
    find("#stage .formulas").replaceChildren(
      ...formulasOf(stage, this.model, this.cost).map((one) => make("div", {}, math(one))));
    find("#stage .says").replaceChildren(...this.saysOf(stage));
    find("[data-step=before]").disabled = find("[data-step=first]").disabled = this.stage === 0;
    find("[data-step=next]").disabled = find("[data-step=last]").disabled =
      this.stage === this.stages.length - 1;
    const canShow = this.stages.slice(0, this.stage + 1).some(({ kind }) => kind === "backward");
    find("#backward").disabled = !canShow;
    find("#backward").checked = this.isBackward && canShow;
  }

  saysOf({ kind, layer }) {
    const { loss } = this.spec;
    const C = this.cost.text;
    const value = general(this.trace.costOf(this.i), 4);
    if (kind === "input") return ["What the network is given."];
    if (kind === "forward") {
      return words("Each unit adds up what comes in, weighted, and its bias, and puts the sum into " +
        `σ. w_jk leads from unit k of layer ${layer - 1} to unit j of layer ${layer}.`);
    }
    if (kind === "cost") {
      const mean = this.i === null && this.X.length > 1 ? ", the mean over the examples" : "";
      return [...words(`${C} = `), make("strong", { id: "cost", text: value,
        "data-exact": String(this.trace.costOf(this.i)) }),
      `: ${loss.words}, summed over the outputs${mean}.`];
    }
    if (kind === "gradient") {
      return [`Every derivative is known. A step of gradient descent changes all ` +
        `${grouped(this.model.theta.length)} weights and biases at once.`];
    }
    return words(layer === 0 ? "How the cost answers to the input itself."
      : `What ${C} answers to each unit of layer ${layer}, and so to each weight and bias into it.`);
  }

  showExplanation() {
    const { place, i, trace } = this;
    const told = explain(trace, place, i);
    find("#explanation").replaceChildren(...told.toElements());
    find("#explanation").dataset.value = String(told.value);
    find("#live").textContent = `${told.title}: ${general(told.value, 4)}`;
    this.showOnward();
    const isOne = i !== null;
    const isForward = ["input", "forward"].includes(this.stages[this.stage].kind);
    find("#derivative").classList.toggle("forward", isForward && isOne);
    find("#why").hidden = !isOne;
    if (isOne) {
      find("#why div").replaceChildren(...why(trace, place.layer, place.j, i).toElements());
    }
  }

  // Where the factors of the derivative lead.
  showOnward() {
    const { letter, layer, j, k } = this.place;
    const go = (to, l, unit) => make("button", { type: "button",
      "data-go": `${to}:${l}:${unit}`, text: `∂C/∂${to} of unit ${unit}, layer ${l}` });
    const buttons = [];
    if (letter !== "a") buttons.push(go("a", layer, j));
    if (letter === "w" || letter === "b") buttons.push(go("z", layer, j));
    if (letter === "w" && layer > 1) buttons.push(go("a", layer - 1, k));
    if (letter === "a" && layer > 0) buttons.push(go("z", layer, j), go("b", layer, j));
    find("#onward").replaceChildren(
      ...(buttons.length ? [make("span", { text: "Go on to" })] : []), ...buttons);
  }

  showLegend({ isBack }) {
    const bar = (colour, from, to, says) => {
      const strip = make("span", { class: "strip" });
      const stops = Array.from({ length: 9 }, (_, at) => css(colour(from + ((to - from) * at) / 8)));
      strip.style.background = `linear-gradient(to right, ${stops.join()})`;
      return make("div", {}, strip, make("span", { text: says }));
    };
    const some = isBack(this.model.last);
    const weights = some ? "connections: ∂C/∂w" : "connections: weight w, by the largest of its layer";
    find("#legend").replaceChildren(
      some ? bar(diverging, -1, 1, "units: ∂C/∂a. Blue: more of it would lower the cost; orange: " +
        "less of it would") : bar(sequential, 0, 1, "units: activation a, from 0 to 1 or beyond"),
      bar(diverging, -1, 1, `${weights}, from below 0 (blue) to above 0 (orange)`));
  }

  hover(place) {
    find("#hover").textContent = (place && this.diagram.wordsOf(place)) ?? "";
  }
}

// What the tests and a curious reader may call from the console.
async function start() {
  try {
    find("main").hidden = false; // what is hidden has no size
    window.bpcore = { app: new App(await read(find("#data"))), explain, why, general };
    document.documentElement.dataset.ready = "";
  } catch (error) {
    find("main").hidden = true;
    find("#trouble").hidden = false;
    find("#trouble").textContent = "This page needs a browser of 2023 or later " +
      `(DecompressionStream, modules): ${error.message}`;
    throw error;
  }
}

start();
