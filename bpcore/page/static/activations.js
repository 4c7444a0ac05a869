// The activation functions σ of the library, a row each: value(z, p) is σ(z), slope(z, p) is σ'(z).
// p is the function's parameter, where it has one. Softmax takes a layer's units together.

const SELU_SCALE = 1.0507009873554805;
const SELU_LOW = 1.7580993408473766;

function sigmoid(z) {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

function softplus(z) {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

// 1 - erf(x): a series of positive terms near 0, a continued fraction beyond.
function erfc(x) {
  const size = Math.abs(x);
  let tail;
  if (size < 2) {
    let term = size;
    let sum = size;
    for (let n = 1; n < 60; n++) {
      term *= (2 * size * size) / (2 * n + 1);
      sum += term;
    }
    tail = 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size) * sum;
  } else {
    let fraction = size;
    for (let n = 120; n > 0; n--) fraction = size + n / 2 / fraction;
    tail = Math.exp(-size * size) / (Math.sqrt(Math.PI) * fraction);
  }
  return x < 0 ? 2 - tail : tail;
}

// Φ(z), the share of a normal distribution that lies below z.
function normalBelow(z) {
  return 0.5 * erfc(-z * Math.SQRT1_2);
}

function normalDensity(z) {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

function mishSlope(z) {
  const t = Math.tanh(softplus(z));
  return t + z * sigmoid(z) * (1 - t) * (1 + t);
}

function siluSlope(z) {
  const s = sigmoid(z);
  return s * (1 + z * sigmoid(-z));
}

export const ACTIVATIONS = {
  sigmoid: { value: sigmoid, slope: (z) => sigmoid(z) * sigmoid(-z) },
  tanh: { value: Math.tanh, slope: (z) => (1 - Math.tanh(z)) * (1 + Math.tanh(z)) },
  relu: { value: (z) => Math.max(0, z), slope: (z) => (z > 0 ? 1 : 0) },
  identity: { value: (z) => z, slope: () => 1 },
  leaky_relu: { value: (z, p) => (z > 0 ? z : p * z), slope: (z, p) => (z > 0 ? 1 : p) },
  elu: {
    value: (z, p) => (z > 0 ? z : p * Math.expm1(z)),
    slope: (z, p) => (z > 0 ? 1 : p * Math.exp(z)),
  },
  softplus: { value: softplus, slope: sigmoid },
  selu: {
    value: (z) => (z > 0 ? SELU_SCALE * z : SELU_LOW * Math.expm1(z)),
    slope: (z) => (z > 0 ? SELU_SCALE : SELU_LOW * Math.exp(z)),
  },
  gelu: {
    value: (z) => z * normalBelow(z),
    slope: (z) => normalBelow(z) + z * normalDensity(z),
  },
  silu: { value: (z) => z * sigmoid(z), slope: siluSlope },
  mish: { value: (z) => z * Math.tanh(softplus(z)), slope: mishSlope },
  exponential: { value: Math.exp, slope: Math.exp },
};

// e^z / Σ e^z
export function softmax(z) {
  const top = z.reduce((most, one) => Math.max(most, one), -Infinity);
  const e = z.map((one) => Math.exp(one - top));
  const sum = e.reduce((total, one) => total + one, 0);
  return e.map((one) => one / sum);
}
