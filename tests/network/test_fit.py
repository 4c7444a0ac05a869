"""fit: the epochs of the reference, order, penalties, optimizers, dropout, History, endings."""

import json
import os
import signal
import threading

import numpy as np
import pytest
from formulas import ReferenceOptimizer
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import DivergenceError, History, Network, _blas
from bpcore._optimizers import Optimizer

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def close(dtype):
    return {"rtol": 1e-3, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


def problem(n=23, loss="quadratic", output="sigmoid", seed=31):
    reference = Reference.random((4, 6, 5, 3), ["tanh", "silu", output], loss, seed=seed, scale=0.5)
    return reference, *examples(reference, n)


# ---------------------------------------------------------------- the reference's epochs

WAYS = [
    ("full batch", None),
    ("full batch", "full"),
    ("mini-batch", 8),
    ("divides n", 23),
    ("larger than n", 100),
    ("one by one", 1),
]


@TYPES
@pytest.mark.parametrize("batch_size", [b for _, b in WAYS], ids=[f"{w}-{b}" for w, b in WAYS])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_epochs_are_the_references(batch_size, weighted, dtype):
    reference, X, Y, s = problem()
    s = s if weighted else None
    network, descent = (
        reference.network(dtype),
        ReferenceOptimizer("sgd", reference.theta.size, 0.3),
    )
    size = len(X) if batch_size == "full" else batch_size
    for _ in range(4):
        history = network.fit(X, Y, 1, batch_size, 0.3, shuffle=False, sample_weight=s)
        cost, _ = reference.epoch(X, Y, descent, batch_size=size, sample_weight=s)
        assert_allclose(network.parameters, reference.theta, **close(dtype))
        assert_allclose(history.cost, [cost], **close(dtype))


def test_defaults():
    """Ten epochs of 32 examples a step, shuffled, η = 1 for sgd and smaller for the others."""
    reference, X, Y, _ = problem(70)
    for name, rate in [
        (None, 1.0),
        ("adam", 0.001),
        ("nadam", 0.001),
        ("rmsprop", 0.001),
        ("adagrad", 0.01),
    ]:
        network, other = reference.network(), reference.network()
        options = {"optimizer": name} if name else {}
        history = network.fit(X, Y, **options)
        other.fit(X, Y, epochs=10, batch_size=32, learning_rate=rate, shuffle=True, **options)
        assert history.epochs == 10
        assert history.learning_rate == [rate] * 10
        assert_array_equal(network.parameters, other.parameters)


@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_several_epochs_are_one_after_the_other(batch_size):
    reference, X, Y, s = problem()
    network, other = reference.network(), reference.network()
    history = network.fit(X, Y, 5, batch_size, 0.2, shuffle=False, sample_weight=s)
    costs = [
        other.fit(X, Y, 1, batch_size, 0.2, shuffle=False, sample_weight=s).cost[0]
        for _ in range(5)
    ]
    assert_array_equal(network.parameters, other.parameters)
    assert history.cost == costs


@TYPES
@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("squared_error", "identity"),
        ("absolute", "tanh"),
        (("huber", 0.5), "softplus"),
        (("quantile", [0.1, 0.5, 0.9]), "identity"),
        ("binary_cross_entropy", "sigmoid"),
        ("categorical_cross_entropy", "softmax"),
        ("poisson", "exponential"),
        ("quadratic", "softmax"),
    ],
)
def test_every_loss_trains_as_the_reference_does(loss, output, dtype):
    reference, X, Y, s = problem(loss=loss, output=output)
    network, descent = (
        reference.network(dtype),
        ReferenceOptimizer("sgd", reference.theta.size, 0.05),
    )
    network.fit(X, Y, 3, 6, 0.05, shuffle=False, sample_weight=s)
    for _ in range(3):
        reference.epoch(X, Y, descent, batch_size=6, sample_weight=s)
    assert_allclose(network.parameters, reference.theta, **close(dtype))


RULES = [
    {"l2": 0.5},
    {"l1": 0.05},
    {"weight_decay": 0.1},
    {"clip_norm": 0.05},
    {"clip_norm": 100.0},
    {"l2": 0.3, "l1": 0.02, "weight_decay": 0.05, "clip_norm": 0.1},
]


