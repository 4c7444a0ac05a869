"""What the cases of `bits_of.py` share: how one is added, how it is hashed, and its data."""

import hashlib
import json

import numpy as np

FLOATS = ("float32", "float64")
CASES = {}
AT_LOWER_LEVELS = set()


def case(name, lower=False, **arguments):
    """Add a case: a function that returns its parts by name."""

    def add(job):
        if name in CASES:
            raise ValueError(f"two cases {name}")
        CASES[name] = lambda: job(**arguments)
        if lower:
            AT_LOWER_LEVELS.add(name)
        return job

    return add


def digest(value):
    """SHA-256 of arrays (with type and shape), of numbers to the last bit, of lists of them."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        value = (value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).hexdigest())
    elif isinstance(value, np.ndarray | list | tuple):
        value = [digest(one) for one in value]
    elif isinstance(value, bytes):
        value = hashlib.sha256(value).hexdigest()
    return hashlib.sha256(repr(value).encode()).hexdigest()


def file_of(path):
    """A model file but for the state of a generator that an estimator never draws from, which
    comes from the system."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    sections = json.loads(header["__metadata__"].pop("bpcore"))
    if "estimator" in sections:
        del sections["network"]["random"]
    return [json.dumps(header), json.dumps(sections), content[end:]]


class Stop(Exception):
    """What ends a fit before its time."""


def data(n, n_in, n_out, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in)).astype(dtype)
    return X, rng.uniform(0.02, 0.98, (n, n_out)).astype(dtype)


def blank(n, n_in, n_out, dtype="float32", seed=0):
    """Inputs of which four of five are zero, as of images, whole numbers from 0 to 255."""
    X, Y = data(n, n_in, n_out, dtype, seed)
    rng = np.random.default_rng(seed + 1)
    return np.floor(np.abs(X) * 60).clip(0, 255) * (rng.random(X.shape) < 0.2), Y
