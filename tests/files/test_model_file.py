"""Model files: what comes back, what is refused, and what a crash leaves."""

import contextlib
import json
import os
import pickle
import stat
import struct
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bpcore
from bpcore import ModelFileError, Network, _model_json, _model_write
from bpcore._activations import ACTIVATIONS
from bpcore._losses import LOSSES

safetensors = pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import framed, parts, put, tensor  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def small(**arguments):
    return Network((3, 4, 2), random_state=0, **arguments)


def data(n=30, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.random((n, 2))


def same_networks(one, other):
    assert one._description() == other._description()
    assert one.dtype == other.dtype
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert _model_json.state_of(one._rng, "") == _model_json.state_of(other._rng, "")


# ---------------------------------------------------------------- networks

HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
PARTNERS = [
    (loss, fits) for loss, (_, outputs) in LOSSES.items() for fits in outputs or ("identity",)
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*HIDDEN, ("leaky_relu", 0.2), ("elu", 1e-7)])
def test_every_activation_comes_back(activation, dtype, path):
    network = Network((3, 5, 4, 2), activation, dtype=dtype, random_state=1, dropout=[0.1, 0.0])
    network.save(path)
    same_networks(bpcore.load(path), network)


@pytest.mark.parametrize("loss", [
    *PARTNERS, (("huber", 0.3), "tanh"), (("quantile", (0.1, 0.9)), "relu"),
    (("quantile", [0.1, 0.9]), "relu"), (("categorical_cross_entropy", "clip"), "softmax"),
    ("quadratic", "softmax"),
])  # fmt: skip
def test_every_loss_comes_back(loss, path):
    network = Network((3, 2), output_activation=loss[1], loss=loss[0], random_state=1)
    network.save(str(path))
    loaded = bpcore.load(os.fsencode(path))
    same_networks(loaded, network)
    X, Y = data()
    assert loaded.cost(X, Y) == network.cost(X, Y)


@pytest.mark.parametrize("random_state", [
    None, 5, np.random.RandomState(3),
    *(np.random.Generator(getattr(np.random, name)(2)) for name in _model_json._GENERATORS),
], ids=str)  # fmt: skip
def test_training_goes_on_as_it_would_have(random_state, path):
    X, Y = data()
    network = Network((3, 8, 2), "relu", random_state=random_state, dropout=0.3)
    network.fit(X, Y, epochs=3, batch_size=7, learning_rate=0.1)
    network.save(path)
    loaded = bpcore.load(path)
    assert loaded.history_.to_dict() == network.history_.to_dict()
    for one in (network, loaded):
        one.fit(X, Y, epochs=3, batch_size=7, learning_rate=0.1)
    same_networks(loaded, network)
    assert loaded.history_.cost == network.history_.cost


def test_a_network_that_was_never_trained_has_no_history(path):
    small().save(path)
    assert not hasattr(bpcore.load(path), "history_")


def test_a_history_may_hold_any_number(path):
    network = small()
    network.history_ = bpcore.History(
        5, [1.0, 0.1], [np.float32(0.1)], [np.nan, np.inf, -np.inf, 5e-324], stopped="interrupt"
    )
    network.save(path)
    history = bpcore.load(path).history_
    assert repr(history.to_dict()) == repr(network.history_.to_dict()).replace(
        "np.float32(0.1)", repr(float(np.float32(0.1)))
    )


def test_other_programs_can_read_the_tensors(path):
    network = small()
    network.save(path)
    tensors = load_file(path)
    assert sorted(tensors) == ["biases.1", "biases.2", "weights.1", "weights.2"]
    assert_array_equal(tensors["weights.2"], network.weights[1])
    assert_array_equal(tensors["biases.1"], network.biases[0])
    with safetensors.safe_open(path, framework="numpy") as file:
        (text,) = file.metadata().values()
    described = json.loads(text)
    assert described["format_version"] == 1
    assert described["bpcore_version"] == bpcore.__version__
    assert described["network"]["layer_sizes"] == [3, 4, 2]