@TYPES
@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules))
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_penalties_decay_and_clipping(rules, optimizer, dtype):
    reference, X, Y, s = problem()
    network, plain = reference.network(dtype), reference.network(dtype)
    descent = ReferenceOptimizer(optimizer, reference.theta.size, 0.05, epsilon=1e-4)
    options = {"shuffle": False, "sample_weight": s, "optimizer": (optimizer, {"epsilon": 1e-4})}
    history = network.fit(X, Y, 3, 8, 0.05, **options, **rules)
    plain.fit(X, Y, 3, 8, 0.05, **options)
    costs = [
        sum(reference.epoch(X, Y, descent, batch_size=8, sample_weight=s, **rules))
        for _ in range(3)
    ]
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert_allclose(history.cost, costs, **close(dtype))
    unchanged = rules == {"clip_norm": 100.0}
    assert np.allclose(network.parameters, plain.parameters, rtol=1e-3, atol=1e-6) == unchanged


def test_penalties_spare_the_biases():
    network = Network((2, 3), "identity", dtype="float64", init="zeros")
    network.parameters[:] = 1.0
    network.fit(np.zeros((4, 2)), np.ones((4, 3)), 1, None, 0.1, l2=2.0, l1=1.0, weight_decay=0.5)
    assert_array_equal(network.biases[0], 1.0)
    assert_allclose(network.weights[0], 1 - 0.1 * (2.0 + 1.0) / 4 - 0.1 * 0.5)


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 3.0])
def test_clipping_is_by_the_norm(size, share):
    """A gradient longer than the limit keeps its direction and gets that length."""
    network = Network((2, 3), "identity", loss="quadratic", dtype="float64", random_state=0)
    X, Y = np.ones((1, 2)), network.forward(np.ones((1, 2))) + size * np.array([[1, -2, 0.5]])
    theta, g = network.parameters.copy(), network.gradient(X, Y).vector
    norm = np.linalg.norm(g)
    network.fit(X, Y, 1, None, 0.1, clip_norm=share * norm)
    assert_allclose(network.parameters, theta - 0.1 * min(share, 1.0) * g, rtol=1e-12)


@TYPES
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"momentum": 0.9}),
        ("sgd", {"momentum": 0.8, "nesterov": True}),
        ("adam", {"beta_1": 0.8, "beta_2": 0.95}),
        ("rmsprop", {"beta_2": 0.9}),
        ("adagrad", {}),
        ("nadam", {"epsilon": 1e-3}),
        ("irprop-", {}),
    ],
)
def test_optimizers(name, options, dtype):
    options = {"epsilon": 1e-4, **options}  # steps that do not magnify float32's rounding
    reference, X, Y, s = problem()
    network = reference.network(dtype)
    size = None if name == "irprop-" else 8
    network.fit(X, Y, 4, size, 0.02, shuffle=False, sample_weight=s, optimizer=(name, options))
    rule = ReferenceOptimizer(name, reference.theta.size, 0.02, **options)
    for _ in range(4):
        reference.epoch(X, Y, rule, batch_size=size, sample_weight=s)
    assert_allclose(network.parameters, reference.theta, **close(dtype))


@pytest.mark.parametrize(
    ("schedule", "in_updates"),
    [
        ("constant", None),
        ("cosine", {"kind": "cosine", "total": 18}),
        ("one_cycle", {"kind": "one_cycle", "total": 18}),
        ({"kind": "step", "every": 2, "factor": 0.5}, {"kind": "step", "every": 6, "factor": 0.5}),
        (
            {"kind": "cosine", "total": 4, "final": 0.2, "warmup": 1},
            {"kind": "cosine", "total": 12, "final": 0.2, "warmup": 3},
        ),
        ({"kind": "constant", "warmup": 2}, {"kind": "constant", "warmup": 6}),
    ],
)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_schedules_are_given_in_epochs(name, schedule, in_updates):
    """Six epochs of three updates each."""
    reference, X, Y, _ = problem()
    network = reference.network()
    history = network.fit(
        X, Y, 6, 8, 0.1, shuffle=False, optimizer=name, schedule=schedule, weight_decay=0.1
    )
    rule = ReferenceOptimizer(name, reference.theta.size, 0.1, schedule=in_updates)
    for _ in range(6):
        reference.epoch(X, Y, rule, batch_size=8, weight_decay=0.1)
    assert_allclose(network.parameters, reference.theta, rtol=1e-9, atol=1e-12)
    assert_allclose(history.learning_rate, [rule.rate(t) for t in range(3, 19, 3)], rtol=1e-12)


