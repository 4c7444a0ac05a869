"""What the tests of the sparse first layer share: rows of zeros, and how near is near."""

import numpy as np
import pytest
from tuned import compress_from, untune

from bpcore._core import products

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def close(dtype):
    return {"rtol": 1e-10, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-4, "atol": 2e-5}


def blank(rng, n, m, density=0.2):
    """n rows of m numbers, most of them zero, one row wholly; each fits in float32."""
    X = rng.standard_normal((n, m)) * (rng.random((n, m)) < density)
    X[n // 2] = 0
    return X.astype(np.float32).astype(float)


def every_table_is_sparse():
    """For an autouse fixture; `compress_from(-1, 1)`: no table is."""
    compress_from(1.0, 1)
    yield
    untune()
    products.set_isa()
