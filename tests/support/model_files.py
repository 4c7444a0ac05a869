"""Model files taken apart and put together again, for the tests that spoil them."""

import json
import struct

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save as as_bytes

from bpcore import Network


def parts(path):
    """(sections, tensors) of a file."""
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["bpcore"]), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118


def put(path, sections, tensors):
    path.write_bytes(as_bytes(tensors, metadata={"bpcore": json.dumps(sections)}))


def framed(header, body=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + body


def tensor(dtype, shape, begin, end):
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def small(**arguments):
    return Network((3, 4, 2), random_state=0, **arguments)


def data(n=30, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.random((n, 2))