def test_an_optimizer_goes_on_where_it_stood():
    reference, X, Y, _ = problem()
    network, other = reference.network(), reference.network()
    adam = Optimizer("adam", network.n_parameters, dtype="float64", learning_rate=0.05)
    for _ in range(3):
        network.fit(X, Y, 1, 8, shuffle=False, optimizer=adam)
    other.fit(X, Y, 3, 8, 0.05, shuffle=False, optimizer="adam")
    assert adam.t == 9
    assert_array_equal(network.parameters, other.parameters)


# ---------------------------------------------------------------- order


def test_shuffles_come_from_random_state():
    reference, X, Y, _ = problem()

    def theta(random_state=None, shuffle=True):
        network = reference.network()
        network.fit(X, Y, 3, 4, 0.5, random_state=random_state, shuffle=shuffle)
        return network.parameters.copy()

    assert_array_equal(theta(1), theta(1))
    assert_array_equal(theta(1), theta(np.random.default_rng(1)))
    assert_array_equal(theta(), theta())  # the network's own seed
    for other in (theta(2), theta(), theta(shuffle=False)):
        assert not np.array_equal(theta(1), other)


def test_every_example_once_an_epoch():
    """With |a - y| and unreachable targets each example moves its own weight by η, once."""
    n = 40
    network = Network((n, 1), "identity", loss="absolute", dtype="float64", init="zeros")
    theta = []
    network.fit(
        np.eye(n),
        np.full(n, 1e6),
        3,
        1,
        0.25,
        random_state=0,
        callback=lambda net, h: theta.append(net.parameters.copy()),
    )
    assert_allclose(theta, [np.r_[np.full(n, 0.25 * k), 0.25 * n * k] for k in (1, 2, 3)])


@TYPES
def test_weights_go_with_their_rows_through_a_shuffle(dtype):
    """As above: an example of weight 0 never moves its own weight, all others do, once."""
    n = 40
    s = np.random.default_rng(3).integers(0, 2, n)
    for batch_size in (1, 2):
        network = Network((n, 1), "identity", loss="absolute", dtype=dtype, init="zeros")
        network.fit(
            np.eye(n),
            np.full(n, 1e6),
            1,
            batch_size,
            0.25,
            sample_weight=s,
            random_state=batch_size,
        )
        moved = network.weights[0][0]
        assert_array_equal(moved != 0, s == 1)
        if batch_size == 1:
            assert_allclose(moved, 0.25 * s)


def test_orders_differ_between_epochs():
    reference, X, Y, _ = problem()
    network, other = reference.network(), reference.network()
    network.fit(X, Y, 2, 1, 0.3, random_state=5)
    for _ in range(2):
        other.fit(X, Y, 1, 1, 0.3, random_state=5)
    assert not np.array_equal(network.parameters, other.parameters)


@TYPES
@pytest.mark.parametrize("level", [2, 3, 4])
@pytest.mark.parametrize("n_in", [63, 64, 70, 130])
def test_shuffled_rows_are_read_where_they_lie_as_if_copied(n_in, level, dtype):
    """From 64 inputs on; rows whose numbers are no neighbours are copied, to the same bits."""
    rng = np.random.default_rng(0)
    X, Y = rng.random((700, n_in)).astype(dtype), rng.random((700, 3))
    _blas.choose_products(level)
    try:
        for batch_size, optimizer in ((1, "sgd"), (40, "sgd"), (600, "sgd"), (600, "adam")):
            theta = []
            for table in (X, np.asfortranarray(X)):
                network = Network((n_in, 16, 3), "tanh", dtype=dtype, random_state=0)
                network.fit(table, Y, 2, batch_size, 0.01, optimizer=optimizer)
                theta.append(network.parameters)
            assert_array_equal(*theta)
    finally:
        _blas.choose_products()


