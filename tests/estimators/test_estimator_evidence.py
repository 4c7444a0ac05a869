"""MLPRegressor(solver="lm", alpha="evidence") and its predict(return_std=True)."""

import copy
import pickle

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from bpcore import MLPClassifier, MLPRegressor, ModelFileError, load
from bpcore.estimators import posterior


def curve(n=100, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 1))
    return X, np.sin(3 * X[:, 0]) + noise * rng.normal(size=n)


def regressor(units=10, **options):
    options = {"activation": "tanh", "solver": "lm", "alpha": "evidence", **options}
    return MLPRegressor(hidden_layer_sizes=(units,) if units else (), random_state=0, **options)


@pytest.fixture(scope="module")
def fitted():
    return regressor().fit(*curve())


def test_a_line_predicts_as_scikit_learns_bayesian_ridge():
    rng = np.random.default_rng(0)
    n = 30
    X = rng.normal(size=(n, 4))
    y = X @ [1, 0.5, 0, -1] + 3 + 0.3 * rng.normal(size=n)
    reg = regressor(0, tol=1e-12, max_iter=500).fit(X, y)
    turn = scipy.linalg.null_space(np.ones((1, n))).T
    none = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    ridge = BayesianRidge(fit_intercept=False, tol=1e-12, max_iter=9999, **none)
    ridge.fit(turn @ X, turn @ y)
    assert reg.alpha_ == pytest.approx(ridge.lambda_ / ridge.alpha_, rel=1e-5)
    assert reg.noise_std_**2 == pytest.approx(1 / ridge.alpha_, rel=1e-5)
    assert_allclose(reg.coefs_[0][:, 0], ridge.coef_, rtol=1e-5)
    fresh = 3 * rng.normal(size=(50, 4))
    mean, std = reg.predict(fresh, return_std=True)
    expected, spread = ridge.predict(fresh - X.mean(0), return_std=True)
    assert_allclose(mean, expected + y.mean(), rtol=1e-5)
    # and the intercept's own, of no prior
    assert_allclose(std, np.sqrt(spread**2 + 1 / (n * ridge.alpha_)), rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_numbers_are_those_of_the_formulas(weighted, monkeypatch):
    """From J alone: Σ = H⁻¹, H = β Jᵀ diag(w) J + α D, for two outputs, block by block."""
    rng = np.random.default_rng(4)
    X = rng.uniform(-2, 2, size=(90, 2))
    Y = np.column_stack([np.sin(2 * X[:, 0]) * X[:, 1], X[:, 0]]) + 0.1 * rng.normal(size=(90, 2))
    w = rng.integers(1, 4, size=90).astype(float) if weighted else None
    reg = regressor(6, tol=1e-10, max_iter=2000).fit(X, Y, w)
    w = np.ones(90) if w is None else w
    network, n = reg.network_, reg.network_.n_parameters
    penalised = np.arange(n) < n - 2
    J = network.parameter_jacobian(X).reshape(-1, n)
    r = (network.predict(X) - Y).ravel()
    beta = 1 / reg.noise_std_**2
    H = beta * J.T @ (np.repeat(w, 2)[:, None] * J) + reg.alpha_ * beta * np.diag(penalised)
    cov = np.linalg.inv(H)
    gamma = n - reg.alpha_ * beta * cov.diagonal()[penalised].sum()
    assert reg.effective_parameters_ == pytest.approx(gamma, rel=1e-6)
    assert 1 / beta == pytest.approx((np.repeat(w, 2) * r**2).sum() / (2 * w.sum() - gamma))
    size = (network.parameters[penalised] ** 2).sum()
    assert reg.alpha_ * beta == pytest.approx((gamma - 2) / size, rel=1e-6)
    fresh = rng.uniform(-3, 3, size=(40, 2))
    j = network.parameter_jacobian(fresh)
    monkeypatch.setattr(posterior, "_BLOCK_NUMBERS", 7 * 2 * n)
    mean, std = reg.predict(fresh, return_std=True)
    assert_array_equal(mean, reg.predict(fresh))
    assert_allclose(std, np.sqrt(1 / beta + np.einsum("kip,pq,kiq->ki", j, cov, j)), rtol=1e-6)
    sparse = reg.predict(scipy.sparse.csr_array(fresh), return_std=True)[1]
    assert_allclose(sparse, std, rtol=1e-6)


def test_weights_are_repeated_rows():
    X, y = curve(40)
    repeats = np.random.default_rng(0).integers(0, 4, size=len(X))
    options = {"tol": 1e-10, "max_iter": 2000}
    one = regressor(4, **options).fit(X, y, sample_weight=repeats)
    other = regressor(4, **options).fit(np.repeat(X, repeats, 0), np.repeat(y, repeats))
    for name in ("alpha_", "effective_parameters_", "noise_std_"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4)
    found = [reg.predict([[0.0], [2.0]], return_std=True)[1] for reg in (one, other)]
    assert_allclose(*found, rtol=1e-3)


def test_intervals_cover_what_they_promise():
    """Of fresh observations of lines and curves, drawn again and again, 95 % within 1.96 std."""
    covered = []
    for seed in range(20):
        for units in (0, 8):
            X, y = curve(60, 0.2, seed)
            fresh, observed = curve(300, 0.2, 100 + seed)
            if not units:
                y, observed = y - np.sin(3 * X[:, 0]) + X[:, 0], observed + fresh[:, 0]
                observed -= np.sin(3 * fresh[:, 0])
            mean, std = regressor(units, max_iter=500).fit(X, y).predict(fresh, return_std=True)
            covered.append(np.mean(np.abs(observed - mean) < 1.96 * std))
    assert 0.92 < np.mean(covered[::2]) < 0.97
    assert 0.92 < np.mean(covered[1::2]) < 0.97


def test_beyond_the_data_they_grow(fitted):
    std = fitted.predict([[0.0], [1.5], [2.5]], return_std=True)[1]
    assert std[0] < 1.2 * fitted.noise_std_
    assert std[0] < std[1] < std[2]
    assert std[2] > 5 * std[0]


def test_noise_is_not_learned(fitted):
    X, y = curve()
    fresh, exact = curve(500, 0.0, seed=8)
    assert fitted.noise_std_ == pytest.approx(0.1, rel=0.15)
    plain = regressor(20, alpha=0, tol=1e-8, max_iter=300)
    with pytest.warns(match="Maximum iterations"):
        plain.fit(X, y)
    found = regressor(20, max_iter=300).fit(X, y)
    assert found.score(fresh, exact) > plain.score(fresh, exact)
    assert found.effective_parameters_ < 15 < found.network_.n_parameters


def test_shapes_and_types(fitted):
    X, y = curve()
    assert fitted.predict(X[:7], return_std=True)[1].shape == (7,)
    single = regressor().fit(X.astype("float32"), y)
    mean, std = single.predict(X[:3].astype("float32"), return_std=True)
    assert mean.dtype == std.dtype == np.float32
    assert_allclose(std, fitted.predict(X[:3], return_std=True)[1], rtol=1e-2)
    both = regressor().fit(X, np.column_stack([y, -y]))
    assert both.predict(X[:1], return_std=True)[1].shape == (1, 2)
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict([[np.nan]], return_std=True)
    with pytest.raises(ValueError, match="2 features"):
        fitted.predict([[1.0, 2.0]], return_std=True)


def test_copies_pickles_and_files_keep_it(fitted, tmp_path):
    X, _ = curve(9, seed=5)
    mean, std = fitted.predict(X, return_std=True)
    copies = [copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))]
    path = tmp_path / "reg.safetensors"
    if pytest.importorskip("safetensors"):
        fitted.save(path)
        copies.append(load(path))
    for one in copies:
        assert_array_equal(one.predict(X, return_std=True), (mean, std))
        for name in ("alpha", "alpha_", "effective_parameters_", "noise_std_"):
            assert getattr(one, name) == getattr(fitted, name)
    fresh = clone(fitted)
    assert fresh.alpha == "evidence"
    assert not hasattr(fresh, "alpha_")


