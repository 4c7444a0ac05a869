"""The equations once more: a float64 twin of the engine, in NumPy, written for reading.

Nothing here is taken from the engine, and the twin has its own tests (``test_twin.py``)
against hand-worked numbers and central differences.  Rows are examples; layers run from 0,
the input, to L; ``weights[l - 1]`` is w^(l) of shape (n_l, n_{l-1}).
"""

import copy
import itertools
from types import SimpleNamespace

import numpy as np
from scipy.special import erf, expit, xlogy

# ---------------------------------------------------------------- activations: σ(z), σ'(z)


def _normal_density(z):
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _normal_distribution(z):
    return 0.5 * (1 + erf(z / np.sqrt(2)))


def _softmax(z, _=None):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _softmax_jacobian(z, _=None):
    """∂a_i/∂z_j = a_i (1[i = j] - a_j), an (n, m, m) array."""
    a = _softmax(z)
    return np.einsum("ki,ij->kij", a, np.eye(z.shape[1])) - np.einsum("ki,kj->kij", a, a)


def _silu_slope(z, _=None):
    s = expit(z)
    return s * (1 + z * (1 - s))


ACTIVATIONS = {
    "sigmoid": (lambda z, p: expit(z), lambda z, p: expit(z) * expit(-z)),
    "tanh": (lambda z, p: np.tanh(z), lambda z, p: 1 - np.tanh(z) ** 2),
    "relu": (lambda z, p: np.maximum(z, 0), lambda z, p: np.where(z > 0, 1.0, 0.0)),
    "identity": (lambda z, p: z.copy(), lambda z, p: np.ones_like(z)),
    "leaky_relu": (lambda z, p: np.where(z > 0, z, p * z), lambda z, p: np.where(z > 0, 1.0, p)),
    "elu": (
        lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0))),
        lambda z, p: np.where(z > 0, 1.0, p * np.exp(np.minimum(z, 0))),
    ),
    "softplus": (lambda z, p: np.logaddexp(0, z), lambda z, p: expit(z)),
    "gelu": (
        lambda z, p: z * _normal_distribution(z),
        lambda z, p: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": (lambda z, p: z * expit(z), _silu_slope),
    "exponential": (lambda z, p: np.exp(z), lambda z, p: np.exp(z)),
    "softmax": (_softmax, _softmax_jacobian),
}

# ---------------------------------------------------------------- losses: C_j(a, y), ∂C_j/∂a


def _huber(a, y, delta):
    r = np.abs(a - y)
    return np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta))


def _pinball(a, y, q):
    q = np.asarray(q)
    return np.maximum(q * (y - a), (q - 1) * (y - a))


def _pinball_slope(a, y, q):
    q = np.broadcast_to(q, np.shape(a))
    return np.where(a < y, -q, np.where(a > y, 1 - q, 0.0))


LOSSES = {
    "quadratic": (lambda a, y, p: (a - y) ** 2, lambda a, y, p: 2 * (a - y)),
    "squared_error": (lambda a, y, p: 0.5 * (a - y) ** 2, lambda a, y, p: a - y),
    "absolute": (lambda a, y, p: np.abs(a - y), lambda a, y, p: np.sign(a - y)),
    "huber": (_huber, lambda a, y, p: np.clip(a - y, -p, p)),
    "quantile": (_pinball, _pinball_slope),
    "binary_cross_entropy": (
        lambda a, y, p: -xlogy(y, a) - xlogy(1 - y, 1 - a),
        lambda a, y, p: (1 - y) / (1 - a) - y / a,
    ),
    "categorical_cross_entropy": (lambda a, y, p: -xlogy(y, a), lambda a, y, p: -y / a),
    "poisson": (lambda a, y, p: xlogy(y, y / a) - y + a, lambda a, y, p: 1 - y / a),
}

DEFAULTS = {"leaky_relu": 0.01, "elu": 1.0, "huber": 1.0, "quantile": 0.5}

# what a loss takes at the output, and what it takes where nothing is said
OUTPUTS = {
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("softmax",),
    "poisson": ("exponential", "softplus"),
}


def pairs():
    """Every (output activation, loss) that the contract allows."""
    return [(a, loss) for loss in LOSSES for a in OUTPUTS.get(loss, ACTIVATIONS)]


