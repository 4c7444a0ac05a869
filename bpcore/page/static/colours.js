// Colours that are told apart with any colour vision, on light paper and on dark.

const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
// Okabe and Ito's blue and vermilion on either side of the paper's own colour
const DIVERGING = {
  light: ["#053a66", "#0072b2", "#8fc4e3", "#f3f3f3", "#f5bf90", "#d55e00", "#7a3300"],
  dark: ["#a5d8f5", "#4da6dc", "#22557a", "#3a3a3a", "#84440f", "#ee8434", "#ffcf9e"],
};

export const darkMode = window.matchMedia("(prefers-color-scheme: dark)");

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// The colour at t, from 0 to 1, of stops at equal distances: [red, green, blue].
function between(stops, t) {
  const place = Math.min(Math.max(t, 0), 1) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  const [low, high] = [channels(stops[at]), channels(stops[at + 1])];
  return low.map((value, i) => Math.round(value + (place - at) * (high[i] - value)));
}

export function diverging(t) {
  if (Number.isNaN(t)) return [128, 128, 128];
  return between(DIVERGING[darkMode.matches ? "dark" : "light"], (t + 1) / 2);
}

export function sequential(t) {
  return between(VIRIDIS, Number.isNaN(t) ? 0 : t);
}

export function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

// Black or white, whichever can be read on a colour.
export function inkOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

export function largest(values) {
  let most = 0;
  for (const one of values) if (Number.isFinite(one)) most = Math.max(most, Math.abs(one));
  return most;
}

// A value on a scale from -limit to limit, by its root, so that small derivatives show.
export function byRoot(value, limit) {
  return limit ? Math.sign(value) * Math.sqrt(Math.min(Math.abs(value) / limit, 1)) : 0;
}