def test_a_file_of_other_weights_has_no_covariance(tmp_path):
    pytest.importorskip("safetensors")
    reg = regressor(3).fit(*curve(30))
    reg.coefs_[0][0] += 1
    reg.save(tmp_path / "reg.safetensors")
    again = load(tmp_path / "reg.safetensors")
    assert again.noise_std_ == reg.noise_std_
    with pytest.raises(ValueError, match="covariance of the weights"):
        again.predict([[0.0]], return_std=True)


def test_a_damaged_covariance_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    reg = regressor(3).fit(*curve(30))
    root, path = reg._record.posterior.root, tmp_path / "reg.safetensors"
    for damaged, words in ((root[:, :-1].copy(), "of shape"), (root * np.nan, "NaN")):
        reg._record.posterior.root = damaged
        reg.save(path)
        with pytest.raises(ModelFileError, match=words):
            load(path)


def test_a_covariance_without_its_noise_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    reg = regressor(3).fit(*curve(30))
    reg._record.noise_std = None
    reg.save(tmp_path / "reg.safetensors")
    with pytest.raises(ModelFileError, match="belongs to a noise_std_"):
        load(tmp_path / "reg.safetensors")


def test_what_is_known_of_other_fits_is_forgotten():
    X, y = curve(30)
    reg = regressor(3, warm_start=True).fit(X, y)
    reg.set_params(alpha=0.1, solver="adam", max_iter=2)
    with pytest.warns(match="Maximum iterations"):
        reg.fit(X, y)
    assert not hasattr(reg, "alpha_")
    with pytest.raises(ValueError, match=r"solver='lm' and alpha='evidence'.*no fit after it"):
        reg.predict(X, return_std=True)
    reg = regressor(3).fit(X, y)
    reg.set_params(alpha=0.1, solver="adam").partial_fit(X, y)
    assert not hasattr(reg, "noise_std_")


