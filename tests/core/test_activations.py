"""Activation functions: values and slopes, extremes, places in an array, names."""

import numpy as np
import pytest
from elementwise import apply
from formulas import ACTIVATIONS as FORMULAS
from formulas import DEFAULTS, FACTS
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference

from bpcore import Network
from bpcore._core.activations import ACTIVATIONS

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
NAMES = pytest.mark.parametrize("name", ELEMENTWISE)
SMALLEST = {"float32": 1.4e-45, "float64": 5e-324}


# ---------------------------------------------------------------- the reference, parameters


def test_every_activation_has_a_formula_in_the_reference():
    assert set(FORMULAS) == set(ACTIVATIONS)


@TYPES
@NAMES
def test_values_and_slopes_are_the_references(name, dtype):
    z = np.linspace(-7, 7, 141).astype(dtype)[:, None]
    a, slope = apply(name, z)
    rtol = 1e-5 if dtype == "float32" else 1e-12
    for got, formula in zip((a, slope), FORMULAS[name], strict=True):
        assert got.dtype == np.dtype(dtype)
        assert got.shape == z.shape
        off_kink = z != 0
        assert_allclose(
            got[off_kink],
            formula(z.astype(float), DEFAULTS.get(name))[off_kink],
            rtol=rtol,
            atol=rtol / 10,
        )


@TYPES
@pytest.mark.parametrize(
    ("name", "parameter"), [("leaky_relu", 0.25), ("leaky_relu", 0.0), ("elu", 1.75), ("elu", 0.3)]
)
def test_parameters(name, parameter, dtype):
    z = np.linspace(-6, 6, 40).astype(dtype)
    a, slope = apply(name, z, parameter)
    value, derivative = FORMULAS[name]
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    assert_allclose(a, value(z.astype(float), parameter), rtol=tolerance, atol=tolerance)
    assert_allclose(slope, derivative(z.astype(float), parameter), rtol=tolerance, atol=tolerance)
    assert not np.allclose(a, apply(name, z)[0])


# ---------------------------------------------------------------- extremes


@TYPES
@NAMES
@pytest.mark.parametrize("size", [1e4, 1e30, np.inf])
def test_far_from_zero(name, size, dtype):
    # in long arrays too, where vector instructions work
    z = np.tile(np.array([-size, size], dtype), 33)
    a, slope = apply(name, z)
    below, slope_below, above, slope_above = FACTS[name].far
    below, above = (
        value(z_i) if callable(value) else value
        for value, z_i in zip((below, above), z.astype(float), strict=False)
    )
    assert_allclose(a, np.tile([below, above], 33).astype(dtype), rtol=1e-6)
    assert_allclose(slope, np.tile(np.array([slope_below, slope_above], dtype), 33), rtol=1e-6)


@TYPES
@NAMES
def test_nan_stays_nan(name, dtype):
    for length in (1, 3, 64):
        z = np.zeros(length, dtype)
        z[-1] = np.nan
        a, slope = apply(name, z)
        assert np.isnan(a[-1])
        assert np.isfinite(a[:-1]).all()
        # the slope of the identity is 1 without looking
        assert np.isnan(slope[-1]) or name == "identity"
        assert np.isfinite(slope[:-1]).all()


@TYPES
@NAMES
def test_around_zero(name, dtype):
    """At ±0 and the smallest subnormal numbers σ is its limit, the slope one of its sides."""
    tiny = SMALLEST[dtype]
    z = np.tile(np.array([0.0, -0.0, tiny, -tiny], dtype), 9)
    a, slope = apply(name, z)
    value, derivative = FORMULAS[name]
    p = DEFAULTS.get(name)
    assert_allclose(a, value(z.astype(float), p).astype(dtype), rtol=1e-6, atol=2 * tiny)
    sides = [derivative(np.array([side]), p).item() for side in (-1e-9, 1e-9)]
    assert (slope >= min(sides) - 1e-6).all()
    assert (slope <= max(sides) + 1e-6).all()


@TYPES
@pytest.mark.parametrize("name", ["tanh", "relu", "identity", "elu", "leaky_relu"])
def test_subnormal_numbers_are_not_flushed(name, dtype):
    z = np.full(40, np.finfo(dtype).tiny / 8, dtype)
    assert_array_equal(apply(name, z)[0], z)


@TYPES
@pytest.mark.parametrize("name", ["tanh", "relu", "identity", "elu", "leaky_relu"])
def test_the_sign_of_zero_is_kept(name, dtype):
    z = np.tile(np.array([0.0, -0.0], dtype), 20)
    assert_array_equal(np.signbit(apply(name, z)[0]), np.signbit(z))


def test_relu_slope_at_zero_is_zero():
    assert_array_equal(apply("relu", np.zeros(20))[1], np.zeros(20))


@TYPES
def test_exponential_reaches_its_ends(dtype):
    """The largest z with a finite e^z, and gradual underflow at the other end."""
    top = np.log(np.finfo(dtype).max.astype(np.longdouble)) * (1 - 1e-6)
    bottom = np.log(np.finfo(dtype).tiny.astype(np.longdouble)) - 3
    z = np.tile(np.array([top, bottom], dtype), 20)
    a = apply("exponential", z)[0]
    assert np.isfinite(a).all()
    exact = np.exp(z.astype(np.longdouble))
    assert_allclose(
        a.astype(np.longdouble),
        exact,
        rtol=4 * np.finfo(dtype).eps,
        atol=float(4 * SMALLEST[dtype]),
    )
    assert (a[1::2] > 0).all()


