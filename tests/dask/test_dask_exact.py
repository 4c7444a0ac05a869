"""lbfgs, irprop- and single updates: the local estimator's numbers, by whatever workers."""

import dask.array as da
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from bpcore import MLPClassifier, MLPRegressor
from bpcore.dask import DaskMLPClassifier, DaskMLPRegressor
from bpcore.dask.rounds import Answer, add, combine

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900] / 16, y[:900]


def on_dask(*arrays, rows=150):
    return [da.from_array(one, chunks=(rows, *one.shape[1:])) for one in arrays]


def difference(one, other):
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"alpha": 0.3, "l1": 0.01},
        {"class_weight": "balanced"},
        {"class_weight": {k: 1 + k for k in range(10)}, "activation": "tanh"},
        {"loss": "quadratic"},
    ],
    ids=str,
)
@pytest.mark.parametrize("solver", ["lbfgs", "irprop-"])
def test_thirty_iterations_are_the_local_ones(solver, more, client, digits):
    X, y = digits
    # a round costs the same whatever is asked
    parameters = {"solver": solver, "max_iter": 6 if more else 30, "random_state": 3, **more}
    weights = np.random.default_rng(0).uniform(0.2, 2, len(y))
    there = DaskMLPClassifier((20,), **parameters).fit(*on_dask(X, y, weights))
    here = MLPClassifier((20,), **parameters).fit(X, y, weights)
    assert difference(there, here) < 1e-6
    assert there.loss_curve_ == pytest.approx(here.loss_curve_, rel=1e-8)
    assert there.n_iter_ == here.n_iter_
    assert there.score(*on_dask(X, y)) == here.score(X, y)


@pytest.mark.parametrize(
    "more", [{"clip_norm": 0.5, "weight_decay": 0.1}, {"loss": "huber", "l1": 0.1}], ids=str
)
def test_a_regressor_by_irprop(more, client):
    X, y = load_diabetes(return_X_y=True)
    y = y / 100
    parameters = {"solver": "irprop-", "max_iter": 8, "random_state": 0, **more}
    there = DaskMLPRegressor(hidden_layer_sizes=(10,), **parameters).fit(*on_dask(X, y, rows=100))
    here = MLPRegressor(hidden_layer_sizes=(10,), **parameters).fit(X, y)
    assert difference(there, here) < 1e-6
    assert there.score(*on_dask(X, y, rows=100)) == pytest.approx(here.score(X, y), abs=1e-12)


@pytest.mark.parametrize("more", [{}, {"loss": "quantile", "quantile": [0.1, 0.5]}], ids=str)
def test_a_chunk_that_weighs_nothing_has_no_part_in_a_score(more, client):
    X, y = load_diabetes(return_X_y=True)
    parameters = {"solver": "lbfgs", "max_iter": 3, "random_state": 0, **more}
    there = DaskMLPRegressor(hidden_layer_sizes=(4,), **parameters).fit(*on_dask(X, y, rows=100))
    for nothing in (slice(100), slice(100, 200), slice(100, None)):
        weights = np.ones(len(y))
        weights[nothing] = 0
        found = there.score(*on_dask(X, y, weights, rows=100))
        assert found == pytest.approx(there.to_local().score(X, y, weights), abs=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam"])
def test_one_update_a_round_is_a_minibatch_of_all_chunks(solver, client, digits):
    """The oracle goes through the rows in the order that the rounds take them in."""
    X, y = digits
    parameters = {
        "solver": solver, "max_iter": 6, "random_state": 1, "shuffle": False, "alpha": 0.01,
        "clip_norm": 0.9, "n_iter_no_change": 100, "learning_rate_init": 0.01,
    }  # fmt: skip
    there = DaskMLPClassifier((20,), local_updates=1, batch_size=25, **parameters)
    there.fit(*on_dask(X, y))
    starts = [k * 150 + r * 25 for r in range(6) for k in range(6)]
    order = np.concatenate([np.arange(one, one + 25) for one in starts])
    here = MLPClassifier((20,), batch_size=150, **parameters | {"max_iter": 1})
    here.fit(X[order], y[order])
    assert difference(there, here) < 1e-9
    assert np.mean(there.loss_curve_) == pytest.approx(here.loss_, rel=1e-9)
    assert there.t_ == 900


def test_a_single_chunk_that_is_not_shuffled_is_a_local_fit(client, digits):
    X, y = digits
    parameters = {"max_iter": 4, "random_state": 0, "shuffle": False, "batch_size": 100}
    there = DaskMLPClassifier((20,), local_updates="pass", **parameters)
    there.fit(*on_dask(X, y, rows=900))
    here = MLPClassifier((20,), **parameters).fit(X, y)
    assert difference(there, here) == 0
    assert there.loss_curve_ == here.loss_curve_
    assert there.t_ == here.t_ == 3600


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 7, 8, 11, 16, 64, 100])
def test_sums_are_the_same_however_the_terms_are_grouped(n, rng):
    """All terms at once, in groups of any kind, in any order: the same additions."""
    terms = rng.normal(size=(n, 7)).astype(np.float32) * 10.0 ** rng.integers(-6, 6, (n, 1))
    found = set()
    for _ in range(6):
        home = rng.integers(0, 4, n)
        answers = []
        for k in rng.permutation(4):
            one = Answer()
            for i in rng.permutation(np.flatnonzero(home == k)):
                add(one.nodes, (0, int(i)), [terms[i]], n)
            answers.append(one)
        answers = [combine(n, *answers[:2]), *answers[2:]]
        ((total,),) = combine(n, *answers).nodes.values()
        assert total == pytest.approx(terms.astype(float).sum(axis=0), rel=1e-3, abs=1.0)
        found.add(total.tobytes())
    assert len(found) == 1


PARAMETERS = [
    {"solver": "lbfgs", "max_iter": 8},
    {"solver": "irprop-", "max_iter": 5},
    {"local_updates": 3, "batch_size": 30, "max_iter": 5, "dropout": 0.2},
    {"local_updates": 1, "batch_size": 30, "max_iter": 5, "dropout": 0.2, "solver": "sgd"},
    {"local_updates": 4, "max_iter": 5, "early_stopping": True, "class_weight": "balanced"},
]


def test_workers_and_threads_change_no_bit(make_cluster, digits, monkeypatch):
    """One worker, five, some with threads; trees of tasks for one sum; a group for every chunk."""
    from bpcore.dask import groups

    X, y = (one.astype(dtype) for one, dtype in zip(digits, ("float32", "int"), strict=True))
    expected = None
    for n_workers, threads, fan_in, part in (
        (1, 1, 8, 1), (5, 1, 8, 1), (2, 3, 8, 1), (5, 1, 2, 1), (2, 1, 8, 0),
    ):  # fmt: skip
        monkeypatch.setattr(groups, "FAN_IN", fan_in)
        monkeypatch.setattr(groups, "_MOST_AT_ONCE", part)
        monkeypatch.setattr(groups, "_AT_ONCE", part)
        bits = []
        with make_cluster(n_workers, threads) as cluster, cluster.get_client() as client:
            for more in PARAMETERS:
                est = DaskMLPClassifier((20,), random_state=0, client=client, **more)
                est.fit(*on_dask(X, y, rows=100))
                assert est.network_.dtype == np.float32
                bits.append((est.network_.parameters.tobytes(), est.loss_curve_))
        assert expected in (None, bits)
        expected = bits
