"""The equations once more: the engine's reference, a network in NumPy and float64 to be read.

Nothing here is taken from the engine; ``test_reference.py`` holds it against hand-worked numbers
and central differences.  Rows are examples; layers run from 0, the input, to L;
``weights[l - 1]`` is w^(l) of shape (n_l, n_{l-1}).  The formulas are in ``formulas.py``.
"""

import copy
import itertools
from types import SimpleNamespace

import numpy as np
from formulas import ACTIVATIONS, LOSSES, name_and_parameter


class Reference:
    """A multilayer perceptron, its cost and every derivative of it, in float64."""

    def __init__(self, layer_sizes, activations, loss, theta, dtype="float64"):
        self.layer_sizes = tuple(layer_sizes)
        self.activations = [name_and_parameter(a) for a in activations]
        self.loss = name_and_parameter(loss)
        self.dtype = np.dtype(dtype)  # of the network; only a clipped cost depends on it
        self.theta = np.array(theta, dtype=float)

    @classmethod
    def of(cls, network):
        """The reference of a `bpcore.Network`, through its public attributes."""
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
            a=a,
            z=z,
            da_dz=da_dz,
            dC_da=dC_da,
            dC_dz=dC_dz,
            dC_dw=dC_dw,
            dC_db=dC_db,
            dz_dw=[None, *a[:-1]],
            dz_da=[None, *self.weights],
            dz_db=[None] + [1.0] * L,
            w=[None, *self.weights],
            b=[None, *self.biases],
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
        normaliser=None,
        l2=0.0,
        l1=0.0,
        weight_decay=0.0,
        clip_norm=None,
    ):
        """Every batch of the order once; returns the epoch's (cost, penalty).

        Both are means over the batches, before each update, a batch counting as its rows.  A
        batch is divided by the sum of its rows' normalisers, by their number without any.
        """
        order = np.arange(len(X)) if order is None else np.asarray(order)
        batch_size = len(order) if batch_size is None else batch_size
        s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        by = np.ones(len(X)) if normaliser is None else np.asarray(normaliser, dtype=float)
        cost = penalty = 0.0
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            if s[rows].sum() == 0:
                continue
            total = by[rows].sum()
            counts = s[rows].sum() / total
            g = self.gradient(X[rows], Y[rows], s[rows])
            w = np.concatenate([w.ravel() for w in self.weights])
            share = len(rows) / len(order)
            cost += share * counts * g.cost
            penalty += share * (0.5 * l2 * (w @ w) + l1 * np.abs(w).sum()) / total
            vector = counts * g.vector
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


def examples(reference, n, seed=1):
    """X, Y, sample_weight for a reference; every number fits in float32."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, reference.layer_sizes[0])).astype(np.float32).astype(float)
    Y = targets(reference.loss, (n, reference.layer_sizes[-1]), rng)
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
