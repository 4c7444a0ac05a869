"""What the tests of fit share: a network and its examples, and how near is near."""

import pytest
from reference import Reference, examples

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def close(dtype):
    return {"rtol": 1e-3, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


def problem(n=23, loss="quadratic", output="sigmoid", seed=31):
    reference = Reference.random((4, 6, 5, 3), ["tanh", "silu", output], loss, seed=seed, scale=0.5)
    return reference, *examples(reference, n)
