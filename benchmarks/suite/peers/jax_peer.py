"""JAX: jit, a whole epoch in one `lax.scan`, the optimizers written out.

Its CPU client makes as many threads as the process may use processors, once: the worker limits
those before this module is loaded.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

ACTIVATIONS = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "identity": lambda z: z,
    "softmax": lambda z: z,  # the loss takes z
}


def _need_doubles(task):
    jax.config.update("jax_enable_x64", task.dtype == "float64")


def _forward(task, parameters, x):
    for i, (w, b) in enumerate(parameters):
        last = i == len(parameters) - 1
        x = ACTIVATIONS[task.output if last else task.activation](x @ w + b)
    return x


def _cost(task, parameters, x, y):
    a = _forward(task, parameters, x)
    if task.loss == "categorical_cross_entropy":
        return -(y * jax.nn.log_softmax(a)).sum(axis=1).mean()
    scale = 1.0 if task.loss == "quadratic" else 0.5
    return scale * ((a - y) ** 2).sum(axis=1).mean()


def _updater(task):
    """(θ, state), x, y -> (θ, state) after one update."""
    eta = task.learning_rate

    def descend(carry, x, y):
        theta, state = carry
        grad = jax.grad(lambda p: _cost(task, p, x, y))(theta)
        return jax.tree.map(lambda p, g: p - eta * g, theta, grad), state

    def adam(carry, x, y):
        theta, (m, v, t) = carry
        grad = jax.grad(lambda p: _cost(task, p, x, y))(theta)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grad)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grad)
        # 1 - β^t without the loss of digits that 1 - β^t has in float32
        of_m, of_v = (-jnp.expm1(t * np.log(beta)) for beta in (0.9, 0.999))
        rate = eta * jnp.sqrt(of_v) / of_m
        theta = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), theta, m, v)
        return theta, (m, v, t)

    return adam if task.optimizer == "adam" else descend


def _epoch(task):
    update = _updater(task)

    def epoch(carry, x, y, order):
        def take(rows):
            return (part.at[rows].get(mode="promise_in_bounds") for part in (x, y))

        whole = len(x) // task.batch * task.batch
        batches = order[:whole].reshape(-1, task.batch)
        carry, _ = lax.scan(lambda c, rows: (update(c, *take(rows)), None), carry, batches)
        if whole < len(x):
            carry = update(carry, *take(order[whole:]))
        return carry

    return jax.jit(epoch, donate_argnums=0)


def _full_batch_steps(task):
    update = _updater(task)

    def run(carry, x, y, steps):
        return lax.scan(lambda c, _: (update(c, x, y), None), carry, length=steps)[0]

    return jax.jit(run, donate_argnums=0, static_argnames="steps")


class Trainer:
    def __init__(self, task, examples, layers, threads, shuffle=True):
        _need_doubles(task)
        self.task = task
        dtype = task.dtype
        theta = [(jnp.array(w.T, dtype), jnp.array(b, dtype)) for w, b in layers]
        state = ()
        if task.optimizer == "adam":
            zeros = (jax.tree.map(jnp.zeros_like, theta) for _ in range(2))
            state = (*zeros, jnp.zeros((), dtype))
        self.carry = (theta, state)
        self.x, self.y = jnp.asarray(examples.X), jnp.asarray(examples.Y)
        self.shuffle = shuffle
        self.rng = np.random.default_rng(0)
        self._epoch = None if task.batch is None else _epoch(task)
        self._steps = _full_batch_steps(task)
        self._update = jax.jit(_updater(task), donate_argnums=0)

    @staticmethod
    def trained(task):
        return task

    def run(self, epochs, tick=None):
        if self.task.batch is None:
            self.carry = self._steps(self.carry, self.x, self.y, steps=epochs)
            jax.block_until_ready(self.carry)
            return
        n = len(self.x)
        for _ in range(epochs):
            order = self.rng.permutation(n) if self.shuffle else np.arange(n)
            self.carry = self._epoch(self.carry, self.x, self.y, order.astype(np.int32))
            jax.block_until_ready(self.carry)
            if tick:
                tick()

    def step(self):
        self.carry = self._update(self.carry, self.x, self.y)
        jax.block_until_ready(self.carry)

    def layers(self):
        return [(np.asarray(w).T, np.asarray(b)) for w, b in self.carry[0]]


class Predictor:
    def __init__(self, task, layers, threads):
        _need_doubles(task)
        self.parameters = [(jnp.array(w.T, task.dtype), jnp.array(b)) for w, b in layers]
        self.forward = jax.jit(lambda p, x: _forward(task, p, x))

    def bind(self, X):
        x = jnp.asarray(X)
        return lambda: self.forward(self.parameters, x).block_until_ready()

    @staticmethod
    def outputs(answer):
        return np.asarray(answer)
