"""Activation functions: accurate to a few units of the last place, whatever the number."""

import numpy as np
import pytest
from activation_formulas import wide_erfc
from elementwise import apply
from formulas import ACTIVATIONS as FORMULAS
from formulas import DEFAULTS, FACTS
from numpy.testing import assert_allclose, assert_array_equal

from bpcore._core.activations import ACTIVATIONS

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
NAMES = pytest.mark.parametrize("name", ELEMENTWISE)


def grid(dtype):
    """Numbers of every size, close together from -20 to 20, with the range of exp beyond."""
    reach = 87.0 if dtype == "float32" else 708.0
    small = 10.0 ** np.linspace(-30, 1, 4000)
    rng = np.random.default_rng(0)
    z = np.concatenate(
        [
            small,
            -small,
            np.linspace(-20, 20, 20001),
            rng.uniform(-20, 20, 20000),
            np.linspace(-reach, reach, 20001),
        ]
    )
    return z.astype(dtype)


def ulps(value, exact):
    """|value - exact| in spacings of the value's type at the exact value."""
    with np.errstate(over="ignore", invalid="ignore"):
        spacing = np.spacing(np.abs(exact).astype(value.dtype)).astype(np.longdouble)
    return np.abs(value.astype(np.longdouble) - exact) / spacing


@TYPES
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if FACTS[name].ulps])
def test_values_are_accurate_to_a_few_units_of_the_last_place(name, dtype):
    z = grid(dtype)
    wide = z.astype(np.longdouble if dtype == "float64" else np.float64)
    exact = FACTS[name].exact(wide)
    error = ulps(apply(name, z)[0], exact)
    worst = int(np.argmax(error))
    assert error[worst] <= FACTS[name].ulps, f"{error[worst]:.2f} ulp at z = {z[worst]!r}"


def all_over(dtype, n):
    """n numbers of every exponent and sign, drawn from the bits, and n where curves bend."""
    rng = np.random.default_rng(1)
    if dtype == "float32":
        bits = np.arange(0, 2**32, 2**32 // n | 1, dtype=np.uint32)
    else:
        bits = rng.integers(0, 2**64, n, dtype=np.uint64, endpoint=False)
    bends = rng.uniform(-1, 1, n) * rng.choice([0.5, 3.0, 20.0, 110.0, 750.0], n)
    z = np.concatenate([bits.view(dtype), bends.astype(dtype)])
    return z[~np.isnan(z)]


@TYPES
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exponential", "softplus", "elu"])
def test_two_units_of_the_last_place_over_the_whole_range(name, dtype):
    """Subnormal numbers, those beyond every limit and infinities among them."""
    z = all_over(dtype, 400_000)
    with np.errstate(over="ignore", invalid="ignore"):
        exact = FACTS[name].exact(z.astype(np.longdouble))
        value = apply(name, z)[0]
        error = ulps(value, exact)
        rounded = exact.astype(dtype)
    at_the_end = ~np.isfinite(rounded) | ~np.isfinite(value)
    assert_array_equal(value[at_the_end], rounded[at_the_end])
    error[at_the_end] = 0
    worst = int(np.argmax(error))
    assert error[worst] <= 2, f"{error[worst]:.2f} ulp at z = {z[worst]!r}"


@TYPES
def test_gelu_is_accurate_to_the_rounding_of_its_exponent(dtype):
    """In the lower tail z Φ(z) follows e^(-z²/2), which magnifies the rounding of z² / 2."""
    z = grid(dtype)
    error = ulps(apply("gelu", z)[0], FACTS["gelu"].exact(z.astype(np.longdouble)))
    assert (error <= 4 + np.where(z < 0, 2 * z.astype(float) ** 2, 0)).all()


@TYPES
@NAMES
def test_slopes_are_accurate(name, dtype):
    z = grid(dtype)
    with np.errstate(over="ignore"):
        exact = FORMULAS[name][1](z.astype(float), DEFAULTS.get(name))
    slope = apply(name, z)[1]
    error = np.abs(slope - exact) / np.maximum(np.abs(exact), 1)
    assert error.max() <= FACTS[name].da_dz_ulps * np.finfo(dtype).eps


def test_the_reference_erfc_itself():
    from math import erfc

    x = np.linspace(-5, 5, 201)
    assert_allclose(wide_erfc(x).astype(float), [erfc(t) for t in x], rtol=3e-15)
