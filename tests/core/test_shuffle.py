"""Orders that the engine draws are those that NumPy's generators draw."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpcore import MLPClassifier, MLPRegressor, Network
from bpcore._core import shuffle
from bpcore._core.shuffle import Shuffle, shuffle_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
Y = np.sin(X[:, 0])
GENERATORS = {
    "RandomState": lambda: np.random.RandomState(7),
    "PCG64": lambda: np.random.default_rng(7),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(7)),
    "Philox": lambda: np.random.Generator(np.random.Philox(7)),
    "SFC64": lambda: np.random.Generator(np.random.SFC64(7)),
    "RandomState of PCG64": lambda: np.random.RandomState(np.random.PCG64(7)),
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 31, 32, 33, 64, 65, 1000, 70_001])
@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_order_from_the_same_bits(name, n):
    one, other = GENERATORS[name](), GENERATORS[name]()
    orders = np.arange(n), np.arange(n)
    drawn = Shuffle(other)
    for _ in range(3):
        one.shuffle(orders[0])
        drawn.shuffle(orders[1])
        assert_array_equal(*orders)
    assert one.standard_normal() == other.standard_normal()


@pytest.mark.parametrize("name", GENERATORS)
def test_numbers_that_are_rejected(name):
    """Up to a bound just above a power of two every second number is rejected."""
    one, other = GENERATORS[name](), GENERATORS[name]()
    drawn = Shuffle(other)
    orders = np.arange(2**21 + 5), np.arange(2**21 + 5)
    one.shuffle(orders[0])
    drawn.shuffle(orders[1])
    assert_array_equal(*orders)


class Own(np.random.RandomState):
    """A generator of a user's."""


def test_who_is_not_served():
    order = np.arange(5)
    assert shuffle_of(np.random.default_rng(0), order) is not None
    assert shuffle_of(np.random.default_rng(0), None) is None
    assert shuffle_of(Own(0), order) is None
    assert shuffle_of(None, order) is None
    frozen = np.arange(5)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        Shuffle(np.random.default_rng(0)).shuffle(frozen)
    with pytest.raises(ValueError, match="intp"):
        Shuffle(np.random.default_rng(0)).shuffle(np.arange(5.0))


def trained(make, rng, monkeypatch, by_engine):
    with monkeypatch.context() as patch:
        if not by_engine:
            patch.setattr("bpcore.network.epochs.shuffle_of", lambda rng, order: None)
        return make(rng)


def of_network(rng):
    net = Network((4, 6, 1), dtype="float64", random_state=1)
    net.fit(X, Y, epochs=700, batch_size=8, learning_rate=0.01, random_state=rng)
    return [net.parameters.copy(), net.history_.cost, net.history_.learning_rate, rng.random(3)]


def of_estimator(**settings):
    def make(rng):
        cls = settings.get("cls", MLPRegressor)
        given = {"hidden_layer_sizes": (6,), "batch_size": 8, "max_iter": 60, **settings}
        given.pop("cls", None)
        est = cls(random_state=rng, **given).fit(X, Y if cls is MLPRegressor else Y > 0)
        return [
            est.network_.parameters.copy(), est.loss_curve_, est.n_iter_, est.t_, est.best_loss_,
            est._no_improvement_count, est.stopped_early_, est._optimizer.learning_rate,
            rng.random_sample(3),
        ]  # fmt: skip

    return make


ESTIMATORS = {
    "to the end": {"tol": 0.0, "n_iter_no_change": np.inf},
    "a plateau": {"tol": 0.05, "n_iter_no_change": 3},
    "slower at each": {
        "tol": 0.01, "n_iter_no_change": 2, "solver": "sgd", "learning_rate": "adaptive",
    },
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "a classifier": {"cls": MLPClassifier, "tol": 0.01, "n_iter_no_change": 4},
    "held out": {"early_stopping": True},
    "dropout": {"dropout": 0.3},
    "two warm starts": {"warm_start": True, "tol": 0.01, "n_iter_no_change": 4, "max_iter": 7},
}  # fmt: skip


@pytest.mark.parametrize("name", ["RandomState", "RandomState of PCG64"])
@pytest.mark.parametrize("settings", ESTIMATORS)
def test_a_fit_is_what_it_is_with_numpys_own_shuffles(settings, name, monkeypatch):
    """Several epochs in the engine: weights, records, where it stops, and what is drawn next."""
    make = of_estimator(**ESTIMATORS[settings])
    ends = [trained(make, GENERATORS[name](), monkeypatch, it) for it in (True, False)]
    for one, other in zip(*ends, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["PCG64", "MT19937"])
def test_a_networks_fit_too(name, monkeypatch):
    ends = [trained(of_network, GENERATORS[name](), monkeypatch, it) for it in (True, False)]
    for one, other in zip(*ends, strict=True):
        assert_array_equal(one, other)


def test_a_numpy_that_shuffles_otherwise_shuffles_itself(monkeypatch):
    """Should its algorithm change, results follow NumPy's."""
    monkeypatch.setattr(shuffle, "_is_numpys", lambda kind: False)
    assert shuffle_of(np.random.default_rng(0), np.arange(5)) is None


def test_a_generator_that_several_fits_share_is_drawn_from_by_one_at_a_time():
    """Each order is a permutation, and nothing outside the generator's state is read."""
    rng = np.random.default_rng(3)
    nets = [Network((4, 6, 1), dtype="float64", random_state=k) for k in range(3)]

    def train(net):
        net.fit(X, Y, epochs=300, batch_size=8, learning_rate=0.01, random_state=rng)

    threads = [threading.Thread(target=train, args=(net,)) for net in nets]
    for one in threads:
        one.start()
    drawn = [rng.random() for _ in range(200)]
    for one in threads:
        one.join()
    assert len(set(drawn)) == 200
    for net in nets:
        assert np.isfinite(net.parameters).all()
        assert net.history_.epochs == 300
