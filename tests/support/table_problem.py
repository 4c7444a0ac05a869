"""What the tests of data share: a table, and all that a network makes of it."""

import numpy as np
from numpy.testing import assert_allclose

from bpcore import Network

N, WIDTH = 37, 11
COUNTS = np.random.default_rng(0).integers(0, 120, (N, WIDTH))
COUNTS[np.random.default_rng(1).uniform(size=COUNTS.shape) < 0.6] = 0
Y = np.random.default_rng(2).uniform(size=(N, 3))


def make(dtype="float64"):
    network = Network((WIDTH, 6, 3), "tanh", "sigmoid", dtype=dtype, random_state=0)
    network.weights[0][:] /= 50
    return network


def results(X, Y=Y, s=None, dtype="float64"):
    """What every door of the network makes of the data: outputs, derivatives and trained θ."""
    network = make(dtype)
    g, t = network.gradient(X, Y, s), network.trace(X, Y, s)
    found = [
        network.forward(X),
        network.cost(X, Y, s),
        g.vector,
        g.inputs,
        t.dC_dz[1],
        t.a[0],
        network.per_sample_gradients(X, Y),
        network.jacobian(X),
        network.score(X, Y, sample_weight=s),
    ]
    network.fit(X, Y, 2, 8, 0.5, sample_weight=s, random_state=1)
    found.append(network.parameters.copy())
    network.fit(X, Y, 1, None, 0.5, sample_weight=s, shuffle=False, validation_data=(X, Y))
    return [*found, network.history_.validation_cost[0], network.parameters.copy()]


def assert_same(X, Y_given=Y, dtype="float64", expected_of=COUNTS):
    expected = results(np.array(expected_of, dtype, order="C"), Y.astype(dtype), dtype=dtype)
    close = {"rtol": 3e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-14}
    for ours, theirs in zip(results(X, Y_given, dtype=dtype), expected, strict=True):
        assert_allclose(ours, theirs, **close)
