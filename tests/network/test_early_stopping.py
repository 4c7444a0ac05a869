"""fit(patience=…): it ends when the validation no longer gets better, with the best weights."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

import bpcore
from bpcore import DivergenceError, Network

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = np.sin(X[:, :1]) + RNG.normal(size=(60, 1))
V = RNG.normal(size=(40, 5)), np.sin(RNG.normal(size=(40, 1)))


def network():
    return Network((5, 40, 1), "tanh", "identity", dtype="float64", random_state=0)


def fit(net, epochs=300, **options):
    """A fit that learns its few rows by heart; θ after every epoch."""
    thetas = []

    def keep(one, _):
        thetas.append(one.parameters.copy())

    settings = {"optimizer": "adam", "learning_rate": 0.02, "validation_data": V}
    history = net.fit(X, Y, epochs, 8, callback=keep, **{**settings, **options})
    return history, thetas


@pytest.mark.parametrize("stop_on", ["cost", "score"])
@pytest.mark.parametrize("patience", [1, 7])
def test_the_weights_are_those_of_the_best_epoch(patience, stop_on):
    net = network()
    history, thetas = fit(net, patience=patience, stop_on=stop_on)
    values = np.array(
        history.validation_cost if stop_on == "cost" else history.validation_score
    ) * (1 if stop_on == "cost" else -1)
    best = int(values.argmin())
    assert history.stopped == "early_stopping"
    assert history.epochs == best + 1 + patience < 300
    assert_array_equal(net.parameters, thetas[best])


def test_until_then_it_is_the_same_fit():
    stopped, plain = fit(network(), patience=5)[0], fit(network(), epochs=20)[0]
    assert stopped.cost[:20] == plain.cost[: len(stopped.cost)][:20]


def test_an_improvement_smaller_than_tol_does_not_count():
    history, thetas = fit(net := network(), patience=3, tol=1e6)
    # the first is better than none
    assert history.epochs == 4
    assert_array_equal(net.parameters, thetas[int(np.argmin(history.validation_cost))])


def test_one_that_never_gets_worse_has_the_last_weights():
    net = network()
    history = net.fit(X, Y, 3, 60, 1e-3, validation_data=(X, Y), patience=2)
    assert (history.epochs, history.stopped) == (3, None)
    assert np.diff(history.validation_cost).max() < 0


@pytest.mark.parametrize("end", ["callback", "interrupt", "diverged", "epochs"])
def test_any_end_leaves_the_best_weights(end):
    net, thetas = network(), []

    def callback(one, history):
        thetas.append(one.parameters.copy())
        if history.epochs == 30 and end == "callback":
            return True
        if history.epochs == 30 and end == "interrupt":
            raise KeyboardInterrupt
        if history.epochs == 30 and end == "diverged":
            one.parameters[:] = 1e200
        return False

    def train():
        net.fit(
            X, Y, 31, 8, 0.02, optimizer="adam", validation_data=V, patience=31, callback=callback
        )

    error = {"interrupt": KeyboardInterrupt, "diverged": DivergenceError}.get(end)
    if error is None:
        train()
    else:
        with pytest.raises(error) as caught:
            train()
        assert end == "interrupt" or "keeps the parameters of the best epoch" in str(caught.value)
    best = int(np.argmin(net.history_.validation_cost))
    assert best < 29
    assert_array_equal(net.parameters, thetas[best])


@pytest.mark.parametrize("stopped_at", [1, 6, 14])
def test_a_resumed_fit_stops_where_the_whole_one_does(stopped_at, tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    whole, part, resumed = network(), network(), network()
    rules = {"patience": 12, "tol": 1e-4}
    expected, _ = fit(whole, **rules)
    assert expected.epochs > stopped_at
    fit(part, epochs=stopped_at, checkpoint=path, **rules)
    history, _ = fit(resumed, resume=path, checkpoint=path, **rules)
    assert history.validation_cost == expected.validation_cost
    assert history.stopped == "early_stopping"
    assert_array_equal(resumed.parameters, whole.parameters)
    # and once more, from its end
    again, _ = fit(ended := network(), resume=path, **rules)
    assert (again.epochs, again.stopped) == (expected.epochs, "early_stopping")
    assert_array_equal(ended.parameters, whole.parameters)
    with pytest.raises(ValueError, match="patience was 12 there and is 3 here"):
        fit(network(), resume=path, patience=3, tol=1e-4)


@pytest.mark.parametrize("epochs", [9, 300], ids=["the last epoch", "out of patience"])
def test_a_checkpoint_loads_with_the_weights_that_the_fit_leaves(epochs, tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    net = network()
    history, thetas = fit(net, epochs=epochs, patience=8, checkpoint=path)
    assert (history.stopped is None) == (epochs == 9)
    loaded = bpcore.load(path)
    assert_array_equal(loaded.parameters, net.parameters)
    assert not np.array_equal(loaded.parameters, thetas[-1])
    loaded.save(path)
    assert_array_equal(bpcore.load(path).parameters, net.parameters)


def test_a_first_epoch_that_diverges_says_which_weights_stay():
    net = network()
    theta = net.parameters.copy()
    with pytest.raises(DivergenceError, match="keeps the parameters it had before that epoch"):
        net.fit(X, Y, 9, 8, 1e200, validation_data=V, patience=3)
    assert_array_equal(net.parameters, theta)


def test_nothing_finite_chooses_nothing():
    """A validation set that overflows the cost: the last weights stay, and a warning says so."""
    net, plain = network(), network()
    huge = (X[:3], np.full((3, 1), 1e200))
    with pytest.warns(UserWarning, match=r"no validation cost was finite.*last epoch"):
        net.fit(X, Y, 4, validation_data=huge, patience=2)
    plain.fit(X, Y, 2)
    assert_array_equal(net.parameters, plain.parameters)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"patience": 0}, ValueError, "patience"),
        ({"patience": 2.5}, TypeError, "patience"),
        ({"patience": True}, TypeError, "patience"),
        ({"patience": 3, "stop_on": "loss"}, ValueError, "stop_on.*'cost' or 'score'.*'loss'"),
        ({"patience": 3, "tol": -1}, ValueError, "tol"),
        ({"patience": 3, "validation_data": None}, ValueError, "validation_data"),
    ],
)
def test_mistakes(options, error, match):
    net = network()
    theta = net.parameters.copy()
    with pytest.raises(error, match=match):
        fit(net, **options)
    assert_array_equal(net.parameters, theta)


@pytest.mark.parametrize("metric", ["r2", "auto"])
def test_r2_of_targets_that_are_all_the_same_chooses_nothing(metric):
    net = network()
    before = net.parameters.copy()
    for given in (
        (V[0][:1], V[1][:1]),
        (V[0], np.full(40, 0.1)),
        (*V, np.arange(40) == 7),
        (V[0], scipy.sparse.csr_matrix(np.full((40, 1), 5.0))),
    ):
        with pytest.raises(ValueError, match="have the same Y, so that their r2"):
            fit(net, patience=2, stop_on="score", metric=metric, validation_data=given)
        assert_array_equal(net.parameters, before)
        fit(network(), 2, patience=2, validation_data=given)
    fit(net, 2, patience=2, stop_on="score", metric="cost", validation_data=(V[0][:1], V[1][:1]))
    with pytest.raises(ValueError, match="metric must be one of"):
        fit(net, patience=2, stop_on="score", metric="r3")


def test_a_cost_that_stands_for_the_score_is_better_when_less():
    """Of a loss whose targets are no outputs "auto" is the cost."""

    def gaussian(a, y):
        d = (a - y[:, :1]) / y[:, 1:]
        return (d * (a - y[:, :1]))[:, 0] / 2, d

    X = np.random.default_rng(0).normal(size=(50, 2))
    Y = np.column_stack([X.sum(axis=1), np.ones(50)])
    found = []
    for metric in ("auto", "cost"):
        net = Network((2, 1), "identity", loss=gaussian, random_state=0)
        history = net.fit(
            X, Y, epochs=50, learning_rate=0.1, validation_data=(X, Y), patience=3,
            stop_on="score", metric=metric,
        )  # fmt: skip
        assert history.epochs == 50
        found.append(net.parameters.copy())
    assert net.cost(X, Y) < 1e-6
    assert_array_equal(*found)
