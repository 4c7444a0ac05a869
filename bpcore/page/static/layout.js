// Where the units of the drawing stand, and which of a wide layer are drawn.

const WIDTH = 720;
const GAP = 92; // from layer to layer at least: the room of a head
const MOST = 16; // units of a layer; wider ones are folded
const HEAD = 46;

// The units of a layer to draw: all, or the first and the last; each in `keep` takes the place of
// the one nearest to it.
export function fold(n, most, keep = []) {
  if (n <= most) return Array.from({ length: n }, (_, unit) => unit);
  const half = Math.floor(most / 2);
  const shown = Array.from({ length: 2 * half }, (_, i) => (i < half ? i : n - 2 * half + i));
  for (const unit of keep) {
    if (shown.includes(unit)) continue;
    const free = shown.filter((one) => !keep.includes(one));
    const nearest = free.reduce((best, one) =>
      (Math.abs(one - unit) < Math.abs(best - unit) ? one : best), free[0]);
    shown[shown.indexOf(nearest)] = unit;
    shown.sort((p, q) => p - q);
  }
  return shown;
}

// keep[l]: units of layer l that are drawn in any case; image: whether the input is one
export function layOut(sizes, keep, image) {
  const last = sizes.length - 1;
  const shown = sizes.map((n, l) => (l === 0 && image ? [] : fold(n, MOST, keep[l])));
  const rows = shown.map((units, l) => units.length + (units.length < sizes[l] ? 1 : 0));
  const most = Math.max(...(image ? rows.slice(1) : rows));
  const radius = most > 10 ? 11 : most > 5 ? 16 : 26;
  const height = Math.max(260, most * radius * 2.6) + HEAD;
  const middle = HEAD + (height - HEAD) / 2;
  const size = image ? Math.min(190, height - HEAD) : 0;
  const n = image ? last : last + 1; // columns of circles
  const [left, beside] = [image ? size + 30 : 70, radius + 140]; // where they begin; the labels
  const width = Math.max(WIDTH, left + n * GAP + beside);
  const right = width - beside;
  const first = image ? left + (right - left) / (n + 1) : left;
  const gap = n > 1 ? (right - first) / (n - 1) : 0;
  const columns = sizes.map((_, l) =>
    (image ? (l === 0 ? size / 2 + 10 : first + (l - 1) * gap) : first + l * gap));
  const places = shown.map((units, l) => column(units, sizes[l], columns[l], middle, radius,
    height - HEAD));
  const box = image ? { x: 10, y: middle - size / 2, size } : null;
  return { width, height: height + 10, radius, shown, places, columns, box, middle, gap };
}

// The centres of a layer's units: {units: Map of unit → [x, y], dots: [x, y] or null}.
function column(units, n, x, middle, radius, room) {
  const isFolded = units.length < n;
  const rows = units.length + (isFolded ? 1 : 0);
  const step = Math.min(room / Math.max(rows, 1), radius * 4);
  const top = middle - (step * (rows - 1)) / 2;
  const half = isFolded ? Math.floor(units.length / 2) : Infinity;
  const at = (row) => [x, top + row * step];
  return {
    units: new Map(units.map((unit, i) => [unit, at(i < half ? i : i + 1)])),
    dots: isFolded && units.length ? at(half) : null,
  };
}

// How near a point is to a line from p to q.
export function distance([x, y], [px, py], [qx, qy]) {
  const [dx, dy] = [qx - px, qy - py];
  const along = ((x - px) * dx + (y - py) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - px - t * dx, y - py - t * dy);
}
