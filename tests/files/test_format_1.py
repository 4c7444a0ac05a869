"""Files that the first version of format 1 wrote: they load, and their fits go on.

What is read from a file is compared to the last bit: it has been computed before. What is computed
here from it is compared within a tolerance with what the machine that wrote the files came to:
another processor, or another BLAS, adds up in another order. To the last bit a resumed fit is
compared with itself, resumed in two parts, and a network with another copy of it.

What the fit of a network with weights ("adam") comes to is that of the version which let each
weight count the same in every batch.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bpcore

pytest.importorskip("safetensors", reason='model files need the extra "files"')

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SCRIPT = Path(__file__).with_name("make_format_1.py")
SPEC = importlib.util.spec_from_file_location("make_format_1", SCRIPT)
made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(made)
EXPECTED = json.loads(made.EXPECTED.read_text(encoding="utf-8"))


def expected(kind, name):
    return EXPECTED[made.path_of(kind, name).name]


def compare(found, recorded, **tolerance):
    """Numbers within a tolerance, all else exactly."""
    if isinstance(recorded, dict):
        assert set(found) == set(recorded)
        for name in recorded:
            compare(found[name], recorded[name], **tolerance)
    elif isinstance(recorded, list) and recorded and isinstance(recorded[0], list | float):
        assert np.shape(found) == np.shape(recorded)
        assert_allclose(found, recorded, **tolerance)
    elif isinstance(recorded, float):
        assert_allclose(found, recorded, **tolerance)
    else:
        assert made.as_json(found) == recorded


def near(dtype):
    """The numbers are about 1, the fits short."""
    return {"rtol": 1e-7, "atol": 1e-9} if dtype == np.float64 else {"rtol": 2e-4, "atol": 1e-5}


def as_written(state, recorded, dtype):
    """What a file has held, to the last bit; what is predicted from it, nearly."""
    assert made.hash_of(state["theta"]) == recorded["theta"]
    for name, value in recorded.items():
        if name in ("outputs", "predict", "predict_proba"):
            compare(state[name], value, **near(dtype))
        elif name != "theta":
            assert made.as_json(state[name]) == value


def as_it_ended(state, recorded, dtype):
    compare({**state, "theta": made.sums_of(state["theta"])}, recorded, **near(dtype))


def settings(net):
    names = ("layer_sizes", "activations", "loss", "dtype", "dropout", "n_threads")
    return {name: getattr(net, name) for name in names}


def parameters(est):
    return {name: repr(value) for name, value in est.get_params().items()}


def same_bits(one, other):
    """All of two states but the times."""
    assert one["theta"].tobytes() == other["theta"].tobytes()
    assert made.as_json(one) == made.as_json(other)


def test_every_file_is_asked_about():
    kinds = {
        "network": {*made.NETWORKS, "untrained"},
        "checkpoint": made.CHECKPOINTS,
        "estimator": made.ESTIMATORS,
        "estimator_checkpoint": made.ESTIMATOR_CHECKPOINTS,
    }
    names = {made.path_of(kind, name).name for kind, names in kinds.items() for name in names}
    assert set(EXPECTED) == names
    assert {path.name for path in made.FOLDER.glob("*.safetensors")} == names


def test_a_network_that_was_never_trained():
    net = bpcore.load(made.path_of("network", "untrained"))
    assert not hasattr(net, "history_")
    as_written(made.state_of_network(net), expected("network", "untrained")["saved"], net.dtype)


@pytest.mark.parametrize("name", made.NETWORKS)
def test_networks(name):
    arguments, fit = made.NETWORKS[name]
    one, other = [bpcore.load(made.path_of("network", name)) for _ in range(2)]
    recorded = expected("network", name)
    assert type(one) is bpcore.Network
    # where they are to run is not a file's to say
    assert settings(one) == {**settings(made.network(arguments)), "n_threads": one.n_threads}
    as_written(made.state_of_network(one), recorded["saved"], one.dtype)
    for net in (one, other):
        net.fit(*made.data_of(net), epochs=2, **fit)
    as_it_ended(made.state_of_network(one), recorded["end"], one.dtype)
    same_bits(made.state_of_network(one), made.state_of_network(other))


@pytest.mark.parametrize("name", made.CHECKPOINTS)
def test_fits_of_networks_resume(name, tmp_path):
    arguments, fit = made.CHECKPOINTS[name]
    path, later = made.path_of("checkpoint", name), tmp_path / "later"
    stopped = bpcore.load(path)
    assert stopped.history_.epochs == made.STOPPED
    one, part, other = [made.network(arguments) for _ in range(3)]
    X, Y = made.data_of(one)
    one.fit(X, Y, made.EPOCHS, resume=path, **fit)
    as_it_ended(made.state_of_network(one), expected("checkpoint", name)["end"], one.dtype)
    for record in ("cost", "validation_cost", "validation_score", "learning_rate", "seconds"):
        before = getattr(stopped.history_, record)
        assert getattr(one.history_, record)[: len(before)] == before

    def stop(_, history):
        if history.epochs > made.STOPPED + 2:
            raise made.Stop

    with pytest.raises(made.Stop):
        part.fit(X, Y, made.EPOCHS, resume=path, checkpoint=later, callback=stop, **fit)
    other.fit(X, Y, made.EPOCHS, resume=later, **fit)
    same_bits(made.state_of_network(one), made.state_of_network(other))


@pytest.mark.parametrize("name", made.ESTIMATORS)
def test_estimators(name):
    cls, targets, given = made.ESTIMATORS[name]
    one, other = [bpcore.load(made.path_of("estimator", name)) for _ in range(2)]
    recorded = expected("estimator", name)
    assert type(one) is cls
    assert parameters(one) == parameters(made.estimator(cls, given))
    y = made.TARGETS[targets]
    if cls is bpcore.MLPClassifier and targets != "labels":
        assert one.classes_.dtype == y.dtype
        assert made.as_json(one.classes_) == made.as_json(np.unique(y))
    dtype = one.network_.dtype
    as_written(made.state_of_estimator(one), recorded["saved"], dtype)
    for est in (one, other):
        made.go_on(est, targets)
    as_it_ended(made.state_of_estimator(one), recorded["end"], dtype)
    same_bits(made.state_of_estimator(one), made.state_of_estimator(other))


@pytest.mark.parametrize("name", made.ESTIMATOR_CHECKPOINTS)
def test_fits_of_estimators_resume(name, tmp_path):
    cls, targets, given = made.ESTIMATOR_CHECKPOINTS[name]
    path, later = made.path_of("estimator_checkpoint", name), tmp_path / "later"
    y = made.TARGETS[targets]
    stopped = bpcore.load(path)
    assert stopped.n_iter_ == made.STOPPED
    one = made.estimator(cls, given).fit(made.X, y, resume=path)
    recorded = expected("estimator_checkpoint", name)["end"]
    as_it_ended(made.state_of_estimator(one), recorded, one.network_.dtype)
    assert one.loss_curve_[: made.STOPPED] == stopped.loss_curve_

    def stop(est):
        if est.n_iter_ > made.STOPPED + 2:
            raise made.Stop

    part = made.estimator(cls, {**given, "callback": stop})
    with pytest.raises(made.Stop):
        part.fit(made.X, y, resume=path, checkpoint=later)
    other = made.estimator(cls, given).fit(made.X, y, resume=later)
    same_bits(made.state_of_estimator(one), made.state_of_estimator(other))
