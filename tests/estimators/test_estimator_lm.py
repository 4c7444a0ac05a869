"""MLPRegressor(solver="lm")."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import MLPClassifier, MLPRegressor, ModelFileError, Network

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def curve(n=120):
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, size=(n, 2))
    return X, np.column_stack([np.sin(2 * X[:, 0]) * X[:, 1], X[:, 0] - np.cos(X[:, 1])])


@TYPES
def test_an_estimator(dtype):
    X, Y = curve()
    X = X.astype(dtype)
    reg = MLPRegressor(
        hidden_layer_sizes=(8,), activation="tanh", solver="lm", alpha=0, tol=1e-2, random_state=0
    )
    reg.fit(X, Y)
    assert reg.score(X, Y) > 0.99
    assert reg.n_iter_ == len(reg.loss_curve_) <= 200
    assert reg.loss_curve_[-1] == pytest.approx(((reg.predict(X) - Y) ** 2).mean() / 2, rel=1e-3)
    network = Network((2, 8, 2), "tanh", "identity", "squared_error", dtype=dtype)
    again = MLPRegressor.from_network(network)
    assert again.network_ is network


def test_an_estimators_weights_are_repeated_rows():
    X, Y = curve(40)
    repeats = np.random.default_rng(0).integers(1, 4, size=len(X))
    options = {"activation": "tanh", "solver": "lm", "random_state": 0}
    options |= {"max_iter": 5, "alpha": 0.5}
    one, other = (
        MLPRegressor(hidden_layer_sizes=(4,), **options),
        MLPRegressor(hidden_layer_sizes=(4,), **options),
    )
    with pytest.warns(match="lm: Maximum iterations"):
        one.fit(X, Y, sample_weight=repeats)
    with pytest.warns(match="lm: Maximum iterations"):
        other.fit(np.repeat(X, repeats, 0), np.repeat(Y, repeats, 0))
    assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-5, atol=1e-6)


def test_an_estimators_early_stopping():
    rng = np.random.default_rng(0)
    X, Y = curve(200)
    Y = Y + 0.3 * rng.normal(size=Y.shape)
    reg = MLPRegressor(hidden_layer_sizes=(15,), activation="tanh", solver="lm", random_state=0)
    reg.set_params(alpha=0, early_stopping=True, n_iter_no_change=5).fit(X, Y)
    assert reg.stopped_early_
    assert reg.best_validation_score_ == max(reg.validation_scores_)


def test_what_an_estimator_refuses():
    X, Y = curve()
    for options, words in (
        ({"dropout": 0.1}, "takes no dropout"),
        ({"l1": 0.1}, "takes no l1"),
        ({"loss": "huber"}, "sum of squares"),
    ):
        with pytest.raises(ValueError, match=words):
            MLPRegressor(hidden_layer_sizes=(4,), solver="lm", **options).fit(X, Y)
    assert not hasattr(MLPRegressor(solver="lm"), "partial_fit")


class Break(Exception):
    """What a callback breaks a fit off with."""


def _break(reg):
    if reg.n_iter_ == 4:
        raise Break


def half(path, X, Y, **options):
    """The checkpoint of a fit that broke off after four iterations."""
    pytest.importorskip("safetensors", reason="safetensors is not installed: bpcore[files]")
    with pytest.raises(Break):
        noisy(**options, callback=_break).fit(X, Y, checkpoint=path)
    return path


def noisy(**options):
    common = {"hidden_layer_sizes": (8,), "activation": "tanh", "solver": "lm", "tol": 0}
    return MLPRegressor(**common | {"random_state": 0, "max_iter": 9} | options)


@TYPES
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("alpha", [0.1, "evidence"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_goes_on_to_the_same_bits(alpha, early_stopping, dtype, tmp_path):
    X, Y = curve()
    X = X.astype(dtype)
    Y = Y + 0.1 * np.random.default_rng(2).normal(size=Y.shape)
    options = {"alpha": alpha, "early_stopping": early_stopping}
    path = half(tmp_path / "half.safetensors", X, Y, **options)
    whole = noisy(**options).fit(X, Y)
    for _ in range(2):  # the second time from the end
        resumed = noisy(**options).fit(X, Y, checkpoint=path, resume=path)
        assert_array_equal(resumed.network_.parameters, whole.network_.parameters)
        for name in ("loss_curve_", "validation_scores_", "alpha_", "noise_std_", "n_iter_"):
            assert getattr(resumed, name, None) == getattr(whole, name, None)


@pytest.mark.parametrize("options", [{"solver": "adam"}, {"alpha": "evidence"}, {"tol": 1e-3}])
def test_a_checkpoint_of_another_fit(options, tmp_path):
    X, Y = curve()
    path = half(tmp_path / "half.safetensors", X, Y)
    with pytest.raises(ValueError, match=f"{next(iter(options))} was"):
        noisy(**options).fit(X, Y, resume=path)


@pytest.mark.parametrize("state", [None, [1.0, 2.0], [-1.0, 2.0, 1.0], [1.0, float("nan"), 1.0]])
def test_a_damaged_state(state, tmp_path):
    X, Y = curve()
    path = half(tmp_path / "half.safetensors", X, Y)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    sections = json.loads(header["__metadata__"]["bpcore"])
    if state is None:
        del sections["training"]["solver"]
    else:
        values = [{"float": "nan"} if one != one else one for one in state]
        sections["training"]["solver"] = {"array": ["float64", [len(state)], values]}
    header["__metadata__"]["bpcore"] = json.dumps(sections)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(ModelFileError, match=r"solver's state|array"):
        noisy().fit(X, Y, resume=path)


def test_losses_that_are_no_squares_are_named_as_the_estimators_name_them():
    X, Y = curve(30)
    with pytest.raises(ValueError, match="loss='squared_error', got loss='huber'"):
        MLPRegressor("huber", solver="lm").fit(X, Y)
    with pytest.raises(ValueError, match="loss='quadratic', got loss='log_loss'"):
        MLPClassifier(solver="lm").fit(X, Y[:, 0] > 0)
