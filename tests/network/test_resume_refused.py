"""Resuming with other arguments, other data or a damaged checkpoint is refused."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpcore import ModelFileError, Network

pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import parts, put
from resumable import S, X, Y, network

CALLS = {
    "batch_size": ({"batch_size": 7}, "batch_size was 32 there and is 7 here"),
    "l2": ({"l2": 0.5}, "l2 was 0.0 there and is 0.5 here"),
    "l1": ({"l1": 0.5}, "l1 was 0.0"),
    "weight_decay": ({"weight_decay": 0.5}, "weight_decay was 0.0"),
    "clip_norm": ({"clip_norm": 0.5}, "clip_norm was 0.0"),
    "metric": ({"metric": "r2"}, "metric was 'auto' there and is 'r2' here"),
    "shuffle": ({"shuffle": False}, "shuffle was True there and is False here"),
    "rate": ({"learning_rate": 0.5}, "optimizer's learning_rate was 0.001 there and is 0.5 here"),
    "optimizer": ({"optimizer": "nadam"}, "optimizer's name was 'adam' there and is 'nadam' here"),
    "beta": ({"optimizer": ("adam", {"beta_1": 0.5})}, "optimizer's beta_1 was 0.9"),
    "schedule": ({"schedule": "cosine"}, "optimizer's schedule was {'kind': 'constant'"),
    "seed": ({"random_state": 1}, "random_state was \"the network's\" there and is 'its own' here"),
    "weights": ({"sample_weight": S}, "data was"),
    "validation": ({"validation_data": (X, Y)}, "data was"),
    "epochs": ({"epochs": 2}, "has 3 epochs behind it, but this call asks for 2 in all"),
    "every": ({"checkpoint_every": 0}, "checkpoint_every must be at least 1, got 0"),
}


def unchanged(net, call):
    """The call raises ValueError or OSError and leaves the network as it was; the error."""
    before, state = net.parameters.copy(), net._rng.bit_generator.state
    with pytest.raises((ValueError, OSError)) as caught:
        call()
    assert_array_equal(net.parameters, before)
    assert net._rng.bit_generator.state == state
    assert not hasattr(net, "history_")
    return caught.value


@pytest.mark.parametrize("name", CALLS)
def test_a_resumed_fit_takes_the_same_arguments(name, tmp_path):
    path = tmp_path / "x"
    network().fit(X, Y, 3, optimizer="adam", checkpoint=path)
    changed, message = CALLS[name]
    net = network(random_state=8)
    arguments = {"epochs": 5, "optimizer": "adam", "resume": path, **changed}
    error = unchanged(net, lambda: net.fit(X, Y, **arguments))
    assert message in str(error)
    assert name == "every" or str(path) in str(error)


@pytest.mark.parametrize(("other", "message"), [
    (lambda: Network((4, 6, 6, 2), ["tanh", "relu"], dropout=0.2), "layer_sizes was (4, 6, 5, 2)"),
    (lambda: Network((4, 6, 5, 2), "relu", "sigmoid", dropout=0.2), "activation was ['tanh'"),
    (lambda: network(loss="absolute"), "loss was 'quadratic' there and is 'absolute' here"),
    (lambda: network(dropout=0.0), "dropout was (0.2, 0.2) there and is (0.0, 0.0) here"),
    (lambda: network("float64"), "dtype was 'float32' there and is 'float64' here"),
])  # fmt: skip
def test_a_resumed_fit_takes_the_same_network(other, message, tmp_path):
    path = tmp_path / "x"
    network().fit(X, Y, 3, checkpoint=path)
    net = other()
    assert message in str(unchanged(net, lambda: net.fit(X, Y, 5, resume=path)))


@pytest.mark.parametrize("data", [
    (X[:-1], Y[:-1]), (X + 1, Y), (X, Y[::-1]), (X[:, ::-1], Y),
], ids=["fewer", "others", "targets", "columns"])  # fmt: skip
def test_a_resumed_fit_takes_the_same_data(data, tmp_path):
    path = tmp_path / "x"
    network().fit(X, Y, 3, checkpoint=path)
    net = network()
    assert "data was" in str(unchanged(net, lambda: net.fit(*data, 5, resume=path)))


def test_what_is_no_checkpoint(tmp_path):
    path, net = tmp_path / "x", network()
    net.save(path)
    error = unchanged(net, lambda: net.fit(X, Y, 5, resume=path))
    assert isinstance(error, ModelFileError)
    assert "without the state of a training" in str(error)
    assert isinstance(unchanged(net, lambda: net.fit(X, Y, resume=tmp_path / "y")), OSError)
    unchanged(net, lambda: net.fit(X, Y, checkpoint=tmp_path / "no" / "y"))
    unchanged(net, lambda: net.fit(X, Y, checkpoint=tmp_path))


def emptied(section, key):
    return lambda sections, tensors: sections[section].pop(key)


def swapped(sections, tensors):
    tensors["order"][0] = tensors["order"][1]


EDITS = {
    "no arguments": (
        emptied("training", "arguments"),
        "training: expected an object with the entries",
    ),
    "arguments": (lambda s, t: s["training"].update(arguments=[]), "arguments must be an object"),
    "argument": (lambda s, t: s["training"]["arguments"].update(l1={}), "an object has the keys"),
    "random": (lambda s, t: s["training"].update(random=1), "random is not the state"),
    "order": (swapped, "order: the numbers are not those from 0 to 49, each once"),
    "large": (lambda s, t: t["order"].fill(2**62), "the numbers are not those"),
    "short": (lambda s, t: t.update(order=t["order"][1:]), "the tensor order is I64 of shape"),
    "no history": (lambda s, t: s.pop("history"), "history: there is none"),
    "lengths": (lambda s, t: s["history"]["cost"].pop(), "lists are not of one length"),
    "validation": (lambda s, t: s["history"].update(validation_cost=[1.0]), "of one length"),
    "stopped": (lambda s, t: s["history"].update(stopped=1), "stopped must be null or a string"),
    "record": (lambda s, t: s["history"].update(cost=[1, 2, 3]), "something that is no float"),
    "no list": (lambda s, t: s["history"].update(cost=1.5), "cost must be a list"),
    "nan": (lambda s, t: t["weights.1"].fill(np.nan), "weights.1 holds NaN"),
    "no optimizer": (lambda s, t: s.pop("optimizer"), "without the state of a training"),
    "slots": (lambda s, t: t.pop("optimizer.1"), "missing: optimizer.1"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_damaged_checkpoint_is_refused(name, tmp_path):
    path = tmp_path / "x"
    network().fit(X, Y, 3, optimizer="adam", checkpoint=path)
    sections, tensors = parts(path)
    edit, message = EDITS[name]
    edit(sections, tensors)
    put(path, sections, tensors)
    net = network()
    error = unchanged(net, lambda: net.fit(X, Y, 5, optimizer="adam", resume=path))
    assert isinstance(error, ModelFileError)
    assert message in str(error)
    assert str(error).startswith(f"{path}: ")


def test_a_short_order_is_refused(tmp_path):
    """Where the metadata says the same as the tensor, but not what the data say."""
    path = tmp_path / "x"
    network().fit(X, Y, 3, checkpoint=path)
    sections, tensors = parts(path)
    sections["training"]["order"], tensors["order"] = 49, tensors["order"][1:]
    put(path, sections, tensors)
    net = network()
    error = unchanged(net, lambda: net.fit(X, Y, 5, resume=path))
    assert "order: expected 50 numbers" in str(error)
