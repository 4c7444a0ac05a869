"""Model files: what comes back."""

import contextlib
import json
import os
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bpcore
from bpcore import Network
from bpcore.files import values
from bpcore.functions import ACTIVATIONS, LOSSES

safetensors = pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import data, small  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def same_networks(one, other):
    assert one._description() == other._description()
    assert one.dtype == other.dtype
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert values.state_of(one._rng, "") == values.state_of(other._rng, "")


# ---------------------------------------------------------------- networks

HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]
PARTNERS = [(loss, fits) for loss, row in LOSSES.items() for fits in row.outputs or ("identity",)]


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
    *(np.random.Generator(getattr(np.random, name)(2)) for name in values._GENERATORS),
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


# ---------------------------------------------------------------- documentation


def test_load_is_found_when_asked_for():
    assert "load" in dir(bpcore)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bpcore.load.__module__ == "bpcore.model_file"
