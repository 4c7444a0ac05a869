"""Cost and outputs of a validation set, by one pass or by two: the bits are those of each alone."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.metrics import r2_score

from bpcore import Network
from bpcore._core.engine import Evaluation
from bpcore._core.rows import Rows
from bpcore.estimators.scores import r2

RNG = np.random.default_rng(0)
SIZES = [
    (3, 8, 1),
    (30, 100, 1),
    (100, 16, 10),
    (784, 20, 10),
    (5, 2),
    (17, 33, 64, 3),
    (300, 300, 7),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 7, 100, 1000, 3000])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_bits_of_both_alone(sizes, n, dtype):
    net = Network(sizes, output_activation="sigmoid", dtype=dtype, random_state=0)
    x = RNG.normal(size=(n, sizes[0])).astype(dtype)
    y = RNG.uniform(size=(n, sizes[-1]))
    weights = None if n % 2 else RNG.uniform(0, 2, n)
    rows = Rows(x), Rows(y)
    evaluation = Evaluation(net, *rows, weights)
    for _ in range(3):
        assert evaluation.cost() == net._cost(*rows, weights)
        assert_array_equal(evaluation.outputs, net.predict(x))
        net.parameters[:] += 0.01


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("density", [0.01, 0.1, 1.0])
def test_sparse_rows_and_threads(density, n_threads):
    net = Network((900, 32, 5), random_state=0, n_threads=n_threads)
    for n in (3, 40, 2500):
        x = scipy.sparse.random(n, 900, density, format="csr", dtype="float32", rng=RNG)
        rows = Rows(x), Rows(RNG.uniform(size=(n, 5)))
        evaluation = Evaluation(net, *rows)
        for _ in range(2):
            assert evaluation.cost() == net._cost(*rows)
            out = np.empty((n, 5), dtype="float32")
            net._predict_into(rows[0], out)
            assert_array_equal(evaluation.outputs, out)


def test_what_does_not_fit():
    net = Network((3, 2))
    x = Rows(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="outputs"):
        Evaluation(net, x, Rows(np.zeros((4, 3))))
    with pytest.raises(ValueError, match="same number"):
        Evaluation(net, x, Rows(np.zeros((5, 2))))
    with pytest.raises(ValueError, match="sample_weight"):
        Evaluation(net, x, Rows(np.zeros((4, 2))), np.ones(3))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "types", [("float32", "float32"), ("float64", "float32"), ("float64",) * 2]
)
@pytest.mark.parametrize("shape", [(2, 1), (50, 1), (1001, 3)])
def test_r2_is_scikit_learns(shape, types, weighted):
    for case in range(6):
        Y, a = RNG.normal(size=shape).astype(types[0]), RNG.normal(size=shape).astype(types[1])
        if case > 2:
            Y[:, 0] = 2.0
        if case == 4:
            a[:] = Y
        if case == 5:
            a[:, -1] = Y[:, -1]
        weights = RNG.uniform(0, 3, shape[0]) if weighted else None
        assert r2(Y, a, weights) == r2_score(Y, a, sample_weight=weights)