@TYPES
@pytest.mark.parametrize("shuffle", [False, True])
def test_targets_that_are_part_of_a_wider_table(shuffle, dtype):
    """Rows of Y further apart than n_L numbers, also where they are read as they lie."""
    wide = np.random.default_rng(0).random((70, 9)).astype(dtype)
    X = np.random.default_rng(1).random((70, 4)).astype(dtype)
    thetas = []
    for Y in (wide[:, 2:5], wide[:, 2:5].copy()):
        network = Network((4, 6, 3), "tanh", dtype=dtype, random_state=0)
        network.fit(X, Y, 2, 16, 0.1, shuffle=shuffle, random_state=0)
        thetas.append(network.parameters.copy())
    assert_array_equal(*thetas)


# ---------------------------------------------------------------- dropout


@TYPES
def test_a_step_under_dropout_is_that_of_the_thinned_network(dtype):
    """Units left out have no gradient; those kept count 1 / (1 - p) times."""
    p, seen = 0.4, set()
    for seed in range(6):
        network = Network(
            (3, 12, 2), "tanh", "identity", dtype=dtype, init="normal", random_state=seed, dropout=p
        )
        reference, theta = Reference.of(network), network.parameters.astype(float)
        X, Y, _ = examples(reference, 1)
        network.fit(X, Y, 1, 1, 1e-3, random_state=seed)
        moved = (theta - network.parameters) / 1e-3
        kept = reference.split(moved)[0][1].any(axis=0)
        seen |= set(np.flatnonzero(kept).tolist())
        assert 0 < kept.sum() < 12
        thin = reference.copy()
        thin.weights[1][:] *= kept / (1 - p)
        g = thin.split(thin.gradient(X, Y).vector.copy())
        g[0][1][:] *= kept / (1 - p)
        for ours, theirs in zip(
            [*reference.split(moved)[0], *reference.split(moved)[1]], [*g[0], *g[1]], strict=True
        ):
            assert_allclose(
                ours,
                theirs,
                rtol=1e-2 if dtype == "float32" else 1e-9,
                atol=5e-3 if dtype == "float32" else 1e-9,
            )
    assert seen == set(range(12))


def test_dropout_leaves_out_its_share_of_every_layer():
    network = Network(
        (1, 200, 100, 1), "identity", dtype="float64", random_state=0, dropout=[0.5, 0.1]
    )
    network.parameters[:] = 0.01
    X, Y, shares = np.ones((1, 1)), np.zeros((1, 1)), []
    for seed in range(40):
        before = network.parameters.copy()
        network.fit(X, Y, 1, 1, 1e-9, random_state=seed)
        moved = network._biases_of(network.parameters - before)
        shares.append([(part == 0).mean() for part in moved[:2]])
    assert_allclose(np.mean(shares, axis=0), [0.5, 0.1], atol=0.02)


def test_dropout_is_for_training_only_and_reproducible():
    network = Network((3, 20, 2), random_state=0, dropout=0.5)
    plain = Network((3, 20, 2), random_state=0)
    X, Y = np.random.default_rng(0).uniform(size=(2, 30, 3))
    Y = Y[:, :2]
    assert_array_equal(network.forward(X), plain.forward(X))
    assert network.cost(X, Y) == plain.cost(X, Y)
    assert_array_equal(network.gradient(X, Y).vector, plain.gradient(X, Y).vector)
    other = Network((3, 20, 2), random_state=0, dropout=0.5)
    for net in (network, other, plain):
        net.fit(X, Y, 3, random_state=4)
    assert_array_equal(network.parameters, other.parameters)
    assert not np.allclose(network.parameters, plain.parameters)


def test_layers_drop_units_of_their_own():
    """Layer 1 puts out its mask, layer 2's ∂C/∂w shows that in its columns, its own in its rows."""
    network = Network(
        (1, 64, 64, 1), "identity", dtype="float64", random_state=0, dropout=[0.5, 0.5]
    )
    network.parameters[:] = 0.1
    before = network.weights[1].copy()
    network.fit(np.ones((1, 1)), np.zeros((1, 1)), 1, 1, 1e-6, random_state=0)
    moved = network.weights[1] != before
    rows, columns = moved.any(axis=1), moved.any(axis=0)
    assert 0.3 < rows.mean() < 0.7
    assert 0.3 < columns.mean() < 0.7
    assert 0.3 < (rows != columns).mean() < 0.7


