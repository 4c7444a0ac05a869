"""Hypothesis looks for a network, a batch and a layout where engine and reference differ.

The number of examples and their order come from conftest.py: the same in every run.
"""

import pickle

import numpy as np
from elementwise import apply
from formulas import ACTIVATIONS as FORMULAS
from formulas import DEFAULTS, FACTS, OPTIMIZERS, OUTPUTS, ReferenceOptimizer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, targets
from scipy import sparse

from bpcore._core.activations import ACTIVATIONS
from bpcore._core.losses import LOSSES

HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
TYPES = st.sampled_from(["float32", "float64"])
SEEDS = st.integers(0, 2**32 - 1)
# the tests that see the most look at more examples than the profile asks for
MANY = settings(max_examples=4 * settings.default.max_examples)


@st.composite
def activations(draw, names):
    name = draw(st.sampled_from(sorted(names)))
    if name in DEFAULTS and draw(st.booleans()):
        return name, draw(st.sampled_from([0.125, 0.5, 1.5]))
    return name


@st.composite
def losses(draw, width):
    name = draw(st.sampled_from(sorted(LOSSES)))
    if name == "huber" and draw(st.booleans()):
        return name, draw(st.sampled_from([0.25, 0.75, 2.0]))
    if name == "quantile" and draw(st.booleans()):
        q = st.sampled_from([0.05, 0.25, 0.75, 0.9])
        return name, draw(st.one_of(q, st.lists(q, min_size=width, max_size=width)))
    if name.endswith("cross_entropy") and draw(st.booleans()):
        return name, "clip"
    return name


@st.composite
def references(draw, widest=40):
    sizes = draw(st.lists(st.integers(1, widest), min_size=2, max_size=5))
    loss = draw(losses(sizes[-1]))
    name = loss if isinstance(loss, str) else loss[0]
    hidden = [draw(activations(HIDDEN)) for _ in sizes[2:]]
    output = draw(activations(OUTPUTS.get(name, ACTIVATIONS)))
    return Reference.random(
        sizes, [*hidden, output], loss, draw(SEEDS), scale=0.8 / max(sizes) ** 0.5
    )


def as_stored(X, draw, dtype):
    """The same numbers in a layout of Hypothesis' choosing."""
    element = draw(st.sampled_from(["f8", "f4", ">f8", ">f4", dtype]))
    X = X.astype(element)
    layout = draw(st.sampled_from(["C", "F", "rows", "columns", "both", "back", "csr", "csc"]))
    n, m = X.shape
    if layout in ("csr", "csc"):
        return getattr(sparse, layout + "_array")(X.astype(X.dtype.newbyteorder("=")))
    if layout == "back":
        return X[::-1, ::-1].copy()[::-1, ::-1]
    if layout in ("C", "F"):
        return np.array(X, order=layout)
    rows, columns = (
        draw(st.integers(2, 3)) if layout in (axis, "both") else 1 for axis in ("rows", "columns")
    )
    table = np.full((n * rows, m * columns), np.nan, X.dtype)
    table[::rows, ::columns] = X
    view = table[::rows, ::columns]
    view.flags.writeable = draw(st.booleans())
    return view


@st.composite
def batches(draw, reference, most=70):
    rng = np.random.default_rng(draw(SEEDS))
    n = draw(st.integers(1, most))
    X = rng.uniform(-1.5, 1.5, (n, reference.layer_sizes[0])).astype("float32").astype(float)
    Y = targets(reference.loss, (n, reference.layer_sizes[-1]), rng)
    s = None
    if draw(st.booleans()):
        # no round numbers: signs of errors times weights would add up to 0 but for rounding
        s = rng.uniform(0.5, 3.0, n) * (rng.random(n) < 0.75)
        s[rng.integers(n)] = 2.0
    return X, Y, s


