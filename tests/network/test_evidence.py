"""fit(optimizer="lm", l2="evidence"): the penalty that the data speak for."""

import warnings

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import BayesianRidge

from bpcore import ModelFileError, Network, load
from bpcore._core import tuning
from bpcore.files import values

EVIDENCE = {"optimizer": ("lm", {"tol": 1e-12}), "l2": "evidence"}


def curve(n=150, noise=0.1, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n, 2))
    Y = np.column_stack([np.sin(2 * X[:, 0]) * X[:, 1], X[:, 0] - np.cos(X[:, 1])])
    return X, Y + noise * rng.normal(size=Y.shape)


def small(n_outputs=2, hidden=8, dtype="float64", **options):
    return Network(
        (2, hidden, n_outputs), "tanh", "identity", dtype=dtype, random_state=0, **options
    )


@pytest.mark.parametrize("loss", ["quadratic", "squared_error"])
def test_what_is_found_is_a_fixed_point_of_mackays_formulas(loss):
    """α = γ' / Σθ², 1/β = Σ s r² / (N - γ), γ = n - α tr(D H⁻¹), and ∇ of the penalised sum 0."""
    X, Y = curve()
    s = np.random.default_rng(2).uniform(0.2, 2, size=len(X))
    network = small(loss=loss)
    history = network.fit(X, Y, epochs=3000, sample_weight=s, **EVIDENCE)
    assert history.stopped == "converged"
    s = np.repeat(s / s.mean(), 2)
    n, theta = network.n_parameters, network.parameters
    free = np.arange(n) >= n - 2
    J = network.parameter_jacobian(X).reshape(-1, n)
    r = (network.predict(X) - Y).ravel()
    beta = 1 / history.noise_std[-1] ** 2
    alpha = history.l2[-1] * beta * (0.5 if loss == "quadratic" else 1.0)
    H = beta * J.T @ (s[:, None] * J) + alpha * np.diag(~free)
    gamma = n - alpha * np.linalg.inv(H).diagonal()[~free].sum()
    assert history.effective_parameters[-1] == pytest.approx(gamma, rel=1e-4)
    assert 0.4 * n < gamma < n
    assert 1 / beta == pytest.approx((s * r**2).sum() / (Y.size - gamma), rel=1e-4)
    assert alpha == pytest.approx((gamma - 2) / (theta[~free] ** 2).sum(), rel=1e-4)
    gradient = beta * J.T @ (s * r) + alpha * np.where(free, 0, theta)
    assert np.abs(gradient).max() < 1e-3 * np.abs(beta * J.T @ (s * Y.ravel())).max()
    penalty = history.l2[-1] / 2 * (theta[~free] ** 2).sum() / len(X)
    assert history.cost[-1] == pytest.approx(network.cost(X, Y, s[::2]) + penalty, rel=1e-9)


def test_a_line_is_scikit_learns_bayesian_ridge():
    """Without its intercept, which is of no prior: the rows turned until none of them has any."""
    rng = np.random.default_rng(0)
    n = 40
    X = rng.normal(size=(n, 5)) * [1, 2, 0.5, 1, 1]
    y = X @ [1, 0.5, 0, 0, -1] + 3 + 0.3 * rng.normal(size=n)
    network = Network((5, 1), activation="identity", loss="squared_error", dtype="float64")
    history = network.fit(X, y, epochs=500, **EVIDENCE)
    turn = scipy.linalg.null_space(np.ones((1, n))).T
    none = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    ridge = BayesianRidge(fit_intercept=False, tol=1e-12, max_iter=9999, **none)
    ridge.fit(turn @ X, turn @ y)
    assert_allclose(network.weights[0][0], ridge.coef_, rtol=1e-6)
    assert network.biases[0][0] == pytest.approx(y.mean() - X.mean(0) @ ridge.coef_)
    assert history.l2[-1] == pytest.approx(ridge.lambda_ / ridge.alpha_, rel=1e-6)
    assert history.noise_std[-1] == pytest.approx(ridge.alpha_**-0.5, rel=1e-6)