@pytest.mark.parametrize("batch_size", [8, 1])
def test_rows_drop_units_of_their_own(batch_size):
    """Inputs of orthogonal rows: each row's units show in its own column of ∂C/∂w."""
    network = Network((8, 64, 1), "identity", dtype="float64", random_state=0, dropout=0.5)
    network.parameters[:] = 0.1
    before = network.weights[0].copy()
    network.fit(np.eye(8), np.zeros(8), 1, batch_size, 1e-6, random_state=0)
    left_out = network.weights[0] == before
    assert 0.35 < left_out.mean() < 0.65
    assert len({column.tobytes() for column in left_out.T}) == 8


# ---------------------------------------------------------------- History


def test_history():
    reference, X, Y, _ = problem()
    network = reference.network()
    history = network.fit(X, Y, 4, 8, 0.25)
    assert isinstance(history, History)
    assert network.history_ is history
    assert history.epochs == len(history.cost) == len(history.seconds) == 4
    assert history.learning_rate == [0.25] * 4
    assert history.validation_cost == history.validation_score == []
    assert history.n_examples == 23
    assert history.stopped is None
    assert all(second >= 0 for second in history.seconds)
    assert history.total_seconds == sum(history.seconds)
    assert_allclose(history.examples_per_second, 4 * 23 / history.total_seconds, rtol=1e-6)
    record = json.loads(json.dumps(history.to_dict()))
    assert record["cost"] == history.cost
    assert record["stopped"] is None
    assert network.fit(X, Y, 0).epochs == 0


def test_validation():
    reference, X, Y, s = problem(loss="categorical_cross_entropy", output="softmax")
    network, alone = reference.network(), reference.network()
    V = X[:9] + 0.1
    history = network.fit(X, Y, 3, 8, 0.1, shuffle=False, validation_data=(V, Y[:9], s[:9]))
    for epoch in range(3):
        alone.fit(X, Y, 1, 8, 0.1, shuffle=False)
        assert history.validation_cost[epoch] == alone.cost(V, Y[:9], s[:9])
        assert history.validation_score[epoch] == alone.score(V, Y[:9], sample_weight=s[:9])
    assert_array_equal(network.parameters, alone.parameters)  # it does not train
    history = network.fit(X, Y, 1, 8, 0.1, validation_data=(V, Y[:9]), metric="cost")
    assert history.validation_score == history.validation_cost


# ---------------------------------------------------------------- how a fit ends


def test_a_callback_sees_each_epoch_and_can_stop():
    reference, X, Y, _ = problem()
    network, seen = reference.network(), []

    def callback(net, history):
        assert net is network
        seen.append((history.epochs, net.cost(X, Y)))
        return len(seen) == 3

    history = network.fit(X, Y, 10, 8, 0.25, callback=callback)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[2][1] == network.cost(X, Y)
    assert history.epochs == 3
    assert history.stopped == "callback"


def test_an_error_in_a_callback_leaves_a_usable_network():
    reference, X, Y, _ = problem()
    network = reference.network()

    def callback(net, history):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        network.fit(X, Y, 3, callback=callback)
    assert network.history_.epochs == 1
    assert network.fit(X, Y, 1).epochs == 1


def test_progress_goes_to_stderr(capsys):
    reference, X, Y, _ = problem()
    network = reference.network()
    network.fit(X, Y, 3, progress=True, validation_data=(X, Y))
    captured = capsys.readouterr()
    assert captured.out == ""
    for number in (network.history_.cost[-1], network.history_.validation_cost[-1]):
        assert str(number)[:4] in captured.err
    assert "3/3" in captured.err
    network.fit(X, Y, 3)
    assert capsys.readouterr() == ("", "")


@TYPES
def test_divergence_restores_the_last_finite_parameters(dtype):
    reference, X, Y, _ = problem(output="identity")
    network, theta = reference.network(dtype), []
    with pytest.raises(DivergenceError, match=r"epoch \d+.*learning_rate") as error:
        network.fit(
            1e3 * X,
            Y,
            50,
            8,
            1e3,
            shuffle=False,
            callback=lambda net, h: theta.append(net.parameters.copy()),
        )
    assert isinstance(error.value, FloatingPointError)
    assert isinstance(error.value, ValueError)
    assert f"epoch {network.history_.epochs + 1}" in str(error.value)
    assert network.history_.stopped == "diverged"
    assert np.isfinite(network.parameters).all()
    assert np.isfinite(network.history_.cost).all()
    assert_array_equal(network.parameters, theta[-1] if theta else reference.theta.astype(dtype))
    network.set_parameters(reference.theta)
    assert network.fit(X, Y, 1, 8, 1e-6).epochs == 1


