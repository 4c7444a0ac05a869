"""What the tests of checkpoints share: a network and its data."""

import numpy as np

from bpcore import Network

RNG = np.random.default_rng(7)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = RNG.random((50, 2))
S = RNG.random(50)


def network(dtype="float32", **arguments):
    arguments = {"random_state": 3, "dropout": 0.2, **arguments}
    return Network((4, 6, 5, 2), ["tanh", "relu"], "sigmoid", dtype=dtype, **arguments)