def assert_near(ours, theirs, dtype, scale=None):
    """Equal to the rounding of sums, against the size of the largest number there."""
    theirs = np.asarray(theirs)
    size = max(np.abs(theirs).max(initial=0) if scale is None else scale, 1e-3)
    assert np.shape(ours) == theirs.shape
    assert_allclose(ours, theirs, rtol=0, atol=size * (2e-4 if dtype == "float32" else 1e-10))


@MANY
@given(st.data(), references(), TYPES)
def test_outputs_costs_and_gradients(data, reference, dtype):
    X, Y, s = data.draw(batches(reference))
    with np.errstate(all="ignore"):
        expected = reference.gradient(X, Y, s)
    assume(np.isfinite(expected.vector).all() and np.abs(expected.vector).max() < 1e6)
    network, stored = reference.network(dtype), as_stored(X, data.draw, dtype)
    before = network.parameters.copy()
    assert_near(network.forward(stored), reference.predict(X), dtype)
    assert_near(network.cost(stored, Y, s), expected.cost, dtype)
    g = network.gradient(stored, Y, s)
    assert_near(g.cost, expected.cost, dtype)
    assert_near(g.vector, expected.vector, dtype)
    assert_near(g.inputs, expected.inputs, dtype)
    assert_array_equal(network.parameters, before)


@MANY
@given(st.data(), references(widest=12), TYPES)
def test_traces_jacobians_and_rows(data, reference, dtype):
    X, Y, s = data.draw(batches(reference, most=20))
    with np.errstate(all="ignore"):
        expected = reference.trace(X, Y, s)
    assume(all(np.abs(d).max() < 1e6 for d in (*expected.dC_da, *expected.a)))
    network, stored = reference.network(dtype), as_stored(X, data.draw, dtype)
    t = network.trace(stored, Y, s)
    for term in ("a", "z", "da_dz", "dC_da", "dC_dz", "dC_dw", "dC_db"):
        for ours, theirs in zip(getattr(t, term), getattr(expected, term), strict=True):
            if theirs is not None:
                assert_near(ours, theirs, dtype)
    assert_near(network.jacobian(stored), reference.jacobian(X), dtype)
    assert_near(
        network.per_sample_gradients(stored, Y), reference.per_sample_gradients(X, Y), dtype
    )


@MANY
@given(st.data(), references(widest=20), st.sampled_from(OPTIMIZERS))
def test_epochs(data, reference, name):
    """Whatever the batches, rule and penalties: two epochs of the engine are the reference's.

    Training may magnify rounding (an exploding network, a step by the sign of a gradient that
    is nearly 0). How much, a second reference tells that starts 1e-13 away.
    """
    X, Y, s = data.draw(batches(reference, most=40))
    batch_size = data.draw(st.one_of(st.none(), st.integers(1, 45)))
    small = st.sampled_from([0.0, 0.01, 0.5])
    rules = {
        "l2": data.draw(small),
        "l1": data.draw(small),
        "weight_decay": data.draw(small),
        "clip_norm": data.draw(st.sampled_from([None, 0.1, 1.0])),
    }
    network, stored = reference.network(), as_stored(X, data.draw, "float64")
    near, costs = reference.copy(), {}
    near.theta *= 1 + 1e-13 * np.random.default_rng(0).uniform(-1, 1, near.theta.size)
    with np.errstate(all="ignore"):
        in_proportion = None if s is None else s / s.mean()
        rules_of_batches = {"batch_size": batch_size, "sample_weight": in_proportion, **rules}
        for one in (reference, near):
            rule = ReferenceOptimizer(name, reference.theta.size, 0.01, epsilon=1e-3)
            costs[one] = [sum(one.epoch(X, Y, rule, **rules_of_batches)) for _ in range(2)]
        spread = (
            np.abs(near.theta - reference.theta).max() + np.ptp([*costs.values()], axis=0).max()
        )
        size = max(np.abs(reference.theta).max(), *costs[reference])
    assume(spread < 1e-9 and size < 1e3)
    history = network.fit(
        stored,
        Y,
        2,
        batch_size,
        0.01,
        shuffle=False,
        sample_weight=s,
        optimizer=(name, {"epsilon": 1e-3}),
        **rules,
    )
    tolerance = 1e-11 * size + 1e3 * spread
    assert_allclose(history.cost, costs[reference], rtol=0, atol=tolerance)
    assert_allclose(network.parameters, reference.theta, rtol=0, atol=tolerance)


