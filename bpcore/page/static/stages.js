// The steps of one pass, forward layer by layer and back again, each with its formulas.

import {
  derivative, Formula, joined, lossFormula, product, slopeOf, sumOver, symbol,
} from "./notation.js";

// [{kind, layer}]: the input, forward to L, the cost, backward to 0, the gradient
export function stagesOf(last) {
  const layers = Array.from({ length: last }, (_, i) => i + 1);
  return [
    { kind: "input", layer: 0 },
    ...layers.map((layer) => ({ kind: "forward", layer })),
    { kind: "cost", layer: last },
    ...[...layers].reverse().map((layer) => ({ kind: "backward", layer })),
    { kind: "backward", layer: 0 },
    { kind: "gradient", layer: 0 },
  ];
}

export function titleOf({ kind, layer }, last) {
  return {
    input: "The input",
    forward: `Forward, layer ${layer}${layer === last ? ": the outputs" : ""}`,
    cost: "The cost",
    backward: `Backward, layer ${layer}${layer === 0 ? ": the input" : ""}`,
    gradient: "The gradient",
  }[kind];
}

const equal = (left, right) => joined(left, " = ", right);

// What a step computes, line by line. C: the symbol of the cost that is looked at.
export function formulasOf({ kind, layer }, model, C) {
  const isChain = model.sizes.every((n) => n === 1);
  const of = (letter, l, ...units) => symbol(letter, l, ...(isChain ? [] : units));
  const over = (index, term) => (isChain ? term : sumOver(index, term));
  const before = layer - 1;
  if (kind === "input") return [equal(of("a", 0), new Formula("x"))];
  if (kind === "forward") {
    const sum = product2(of("w", layer), of("a", before));
    const sigma = model.isSoftmax(layer) ? new Formula("softmax", String.raw`\mathrm{softmax}`)
      : new Formula("σ", String.raw`\sigma`);
    const z = of("z", layer);
    return [
      equal(z, joined(sum, " + ", of("b", layer))),
      equal(of("a", layer), new Formula(`${sigma.text}(${z.text})`, `${sigma.latex}(${z.latex})`)),
    ];
  }
  if (kind === "cost") return [];
  if (kind === "gradient") {
    const gradient = new Formula(`∇${C.text}`, String.raw`\nabla ${C.latex}`);
    return [new Formula(`θ ← θ - η ${gradient.text}`,
      String.raw`\theta \leftarrow \theta - \eta\,${gradient.latex}`)];
  }
  const lines = [];
  if (layer === model.last) {
    const a = of("a", layer, "j");
    lines.push(equal(derivative(C, a), lossFormula(model.loss, 0, a, of("y", null, "j"))));
  } else {
    const [z, w] = [of("z", layer + 1, "j"), of("w", layer + 1, "j", "k")];
    lines.push(equal(derivative(C, of("a", layer, "k")), over("j", product(w, derivative(C, z)))));
  }
  if (layer === 0) return lines;
  return [...lines, ...ofParameters(layer, model, C, of, over)];
}

// From ∂C/∂a of a layer to its δ, weights and biases.
function ofParameters(layer, model, C, of, over) {
  const z = of("z", layer, "j");
  const isBound = model.isSoftmax(layer);
  const a = of("a", layer, isBound ? "i" : "j");
  const delta = isBound ? over("i", product(derivative(a, z), derivative(C, a)))
    : product(slopeOf(z), derivative(C, a));
  return [
    equal(derivative(C, z), delta),
    equal(derivative(C, of("w", layer, "j", "k")),
      product(of("a", layer - 1, "k"), derivative(C, z))),
    equal(derivative(C, of("b", layer, "j")), derivative(C, z)),
  ];
}

function product2(w, a) {
  return new Formula(`${w.text} ${a.text}`, String.raw`${w.latex}\,${a.latex}`);
}
