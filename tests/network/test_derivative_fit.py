"""Training on derivatives too: steps, what may stand beside it in a fit, and what may not."""

import numpy as np
import pytest
import scipy.sparse
from fit_problem import TYPES, close
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import Network, Optimizer
from bpcore._core import tuning
from bpcore._core.least_squares import LeastSquares
from bpcore.functions import OPTIMIZERS

RNG = np.random.default_rng(5)
X = RNG.normal(size=(23, 3)).astype("float32")
Y = RNG.normal(size=(23, 2)).astype("float32")
F = RNG.normal(size=(23, 2, 3)).astype("float32")
F[4, 1, 2] = F[20, 0] = np.nan
S = RNG.random(23)
S[7] = 0


def make(dtype="float64", **options):
    options = {"output_activation": "identity", "random_state": 3, **options}
    return Network((3, 7, 5, 2), ["tanh", "silu"], dtype=dtype, **options)


def potential(n, rng):
    """A wave over the plane and its gradient."""
    x = rng.uniform(-2, 2, size=(n, 2))
    inner = x @ [1.0, 0.5]
    slope = np.cos(inner)[:, None] * [1.0, 0.5] + 0.4 * x * [0.0, 1.0]
    return x, np.sin(inner) + 0.2 * x[:, 1] ** 2, slope


@TYPES
@pytest.mark.parametrize("weights", [None, S])
def test_a_step_is_the_rate_times_the_gradient(weights, dtype):
    network = make(dtype)
    g = network.gradient(X, Y, weights, dY_dX=F, derivative_weight=0.4)
    # in a fit a weight counts by the mean of all
    expected = network.parameters - 0.05 * g.vector
    history = network.fit(
        X, Y, 1, None, 0.05, sample_weight=weights, dY_dX=F, derivative_weight=0.4
    )
    assert_allclose(network.parameters, expected, **close(dtype))
    assert history.cost == pytest.approx([g.cost], rel=1e-6)


@TYPES
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l2": 0.3, "l1": 0.01},
        {"weight_decay": 0.2},
        {"clip_norm": 0.1},
        {"optimizer": ("sgd", {"momentum": 0.9})},
        {"rate_factors": [[1.0, 2.0], [0.5, 0.0], [1.0, 1.0]]},
    ],
    ids=str,
)
def test_batches_in_order_are_steps_of_their_gradients(options, dtype):
    """Two epochs of batches of 6, beside the same steps one by one."""
    network, slow = make(dtype), make(dtype)
    network.fit(X, Y, 2, 6, 0.03, shuffle=False, dY_dX=F, **options)
    theta = slow.parameters
    weights = np.concatenate(
        [
            np.r_[np.ones(w.size), np.zeros(b.size)]
            for w, b in zip(slow.weights, slow.biases, strict=True)
        ]
    )
    factors = np.ones(len(theta))
    if "rate_factors" in options:
        sizes = [(w.size, b.size) for w, b in zip(slow.weights, slow.biases, strict=True)]
        factors = np.repeat(np.ravel(options["rate_factors"]), np.ravel(sizes))
    velocity = 0
    for first in [*range(0, 23, 6)] * 2:
        rows = slice(first, first + 6)
        g = slow.gradient(X[rows], Y[rows], dY_dX=F[rows]).vector
        n = len(X[rows])
        penalised = options.get("l2", 0) * theta + options.get("l1", 0) * np.sign(theta)
        g = g + weights * penalised / n
        g = g * min(1, options.get("clip_norm", np.inf) / np.linalg.norm(g))
        velocity = (0.9 if "optimizer" in options else 0) * velocity - 0.03 * factors * g
        theta *= 1 - 0.03 * options.get("weight_decay", 0) * weights
        theta += velocity
    assert_allclose(network.parameters, theta, **close(dtype))


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "lbfgs", "lm"])
def test_every_optimizer_learns_the_derivatives(optimizer, rng):
    x, y, slope = potential(60, rng)
    network = Network((2, 12, 1), "tanh", "identity", dtype="float64", random_state=0)
    before = network.cost(x, y, dY_dX=slope)
    rate = 0.03 if optimizer == "sgd" else None
    history = network.fit(x, y, 40, 20, rate, dY_dX=slope, optimizer=optimizer)
    assert network.cost(x, y, dY_dX=slope) < 0.5 * before
    assert history.cost[-1] < history.cost[0]


def test_derivatives_teach_what_values_alone_do_not(rng):
    """Thirty examples: with their derivatives both errors on new ones are less than half."""
    x, y, slope = potential(30, rng)
    new, wanted, wanted_slope = potential(500, rng)
    errors = []
    for given in ({}, {"dY_dX": slope}):
        network = Network((2, 16, 1), "tanh", "identity", dtype="float64", random_state=0)
        network.fit(x, y, 300, optimizer="lbfgs", **given)
        of_slopes = np.abs(network.jacobian(new)[:, 0] - wanted_slope).mean()
        errors.append((np.abs(network.predict(new)[:, 0] - wanted).mean(), of_slopes))
    (values, slopes), (better_values, better_slopes) = errors
    assert better_values < 0.5 * values
    assert better_slopes < 0.5 * slopes


