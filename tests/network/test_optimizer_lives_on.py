"""An Optimizer whose state lives on between calls of fit and step, and through files."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from formulas import ReferenceOptimizer
from numpy.testing import assert_allclose, assert_array_equal

import bpcore
from bpcore import Network, Optimizer
from bpcore.functions import OPTIMIZERS

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
EVERY = pytest.mark.parametrize("name", OPTIMIZERS)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.sin(X[:, :2])


def network(dtype="float64", sizes=(3, 5, 2)):
    return Network(sizes, "tanh", "identity", dtype=dtype, random_state=0)


def rows(net, n=60):
    return X[:n].astype(net.dtype), Y[:n].astype(net.dtype)


@EVERY
def test_two_fits_are_one(name):
    one, other = network(), network()
    rule = Optimizer(name, learning_rate=0.01)
    one.fit(X, Y, 5, 7, shuffle=False, optimizer=rule)
    one.fit(X, Y, 3, 7, shuffle=False, optimizer=rule)
    other.fit(X, Y, 8, 7, 0.01, shuffle=False, optimizer=name)
    assert_array_equal(one.parameters, other.parameters)
    assert rule.t == 8 * 9


def test_its_name_alone_has_fresh_state():
    one, other = network(), network()
    for _ in range(2):
        one.fit(X, Y, 2, 7, 0.01, shuffle=False, optimizer="adam")
        other.fit(X, Y, 2, 7, shuffle=False, optimizer=Optimizer("adam", learning_rate=0.01))
    assert_array_equal(one.parameters, other.parameters)


@TYPES
@EVERY
@pytest.mark.parametrize("n", [1, 2, 15, 16, 33])
def test_steps_are_those_of_a_fit_by_either_way(name, dtype, n):
    """A few plain rows, the same numbers as a list, one batch of a fit: the same bits."""
    short, long, fitted = network(dtype), network(dtype), network(dtype)
    rules = [Optimizer(name, learning_rate=0.01) for _ in range(3)]
    x, y = rows(short, n)
    for _ in range(4):
        costs = (
            short.step(x, y, optimizer=rules[0]),
            long.step(x.astype("float64").tolist(), y.tolist(), optimizer=rules[1]),
            fitted.fit(x, y, 1, None, optimizer=rules[2]).cost[0],
        )
        assert costs[0] == costs[1] == costs[2]
    assert_array_equal(short.parameters, long.parameters)
    assert_array_equal(short.parameters, fitted.parameters)
    for one, other in zip(rules[0].slots, rules[1].slots, strict=True):
        assert_array_equal(one, other)


@EVERY
def test_steps_are_the_references(name):
    net = network()
    rule = Optimizer(name, learning_rate=0.02, schedule={"kind": "step", "every": 3})
    theta = net.parameters.copy()
    reference = ReferenceOptimizer(
        name, theta.size, 0.02, schedule={"kind": "step", "every": 3, "factor": 0.1, "warmup": 0}
    )
    for x, y in zip(X, Y, strict=True):
        gradient = net.gradient(x, y).vector
        net.step(x, y, optimizer=rule)
        reference.update(theta, gradient)
        assert_allclose(net.parameters, theta, rtol=1e-9, atol=1e-12)
        theta[:] = net.parameters


@TYPES
def test_the_first_step_takes_the_long_way_and_the_next_ones_the_short(dtype, monkeypatch):
    net, adam = network(dtype), Optimizer("adam")
    x, y = rows(net, 1)
    net.step(x, y, optimizer=adam)

    def refuse(*_):
        raise AssertionError("the long way was taken")

    monkeypatch.setattr(Network, "_step_checked", refuse)
    for _ in range(3):
        net.step(x, y, optimizer=adam)
    assert adam.t == 4
    assert net.optimizer_ is adam


def test_the_rate_may_change_between_two_calls():
    net, rule = network(), Optimizer("sgd", learning_rate=0.5)
    for rate in (0.25, 0.375):  # of a new optimizer, and of one that knows its network
        net.step(X[:4], Y[:4], rate, optimizer=rule)
        assert rule.learning_rate == rate
    net.fit(X, Y, 1, None, 0.125, optimizer=rule)
    assert rule.learning_rate == 0.125
    rule.learning_rate = 0.0
    theta = net.parameters.copy()
    net.step(X[:4], Y[:4], optimizer=rule)
    assert_array_equal(net.parameters, theta)


# ---------------------------------------------------------------- copies and files


@EVERY
@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle", "file"])
def test_a_stream_goes_on_from_a_copy_to_the_same_bits(way, name, tmp_path):
    net, rule = network("float32"), Optimizer(name, learning_rate=0.01)
    x, y = rows(net)
    for k in range(30):
        net.step(x[k], y[k], optimizer=rule)
    if way == "file":
        pytest.importorskip("safetensors")
        net.save(tmp_path / "x.safetensors")
        other = bpcore.load(tmp_path / "x.safetensors")
    else:
        duplicate = {
            "copy": copy.copy,
            "deepcopy": copy.deepcopy,
            "pickle": lambda one: pickle.loads(pickle.dumps(one)),
        }[way]
        other = duplicate(net)
    assert type(other.optimizer_) is Optimizer
    assert other.optimizer_ is not rule
    for k in range(30, 60):
        net.step(x[k], y[k], optimizer=rule)
        other.step(x[k], y[k], optimizer=other.optimizer_)
    assert_array_equal(other.parameters, net.parameters)
    net.fit(x, y, 2, 8, optimizer=rule)
    other.fit(x, y, 2, 8, optimizer=other.optimizer_)
    assert_array_equal(other.parameters, net.parameters)


def test_a_fit_by_name_leaves_no_optimizer_behind(tmp_path):
    pytest.importorskip("safetensors")
    net = network()
    net.fit(X, Y, 1, optimizer=Optimizer("adam"))
    assert hasattr(net, "optimizer_")
    net.fit(X, Y, 1, optimizer="adam")
    assert not hasattr(net, "optimizer_")
    net.save(tmp_path / "x")
    assert not hasattr(bpcore.load(tmp_path / "x"), "optimizer_")


def test_a_fit_with_one_resumes_to_the_same_bits(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    reference, stopped, resumed = network(), network(), network()
    arguments = {"batch_size": 7, "random_state": 3}
    reference.fit(X, Y, 9, optimizer=Optimizer("adam"), **arguments)
    stopped.fit(X, Y, 4, optimizer=Optimizer("adam"), checkpoint=path, **arguments)
    rule = Optimizer("adam")
    resumed.fit(X, Y, 9, optimizer=rule, resume=path, **arguments)
    assert_array_equal(resumed.parameters, reference.parameters)
    assert rule.t == 81


@EVERY
@pytest.mark.parametrize("own", ["sgd", "adam", "irprop-"])
def test_a_checkpoint_is_of_the_fit_whatever_steps_a_callback_makes(own, name, tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    whole, part, resumed = network(), network(), network()
    options = {"learning_rate": 0.01, "optimizer": name}

    def steps():
        rule = Optimizer(own, learning_rate=0.0)
        return lambda net, _: net.step(X[:2], Y[:2], optimizer=rule) is None

    whole.fit(X, Y, 6, callback=steps(), **options)
    part.fit(X, Y, 4, callback=steps(), checkpoint=path, **options)
    loaded = bpcore.load(path)
    assert (loaded.optimizer_.name, loaded.optimizer_.t) == (name, 4 * 2)
    resumed.fit(X, Y, 6, resume=path, **options)
    if own != "irprop-":  # whose steps have a least length
        assert_array_equal(resumed.parameters, whole.parameters)


def test_the_rate_of_a_resumed_fit_is_the_one_it_was_told(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    reference, net = network(), network()
    reference.fit(X, Y, 6, learning_rate=0.03, optimizer="adam")
    rule = Optimizer("adam")
    net.fit(X, Y, 2, learning_rate=0.03, optimizer=rule, checkpoint=path)
    for again in (rule, Optimizer("adam"), Optimizer("adam", learning_rate=0.03)):
        other = network()
        other.fit(X, Y, 6, learning_rate=0.03, optimizer=again, resume=path)
        assert_array_equal(other.parameters, reference.parameters)
    with pytest.raises(ValueError, match=r"learning_rate was 0\.03 there and is 0\.5 here"):
        network().fit(X, Y, 6, learning_rate=0.5, optimizer=Optimizer("adam"), resume=path)


@EVERY
def test_a_state_that_is_taken_over_leaves_the_slots_where_they_lie(name):
    """A training has their addresses."""
    rule, other = Optimizer(name), Optimizer(name)
    network().step(X[:2], Y[:2], optimizer=rule)
    for _ in range(3):
        network().step(X[:2], Y[:2], optimizer=other)
    before = rule.slots
    rule.__setstate__(other.__getstate__())
    assert rule.t == 3
    for slot, mine, theirs in zip(before, rule.slots, other.slots, strict=True):
        assert np.shares_memory(slot, mine)
        assert not np.shares_memory(mine, theirs)
        assert_array_equal(mine, theirs)
    rule.__setstate__(_used("float32").__getstate__())
    assert (rule.name, rule.dtype) == ("adam", np.float32)


# ---------------------------------------------------------------- what it says of itself


def test_repr():
    rule = Optimizer("adam", schedule={"kind": "cosine", "total": 50})
    assert repr(rule) == "<Optimizer adam: learning rate 0.001 (cosine), no update yet>"
    network().step(X[:2], Y[:2], optimizer=rule)
    assert repr(rule) == (
        "<Optimizer adam: learning rate 0.001 (cosine), 1 update of 32 parameters>"
    )
    assert (rule.n_parameters, rule.dtype, rule.t) == (32, np.float64, 1)


@pytest.mark.parametrize("schedule", [{"kind": "cosine", "total": 5}, "one_cycle"])
@pytest.mark.parametrize("plain", [True, False], ids=["short way", "long way"])
def test_a_schedule_that_has_run_out_says_so_once(schedule, plain):
    if schedule == "one_cycle":
        schedule = {"kind": "one_cycle", "total": 5, "warmup": 1}
    net, rule = network(), Optimizer("adam", learning_rate=0.1, schedule=schedule)
    x, y = rows(net, 2)
    if not plain:
        x, y = x.tolist(), y.tolist()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(5):
            net.step(x, y, optimizer=rule)
        assert not caught
        for _ in range(5):
            net.step(x, y, optimizer=rule)
    (one,) = caught
    assert one.filename == __file__
    assert "has run out after 5 updates" in str(one.message)
    assert "longer total" in str(one.message)


def test_a_schedule_has_not_run_out_while_it_warms_up():
    net, rule = network(), Optimizer("adam", schedule={"kind": "cosine", "total": 3, "warmup": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [net.step(X[:2], Y[:2], optimizer=rule) for _ in range(6)]  # the sixth has η itself
    with pytest.warns(UserWarning, match="run out after 6 updates"):
        net.step(X[:2], Y[:2], optimizer=rule)


def test_a_fit_says_it_too_and_a_schedule_as_long_as_the_fit_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network().fit(X, Y, 6, 10, 0.1, schedule="cosine")
        network().fit(X, Y, 6, 10, 0.1, schedule={"kind": "cosine", "total": 3, "final": 0.1})
    with pytest.warns(UserWarning, match=r"'cosine' has run out after 18 updates"):
        network().fit(X, Y, 6, 10, 0.1, schedule={"kind": "cosine", "total": 3})


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        (("adm",), {}, ValueError, "one of sgd, adam.*'adm'"),
        ((None,), {}, ValueError, "one of sgd, adam"),
        (("adam", 0.01), {}, TypeError, "n_parameters must be an integer, got 0.01"),
        (("adam",), {"lr": 0.1}, ValueError, "adam has no option lr; there are learning_rate"),
        (("adam",), {"momentum": 0.9}, ValueError, "no option momentum.*beta_1"),
        (("adam",), {"learning_rate": "fast"}, TypeError, "learning_rate must be a number"),
        (("adam",), {"learning_rate": -1}, ValueError, "learning_rate"),
        (("adam",), {"beta_1": 1.0}, ValueError, "beta_1"),
        (("adam",), {"beta_1": None}, TypeError, "beta_1 must be a number"),
        (("sgd",), {"nesterov": 1}, TypeError, "nesterov must be True or False"),
        (("sgd",), {"schedule": 3}, TypeError, "schedule must be None, a name or a dict"),
        (("sgd",), {"schedule": "cosine"}, ValueError, "missing: total"),
        (("sgd",), {"schedule": {"kind": "cosine", "total": "x"}}, TypeError, "total"),
        (("sgd",), {"schedule": {"kind": "cosine", "total": 9, "final": "x"}}, TypeError, "final"),
        (("sgd",), {"schedule": {"kind": "step", "every": 9, "factor": None}}, TypeError, "factor"),
        (("sgd",), {"schedule": {"kind": ["step"], "every": 9}}, TypeError, "kind must be a name"),
        (("sgd", 3, "float16"), {}, ValueError, "dtype must be float32 or float64"),
        (("sgd", 3, "single-ish"), {}, TypeError, "dtype must be float32 or float64"),
    ],
)
def test_what_makes_none(arguments, options, error, match):
    with pytest.raises(error, match=match):
        Optimizer(*arguments, **options)


@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "fast", True, None])
def test_a_rate_is_checked_whenever_it_is_set(rate):
    rule = Optimizer("adam", learning_rate=0.1)
    with pytest.raises((TypeError, ValueError), match="learning_rate must be"):
        rule.learning_rate = rate
    assert rule.learning_rate == 0.1


@pytest.mark.parametrize("name", ["lr", "rate", "t", "momentum", "schedule"])
def test_nothing_else_can_be_set(name):
    with pytest.raises(AttributeError):
        setattr(Optimizer("sgd"), name, 0.1)


@pytest.mark.parametrize("apart", [{"learning_rate": 0.1}, {"schedule": "cosine", "beta_1": 0.5}])
def test_what_stands_beside_an_optimizer_is_none_of_its_options(apart):
    with pytest.raises(ValueError, match=f"fit takes {next(iter(apart))} beside it"):
        network().fit(X, Y, optimizer=("adam", apart))


def test_a_fit_that_is_refused_leaves_a_new_optimizer_new(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "x"
    network().fit(X, Y, 3, optimizer="sgd", checkpoint=path)
    rule = Optimizer("adam", learning_rate=0.5)
    for options in (
        {"resume": path},
        {"resume": tmp_path / "none"},
        {"checkpoint": tmp_path / "none" / "x"},
        {"patience": 3},
        {"clip_norm": 0},
    ):
        with pytest.raises((ValueError, OSError)):
            network().fit(X, Y, 3, learning_rate=0.1, optimizer=rule, **options)
        assert (rule.n_parameters, rule.learning_rate) == (None, 0.5)


def test_a_fit_within_a_fit_is_refused_and_leaves_the_rate():
    rule = Optimizer("adam", learning_rate=0.5)

    def callback(net, _):
        with pytest.raises(RuntimeError):
            net.fit(X, Y, 1, learning_rate=0.1, optimizer=rule)

    network().fit(X, Y, 1, callback=callback)
    assert rule.learning_rate == 0.5


def test_what_a_step_refuses():
    net, theirs = network(), Optimizer("adam")
    network(sizes=(3, 4, 2)).step(X[:2], Y[:2], optimizer=theirs)
    theta = net.parameters.copy()
    for options, error, match in [
        ({}, TypeError, "learning_rate, or an optimizer"),
        ({"optimizer": "adam"}, TypeError, r"bpcore.Optimizer\(name.*'adam'"),
        ({"optimizer": theirs}, ValueError, "26 parameters.*network has 32.*of its own"),
        ({"optimizer": Optimizer("adam"), "learning_rate": -1.0}, ValueError, "learning_rate"),
    ]:
        with pytest.raises(error, match=match):
            net.step(X[:2], Y[:2], **options)
    with pytest.raises(ValueError, match="of its own"):
        network("float32").step(X[:2], Y[:2], optimizer=_used("float64"))
    assert_array_equal(net.parameters, theta)
    assert not hasattr(net, "optimizer_")
    assert theirs.t == 1


def _used(dtype):
    rule = Optimizer("adam")
    network(dtype).step(X[:2], Y[:2], optimizer=rule)
    return rule


def test_a_step_that_diverges_leaves_the_state_as_it_was():
    net, rule = network(), Optimizer("adam")
    net.step(X[:2], Y[:2], optimizer=rule)
    theta, slots = net.parameters.copy(), [slot.copy() for slot in rule.slots]
    with pytest.raises(bpcore.DivergenceError):
        net.step(X[:2], np.full((2, 2), 1e200), optimizer=rule)
    with pytest.raises(bpcore.DivergenceError):
        net.step(X[:2], np.full((2, 2), 1e200), 0.5, optimizer=rule)
    assert rule.learning_rate == 0.001
    assert_array_equal(net.parameters, theta)
    for slot, before in zip(rule.slots, slots, strict=True):
        assert_array_equal(slot, before)
    assert rule.t == 1


def test_a_fit_has_no_schedule_beside_the_optimizers():
    with pytest.raises(ValueError, match=r"Optimizer\(name, schedule"):
        network().fit(X, Y, optimizer=Optimizer("adam"), schedule="cosine")