def name_and_parameter(given):
    """("elu", 1.0) of "elu", ("elu", 2.0) of ("elu", 2.0)."""
    name, parameter = (given, None) if isinstance(given, str) else given
    name = {"logistic": "sigmoid"}.get(name, name)
    return name, DEFAULTS.get(name) if parameter is None else parameter


# ---------------------------------------------------------------- the network


class Twin:
    """A multilayer perceptron, its cost and every derivative of it, in float64."""

    def __init__(self, layer_sizes, activations, loss, theta, dtype="float64"):
        self.layer_sizes = tuple(layer_sizes)
        self.activations = [name_and_parameter(a) for a in activations]
        self.loss = name_and_parameter(loss)
        self.dtype = np.dtype(dtype)  # of the network; only a clipped cost depends on it
        self.theta = np.array(theta, dtype=float)

    @classmethod
    def of(cls, network):
        """The twin of a `bpcore.Network`, through its public attributes."""
        return cls(
            network.layer_sizes,
            network.activations,
            network.loss,
            network.parameters,
            network.dtype,
        )

    @classmethod
    def random(cls, layer_sizes, activations, loss, seed=0, scale=0.7):
        """Parameters from N(0, scale²), rounded to float32 so that both types hold them."""
        rng = np.random.default_rng(seed)
        n = sum(m * (k + 1) for k, m in itertools.pairwise(layer_sizes))
        theta = (scale * rng.standard_normal(n)).astype(np.float32)
        return cls(layer_sizes, activations, loss, theta)

    def network(self, dtype="float64", **options):
        """A `bpcore.Network` with these layers and this θ."""
        from bpcore import Network

        *hidden, output = self.activations
        network = Network(
            self.layer_sizes,
            [_as_given(a) for a in hidden],
            _as_given(output),
            _as_given(self.loss),
            dtype=dtype,
            random_state=0,
            **options,
        )
        network.set_parameters(self.theta)
        self.dtype = np.dtype(dtype)
        return network

    def copy(self):
        return copy.deepcopy(self)

    def split(self, vector):
        """(w^(1), …, w^(L)), (b^(1), …, b^(L)): views into a vector in the order of θ."""
        weights, biases, start = [], [], 0
        for n_in, n_out in itertools.pairwise(self.layer_sizes):
            weights.append(vector[start : start + n_out * n_in].reshape(n_out, n_in))
            start += n_out * n_in
            biases.append(vector[start : start + n_out])
            start += n_out
        return weights, biases

    weights = property(lambda self: self.split(self.theta)[0])
    biases = property(lambda self: self.split(self.theta)[1])

    def forward(self, X):
        """z^(l) = a^(l-1) w^(l)ᵀ + b^(l) and a^(l) = σ(z^(l)), as two lists from l = 0."""
        z, a = [None], [np.asarray(X, dtype=float)]
        for w, b, (name, p) in zip(self.weights, self.biases, self.activations, strict=True):
            z.append(a[-1] @ w.T + b)
            a.append(ACTIVATIONS[name][0](z[-1], p))
        return z, a

    def predict(self, X):
        return self.forward(X)[1][-1]

    def costs(self, X, Y):
        """C_k of each example: summed over the outputs."""
        name, p = self.loss
        a = self.predict(X)
        if p == "clip":
            eps = np.finfo(self.dtype).eps
            a = np.clip(a, eps, 1 - eps)
        return LOSSES[name][0](a, np.asarray(Y, dtype=float), p).sum(axis=1)

    def cost(self, X, Y, sample_weight=None):
        """C = Σ s_k C_k / Σ s_k."""
        return np.average(self.costs(X, Y), weights=sample_weight)

    def trace(self, X, Y, sample_weight=None):
        """Every term of the chain rule, per layer."""
        n, L = len(X), len(self.activations)
        s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        z, a = self.forward(X)
        name, p = self.loss
        da_dz, dC_dz, dC_dw, dC_db = ([None] * (L + 1) for _ in range(4))
        dC_da = [None] * (L + 1)
        dC_da[L] = LOSSES[name][1](a[L], np.asarray(Y, dtype=float), p) * (s / s.sum())[:, None]
        for layer in range(L, 0, -1):
            activation, p = self.activations[layer - 1]
            da_dz[layer] = ACTIVATIONS[activation][1](z[layer], p)
            if activation == "softmax":
                dC_dz[layer] = np.einsum("kj,kji->ki", dC_da[layer], da_dz[layer])
            else:
                dC_dz[layer] = dC_da[layer] * da_dz[layer]
            dC_dw[layer] = dC_dz[layer].T @ a[layer - 1]
            dC_db[layer] = dC_dz[layer].sum(axis=0)
            dC_da[layer - 1] = dC_dz[layer] @ self.weights[layer - 1]
        costs = self.costs(X, Y)
        return SimpleNamespace(
            activations=a,
            pre_activations=z,
            da_dz=da_dz,
            dC_da=dC_da,
            dC_dz=dC_dz,
            dC_dw=dC_dw,
            dC_db=dC_db,
            dz_dw=[None, *a[:-1]],
            dz_da=[None, *self.weights],
            dz_db=[None] + [1.0] * L,
            costs=costs,
            cost=np.average(costs, weights=s),
        )

    def gradient(self, X, Y, sample_weight=None):
        """∇C in the order of θ, and ∂C/∂a^(0)."""
        t = self.trace(X, Y, sample_weight)
        parts = [
            part.ravel() for pair in zip(t.dC_dw[1:], t.dC_db[1:], strict=True) for part in pair
        ]
        return SimpleNamespace(
            cost=t.cost,
            vector=np.concatenate(parts),
            inputs=t.dC_da[0],
            weights=t.dC_dw[1:],
            biases=t.dC_db[1:],
        )

    def per_sample_gradients(self, X, Y):
        """∇C_k, one row an example."""
        return np.array([self.gradient(X[k : k + 1], Y[k : k + 1]).vector for k in range(len(X))])

    def jacobian(self, X):
        """∂a^(L)/∂a^(0) of each example, by the forward chain rule."""
        z, _ = self.forward(X)
        J = np.broadcast_to(np.eye(self.layer_sizes[0]), (len(X), *[self.layer_sizes[0]] * 2))
        for layer, (name, p) in enumerate(self.activations, start=1):
            J = self.weights[layer - 1] @ J
            slope = ACTIVATIONS[name][1](z[layer], p)
            J = slope @ J if name == "softmax" else slope[:, :, None] * J
        return J

    def epoch(
        self,
        X,
        Y,
        optimizer,
        order=None,
        batch_size=None,
        sample_weight=None,
        l2=0.0,
        l1=0.0,
        weight_decay=0.0,
        clip_norm=None,
    ):
        """Every batch of the order once; returns the epoch's (cost, penalty).

        Both are means over the batches, before each update, a batch counting as its rows.
        """
        order = np.arange(len(X)) if order is None else np.asarray(order)
        batch_size = len(order) if batch_size is None else batch_size
        s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        cost = penalty = 0.0
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            total = s[rows].sum()
            if total == 0:
                continue
            g = self.gradient(X[rows], Y[rows], s[rows])
            w = np.concatenate([w.ravel() for w in self.weights])
            share = len(rows) / len(order)
            cost += share * g.cost
            penalty += share * (0.5 * l2 * (w @ w) + l1 * np.abs(w).sum()) / total
            vector = g.vector.copy()
            for dw, w in zip(self.split(vector)[0], self.weights, strict=True):
                dw += (l2 * w + l1 * np.sign(w)) / total
            norm = np.linalg.norm(vector)
            if clip_norm is not None and norm > clip_norm:
                vector *= clip_norm / norm
            eta = optimizer.rate(optimizer.t + 1)
            for w in self.weights:
                w *= 1 - eta * weight_decay
            optimizer.update(self.theta, vector)
        return cost, penalty