@pytest.mark.parametrize("loss", ["quadratic", "squared_error"])
@pytest.mark.parametrize("activations", [["tanh", "silu", "identity"], ["gelu", "tanh"], ["tanh"]])
def test_a_step_of_levenberg_marquardt(activations, loss):
    """(JᵀJ + μ) p = -Jᵀr, J by differences of all residuals, those of derivatives among them."""
    sizes = (3, 5, 4, 2)[: len(activations)]
    network = Network(
        (*sizes, 2), activations[:-1] or "tanh", activations[-1], loss, dtype="float64",
        random_state=1,
    )  # fmt: skip
    rows, targets, _ = network._examples(X, Y, None, F, 0.4)
    s, half = S / S.mean(), 1.0 if loss == "quadratic" else 0.5
    theta = network.parameters.copy()

    def residuals(moved):
        network.parameters[:] = moved
        values = np.sqrt(s)[:, None] * (network.predict(X) - Y)
        slopes = np.sqrt(0.4 / half * s)[:, None, None] * np.nan_to_num(network.jacobian(X) - F)
        network.parameters[:] = theta
        return np.concatenate([values.ravel(), slopes.ravel()])

    r, J = residuals(theta), []
    for e in 1e-5 * np.eye(len(theta)):
        near = residuals(theta + e) - residuals(theta - e)
        J.append((8 * near - residuals(theta + 2 * e) + residuals(theta - 2 * e)) / 12e-5)
    J = np.array(J).T
    mu = 10 * (J**2).sum() / len(theta)
    p = np.linalg.solve(J.T @ J + mu * np.eye(len(theta)), -J.T @ r)
    squares = LeastSquares(network, rows, targets, sample_weight=s, half=half, damping=10.0)
    with squares:
        (epoch,) = squares.run(1)
    assert_allclose(network.parameters - theta, p, rtol=1e-6, atol=1e-9)
    cost = network.cost(X, Y, S, dY_dX=F, derivative_weight=0.4)
    assert epoch.cost == pytest.approx(cost, rel=1e-12)


def test_least_squares_on_any_number_of_threads_and_some_rows_at_a_time(rng):
    x, y, slope = potential(300, rng)
    s = np.linspace(0, 2, 300)
    found = []
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0, normal_bytes=1):
        for n in (1, 2, 3, 8):
            network = Network(
                (2, 9, 1), "tanh", "identity", dtype="float64", random_state=0, n_threads=n
            )
            network.fit(x, y, 5, optimizer="lm", dY_dX=slope, sample_weight=s)
            found.append(network.parameters.copy())
    whole = Network((2, 9, 1), "tanh", "identity", dtype="float64", random_state=0)
    whole.fit(x, y, 5, optimizer="lm", dY_dX=slope, sample_weight=s)
    for other in found[1:]:
        assert_array_equal(other, found[0])
    assert_allclose(found[0], whole.parameters, rtol=1e-6)


def test_least_squares_of_a_network_of_float32(rng):
    x, y, slope = potential(50, rng)
    network = Network((2, 9, 1), "tanh", "identity", random_state=0)
    history = network.fit(x, y, 60, optimizer="lm", dY_dX=slope, derivative_weight=0.1)
    assert history.cost[-1] < 1e-3
    cost = network.cost(x, y, dY_dX=slope, derivative_weight=0.1)
    assert cost == pytest.approx(history.cost[-1], rel=1e-2)


@TYPES
def test_a_shuffled_fit_is_one_of_the_rows_in_that_order(dtype):
    network, sorted_ = make(dtype), make(dtype)
    order = np.arange(23)
    np.random.default_rng(9).shuffle(order)
    network.fit(X, Y, 1, 5, 0.03, dY_dX=F, sample_weight=S, random_state=9)
    sorted_.fit(
        X[order], Y[order], 1, 5, 0.03, dY_dX=F[order], sample_weight=S[order], shuffle=False
    )
    assert_array_equal(network.parameters, sorted_.parameters)


@pytest.mark.parametrize("kind", ["pointers", "sparse", "csr"])
def test_however_the_first_layer_is_read(kind, rng):
    """Rows by pointer, rows that are mostly zeros: the results of a plain copy."""
    x = rng.normal(size=(300, 400)).astype("float32")
    x[rng.random(x.shape) < (0.0 if kind == "pointers" else 0.95)] = 0
    y, slopes = rng.normal(size=(300, 1)), rng.normal(size=(300, 400))
    fitted = []
    for table in (x.astype("float64"), scipy.sparse.csr_array(x) if kind == "csr" else x):
        network = Network((400, 32, 1), "tanh", "identity", random_state=0)
        network.fit(table, y, 2, 50, 1e-3, dY_dX=slopes, random_state=1)
        fitted.append((network.parameters, network.cost(table, y, dY_dX=slopes)))
    assert_allclose(fitted[0][0], fitted[1][0], rtol=1e-4, atol=1e-6)
    assert fitted[0][1] == pytest.approx(fitted[1][1], rel=1e-5)


