"""The Optimizer: every rule and schedule against the reference, and against PyTorch's."""

import copy
import pickle

import numpy as np
import pytest
from formulas import OPTIMIZERS as FORMULAS
from formulas import ReferenceOptimizer, rate
from numpy.testing import assert_allclose, assert_array_equal

from bpcore._core.optimizers import OPTIMIZERS, Optimizer
from bpcore._core.schedules import SCHEDULES

# a schedule says so when it has run out; here it is to be seen what it does then
pytestmark = pytest.mark.filterwarnings("ignore:the learning rate's schedule")

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
N = 67  # more than a vector register holds, and not a multiple of one

VARIANTS = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.7, "nesterov": True}),
    ("adam", {}),
    ("adam", {"beta_1": 0.5, "beta_2": 0.9}),
    ("adam", {"epsilon": 0.5}),
    ("adam", {"beta_1": 0.0}),
    ("rmsprop", {}),
    ("rmsprop", {"beta_2": 0.9, "epsilon": 0.1}),
    ("adagrad", {}),
    ("adagrad", {"epsilon": 0.3}),
    ("nadam", {}),
    ("nadam", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.2}),
    ("irprop-", {}),
]
IDS = ["-".join([name, *(f"{k}={v}" for k, v in options.items())]) for name, options in VARIANTS]
EVERY = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
PLANS = {
    "constant": [None, "constant", {"kind": "constant"}, {"kind": "constant", "warmup": 5}],
    "cosine": [
        {"kind": "cosine", "total": 20},
        {"kind": "cosine", "total": 9, "final": 0.25},
        {"kind": "cosine", "total": 15, "warmup": 5},
    ],
    "step": [
        {"kind": "step", "every": 3},
        {"kind": "step", "every": 4, "factor": 0.5},
        {"kind": "step", "every": 1, "factor": 0.9, "warmup": 3},
        {"kind": "step", "every": 2, "factor": 1.1},
    ],
    "one_cycle": [
        {"kind": "one_cycle", "total": 20},
        {"kind": "one_cycle", "total": 12, "final": 0.1, "warmup": 2},
    ],
    "coslog": [
        {"kind": "coslog", "total": 20},
        {"kind": "coslog", "total": 12, "cycles": 2.5, "warmup": 2},
    ],
}


def gradients(dtype, count=25, n=N, seed=0):
    """Gradients with turns of sign, zeros and very different sizes, exact in float32."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-3, 2, n)
    g = rng.standard_normal((count, n)) * size
    g[:, :5] = np.abs(g[:, :5])
    g[rng.uniform(size=g.shape) < 0.05] = 0
    return g.astype("float32").astype(dtype)


def run(name, dtype, learning_rate=0.01, schedule=None, count=25, **options):
    """(engine's θ, reference's θ) after the same gradients."""
    start = np.random.default_rng(1).standard_normal(N).astype("float32")
    ours, theirs = start.astype(dtype), start.astype(float)
    engine = Optimizer(
        name, N, dtype=dtype, learning_rate=learning_rate, schedule=schedule, **options
    )
    formula = ReferenceOptimizer(name, N, learning_rate, schedule=schedule, **options)
    for t, g in enumerate(gradients(dtype, count), start=1):
        engine.update(ours, g)
        formula.update(theirs, g.astype(float))
        assert engine.t == t
        assert engine.current_rate == pytest.approx(formula.rate(t), rel=1e-12)
    return ours, theirs


def close(dtype):
    return {"rtol": 2e-4, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-14}


def test_tables_have_formulas():
    assert set(OPTIMIZERS) == set(FORMULAS)
    assert {name for name, _ in VARIANTS} == set(OPTIMIZERS)
    assert set(PLANS) == set(SCHEDULES)


@TYPES
@EVERY
def test_rules_are_the_references(name, options, dtype):
    ours, theirs = run(name, dtype, **options)
    assert ours.dtype == np.dtype(dtype)
    assert_allclose(ours, theirs, **close(dtype))


@pytest.mark.parametrize("schedule", [plan for plans in PLANS.values() for plan in plans], ids=str)
@EVERY
def test_schedules_are_the_references(name, options, schedule):
    ours, theirs = run(name, "float64", learning_rate=0.05, schedule=schedule, **options)
    assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("schedule", [plan for plans in PLANS.values() for plan in plans], ids=str)
def test_rates_by_the_step_that_sgd_makes(schedule):
    o = Optimizer("sgd", 1, dtype="float64", learning_rate=2.0, schedule=schedule)
    theta = np.zeros(1)
    assert o.current_rate == pytest.approx(rate(2.0, schedule, 1))  # before any update
    for t in range(1, 31):
        before = theta[0]
        o.update(theta, np.ones(1))
        assert_allclose(before - theta[0], rate(2.0, schedule, t), rtol=1e-9, atol=1e-12)


@TYPES
@EVERY
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 31, 33, 64])
def test_every_length(name, options, n, dtype):
    """A parameter's step does not depend on where in θ it stands."""
    g, whole = gradients(dtype, 6, 64), np.ones(64, dtype)
    part = np.ones(n, dtype)
    long, short = (Optimizer(name, m, dtype=dtype, **options) for m in (64, n))
    for row in g:
        long.update(whole, row)
        short.update(part, np.ascontiguousarray(row[:n]))
    assert_allclose(part, whole[:n], rtol=1e-6 if dtype == "float32" else 1e-15)