def test_what_is_refused():
    X, y = curve(30)
    with pytest.raises(NotFittedError):
        regressor().predict(X, return_std=True)
    with pytest.raises(ValueError, match="covariance of the weights"):
        regressor().initialize(1).predict(X, return_std=True)
    for solver in ("adam", "lbfgs"):
        reg = regressor(solver=solver)
        with pytest.raises(ValueError, match=f"found by solver='lm' alone, got solver='{solver}'"):
            reg.fit(X, y)
        assert not hasattr(reg, "coefs_")
    with pytest.raises(ValueError, match="'alpha' parameter"):
        regressor(alpha="much").fit(X, y)
    with pytest.raises(ValueError, match="sum of squares"):
        regressor(loss="huber").fit(X, y)
    with pytest.raises(ValueError, match="sum of squares"):
        MLPClassifier(solver="lm", alpha="evidence").fit(X, y > 0)
    reg = regressor(3).fit(X, y)
    theta = reg.coefs_[0].copy()
    reg.coefs_[0][0] += 1
    with pytest.raises(ValueError, match="have been changed since the fit"):
        reg.predict(X, return_std=True)
    reg.coefs_[0][:] = theta
    reg.predict(X, return_std=True)


def test_outputs_that_answer_to_nothing():
    """A dead output: its bias has neither data nor prior."""
    X, y = curve(30)
    reg = regressor(3, out_activation="relu", max_iter=99)
    reg.initialize(1)
    reg.coefs_[1][:], reg.intercepts_[1][:] = -1, -99
    reg.set_params(warm_start=True).fit(X, y)
    assert np.isfinite([reg.alpha_, reg.effective_parameters_, reg.noise_std_]).all()
    with pytest.raises(ValueError, match="leave the bias of an output open"):
        reg.predict(X, return_std=True)


def test_early_stopping_and_searches():
    X, y = curve(120, 0.3)
    reg = regressor(15, early_stopping=True, n_iter_no_change=5, max_iter=300).fit(X, y)
    assert reg.best_validation_score_ == max(reg.validation_scores_)
    assert 0.2 < reg.predict(X, return_std=True)[1].mean() < 0.5
    search = GridSearchCV(regressor(), {"alpha": [100.0, "evidence"]}, cv=3).fit(X, y)
    assert search.best_params_ == {"alpha": "evidence"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([regressor(3, max_iter=30)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