def test_scales_of_the_inputs_learn_too():
    plain, scaled = make(), make()
    plain.fit(X, Y, 1, None, 0.01, dY_dX=F)
    scaled.fit(X, Y, 1, None, 0.01, dY_dX=F, input_scale=0.0)
    assert_allclose(plain.parameters, scaled.parameters, rtol=1e-12)
    w, g = make().weights[0], make().gradient(X, Y, dY_dX=F).weights[0]
    scaled = make()
    scaled.fit(X, Y, 1, None, 0.01, dY_dX=F, input_scale=2.0)
    s = 1 - 0.02 * (w * g).sum(axis=0)
    assert_allclose(scaled.weights[0], (w - 0.01 * g) * s, rtol=1e-12)


def test_a_batch_beyond_the_buffers():
    whole, parts = make(), make()
    whole.fit(X, Y, 3, None, 0.05, dY_dX=F, l2=0.1)
    with tuning.override(slopes_bytes=1, slopes_min_rows=8, block_min_rows=8):
        parts.fit(X, Y, 3, None, 0.05, dY_dX=F, l2=0.1)
    assert_allclose(whole.parameters, parts.parameters, rtol=1e-10, atol=1e-13)


def squares(a, y):
    return ((a - y) ** 2).sum(axis=1), 2 * (a - y)


@TYPES
def test_a_loss_of_ones_own(dtype):
    own, known = make(dtype, loss=squares), make(dtype)
    given = {"dY_dX": F, "derivative_weight": 0.3}
    for s in (None, S):
        ours, theirs = own.gradient(X, Y, s, **given), known.gradient(X, Y, s, **given)
        assert ours.cost == pytest.approx(theirs.cost, rel=1e-6)
        assert own.cost(X, Y, s, **given) == pytest.approx(theirs.cost, rel=1e-6)
        assert_allclose(ours.vector, theirs.vector, **close(dtype))
    data = (X, Y, None, F)
    histories = [
        one.fit(X, Y, 4, 6, 0.03, shuffle=False, sample_weight=S, validation_data=data, **given)
        for one in (own, known)
    ]
    assert_allclose(own.parameters, known.parameters, **close(dtype))
    assert histories[0].cost == pytest.approx(histories[1].cost, rel=1e-5)
    costs = [history.validation_cost for history in histories]
    assert costs[0] == pytest.approx(costs[1], rel=1e-5)


def test_validation_with_derivatives_and_without():
    network = make()
    given = {"dY_dX": F, "derivative_weight": 0.2}
    for data in ((X, Y), (X, Y, S), (X, Y, None, F), (X, Y, S, F)):
        history = network.fit(X, Y, 3, validation_data=data, patience=5, **given)
        best = {} if len(data) < 4 else given
        weights = data[2] if len(data) > 2 else None
        least = min(history.validation_cost)
        assert network.cost(X, Y, weights, **best) == pytest.approx(least, rel=1e-12)
    history = network.fit(X, Y, 2, validation_data=(X, Y, None, F), **given)
    assert history.validation_score[-1] == pytest.approx(network.score(X, Y), rel=1e-12)
    with pytest.raises(ValueError, match="validation_data: dY_dX has shape"):
        network.fit(X, Y, validation_data=(X, Y, None, F[:, 0]))
    with pytest.raises(TypeError, match=r"\(X, Y, sample_weight or None, dY_dX\)"):
        network.fit(X, Y, validation_data=(X, Y, None, F, None))


@TYPES
def test_a_resumed_fit_has_the_same_bits(dtype, tmp_path):
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    path = tmp_path / "stopped"
    given = {"dY_dX": F, "derivative_weight": 0.3, "optimizer": "adam", "checkpoint": path}
    whole, part, other = make(dtype), make(dtype), make(dtype)
    whole.fit(X, Y, 6, 5, **given)
    part.fit(X, Y, 6, 5, callback=lambda network, history: history.epochs == 2, **given)
    resumed = make(dtype)
    history = resumed.fit(X, Y, 6, 5, resume=path, **given)
    assert_array_equal(resumed.parameters, whole.parameters)
    assert history.cost == whole.history_.cost
    part.fit(X, Y, 6, 5, callback=lambda network, history: history.epochs == 2, **given)
    for change in (
        {"derivative_weight": 0.4}, {"dY_dX": None}, {"dY_dX": np.nan_to_num(F)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"derivative_weight|data"):
            other.fit(X, Y, 6, 5, resume=path, **{**given, **change})


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValueError, match=r"no dY_dX where the network has dropout, here \(0\.1, "):
        make(dropout=0.1).fit(X, Y, dY_dX=F)
    network = make(dropout=0.1)
    assert network.cost(X, Y, dY_dX=F) == make().cost(X, Y, dY_dX=F)  # no unit is left out there


def test_the_engine_refuses_dropout_too():
    from bpcore._core.training import Training

    network = make(dropout=0.1)
    rows, targets, _ = network._examples(X, Y, None, F)
    with pytest.raises(ValueError, match="with dropout"):
        Training(network, rows, targets, Optimizer("sgd"), batch_size=5)
