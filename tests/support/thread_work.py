"""What the tests of threads share: work to be shared, and a count of the threads that do."""

import numpy as np
from tuned import share_always, untune

from bpcore import Network
from bpcore._core import pool

SETTINGS = {
    "recogniser": ((784, 16, 16, 10), 900, 32, "sgd", {}),
    "adam, l2": ((200, 100, 10), 1500, 200, "adam", {"l2": 1e-3}),
    "larger than a pass, clipped": ((30, 64, 33, 5), 5000, 5000, "adam", {"clip_norm": 0.1}),
    "dropout, l1": ((300, 200, 10), 600, 128, ("sgd", {"momentum": 0.9}), {"l1": 1e-4}),
    "weights, decay": ((100, 130, 3), 700, 300, "nadam", {"weight_decay": 0.01}),
    "wide": ((784, 700, 10), 520, 400, "rmsprop", {}),
}


class Started:
    """Counts the threads that the engine has started since `again`."""

    def __init__(self):
        self.again()

    def again(self):
        self.before = pool.threads_started()

    def count(self):
        return pool.threads_started() - self.before


def share_all_work():
    """For a fixture: share even the smallest work, and count the threads that take part."""
    share_always()
    yield Started()
    untune()


def everything(n_threads, sizes, n, batch_size, optimizer, rules, dtype):
    """All that a network computes, as bytes."""
    rng = np.random.default_rng(0)
    X, Y = rng.random((n, sizes[0])).astype(dtype), rng.random((n, sizes[-1])).astype(dtype)
    s = rng.integers(0, 3, n) if "weight_decay" in rules else None
    dropout = 0.3 if "l1" in rules else 0.0
    network = Network(
        sizes, "tanh", random_state=0, dtype=dtype, dropout=dropout, n_threads=n_threads
    )
    history = network.fit(
        X,
        Y,
        3,
        batch_size,
        0.01,
        optimizer=optimizer,
        sample_weight=s,
        callback=lambda net, history: None,  # an epoch a call
        **rules,
    )
    gradient = network.gradient(X, Y, s)
    return [
        network.parameters.tobytes(),
        tuple(history.cost),
        network.predict(X).tobytes(),
        network.cost(X, Y, s),
        gradient.vector.tobytes(),
        gradient.inputs.tobytes(),
    ]