@TYPES
@EVERY
def test_no_gradient_no_step(name, options, dtype):
    theta = np.arange(N).astype(dtype)
    Optimizer(name, N, dtype=dtype, **options).update(theta, np.zeros(N, dtype))
    assert_array_equal(theta, np.arange(N))


@TYPES
@EVERY
def test_nan_is_not_hidden(name, options, dtype):
    theta, g = np.ones(N, dtype), np.ones(N, dtype)
    g[[3, 40]] = np.nan
    Optimizer(name, N, dtype=dtype, **options).update(theta, g)
    assert_array_equal(np.flatnonzero(np.isnan(theta)), [3, 40])


@TYPES
@EVERY
def test_each_rule_goes_down_a_bowl(name, options, dtype):
    """θ² / 2 along every axis, from 1: after 500 steps of about 0.01 each is below 0.1."""
    theta = np.ones(N, dtype)
    o = Optimizer(
        name,
        N,
        dtype=dtype,
        learning_rate=0.5 if name == "adagrad" else 0.02,
        **{**options, "epsilon": 1e-8},
    )
    for _ in range(500):
        o.update(theta, theta.copy())
    assert np.abs(theta).max() < 0.1


# ---------------------------------------------------------------- state


@EVERY
def test_slots(name, options):
    o = Optimizer(name, N, dtype="float64", **options)
    momentum = options.get("momentum")
    expected = {"sgd": 1 if momentum else 0, "rmsprop": 1, "adagrad": 1}.get(name, 2)
    assert isinstance(o.slots, tuple)
    assert len(o.slots) == expected
    theta, g = np.zeros(N), gradients("float64", 1)[0]
    o.update(theta, g)
    for slot in o.slots:
        assert slot.shape == (N,)
        assert slot.dtype == np.float64
    if name == "adam":
        assert_allclose(o.slots[0], (1 - options.get("beta_1", 0.9)) * g)
        assert_allclose(o.slots[1], (1 - options.get("beta_2", 0.999)) * g * g)
    if name == "adagrad":
        assert_allclose(o.slots[0], g * g)
    if name == "sgd" and momentum:
        assert_allclose(o.slots[0], -0.01 * g)
        o.slots[0][:] = 0  # views, not copies
        o.update(theta, np.zeros(N))
        assert not o.slots[0].any()


@EVERY
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_go_on_alike_and_apart(name, options, duplicate):
    G = gradients("float64", 12)
    o, theta = (
        Optimizer(name, N, dtype="float64", schedule={"kind": "cosine", "total": 10}, **options),
        np.zeros(N),
    )
    for g in G[:5]:
        o.update(theta, g)
    other, same = duplicate(o), theta.copy()
    assert (other.t, other.learning_rate, other.name) == (5, o.learning_rate, name)
    for g in G[5:]:
        o.update(theta, g)
    assert other.t == 5
    for g in G[5:]:
        other.update(same, g)
    assert_array_equal(same, theta)


@EVERY
def test_reset_forgets(name, options):
    G = gradients("float64", 8)
    o, fresh = (Optimizer(name, N, dtype="float64", **options) for _ in range(2))
    for g in G[:4]:
        o.update(np.zeros(N), g)
    o.reset()
    assert o.t == 0
    a, b = np.zeros(N), np.zeros(N)
    for g in G[4:]:
        o.update(a, g)
        fresh.update(b, g)
    assert_array_equal(a, b)


@TYPES
def test_steps_of_irprop_stay_within_their_bounds(dtype):
    large, small = (
        Optimizer("irprop-", 1, dtype=dtype, learning_rate=eta) for eta in (45.0, 1.5e-6)
    )
    theta, up, down = np.zeros((3, 1), dtype)
    up += 1
    down -= 1
    for expected in (-45, -95, -145):
        large.update(theta, up)
        assert theta == expected
    small.update(theta, up)
    small.update(theta, down)
    assert_allclose(small.slots[0], 1e-6, rtol=1e-6)


