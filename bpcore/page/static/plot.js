// Curves in a small drawing of their own.

import { svg } from "./diagram.js";
import { general } from "./notation.js";

const [WIDTH, HEIGHT] = [420, 230];
const EDGE = { left: 62, right: 14, top: 12, bottom: 36 };

// lines: [{points: [[x, y]], class}]; marks: [{at: [x, y], class, label}]
export function plot(element, { lines, marks = [], x, y, label, box = null }) {
  const points = [...lines.filter((one) => !one.isLoose).flatMap((one) => one.points),
    ...marks.map((one) => one.at)].filter((point) => point.every(Number.isFinite));
  const { left, right, bottom, top } = box ?? boundsOf(points);
  const toX = (value) => EDGE.left +
    ((value - left) / (right - left)) * (WIDTH - EDGE.left - EDGE.right);
  const toY = (value) => HEIGHT - EDGE.bottom -
    ((value - bottom) / (top - bottom)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const inside = svg("svg", { x: EDGE.left, y: EDGE.top, width: WIDTH - EDGE.left - EDGE.right,
    height: HEIGHT - EDGE.top - EDGE.bottom });
  const shift = ([px, py]) => [toX(px) - EDGE.left, toY(py) - EDGE.top];
  for (const one of lines) {
    const finite = one.points.filter((point) => point.every(Number.isFinite));
    inside.append(svg("polyline", { class: one.class,
      points: finite.map((point) => shift(point).map((v) => v.toFixed(2)).join()).join(" ") }));
  }
  for (const { at, class: kind } of marks) {
    if (!at.every(Number.isFinite)) continue;
    const [cx, cy] = shift(at);
    inside.append(svg("circle", { class: kind, cx, cy, r: 5 }));
  }
  element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const text = (words, px, py, anchor) => {
    const made = svg("text", { x: px, y: py, "text-anchor": anchor });
    made.textContent = words;
    return made;
  };
  const base = HEIGHT - EDGE.bottom;
  element.replaceChildren(
    svg("line", { class: "axis", x1: EDGE.left, y1: base, x2: WIDTH - EDGE.right, y2: base }),
    svg("line", { class: "axis", x1: EDGE.left, y1: EDGE.top, x2: EDGE.left, y2: base }),
    text(general(left, 3), EDGE.left, base + 15, "middle"),
    text(general(right, 3), WIDTH - EDGE.right, base + 15, "end"),
    text(x, (EDGE.left + WIDTH - EDGE.right) / 2, base + 28, "middle"),
    text(general(top, 3), EDGE.left - 6, EDGE.top + 8, "end"),
    text(general(bottom, 3), EDGE.left - 6, base, "end"),
    text(y, EDGE.left - 6, (EDGE.top + base) / 2, "end"),
    inside);
}

function boundsOf(points) {
  const xs = points.map(([px]) => px);
  const ys = points.map(([, py]) => py);
  const [left, right] = apart(Math.min(...xs), Math.max(...xs), 0);
  const [bottom, top] = apart(Math.min(...ys), Math.max(...ys), 0.06);
  return { left, right, bottom, top };
}

// Two ends that are apart, with some room beyond.
function apart(low, high, room) {
  if (!(high > low)) return [low - 0.5, low + 0.5];
  return [low - room * (high - low), high + room * (high - low)];
}