def test_the_same_network_makes_the_same_bytes(path, tmp_path):
    network = small()
    network.save(path)
    network.save(tmp_path / "again")
    bpcore.load(path).save(tmp_path / "copy")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_a_file_is_let_go_of(path):
    small().save(path)
    bpcore.load(path)
    os.rename(path, path.with_suffix(".moved"))
    with (
        open("/proc/self/maps")
        if os.path.exists("/proc/self/maps")
        else contextlib.nullcontext([]) as maps
    ):
        assert not [line for line in maps if str(path.parent) in line]


# ---------------------------------------------------------------- refusals


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


# ---------------------------------------------------------------- writing


def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch):
    small().save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        small(activation="relu").save(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_disk_is_told_before_the_name_changes(path, monkeypatch):
    """Content, then name, then folder: in another order a crash could lose both files."""
    calls = []

    def noting(name, function):
        def noted(*args):
            calls.append(name)
            return function(*args)

        return noted

    monkeypatch.setattr(os, "fsync", noting("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", noting("replace", os.replace))
    small().save(path)
    assert calls == ["fsync", "replace", *(["fsync"] if os.name == "posix" else [])]


@pytest.mark.skipif(_model_write.fcntl is None, reason="no locks on files")
def test_what_killed_writers_left_is_removed_and_nothing_else(path):
    folder = path.parent
    left = folder / f".{path.name}.0123456789ab.partial"
    others = [folder / f".{path.name}.x.part", folder / ".other.safetensors.1.partial"]
    for one in (left, *others):
        one.mkdir()
        (one / "new").write_bytes(b"half a file")
    with _model_write._folder_beside(path) as in_use:
        small().save(path)
        assert in_use.exists()
    assert sorted(folder.iterdir()) == sorted([path, *others])


def test_a_folder_taken_for_abandoned_is_made_again(path, monkeypatch):
    """Another writer may come between its creation and its lock."""
    lock = _model_write.fcntl.flock
    calls = []

    def flock(descriptor, how):
        calls.append(how)
        if len(calls) == 1:
            (made,) = path.parent.iterdir()
            made.rmdir()
        lock(descriptor, how)

    monkeypatch.setattr(_model_write.fcntl, "flock", flock)
    small().save(path)
    assert len(calls) == 2
    assert list(path.parent.iterdir()) == [path]


def test_without_locks_files_are_written_all_the_same(path, monkeypatch):
    monkeypatch.setattr(_model_write, "fcntl", None)
    small().save(path)
    small(activation="relu").save(path)
    assert bpcore.load(path).activations[0] == "relu"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="rights and links of POSIX")
def test_rights_and_links_stay(path, tmp_path):
    umask = os.umask(0o027)
    try:
        small().save(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    link = tmp_path / "link"
    link.symlink_to(path)
    small(activation="relu").save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert bpcore.load(path).activations[0] == "relu"


def test_targets_that_cannot_be_written_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        small().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="make it, to write"):
        small().save(tmp_path / "nowhere" / "model")


def test_only_models_are_saved(path):
    class Mine(Network):
        pass

    for thing in (5, Mine((2, 1)), Network):
        with pytest.raises(TypeError, match="a model file holds a Network, an MLPClassifier"):
            bpcore.model_file.save(path, thing)
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="paths of Windows are short")
def test_a_name_as_long_as_names_can_be(tmp_path):
    for name in ("x" * 255, "é" * 127):
        network = Network((2, 1), random_state=0)
        network.save(tmp_path / name)
        assert_array_equal(bpcore.load(tmp_path / name).parameters, network.parameters)
    assert len(list(tmp_path.iterdir())) == 2


def test_too_much_beside_the_tensors_is_refused(path, monkeypatch):
    monkeypatch.setattr(bpcore.model_file, "LONGEST_HEADER", 500)
    with pytest.raises(ValueError, match=r"beside tensors .* takes [\d,]+ bytes"):
        small().save(path)
    assert not path.exists()


# ---------------------------------------------------------------- documentation


def test_load_is_found_when_asked_for():
    assert "load" in dir(bpcore)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bpcore.load.__module__ == "bpcore.model_file"
