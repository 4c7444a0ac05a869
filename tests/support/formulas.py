"""The formulas once more, in NumPy and float64, as they stand in books and papers.

Losses, schedules and optimizers by name; activations stand in ``activation_formulas.py``.  Nothing
here is taken from the engine; ``test_reference.py`` holds all of it against hand-worked numbers and
central differences.
"""

import numpy as np
from activation_formulas import ACTIVATIONS, FACTS
from scipy.special import xlogy

__all__ = [
    "ACTIVATIONS",
    "DEFAULTS",
    "FACTS",
    "LOSSES",
    "OPTIMIZERS",
    "OUTPUTS",
    "ReferenceOptimizer",
    "name_and_parameter",
    "pairs",
    "rate",
]

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
    if kind == "coslog":  # cycles of equal length on a logarithmic axis
        share = min(1.0, (done + 0.5) / max(plan["total"] - warmup, 1))
        cycles = plan.get("cycles", 4.0)
        return eta * (1 - np.cos(2 * np.pi * np.log2(1 + (2**cycles - 1) * share))) / 2
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


class ReferenceOptimizer:
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
