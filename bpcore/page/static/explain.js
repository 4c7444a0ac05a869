// An explanation of any derivative: {letter, layer, j, k} for example i, or null for the mean.

import { Mean } from "./mean.js";
import { Single } from "./single.js";
import { Why } from "./why.js";

export function explain(trace, place, i, options) {
  if (i === null && trace.examples.length > 1) return new Mean(trace, place, options).explanation();
  return new Single(trace, place, i, options).explanation();
}

export function why(trace, layer, j, i, options) {
  return new Why(trace, { letter: "a", layer, j }, i, options).explanation();
}