# ---------------------------------------------------------------- arrays


@TYPES
@NAMES
def test_every_length_and_place(name, dtype):
    """A value does not depend on where in an array it stands."""
    z = np.random.default_rng(1).standard_normal(70).astype(dtype) * 3
    whole = apply(name, z)
    for length in range(36):
        for start in (0, 1, 5):
            part = apply(name, z[start : start + length])
            assert_array_equal(part[0], whole[0][start : start + length])
            assert_array_equal(part[1], whole[1][start : start + length])


@NAMES
def test_shapes_strides_and_types(name):
    z = np.random.default_rng(2).standard_normal((6, 7, 4))
    a, slope = apply(name, z)
    assert a.shape == slope.shape == z.shape
    for view in (z[::2], z[:, ::-1], z.T, np.asfortranarray(z), z.astype(">f8")):
        assert_array_equal(apply(name, view)[0], apply(name, view.astype("=f8", order="C"))[0])
    readonly = z.copy()
    readonly.flags.writeable = False
    assert_array_equal(apply(name, readonly)[0], a)
    assert_array_equal(readonly, z)
    assert apply(name, np.zeros((0, 3)))[0].shape == (0, 3)
    assert apply(name, 0.5)[0].shape == ()
    integers, _ = apply(name, [1, 2])
    assert integers.dtype == np.float64


@pytest.mark.parametrize("name", ["softmax", "sigmoyd", "", "logistic "])
def test_apply_refuses(name):
    with pytest.raises(ValueError, match=r"(?s)sigmoid.*tanh"):
        apply(name, [0.0])


# ---------------------------------------------------------------- in a network


def test_names_of_a_network():
    assert Network((3, 4, 2)).activations == ("sigmoid", "sigmoid")
    assert Network((3, 4, 2), "logistic").activations == ("sigmoid", "sigmoid")
    assert Network((3, 4, 2), "relu", "identity").activations == ("relu", "identity")
    assert Network((3, 4, 5, 2), ["relu", "tanh"]).activations == ("relu", "tanh", "tanh")
    assert Network((3, 2), "tanh").activations == ("tanh",)


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("binary_cross_entropy", "sigmoid"),
        ("categorical_cross_entropy", "softmax"),
        ("poisson", "exponential"),
    ],
)
def test_natural_partners(loss, output):
    assert Network((3, 4, 2), "relu", loss=loss).activations == ("relu", output)


@TYPES
@pytest.mark.parametrize("output", [("elu", 0.5), ("leaky_relu", 0.3), "softmax", "gelu"])
def test_mixed_layers(output, dtype):
    names = [("leaky_relu", 0.2), ("elu", 2.0), "silu", output]
    reference = Reference.random((3, 5, 4, 6, 3), names, "quadratic")
    X = np.random.default_rng(3).standard_normal((9, 3)).astype("float32")
    network = reference.network(dtype)
    assert_allclose(
        network.forward(X),
        reference.predict(X),
        rtol=2e-5 if dtype == "float32" else 1e-12,
        atol=1e-6 if dtype == "float32" else 1e-14,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "sigmoyd"}, "sigmoid"),
        ({"activation": "softmax"}, "softmax"),
        ({"activation": ["relu"]}, "2"),
        ({"activation": ["relu", "softmax"]}, "softmax"),
        ({"activation": ["relu", "tanh", "tanh"]}, "2"),
        ({"activation": ("sigmoid", 2.0)}, "sigmoid"),
        ({"activation": ("elu", np.nan)}, "elu"),
        ({"output_activation": "softmin"}, "softmax"),
        ({"output_activation": ("softmax", 1.0)}, "softmax"),
    ],
)
def test_networks_refuse(options, message):
    with pytest.raises(ValueError, match=message):
        Network((3, 4, 4, 2), **options)


@pytest.mark.parametrize("activation", [3, None, ("elu", "x"), [1, 2], b"tanh"])
def test_networks_refuse_other_types(activation):
    with pytest.raises((TypeError, ValueError), match=r"activation|elu"):
        Network((3, 4, 4, 2), activation)


# ---------------------------------------------------------------- softmax


@TYPES
def test_softmax_sums_to_one_and_does_not_overflow(dtype):
    network = Network((4, 4), output_activation="softmax", dtype=dtype, init="zeros")
    network.weights[0][:] = np.eye(4)
    X = np.array(
        [[1e4, -1e4, 0, 0], [1e4, 1e4, -1e4, -1e4], [-1e4] * 4, [0, 1, 2, 3], [1e30, 0, 0, 0]],
        dtype,
    )
    P = network.forward(X)
    assert_allclose(P[:3], [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4])
    assert_allclose(P[3], np.exp([0, 1, 2, 3]) / np.exp([0, 1, 2, 3]).sum(), rtol=1e-6)
    assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
    shifted = network.forward(X[3] + np.dtype(dtype).type(64))
    assert_allclose(shifted, P[3], rtol=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 17, 100])
def test_softmax_of_every_width(width):
    reference = Reference.random((3, width), ["softmax"], "quadratic")
    X = np.random.default_rng(0).standard_normal((11, 3))
    assert_allclose(reference.network().forward(X), reference.predict(X), rtol=1e-13)