def _as_given(pair):
    return pair[0] if pair[1] is None else pair


# ---------------------------------------------------------------- optimizers and schedules


def rate(eta, schedule, t):
    """η of update t = 1, 2, …"""
    plan = {"kind": schedule} if isinstance(schedule, str) else dict(schedule or {})
    kind = plan.get("kind") or "constant"
    warmup = plan.get("warmup", 0)
    if t <= warmup:  # a straight line from 0 that reaches η one update after the warm-up
        return eta * t / (warmup + 1)
    done = t - 1 - warmup
    if kind == "constant":
        return eta
    if kind == "step":
        return eta * plan.get("factor", 0.1) ** (done // plan["every"])
    share = min(1.0, done / max(plan["total"] - warmup, 1))

    def half_cosine(start, end, share):
        return end + (start - end) * (1 + np.cos(np.pi * share)) / 2

    if kind == "cosine":
        return half_cosine(eta, eta * plan.get("final", 0.0), share)
    if kind == "one_cycle":  # from η / 25 up in 30 % of the run, then down to final η
        if share < 0.3:
            return half_cosine(eta / 25, eta, share / 0.3)
        return half_cosine(eta, eta * plan.get("final", 1e-4), (share - 0.3) / 0.7)
    raise KeyError(kind)


class TwinOptimizer:
    """The update rules as they stand in the papers, on flat float64 vectors."""

    def __init__(
        self,
        name,
        n,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        schedule=None,
    ):
        self.learning_rate, self.momentum, self.nesterov = learning_rate, momentum, nesterov
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.schedule = schedule
        self.rule = getattr(self, "_" + name.replace("-", "_minus"))
        self.t = 0
        self.m, self.v = np.zeros(n), np.zeros(n)
        self.product = 1.0

    def rate(self, t):
        return rate(self.learning_rate, self.schedule, t)

    def update(self, theta, g):
        self.t += 1
        theta += self.rule(theta, g, self.rate(self.t))

    def _sgd(self, theta, g, eta):
        self.v = self.momentum * self.v - eta * g
        return self.momentum * self.v - eta * g if self.nesterov else self.v

    def _moments(self, g):
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * g
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * g * g

    def _adam(self, theta, g, eta):
        """Kingma and Ba 2015, the form before section 2.1; ε as in scikit-learn."""
        self._moments(g)
        eta *= np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t)
        return -eta * self.m / (np.sqrt(self.v) + self.epsilon)

    def _nadam(self, theta, g, eta):
        """Dozat 2016, with its warm-up of the momentum."""
        self._moments(g)
        mu, mu_next = (self.beta_1 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (self.t, self.t + 1))
        self.product *= mu
        mean = mu_next * self.m / (1 - self.product * mu_next) + (1 - mu) * g / (1 - self.product)
        return -eta * mean / (np.sqrt(self.v / (1 - self.beta_2**self.t)) + self.epsilon)

    def _rmsprop(self, theta, g, eta):
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * g * g
        return -eta * g / (np.sqrt(self.v) + self.epsilon)

    def _adagrad(self, theta, g, eta):
        self.v = self.v + g * g
        return -eta * g / (np.sqrt(self.v) + self.epsilon)

    def _irprop_minus(self, theta, g, eta):
        """Igel and Hüsken 2003: v is each parameter's step, first η, m its last gradient."""
        if self.t == 1:
            self.v = np.full_like(g, eta)
        agreement = np.sign(self.m * g)
        self.v = np.where(agreement > 0, np.minimum(1.2 * self.v, 50.0), self.v)
        self.v = np.where(agreement < 0, np.maximum(0.5 * self.v, 1e-6), self.v)
        self.m = np.where(agreement < 0, 0.0, g)
        return -np.sign(self.m) * self.v