@given(st.data(), references(widest=20), TYPES)
def test_order_and_division_of_a_batch(data, reference, dtype):
    """∇C is a weighted mean: the rows may be permuted, and the batch cut anywhere."""
    X, Y, s = data.draw(batches(reference))
    s = np.ones(len(X)) if s is None else s
    network = reference.network(dtype)
    whole = network.gradient(X, Y, s)
    assume(np.isfinite(whole.vector).all() and np.abs(whole.vector).max() < 1e6)
    order = data.draw(st.permutations(range(len(X))))
    assert_near(network.gradient(X[order], Y[order], s[order]).vector, whole.vector, dtype)
    cut = data.draw(st.integers(0, len(X)))
    parts = [(part, s[part].sum()) for part in (slice(0, cut), slice(cut, None)) if s[part].sum()]
    sums = [
        weight * network.gradient(X[part], Y[part], s[part]).vector.astype(float)
        for part, weight in parts
    ]
    assert_near(sum(sums) / s.sum(), whole.vector.astype(float), dtype)


@given(st.data(), references(), TYPES)
def test_descriptions_survive_a_pickle(data, reference, dtype):
    network = reference.network(dtype)
    other = pickle.loads(pickle.dumps(network))
    again = Reference.of(other)
    assert again.layer_sizes == reference.layer_sizes
    assert again.activations == reference.activations
    assert again.loss == reference.loss
    assert_array_equal(again.theta, reference.theta)
    assert network.n_parameters == reference.theta.size
    X, _, _ = data.draw(batches(reference, most=10))
    assert_array_equal(other.forward(X), network.forward(X))


@given(st.data(), st.sampled_from(HIDDEN), TYPES)
def test_any_number_through_any_activation(data, name, dtype):
    """NaN in, NaN out; otherwise σ and σ' where float64 knows them, and never NaN."""
    width = 32 if dtype == "float32" else 64
    z = data.draw(hnp.arrays(dtype, st.integers(1, 40), elements=st.floats(width=width)))
    kept = z.copy()
    a, slope = apply(name, z)
    assert_array_equal(z, kept)
    bad = np.isnan(z)
    assert_array_equal(np.isnan(a), bad)
    assert not np.isnan(slope[~bad]).any()
    within = np.abs(z) < 80
    exact = [f(z[within].astype(float), DEFAULTS.get(name)) for f in FORMULAS[name]]
    rtol = 2e-6 if dtype == "float32" else 1e-13
    tiny = float(np.finfo(dtype).tiny)
    assert_allclose(a[within], exact[0], rtol=rtol, atol=max(rtol / 10, tiny))
    smooth = within[within] & (z[within] != 0)
    assert_allclose(slope[within][smooth], exact[1][smooth], rtol=rtol, atol=rtol)


@given(st.data(), st.sampled_from(HIDDEN), TYPES)
def test_activations_rise_where_they_should(data, name, dtype):
    """Those that never fall do not even by rounding."""
    assume(FACTS[name].rises)
    width = 32 if dtype == "float32" else 64
    z = np.sort(
        data.draw(hnp.arrays(dtype, st.integers(2, 60), elements=st.floats(-30, 30, width=width)))
    )
    a, slope = apply(name, z)
    eps = np.finfo(dtype).eps
    assert (np.diff(a) >= -4 * eps * np.maximum(np.abs(a[1:]), np.abs(a[:-1]))).all()
    assert (slope >= 0).all()
