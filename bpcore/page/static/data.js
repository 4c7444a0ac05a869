// What the page was made from: the description as JSON, arrays deflated and in base64.

// The number of bytes of an element, by the letter that says its type.
const TYPES = { f: Float32Array, d: Float64Array };

async function bytesOf(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// An array in double precision.
async function arrayOf({ type, data }) {
  return Float64Array.from(new TYPES[type](await bytesOf(data)));
}

function rows(flat, width) {
  return Array.from({ length: flat.length / width }, (_, i) =>
    flat.subarray(i * width, (i + 1) * width));
}

// {spec, theta, X, Y, shares}
export async function read(element) {
  const spec = JSON.parse(element.textContent);
  const [theta, x, y, shares] = await Promise.all(
    ["theta", "x", "y", "shares"].map((name) => arrayOf(spec.arrays[name])));
  const { sizes } = spec;
  return { spec, theta, X: rows(x, sizes[0]), Y: rows(y, sizes.at(-1)), shares };
}
