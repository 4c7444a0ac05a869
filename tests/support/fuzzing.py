"""Valid files of every kind, and ways to spoil them: for test_fuzz_files.py."""

import gzip
import json
import struct
import warnings
from pathlib import Path

import numpy as np

import bpcore

# Values that a reader may find where it expects another.
JUNK = (
    None, True, False, 0, 1, -1, 2, 3, 7, 10**4, 2**31, 2**40, 2**62, 2**63, -(2**63), 10**30,
    0.0, 0.5, -0.5, 1.5, 1e-320, 1e308, -1e308, "", "x", "softmax", "relu", "quantile", "huber",
    "float64", "irprop-", "cosine", "A" * 2000, "\ud800", "é\x00", [], {}, [[]], [0], [1.5, None],
    [1] * 500, ["x"] * 50, {"tuple": []}, {"tuple": 1}, {"float": "nan"}, {"float": "inf"},
    {"float": "x"}, {"dict": [[[], 1]]}, {"dict": [["a", 1]]}, {"dict": [1]}, {"scalar": []},
    {"scalar": ["int8", 1000]}, {"scalar": ["float32", 1e300]}, {"array": ["float64", [2**40], []]},
    {"array": ["float64", [0, 2**62, 2**62], []]}, {"array": ["str999999999", [1], ["a"]]},
    {"array": ["object", [2], [None, {"tuple": []}]]}, {"array": ["int8", [], [5]]},
    {"array": ["float64", [1], ["1.5"]]}, {"generator": {}}, {"random_state": {}}, {"a": 1, "b": 2},
)  # fmt: skip
NESTED = "[" * 200 + "]" * 200


def model_files(folder):
    """name: content of model files and checkpoints of every kind."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    Y = rng.random((40, 2))
    paths = {}

    def path(name):
        paths[name] = Path(folder, f"{name}.safetensors")
        return paths[name]

    bpcore.Network((3, 4, 2), random_state=0).save(path("network"))
    net = bpcore.Network(
        (3, 4, 3, 2), ["tanh", ("elu", 0.5)], "identity", ("quantile", [0.1, 0.9]),
        dtype="float64", random_state=np.random.RandomState(0), dropout=0.1,
    )  # fmt: skip
    net.fit(
        X, Y, epochs=2, optimizer="nadam", schedule={"kind": "step", "every": 1},
        validation_data=(X, Y), checkpoint=path("nadam"),
    )  # fmt: skip
    philox = np.random.Generator(np.random.Philox(0))
    net = bpcore.Network((3, 4, 2), "relu", "softmax", random_state=philox)
    net.fit(X, Y, epochs=2, checkpoint=path("sgd"), shuffle=False)
    net = bpcore.Network((3, 4, 2), "gelu", random_state=0)
    net.fit(X, Y, epochs=2, checkpoint=path("adam"), optimizer="adam", learning_rate=0.01)
    evidence = {"optimizer": "lm", "l2": "evidence"}
    net.fit(X, Y, epochs=2, checkpoint=path("evidence"), **evidence)
    common = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    names = np.array(["a", "b", "c"])[np.arange(40) % 3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, est, y in (
            ("labels", bpcore.MLPClassifier(early_stopping=True, **common), names),
            ("binary", bpcore.MLPClassifier(solver="sgd", **common), names == "a"),
            ("multilabel", bpcore.MLPClassifier(loss="quadratic", **common), Y > 0.5),
            ("columns", bpcore.MLPClassifier(**common), np.column_stack([names, names == "a"])),
            ("number", bpcore.MLPRegressor(solver="lbfgs", **common), Y[:, 0]),
            ("std", bpcore.MLPRegressor(solver="lm", alpha="evidence", **common), Y),
            ("quantiles", bpcore.MLPRegressor("quantile", quantile=[0.2, 0.8], **common), Y[:, 0]),
        ):
            est.fit(X, y).save(path(name))
        est = bpcore.MLPClassifier(early_stopping=True, **common)
        est.fit(X, names, checkpoint=path("run"))
    return {name: one.read_bytes() for name, one in paths.items()}


def idx_files():
    """name: content of IDX files, plain and compressed."""
    plain = struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4) + bytes(range(24))
    floats = struct.pack(">4BI", 0, 0, 0x0D, 1, 5) + struct.pack(">5f", *range(5))
    return {"images": plain, "floats": floats, "compressed": gzip.compress(plain, mtime=0)}


# ---------------------------------------------------------------- damage


def damaged(rng, content, others):
    """The content with some bytes changed, cut out, put in, or exchanged."""
    data = bytearray(content)
    kind = rng.integers(6)
    at = int(rng.integers(len(data)))
    if kind == 0:
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
    elif kind == 1:  # where the header is
        data[int(rng.integers(min(len(data), 24)))] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        data += rng.bytes(int(rng.integers(1, 40)))
    elif kind == 4:
        end = min(len(data), at + int(rng.integers(1, 40)))
        data[at:end] = rng.bytes(int(rng.integers(40)))
    else:
        other = others[int(rng.integers(len(others)))]
        data[at:] = other[int(rng.integers(len(other))) :]
    return bytes(data)


def rewritten(rng, content):
    """A model file whose JSON says something else, in a frame that is whole."""
    length = int.from_bytes(content[:8], "little")
    header, tensors = json.loads(content[8 : 8 + length]), content[8 + length :]
    sections = json.loads(header["__metadata__"]["bpcore"])
    for _ in range(int(rng.integers(1, 4))):
        _change(rng, sections if rng.random() < 0.8 else header)
    if isinstance(header.get("__metadata__"), dict) and rng.random() < 0.97:
        header["__metadata__"]["bpcore"] = json.dumps(sections)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


def _change(rng, root):
    """Replace, remove, add or copy a node of nested lists and dicts."""
    nodes = [(holder, key) for holder in _holders(root) for key in _keys(holder)]
    if not nodes:
        return
    holder, key = nodes[int(rng.integers(len(nodes)))]
    kind = rng.random()
    if kind < 0.6:
        holder[key] = _junk(rng)
    elif kind < 0.7:
        del holder[key]
    elif kind < 0.8:
        other, name = nodes[int(rng.integers(len(nodes)))]
        holder[key] = json.loads(json.dumps(other[name]))
    elif kind < 0.9 and isinstance(holder[key], int | float):
        holder[key] += int(rng.integers(-2, 3))
    elif isinstance(holder, list):
        holder.insert(key, _junk(rng))
    else:
        holder[f"x{int(rng.integers(9))}"] = _junk(rng)


def _junk(rng):
    at = int(rng.integers(len(JUNK) + 1))
    return json.loads(NESTED if at == len(JUNK) else json.dumps(JUNK[at]))


def _holders(node):
    if isinstance(node, dict | list):
        yield node
        for one in node.values() if isinstance(node, dict) else node:
            yield from _holders(one)


def _keys(holder):
    return list(holder) if isinstance(holder, dict) else range(len(holder))