def test_learning_rate_and_t_can_be_set():
    o, theta = Optimizer("sgd", 1, dtype="float64", learning_rate=1.0), np.zeros(1)
    o.learning_rate = 0.25
    o.update(theta, np.ones(1))
    assert theta[0] == -0.25
    adam = Optimizer("adam", 1, dtype="float64", learning_rate=1.0, epsilon=1e-30)
    adam.t = 10**6  # no bias left to correct: the step is (1 - β₁) / √(1 - β₂)
    adam.update(theta, np.ones(1))
    assert_allclose(theta[0], -0.25 - 0.1 / np.sqrt(0.001), rtol=1e-9)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("args", "options", "match"),
    [
        (("sdg", 3), {}, "rmsprop"),
        (("adam", 3), {"dtype": "float16"}, "float32"),
        (("adam", 3), {"learning_rate": -1.0}, "learning_rate"),
        (("adam", 3), {"learning_rate": np.nan}, "learning_rate"),
        (("sgd", 3), {"momentum": -0.1}, "momentum"),
        (("sgd", 3), {"momentum": 1.1}, "momentum"),
        (("adam", 3), {"beta_1": 1.0}, "beta"),
        (("adam", 3), {"beta_2": -0.1}, "beta"),
        (("adam", 3), {"epsilon": 0.0}, "epsilon"),
        (("adam", 3), {"epsilon": np.inf}, "epsilon"),
        (("adam", 3), {"schedule": "sine"}, "cosine"),
        (("adam", 3), {"schedule": "step"}, "every"),
        (("adam", 3), {"schedule": {"kind": "cosine"}}, "total"),
        (("adam", 3), {"schedule": {"kind": "cosine", "total": 0}}, "total"),
        (("adam", 3), {"schedule": {"kind": "cosine", "total": float("inf")}}, "total"),
        (("adam", 3), {"schedule": {"kind": "cosine", "total": 5, "every": 2}}, "every"),
        (("adam", 3), {"schedule": {"kind": "step", "every": 2, "factor": -1}}, "factor"),
        (("adam", 3), {"schedule": {"total": 5}}, "cosine"),
    ],
)
def test_wrong_arguments(args, options, match):
    with pytest.raises(ValueError, match=match):
        Optimizer(*args, **options)


@pytest.mark.parametrize(
    ("theta", "g"),
    [
        (np.zeros(4), np.zeros(3)),
        (np.zeros(3), np.zeros(4)),
        (np.zeros(2), np.zeros(2)),
        (np.zeros(3, "f4"), np.zeros(3)),
        (np.zeros(3), np.zeros(3, "f4")),
        (np.zeros(6)[::2], np.zeros(3)),
        (np.zeros(3), np.zeros(6)[::2]),
        (np.zeros((3, 1)), np.zeros(3)),
        ([0.0] * 3, np.zeros(3)),
        (np.zeros(3), None),
    ],
)
def test_wrong_vectors(theta, g):
    o = Optimizer("adam", 3, dtype="float64")
    with pytest.raises((ValueError, TypeError)):
        o.update(theta, g)
    assert o.t == 0
    assert not o.slots[0].any()


def test_theta_must_be_writable():
    theta = np.zeros(3)
    theta.flags.writeable = False
    with pytest.raises((ValueError, TypeError)):
        Optimizer("sgd", 3, dtype="float64").update(theta, np.ones(3))
    assert not theta.any()


# ---------------------------------------------------------------- PyTorch's


@TYPES
@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    [
        ("sgd", {"momentum": 0.9}, ("SGD", {"momentum": 0.9})),
        ("sgd", {"momentum": 0.9, "nesterov": True}, ("SGD", {"momentum": 0.9, "nesterov": True})),
        ("adam", {"epsilon": 1e-20}, ("Adam", {"eps": 1e-20})),
        ("rmsprop", {"beta_2": 0.9}, ("RMSprop", {"alpha": 0.9, "eps": 1e-8})),
        ("adagrad", {}, ("Adagrad", {"eps": 1e-8})),
        ("nadam", {}, ("NAdam", {"momentum_decay": 0.004, "eps": 1e-8})),
        ("irprop-", {}, ("Rprop", {})),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_rules_are_pytorchs(name, options, theirs, dtype):
    """Adam's ε stands beside √v in scikit-learn and beside √v̂ in PyTorch: here it is tiny.

    PyTorch keeps NAdam's product of momenta in float32.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: oracle)")
    theta = np.random.default_rng(1).standard_normal(N).astype(dtype)
    parameter = torch.tensor(theta.copy(), requires_grad=True)
    o = Optimizer(name, N, dtype=dtype, learning_rate=0.02, **options)
    peer = getattr(torch.optim, theirs[0])([parameter], lr=0.02, **theirs[1])
    for g in gradients(dtype, 30, seed=7):
        g[g == 0] = 1e-3  # with no gradient at all, PyTorch divides 0 by ε
        o.update(theta, g)
        parameter.grad = torch.tensor(g)
        peer.step()
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    if name == "nadam" and dtype == "float64":
        close = {"rtol": 1e-6, "atol": 1e-8}
    assert_allclose(theta, parameter.detach().numpy(), **close)
