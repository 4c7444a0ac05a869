"""Activation functions as they stand in books and papers, and what tests hold them to: a new one
gets its two formulas and its facts here, and every test reads them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import erf, expit


def _normal_density(z):
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _normal_distribution(z):
    return 0.5 * (1 + erf(z / np.sqrt(2)))


def _softmax(z, _=None):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _softmax_jacobian(z, _=None):
    """∂a_i/∂z_j = a_i (1[i = j] - a_j), an (n, m, m) array."""
    a = _softmax(z)
    return np.einsum("ki,ij->kij", a, np.eye(z.shape[1])) - np.einsum("ki,kj->kij", a, a)


def _mish_slope(z, _=None):
    softplus = np.logaddexp(0, z)
    return np.tanh(softplus) + z * expit(z) / np.cosh(np.minimum(softplus, 350)) ** 2


def _silu_slope(z, _=None):
    s = expit(z)
    return s * (1 + z * (1 - s))


# scale and alpha (Klambauer et al. 2017, equation 14)
SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


ACTIVATIONS = {
    "sigmoid": (lambda z, p: expit(z), lambda z, p: expit(z) * expit(-z)),
    "tanh": (lambda z, p: np.tanh(z), lambda z, p: 1 - np.tanh(z) ** 2),
    "relu": (lambda z, p: np.maximum(z, 0), lambda z, p: np.where(z > 0, 1.0, 0.0)),
    "identity": (lambda z, p: z.copy(), lambda z, p: np.ones_like(z)),
    "leaky_relu": (lambda z, p: np.where(z > 0, z, p * z), lambda z, p: np.where(z > 0, 1.0, p)),
    "elu": (
        lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0))),
        lambda z, p: np.where(z > 0, 1.0, p * np.exp(np.minimum(z, 0))),
    ),
    "softplus": (lambda z, p: np.logaddexp(0, z), lambda z, p: expit(z)),
    "selu": (
        lambda z, p: SELU[0] * np.where(z > 0, z, SELU[1] * np.expm1(np.minimum(z, 0))),
        lambda z, p: SELU[0] * np.where(z > 0, 1.0, SELU[1] * np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z, p: z * _normal_distribution(z),
        lambda z, p: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": (lambda z, p: z * expit(z), _silu_slope),
    "mish": (lambda z, p: z * np.tanh(np.logaddexp(0, z)), _mish_slope),
    "exponential": (lambda z, p: np.exp(z), lambda z, p: np.exp(z)),
    "softmax": (_softmax, _softmax_jacobian),
}

# ---------------------------------------------------------------- in long double


def wide_erfc(x):
    """erfc in long double: a series of positive terms near 0, a continued fraction beyond."""
    x = np.asarray(x, np.longdouble)
    near = np.minimum(np.abs(x), 2)
    term = total = near
    for n in range(1, 80):
        term = term * 2 * near * near / (2 * n + 1)
        total = total + term
    root_pi = np.sqrt(np.longdouble("3.14159265358979323846264338327950288"))
    series = 1 - 2 / root_pi * np.exp(-near * near) * total
    far = np.maximum(np.abs(x), 1.5)
    fraction = far
    for n in range(300, 0, -1):
        fraction = far + np.longdouble(n) / 2 / fraction
    tail = np.exp(-far * far) / root_pi / fraction
    positive = np.where(np.abs(x) < 1.5, series, tail)
    return np.where(x < 0, 2 - positive, positive)


def wide_sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def wide_gelu(z):
    half = np.longdouble(1) / 2
    return half * z * wide_erfc(-z * np.sqrt(half))


# ---------------------------------------------------------------- facts


class Facts(NamedTuple):
    """What is known of an elementwise σ, with its parameter's default."""

    by_hand: tuple  # σ(2), σ'(2), σ(-1), σ'(-1), worked with a pocket calculator's functions
    # σ(-∞), σ'(-∞), σ(+∞), σ'(+∞), where ±1e4 is far enough; a value: a factor of z where callable
    far: tuple
    exact: Callable  # σ in long double
    ulps: float | None  # the most that a value may be off, in units of its last place
    torch: Callable  # (torch, z, p) → σ(z), in PyTorch's own words
    # the derivatives, in units of the last place of 1, or of σ' where that is larger: most are
    # computed from a; z (1 - σ) magnifies the rounding of 1 - σ
    da_dz_ulps: float = 3
    rises: bool = True  # never falls, not even by rounding


