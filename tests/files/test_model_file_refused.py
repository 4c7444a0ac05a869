"""Model files that are refused: not whole, not consistent, not ours."""

import json
import os
import pickle
import struct
import sys
import tracemalloc

import numpy as np
import pytest

import bpcore
from bpcore import ModelFileError, Network

safetensors = pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import data, framed, parts, put, small, tensor  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_a_bit_generator_of_ones_own_is_refused(path):
    class Mine(np.random.PCG64):
        pass

    network = Network((3, 2), random_state=np.random.Generator(Mine(0)))
    with pytest.raises(TypeError, match=r"network's random_state draws from .*Mine.*PCG64"):
        network.save(path)


def edited(**changes):
    """An edit of the section "network"."""
    return lambda sections, tensors: sections["network"].update(changes)


def cast(name, dtype):
    def edit(sections, tensors):
        tensors[name] = tensors[name].astype(dtype)

    return edit


def filled(name, value):
    def edit(sections, tensors):
        tensors[name].flat[-1] = value

    return edit


EDITS = {
    "newer": (lambda s, t: s.update(format_version=2), "version 2.*reads up to version 1"),
    "no version": (lambda s, t: s.pop("format_version"), "None is no format version"),
    "odd version": (lambda s, t: s.update(format_version="1"), "'1' is no format version"),
    "other kind": (lambda s, t: s.update(kind="Transformer"), "'Transformer'"),
    "wrong kind": (lambda s, t: s.update(kind="MLPClassifier"), "sections are those of another"),
    "no network": (lambda s, t: s.pop("network"), r"missing: \['network'\]"),
    "unknown section": (lambda s, t: s.update(code=1), r"unknown: \['code'\]"),
    "list": (lambda s, t: s.update(network=[]), "network: expected an object with the entries"),
    "activation": (edited(activations=["relu", "magic"]), "must be one of .*got 'magic'"),
    "hidden softmax": (edited(activations=["softmax", "relu"]), "softmax belongs to the output"),
    "activations": (edited(activations=["relu"] * 3), "lists 2 activations"),
    "no activations": (edited(activations=[]), "not enough values"),
    "loss": (edited(loss="hinge"), "loss must be one of .*got 'hinge'"),
    # too deep for Python 3.11, which takes more of its stack; for others only no loss
    "deep": (
        edited(loss=json.loads("[" * 900 + "]" * 900)),
        "network: (nested too deeply|loss must be one of)",
    ),
    "dropout": (edited(dropout=[1.5]), "dropout must be at least 0 and below 1"),
    "dtype": (edited(dtype="int8"), "dtype must be float32 or float64, got 'int8'"),
    "random": (edited(random=None), "random is not the state"),
    "generator": (edited(random={"generator": {"bit_generator": "os"}}), "'os' is no bit gen"),
    "sizes": (edited(layer_sizes=[3, 5, 2]), r"weights.1 is F32 of shape \(4, 3\), expected"),
    "huge": (edited(layer_sizes=[3, 2**31 - 1, 2]), r"expected F32 of shape \(2147483647, 3\)"),
    "vast": (edited(layer_sizes=[10**400, 4, 2]), "expected F32 of shape"),
    "many": (edited(layer_sizes=[1] * 10**5), "100000 layers, but only 4 tensors"),
    "negative": (edited(layer_sizes=[3, -4, 2]), r"layer_sizes\[1\] must be at least 1"),
    "single": (edited(layer_sizes=[3]), "at least two layers"),
    "float size": (edited(layer_sizes=[3, 4.0, 2]), "must be an integer"),
    "missing": (lambda s, t: t.pop("biases.2"), "missing: biases.2, not described: none"),
    "extra": (lambda s, t: t.update(x=np.zeros(1)), "not described: x"),
    "float64": (cast("weights.2", np.float64), "weights.2 is F64 .*expected F32"),
    "int8": (cast("biases.1", np.int8), "biases.1 is I8"),
    "nan": (filled("weights.2", np.nan), "weights.2 holds NaN or infinity"),
    "inf": (filled("biases.1", np.inf), "biases.1 holds NaN or infinity"),
    "history": (lambda s, t: s.update(history={"cost": []}), "history: expected an object"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_file_that_does_not_fit_itself_is_refused(name, path):
    small().save(path)
    sections, tensors = parts(path)
    edit, message = EDITS[name]
    edit(sections, tensors)
    put(path, sections, tensors)
    with pytest.raises(ModelFileError, match=message) as caught:
        bpcore.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert isinstance(caught.value, ValueError)


FRAMES = {
    "empty": (b"", "0 byte"),
    "short": (b"1234567", "7 byte"),
    "text": (b"not a model file at all", "no model file: its first eight bytes announce a header"),
    "long header": (struct.pack("<Q", 1000) + b"{}", "truncated: .*1,000 bytes, and 2 follow"),
    "vast header": (struct.pack("<Q", 2**63) + b"{}", "67,108,864 is the most"),
    "no JSON": (framed(b"{]"), "no whole safetensors file"),
    "no object": (framed(b"[]"), "no whole safetensors file"),
    "no UTF-8": (framed(b'{"\xff": 1}'), "no whole safetensors file"),
    "deep": (framed(b'{"a":' * 10**5), "no whole safetensors file"),
    "another's": (framed({}), "without the entry 'bpcore'"),
    "others'": (framed({"__metadata__": {"format": "pt"}}), "bpcore did not write it"),
    "numbers": (framed({"__metadata__": {"bpcore": 1}}), "no whole safetensors file"),
    "no text": (framed({"__metadata__": {"bpcore": ""}}), "its metadata: Expecting value"),
    "no section": (framed({"__metadata__": {"bpcore": "7"}}), "its metadata: not a JSON object"),
    "NaN": (framed({"__metadata__": {"bpcore": "NaN"}}), "NaN is not JSON"),
    "nested": (framed({"__metadata__": {"bpcore": "[" * 10**5}}), "nested too deeply"),
    "digits": (framed({"__metadata__": {"bpcore": "1" * 5000}}), "its metadata: Exceeds the limit"),
    "beyond": (framed(tensor("F32", [2**40, 2**40], 0, 4), b"1234"), "no whole safetensors file"),
    "nothing": (framed(tensor("F32", [2**62, 0], 0, 0)), "without the entry"),
    "offsets": (framed(tensor("F32", [1], 4, 0), b"1234"), "no whole safetensors file"),
    # a type that older versions of safetensors do not know
    "type": (framed(tensor("F4", [8], 0, 4), b"1234"), "without the entry|no whole safetensors"),
    "pickle": (pickle.dumps({"a": list(range(100))}), "no model file"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_file_that_is_no_model_file_is_refused(name, path):
    content, message = FRAMES[name]
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        bpcore.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("cut", [1, 20, 300])
def test_truncated_and_grown_files_are_refused(cut, path):
    small().save(path)
    content = path.read_bytes()
    for damaged in (content[:-cut], content + bytes(cut)):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="truncated"):
            bpcore.load(path)


def test_messages_are_short_whatever_the_file_holds(path):
    small().save(path)
    sections, tensors = parts(path)
    sections["network"]["loss"] = "x" * 10**6
    put(path, sections, tensors)
    with pytest.raises(ModelFileError) as caught:
        bpcore.load(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("claim", [
    edited(layer_sizes=[3, 2**31 - 1, 2**31 - 1, 2]),
    edited(loss=["quantile", {"array": ["float64", [2**40], []]}]),
    edited(loss=["quantile", {"array": ["str9999999999", [1], ["a"]]}]),
    lambda s, t: s.update(optimizer={"slots": 10**12}),
    lambda s, t: s.update(training={"order": 10**15}),
])  # fmt: skip
def test_what_a_header_claims_is_not_allocated(claim, path):
    small().save(path)
    sections, tensors = parts(path)
    claim(sections, tensors)
    put(path, sections, tensors)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            bpcore.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_parameters_that_are_not_finite_are_read_where_allowed(path):
    network = small()
    network.parameters[[0, -1]] = np.nan, -np.inf
    network.save(path)
    with pytest.raises(ModelFileError, match=r"allow_nonfinite=True"):
        bpcore.load(path)
    loaded = bpcore.load(path, allow_nonfinite=True)
    assert loaded.parameters.tobytes() == network.parameters.tobytes()


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(ModelFileError, match="a folder, expected a model file"):
        bpcore.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        bpcore.load(tmp_path / "nothing")
    with pytest.raises(TypeError):
        bpcore.load(5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="not a regular file"):
        bpcore.load(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        small().save(tmp_path / "pipe")


def test_without_safetensors_the_error_says_what_to_type(path, monkeypatch):
    small().save(path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (
        lambda: small().save(path),
        lambda: bpcore.load(path),
        lambda: small().fit(*data(), checkpoint=path),
    ):
        with pytest.raises(ImportError, match=r'pip install "bpcore\[files\]"'):
            call()