def test_where_the_zero_of_the_targets_lies_alters_nothing():
    X, Y = curve()
    found = []
    for shift in (0.0, 50.0):
        network = small(init="lecun")
        network.biases[-1][:] = shift
        found.append((network.fit(X, Y + shift, epochs=40, optimizer="lm", l2="evidence"), network))
    (one, first), (other, second) = found
    for name in ("l2", "effective_parameters", "noise_std"):
        assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-4)
    assert_allclose(second.biases[-1] - 50, first.biases[-1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_noise_is_found_and_not_learned(noise):
    """More units than the rows can tell the weights of: fresh rows are the judge."""
    X, Y = curve(100, noise)
    fresh, exact = curve(1000, 0.0, seed=9)
    errors = []
    for l2 in (0.0, "evidence"):
        network = small(hidden=25)
        history = network.fit(X, Y, epochs=300, optimizer="lm", l2=l2)
        errors.append(network.cost(fresh, exact))
    assert history.noise_std[-1] == pytest.approx(noise, rel=0.2)
    assert history.effective_parameters[-1] < 0.8 * network.n_parameters
    assert errors[1] < 0.5 * errors[0]


def test_fewer_rows_than_parameters():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=20)
    y = np.sin(3 * x) + 0.1 * rng.normal(size=20)
    for seed in range(4):
        network = Network((1, 20, 1), "tanh", "identity", dtype="float64", random_state=seed)
        history = network.fit(x[:, None], y, epochs=500, optimizer="lm", l2="evidence")
        assert 3 < history.effective_parameters[-1] < 10
        assert 0.05 < history.noise_std[-1] < 0.15


def test_nothing_to_learn():
    """Targets that are all noise, or all the same, or fitted exactly."""
    X, Y = curve()
    Y = np.random.default_rng(3).normal(size=len(X))
    line = Network((2, 1), activation="identity", dtype="float64", random_state=0)
    history = line.fit(X, Y, epochs=900, optimizer="lm", l2="evidence")
    assert history.effective_parameters[-1] < 1.5
    assert np.abs(line.weights[0]).max() < 0.02
    assert history.noise_std[-1] == pytest.approx(Y.std(), rel=0.02)
    for target, init in ((np.full(len(X), 7.0), "glorot"), (X[:, 0] + 2, "zeros")):
        line = Network((2, 1), activation="identity", dtype="float64", init=init, random_state=0)
        history = line.fit(X, target, epochs=100, optimizer="lm", l2="evidence")
        assert np.isfinite(history.l2).all()
        assert_allclose(line.predict(X)[:, 0], target, atol=1e-6)
        assert history.noise_std[-1] < 1e-6
    dead = Network((2, 3, 1), "relu", "relu", dtype="float64", init="zeros")
    assert np.isfinite(dead.fit(X, Y, epochs=50, optimizer="lm", l2="evidence").cost).all()


def test_weights_do_not_vanish_before_they_have_learned():
    """sin r / r: what is not learned yet looks like noise at first."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-8, 8, (400, 2))
    y = np.sinc(np.hypot(*X.T) / np.pi)
    y = (y - y.mean()) / y.std() + 0.1 * rng.normal(size=400)
    X /= X.std(0)
    for seed in range(3):
        network = Network((2, 20, 1), "tanh", "identity", dtype="float64", random_state=seed)
        history = network.fit(X, y, epochs=200, optimizer="lm", l2="evidence")
        assert history.noise_std[-1] < 0.2


def test_weights_count_in_proportion():
    X, Y = curve()
    s = np.random.default_rng(2).uniform(0.2, 2, size=len(X))
    found = [
        small().fit(X, Y, epochs=25, sample_weight=weights, optimizer="lm", l2="evidence")
        for weights in (s, 8 * s, None, np.full(len(X), 3.0))
    ]
    assert found[1].l2 == found[0].l2 != found[2].l2
    assert_allclose(found[3].effective_parameters, found[2].effective_parameters, rtol=1e-6)


def test_threads_and_callbacks_change_no_bit():
    X, Y = curve(999)
    found = []
    with tuning.override(
        parallel_batch_operations=0, parallel_call_operations=0, normal_bytes=1, normal_own_tile=4
    ):
        for threads, callback in ((1, None), (3, None), (2, lambda n, h: False)):
            network = small(dtype="float32", n_threads=threads)
            history = network.fit(X, Y, epochs=15, optimizer="lm", l2="evidence", callback=callback)
            found.append((network.parameters, history))
    for theta, history in found[1:]:
        assert_array_equal(theta, found[0][0])
        assert history.l2 == found[0][1].l2
        assert history.noise_std == found[0][1].noise_std


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_resumes_to_the_same_bits(tmp_path, dtype):
    pytest.importorskip("safetensors")
    X, Y = curve()
    path = tmp_path / "fit.safetensors"
    # the first of them before, the other after it has settled
    for stopped in (3, 25):
        whole, half, rest = (small(dtype=dtype) for _ in "abc")
        expected = whole.fit(X, Y, epochs=40, optimizer="lm", l2="evidence")
        half.fit(X, Y, epochs=stopped, optimizer="lm", l2="evidence", checkpoint=path)
        history = rest.fit(X, Y, epochs=40, optimizer="lm", l2="evidence", resume=path)
        assert_array_equal(rest.parameters, whole.parameters)
        for name in ("cost", "l2", "effective_parameters", "noise_std"):
            assert getattr(history, name) == getattr(expected, name)
            assert len(getattr(history, name)) == 40
    before = rest.parameters.copy()
    with pytest.raises(ValueError, match="another fit: evidence was True there and is None here"):
        rest.fit(X, Y, epochs=60, optimizer="lm", resume=path)
    half.fit(X, Y, epochs=5, optimizer="lm", checkpoint=path)
    with pytest.raises(ValueError, match="evidence was None there and is True here"):
        rest.fit(X, Y, epochs=60, optimizer="lm", l2="evidence", resume=path)
    assert_array_equal(rest.parameters, before)


@pytest.mark.parametrize("state", [np.zeros(5), np.ones(4), [1.0] * 5, np.full(5, np.nan)])
def test_a_damaged_state_is_refused(tmp_path, state, monkeypatch):
    pytest.importorskip("safetensors")
    X, Y = curve()
    path = tmp_path / "fit.safetensors"
    encode = values.encode
    with monkeypatch.context() as patch:
        patch.setattr(
            values,
            "encode",
            lambda one, what: encode(
                state if type(one) is np.ndarray and "solver" in what else one, what
            ),
        )
        small().fit(X, Y, epochs=3, optimizer="lm", l2="evidence", checkpoint=path)
    with pytest.raises(ModelFileError, match="solver's state: expected five numbers above 0"):
        small().fit(X, Y, epochs=9, optimizer="lm", l2="evidence", resume=path)


def test_the_history_tells_it_and_files_keep_it(tmp_path):
    pytest.importorskip("safetensors")
    X, Y = curve()
    network = small()
    history = network.fit(X, Y, epochs=12, optimizer="lm", l2="evidence")
    record = history.to_dict()
    assert len(record["l2"]) == len(record["effective_parameters"]) == history.epochs
    network.save(tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors").history_.to_dict() == record
    plain = network.fit(X, Y, epochs=2, optimizer="lm", l2=0.1)
    assert plain.l2 == []
    assert "l2" not in plain.to_dict()


def test_early_stopping_beside_it():
    X, Y = curve(60, 0.5)
    network = small(hidden=20)
    history = network.fit(
        X[:40], Y[:40], epochs=300, optimizer="lm", l2="evidence", patience=5,
        validation_data=(X[40:], Y[40:]),
    )  # fmt: skip
    assert network.cost(X[40:], Y[40:]) == min(history.validation_cost)
    assert len(history.l2) == history.epochs


def test_what_is_refused():
    X, Y = curve(20)
    network = small()
    before = network.parameters.copy()
    with pytest.raises(ValueError, match=r"found by lm alone, got the optimizer 'adam'.*lm"):
        network.fit(X, Y, optimizer="adam", l2="evidence")
    with pytest.raises(ValueError, match="found by lm alone"):
        network.fit(X, Y, optimizer="lbfgs", l2="evidence")
    slopes = np.zeros((len(X), Y.shape[1], X.shape[1]))
    with pytest.raises(ValueError, match="takes no dY_dX"):
        network.fit(X, Y, optimizer="lm", l2="evidence", dY_dX=slopes)
    with pytest.raises(ValueError, match="a number or 'evidence', got 'much'"):
        network.fit(X, Y, optimizer="lm", l2="much")
    with pytest.raises(TypeError, match="l2 must be a number"):
        network.fit(X, Y, optimizer="lm", l2=None)
    with pytest.raises(ValueError, match="no option evidence"):
        network.fit(X, Y, optimizer=("lm", {"evidence": 1}))
    with pytest.raises(ValueError, match="sum of squares"):
        Network((2, 2), loss="huber").fit(X, Y, optimizer="lm", l2="evidence")
    assert_array_equal(network.parameters, before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.fit(X, Y, epochs=1, optimizer="lm", l2=np.float64(0.5))
