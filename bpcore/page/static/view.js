// What the drawing shows at a moment: which numbers, how far they are known, what is marked.

import { largest } from "./colours.js";
import { general } from "./notation.js";
import { stagesOf } from "./stages.js";

// How far the pass has come at a stage.
export function knownAt(stages, at) {
  const past = stages.slice(0, at + 1);
  const forward = Math.max(...past.filter(({ kind }) => kind !== "backward").map(
    ({ kind, layer }) => (kind === "forward" ? layer : 0)));
  const backs = past.filter(({ kind }) => kind === "backward").map(({ layer }) => layer);
  const lowest = backs.length ? Math.min(...backs) : Infinity;
  return { forward, back: (l) => l >= lowest };
}

// state: {trace, i, stage, place, isBackward}; names: of the outputs, or null
export function viewOf({ trace, i, stage, place, isBackward }, names) {
  const { model } = trace;
  const { last } = model;
  const { forward, back } = knownAt(stagesOf(last), stage);
  const known = {
    units: (l) => l <= forward,
    lines: (l) => (isBackward ? back(l) : l <= forward),
    outputs: forward === last,
  };
  const isBack = (l) => isBackward && back(l);
  const [gw, gb] = model.split(trace.gradient(i));
  const values = {
    isBack,
    units: model.sizes.map((_, l) => (isBack(l) ? backOf(trace, l, i) : activationsOf(trace, l, i))),
    biases: model.sizes.map((_, l) => (isBack(l) ? gb[l] : model.b[l])),
    weight: (l, j, k) => (isBack(l) ? gw[l] : model.w[l])[j * model.sizes[l - 1] + k],
    parameterName: (letter, l) => (isBack(l) ? `∂C/∂${letter}` : letter),
  };
  const y = i === null ? null : trace.targets[i];
  const a = activationsOf(trace, last, i);
  return {
    model, values, known, place, names,
    limits: limitsOf(model, values, isBack, gw),
    strengths: isBack(1) ? gw[1] : strengthsOf(trace, i),
    outputs: y && { a, y },
    marked: y && y.length > 1 ? [top(a), top(y)] : [],
    format: (value) => general(value, 4),
  };
}

export function top(values) {
  return values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
}

// a^(l) of an example, or their mean
function activationsOf(trace, l, i) {
  if (i !== null) return trace.examples[i].a[l];
  const n = trace.examples.length;
  return trace.examples[0].a[l].map((_, unit) =>
    trace.examples.reduce((sum, one) => sum + one.a[l][unit], 0) / n);
}

// ∂C/∂a^(l): of an example that of its own cost; of the mean what C answers when all move alike
function backOf(trace, l, i) {
  if (i !== null) return trace.examples[i].dC_da[l];
  return trace.examples[0].a[l].map((_, j) => trace.derivative({ letter: "a", layer: l, j }, null));
}

// What the weights from the inputs bring, by which the connections from an image are chosen.
function strengthsOf(trace, i) {
  const x = activationsOf(trace, 0, i);
  return trace.model.w[1].map((w, at) => w * x[at % x.length]);
}

// From which to which number the colours go.
function limitsOf(model, values, isBack, gw) {
  const layers = [...model.sizes.keys()].slice(1);
  const finite = (l) => [...values.units[l]].filter(Number.isFinite);
  const a = layers.filter((l) => !isBack(l)).flatMap(finite);
  return {
    low: Math.min(0, ...a),
    high: Math.max(1, ...a),
    units: largest(layers.filter(isBack).flatMap(finite)),
    weights: model.sizes.map((_, l) => (l ? largest((isBack(l) ? gw : model.w)[l]) : 0)),
    biases: values.biases.map((b) => (b ? largest(b) : 0)),
  };
}