@TYPES
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_epochs_that_nobody_looks_at_go_as_those_that_are_looked_at(optimizer, dtype):
    """Without a callback the engine goes through many epochs at a time."""
    reference, X, Y, s = problem()
    alone, watched = reference.network(dtype), reference.network(dtype)
    schedule = {"kind": "step", "every": 100, "factor": 0.5}
    options = {"optimizer": optimizer, "schedule": schedule, "l2": 0.1, "sample_weight": s}
    history = alone.fit(X, Y, 1500, None, 0.01, **options)
    seen = watched.fit(X, Y, 1500, None, 0.01, callback=lambda net, history: None, **options)
    assert_array_equal(alone.parameters, watched.parameters)
    assert history.cost == seen.cost
    assert history.learning_rate == seen.learning_rate
    assert history.epochs == len(history.seconds) == 1500
    assert min(history.seconds) > 0


@TYPES
def test_divergence_after_epochs_that_nobody_looked_at(dtype):
    """η grows from epoch to epoch, until θ is no longer finite."""
    reference, X, Y, _ = problem(output="identity")
    network, watched, theta = reference.network(dtype), reference.network(dtype), []
    arguments = (X, Y, 2000, None, 1e-3)
    options = {"schedule": {"kind": "step", "every": 5, "factor": 10}, "optimizer": "sgd"}
    with pytest.raises(DivergenceError, match=r"epoch \d+.*learning_rate") as error:
        network.fit(*arguments, **options)
    with pytest.raises(DivergenceError) as other:
        watched.fit(
            *arguments, callback=lambda net, h: theta.append(net.parameters.copy()), **options
        )
    assert str(error.value) == str(other.value)
    assert network.history_.epochs == len(theta) > 2
    assert network.history_.cost == watched.history_.cost
    assert network.history_.stopped == "diverged"
    assert_array_equal(network.parameters, theta[-1])


def test_ctrl_c_among_epochs_that_nobody_looks_at():
    network = Network((3, 4, 1), random_state=0)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        network.fit(np.zeros((5, 3)), np.zeros(5), 10**9, None, 0.01)
    timer.join()
    history = network.history_
    assert history.stopped == "interrupt"
    assert history.epochs > 100
    assert len(history.seconds) == len(history.learning_rate) == history.epochs
    assert np.isfinite(network.parameters).all()


def test_divergence_in_the_last_update_is_noticed():
    """The cost of the only batch is finite; the step from it is not."""
    network = Network((1, 1), "identity", dtype="float32", init="zeros")
    with pytest.raises(DivergenceError):
        network.fit([[1e30]], [1e5], 1, 1, 1e30)
    assert_array_equal(network.parameters, 0)


def test_a_keyboard_interrupt_between_epochs():
    reference, X, Y, _ = problem()
    network = reference.network()

    def callback(net, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, 9, callback=callback)
    assert network.history_.stopped == "interrupt"
    assert network.history_.epochs == 2
    assert np.isfinite(network.forward(X)).all()
    assert network.fit(X, Y, 1).stopped is None


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_inside_an_epoch():
    """A timer that the first epoch's callback starts sends the signal in the second epoch."""
    network = Network((64, 64, 10), random_state=0)
    X = np.broadcast_to(np.float32(0.5), (400_000, 64))
    Y = np.random.default_rng(0).random((400_000, 10), np.float32)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    theta = []

    def callback(net, history):
        theta.append(net.parameters.copy())
        if history.epochs == 1:
            timer.start()

    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, 50, 1, 0.01, shuffle=False, callback=callback)
    timer.join()
    assert network.history_.stopped == "interrupt"
    assert network.history_.epochs == 1
    assert not np.array_equal(network.parameters, theta[-1])
    assert np.isfinite(network.parameters).all()
    assert network.fit(X[:100], Y[:100], 1).epochs == 1
