"""MLPRegressor(solver="lm")."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bpcore import MLPRegressor, Network

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


def test_what_an_estimator_refuses(tmp_path):
    X, Y = curve()
    for options, words in (
        ({"dropout": 0.1}, "takes no dropout"),
        ({"l1": 0.1}, "takes no l1"),
        ({"loss": "huber"}, "sum of squares"),
    ):
        with pytest.raises(ValueError, match=words):
            MLPRegressor(hidden_layer_sizes=(4,), solver="lm", **options).fit(X, Y)
    with pytest.raises(ValueError, match="lm keeps a state"):
        MLPRegressor(hidden_layer_sizes=(4,), solver="lm").fit(
            X, Y, checkpoint=tmp_path / "x.safetensors"
        )
    assert not hasattr(MLPRegressor(solver="lm"), "partial_fit")
