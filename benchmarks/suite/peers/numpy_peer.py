"""Plain NumPy, as one writes it by hand; in float64 the reference for all others."""

import numpy as np


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    "softmax": softmax,
}
# σ′ from a.
SLOPES = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: a > 0,
    "identity": np.ones_like,
}


def forward(task, layers, x):
    """[a^(0), …, a^(L)]."""
    a = [x]
    for i, (w, b) in enumerate(layers, start=1):
        name = task.output if i == len(layers) else task.activation
        a.append(ACTIVATIONS[name](a[-1] @ w.T + b))
    return a


def cost(task, layers, examples):
    """C in float64: the mean over the rows of the task's loss."""
    layers = [(np.asarray(w, np.float64), np.asarray(b, np.float64)) for w, b in layers]
    a = forward(task, layers, examples.X.astype(np.float64))[-1]
    y = examples.Y.astype(np.float64)
    losses = {
        "quadratic": lambda: (a - y) ** 2,
        "squared_error": lambda: (a - y) ** 2 / 2,
        "categorical_cross_entropy": lambda: -y * np.log(np.maximum(a, 1e-300)),
        "binary_cross_entropy": lambda: (
            -y * np.log(np.maximum(a, 1e-300)) - (1 - y) * np.log(np.maximum(1 - a, 1e-300))
        ),
    }
    return float(losses[task.loss]().sum() / len(y))


def output_delta(task, a, y):
    """δ^(L); the entropies meet their own activation, where all but a - y cancels."""
    if task.loss == "quadratic":
        return 2 * (a - y) * SLOPES[task.output](a)
    if task.loss == "squared_error":
        return (a - y) * SLOPES[task.output](a)
    return a - y


class Adam:
    """Adam in its authors' efficient form, as bpcore, scikit-learn and the JAX code here have it.

    The textbook form, PyTorch's, adds ε = 1e-8 to √v̂ instead of √v.
    """

    def __init__(self, parameters, learning_rate, textbook=False):
        self.learning_rate, self.t, self.textbook = learning_rate, 0, textbook
        self.m = [np.zeros_like(p) for p in parameters]
        self.v = [np.zeros_like(p) for p in parameters]

    def update(self, parameters, gradients):
        self.t += 1
        correction = (1 - 0.999**self.t) ** 0.5
        rate = self.learning_rate * correction / (1 - 0.9**self.t)
        epsilon = 1e-8 * correction if self.textbook else 1e-8
        for p, g, m, v in zip(parameters, gradients, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * m / (np.sqrt(v) + epsilon)


class Descent:
    def __init__(self, parameters, learning_rate):
        self.learning_rate = learning_rate

    def update(self, parameters, gradients):
        for p, g in zip(parameters, gradients, strict=True):
            p -= self.learning_rate * g


RULES = {
    "sgd": Descent,
    "adam": Adam,
    "textbook adam": lambda parameters, rate: Adam(parameters, rate, textbook=True),
}


class Trainer:
    def __init__(self, task, examples, layers, threads, shuffle=True):
        self.task, self.examples = task, examples
        self.parts = [(w.astype(task.dtype), b.astype(task.dtype)) for w, b in layers]
        self.flat = [p for pair in self.parts for p in pair]
        self.rule = RULES[task.optimizer](self.flat, task.learning_rate)
        self.shuffle = shuffle and task.batch is not None
        self.rng = np.random.default_rng(0)

    @staticmethod
    def trained(task):
        return task

    def _update(self, x, y):
        a = forward(self.task, self.parts, x)
        delta = output_delta(self.task, a[-1], y) / len(x)
        gradients = []
        for i in reversed(range(len(self.parts))):
            gradients = [delta.T @ a[i], delta.sum(axis=0), *gradients]
            if i:
                delta = (delta @ self.parts[i][0]) * SLOPES[self.task.activation](a[i])
        self.rule.update(self.flat, gradients)

    def run(self, epochs, tick=None):
        X, Y = self.examples.X, self.examples.Y
        n = len(X)
        batch = self.task.batch or n
        for _ in range(epochs):
            order = self.rng.permutation(n) if self.shuffle else None
            for start in range(0, n, batch):
                part = slice(start, start + batch)
                rows = part if order is None else order[part]
                self._update(X[rows], Y[rows])
            if tick:
                tick()

    def step(self):
        self._update(self.examples.X, self.examples.Y)

    def layers(self):
        return self.parts


class Predictor:
    def __init__(self, task, layers, threads):
        self.task = task
        self.layers = [(w.astype(task.dtype), b.astype(task.dtype)) for w, b in layers]

    def bind(self, X):
        return lambda: forward(self.task, self.layers, X)[-1]

    @staticmethod
    def outputs(answer):
        return answer