OPTIMIZERS = ("sgd", "adam", "rmsprop", "adagrad", "nadam", "irprop-")


# ---------------------------------------------------------------- data and differences


def targets(loss, shape, rng):
    """Y of the kind that a loss is for; kept away from ties by its continuous values."""
    name = name_and_parameter(loss)[0]
    if name == "binary_cross_entropy":
        Y = rng.uniform(0, 1, shape)
        Y[0] = np.round(Y[0])
    elif name == "categorical_cross_entropy":
        Y = rng.uniform(0, 1, shape) * (rng.uniform(0, 1, shape) < 0.7)
    elif name == "poisson":
        Y = rng.poisson(1.5, shape).astype(float)
    else:
        Y = rng.standard_normal(shape)
    return Y.astype(np.float32).astype(float)


def examples(twin, n, seed=1):
    """X, Y, sample_weight for a twin; every number fits in float32."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, twin.layer_sizes[0])).astype(np.float32).astype(float)
    Y = targets(twin.loss, (n, twin.layer_sizes[-1]), rng)
    s = rng.integers(0, 5, n) / 2.0
    s[0] = 1.5
    return X, Y, s


def central_differences(function, x, h=1e-6):
    """∂f/∂x_i = (f(x + h e_i) - f(x - h e_i)) / 2h, for an array x of any shape."""
    x = np.array(x, dtype=float)
    slope = np.empty_like(x)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + h
        above = function(x)
        x[i] = kept - h
        below = function(x)
        x[i] = kept
        slope[i] = (above - below) / (2 * h)
    return slope
