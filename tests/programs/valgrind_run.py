"""A little of everything that the kernels do, for `make valgrind`: each line once, no waiting.

Valgrind sees reads of memory that was never written, which no other check here does.  It runs
some fifty times slower, has no AVX-512 (engine and BLAS take what the processor says it has,
here AVX2) and one thread at a time.
"""

import itertools

import numpy as np
from scipy import sparse
from tuned import own_products_up_to, share_always, untune

from bpcore import Network
from bpcore._core import products
from bpcore._core.activations import ACTIVATIONS

OPTIMIZERS = [
    "sgd",
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    "adam",
    "rmsprop",
    "adagrad",
    "nadam",
    "irprop-",
]
LOSSES = [
    ("quadratic", "sigmoid"),
    ("squared_error", "identity"),
    ("absolute", "softmax"),
    ("huber", "tanh"),
    ("quantile", "gelu"),
    ("binary_cross_entropy", None),
    (("binary_cross_entropy", "clip"), None),
    ("categorical_cross_entropy", None),
    ("poisson", "exponential"),
    ("poisson", "softplus"),
]
RULES = [{}, {"l2": 0.1}, {"l1": 0.1, "weight_decay": 0.1}, {"clip_norm": 0.1}]


def everything(network, X, Y, weights, **arguments):
    """Every kind of pass of one network; fails where a number is not one."""
    network.fit(X, Y, 1, sample_weight=weights, **arguments)
    gradient = network.gradient(X, Y, weights)
    trace = network.trace(X, Y, weights)
    found = [
        network.parameters,
        network.predict(X),
        network.cost(X, Y, weights),
        gradient.vector,
        gradient.inputs,
        network.per_sample_gradients(X, Y),
        network.jacobian(X),
        *trace.a,
        *trace.dC_dz[1:],
        *trace.dC_dw[1:],
    ]
    for numbers in found:
        assert np.isfinite(numbers).all()


def main():
    rng = np.random.default_rng(0)
    dtypes = ("float32", "float64")
    hidden = [name for name in ACTIVATIONS if name != "softmax"]
    weights = np.array([0.0, *rng.random(36)])
    optimizers, rules = itertools.cycle(OPTIMIZERS), itertools.cycle(RULES)
    runs = 0
    for dtype, (k, (loss, output)) in itertools.product(dtypes, enumerate(LOSSES)):
        network = Network(
            (5, 7, 17, 3), [hidden[k], hidden[(k + 5) % 10]], output, loss=loss, dtype=dtype,
            random_state=0, dropout=0.2 * (k % 2),
        )  # fmt: skip
        X, Y = rng.random((37, 5)).astype(dtype), rng.random((37, 3)).astype(dtype)
        if "categorical_cross_entropy" in loss:
            Y /= Y.sum(axis=1, keepdims=True)
        for table in (X, X.astype("float64"), X[:, ::-1], sparse.csr_array(X * (X > 0.5))):
            everything(network, table, Y, weights, batch_size=16, optimizer=next(optimizers),
                       learning_rate=1e-3, **next(rules))  # fmt: skip
            runs += 1
        network.step(X[0], Y[0], 1e-3)
        network.predict(X[0])
    # the loops of each instruction set and BLAS, rows read through pointers, several threads
    for level, dtype in itertools.product((4, 2, 0), dtypes):
        products.set_isa(level or 4)
        own_products_up_to(5e7 if level else 0)
        share_always()
        network = Network((70, 33, 10), "relu", dtype=dtype, random_state=0, n_threads=2)
        X, Y = rng.random((300, 70)).astype(dtype), rng.random((300, 10))
        network.fit(X, Y, 2, 40, 0.01)
        network.fit(X, Y, 1, None, 0.01, clip_norm=0.1)
        assert np.isfinite(network.predict(X)).all()
        untune()
        runs += 1
    print(f"{runs} networks")


if __name__ == "__main__":
    main()