def _times(factor):
    return lambda z: factor * z


FACTS = {
    "sigmoid": Facts(
        by_hand=(0.880797078, 0.104993585, 0.268941421, 0.196611933),
        far=(0, 0, 1, 0),
        exact=wide_sigmoid,
        ulps=2,
        torch=lambda torch, z, p: torch.sigmoid(z),
    ),
    "tanh": Facts(
        by_hand=(0.964027580, 0.070650825, -0.761594156, 0.419974342),
        far=(-1, 0, 1, 0),
        exact=np.tanh,
        ulps=2,
        torch=lambda torch, z, p: torch.tanh(z),
    ),
    "relu": Facts(
        by_hand=(2, 1, 0, 0),
        far=(0, 0, _times(1), 1),
        exact=lambda z: np.maximum(z, 0),
        ulps=0.5,
        torch=lambda torch, z, p: torch.relu(z),
    ),
    "identity": Facts(
        by_hand=(2, 1, -1, 1),
        far=(_times(1), 1, _times(1), 1),
        exact=lambda z: z,
        ulps=0.5,
        torch=lambda torch, z, p: z,
    ),
    "leaky_relu": Facts(
        by_hand=(2, 1, -0.01, 0.01),
        far=(_times(0.01), 0.01, _times(1), 1),
        exact=lambda z: np.where(z < 0, z * 0.01, z),
        ulps=1.5,
        torch=lambda torch, z, p: torch.nn.functional.leaky_relu(z, p),
    ),
    "elu": Facts(
        by_hand=(2, 1, -0.632120559, 0.367879441),
        far=(-1, 0, _times(1), 1),
        exact=lambda z: np.where(z < 0, np.expm1(np.minimum(z, 0)), z),
        ulps=2,
        torch=lambda torch, z, p: torch.nn.functional.elu(z, p),
    ),
    "softplus": Facts(
        by_hand=(2.126928011, 0.880797078, 0.313261688, 0.268941421),
        far=(0, 0, _times(1), 1),
        exact=lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
        ulps=2,
        torch=lambda torch, z, p: torch.nn.functional.softplus(z, threshold=1e9),
    ),
    "selu": Facts(
        by_hand=(2.101401975, 1.050700987, -1.111330738, 0.646768603),
        far=(-1.758099341, 0, _times(1.0507009873554805), 1.0507009873554805),
        exact=lambda z: np.where(
            z < 0,
            np.longdouble("1.758099340847376859940217520812") * np.expm1(np.minimum(z, 0)),
            np.longdouble("1.0507009873554804934193349852946") * z,
        ),
        ulps=3,
        torch=lambda torch, z, p: torch.selu(z),
    ),
    "gelu": Facts(
        by_hand=(1.954499736, 1.085231801, -0.158655254, -0.083315471),
        far=(0, 0, _times(1), 1),
        exact=wide_gelu,
        ulps=None,  # has a test of its own
        torch=lambda torch, z, p: torch.nn.functional.gelu(z, approximate="none"),
        rises=False,
    ),
    "silu": Facts(
        by_hand=(1.761594156, 1.090784249, -0.268941421, 0.072329488),
        far=(0, 0, _times(1), 1),
        exact=lambda z: z * wide_sigmoid(z),
        ulps=4,
        torch=lambda torch, z, p: torch.nn.functional.silu(z),
        da_dz_ulps=10,
        rises=False,
    ),
    "mish": Facts(
        by_hand=(1.943958960, 1.069317934, -0.303401461, 0.059216756),
        far=(0, 0, _times(1), 1),
        exact=lambda z: z * np.tanh(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))),
        ulps=6,
        torch=lambda torch, z, p: torch.nn.functional.mish(z),
        da_dz_ulps=4,
        rises=False,
    ),
    "exponential": Facts(
        by_hand=(7.389056099, 7.389056099, 0.367879441, 0.367879441),
        far=(0, 0, np.inf, np.inf),
        exact=np.exp,
        ulps=2,
        torch=lambda torch, z, p: torch.exp(z),
    ),
}
