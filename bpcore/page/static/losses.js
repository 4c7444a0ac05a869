// The losses of the library, a row each: cost(a, y, p) is the part that an output adds to the cost
// of an example, slope(a, y, p) its derivative by a. p is the loss's parameter for that output.

const TINY = 2.2250738585072014e-308;

function xlogy(x, y) {
  return x === 0 ? 0 : x * Math.log(y);
}

// (1 - y) / (1 - a) - y / a, which is (a - y) / (a (1 - a)), also where a = y = 0 or 1
function binarySlope(a, y) {
  return (y === 0 ? 0 : -y / a) + (y === 1 ? 0 : (1 - y) / (1 - a));
}

function huber(a, y, delta) {
  const r = Math.abs(a - y);
  return r <= delta ? 0.5 * r * r : delta * (r - 0.5 * delta);
}

export const LOSSES = {
  quadratic: { cost: (a, y) => (a - y) ** 2, slope: (a, y) => 2 * (a - y) },
  squared_error: { cost: (a, y) => 0.5 * (a - y) ** 2, slope: (a, y) => a - y },
  absolute: { cost: (a, y) => Math.abs(a - y), slope: (a, y) => Math.sign(a - y) },
  huber: { cost: huber, slope: (a, y, p) => Math.max(-p, Math.min(p, a - y)) },
  quantile: {
    cost: (a, y, p) => Math.max(p * (y - a), (p - 1) * (y - a)),
    slope: (a, y, p) => (a < y ? -p : a > y ? 1 - p : 0),
  },
  binary_cross_entropy: {
    cost: (a, y) => -xlogy(y, a) - xlogy(1 - y, 1 - a),
    slope: binarySlope,
  },
  categorical_cross_entropy: {
    cost: (a, y) => -xlogy(y, a),
    slope: (a, y) => (y === 0 ? 0 : -y / a),
  },
  poisson: {
    cost: (a, y) => xlogy(y, y) - xlogy(y, Math.max(a, TINY)) - y + a,
    slope: (a, y) => 1 - y / Math.max(a, TINY),
  },
};

// Costs with a logarithm of a, from z: they stay finite where a rounds to 0 or 1.
export const FROM_Z = {
  binary_cross_entropy: (z, a, y) =>
    z.reduce((sum, z_j, j) => {
      const tail = Math.log1p(Math.exp(-Math.abs(z_j)));
      return sum + y[j] * (Math.max(-z_j, 0) + tail) + (1 - y[j]) * (Math.max(z_j, 0) + tail);
    }, 0),
  categorical_cross_entropy: (z, a, y) => {
    const top = z.reduce((most, one) => Math.max(most, one), -Infinity);
    const logSum = top + Math.log(z.reduce((sum, z_j) => sum + Math.exp(z_j - top), 0));
    return z.reduce((sum, z_j, j) => sum + (y[j] === 0 ? 0 : y[j] * (logSum - z_j)), 0);
  },
  poisson: (z, a, y) =>
    z.reduce((sum, z_j, j) => sum + xlogy(y[j], y[j]) - y[j] * z_j - y[j] + a[j], 0),
};
