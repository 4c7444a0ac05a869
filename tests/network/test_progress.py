"""What a fit says, and whom it calls: neither is a reason to end."""

import io
import sys

import numpy as np
import pytest

from bpcore import MLPClassifier, MLPRegressor, Network, load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] ** 2


class Pipe(io.StringIO):
    """Nobody reads it."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


class Odd:
    """Something of somebody's own in the place of a stream."""

    def write(self, text):
        raise RuntimeError("no widget here")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {
    "ascii": lambda: io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
    "cp1252": lambda: io.TextIOWrapper(io.BytesIO(), encoding="cp1252"),
    "closed": closed,
    "none": lambda: None,
    "pipe": Pipe,
    "no encoding": io.StringIO,
    "odd": Odd,
}


@pytest.mark.parametrize("kind", STREAMS)
def test_no_stream_ends_a_fit(kind, monkeypatch):
    stream = STREAMS[kind]()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", STREAMS[kind]())
    net = Network((3, 4, 1), random_state=0)
    history = net.fit(X, Y, 5, progress=True, validation_data=(X, Y))
    rates = {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0}
    for est in (
        MLPRegressor(verbose=True, max_iter=20, early_stopping=True, random_state=0, **rates),
        MLPRegressor(verbose=True, solver="lbfgs", random_state=0),
    ):
        est.fit(X, Y[:, 0])
    MLPClassifier(verbose=True).partial_fit(X, Y[:, 0] > 1, classes=[False, True])
    monkeypatch.undo()
    assert history.epochs == 5
    if kind in ("ascii", "cp1252"):
        text = stream.buffer.getvalue().decode(kind)
        assert text.count("epoch") == 5
        assert "#" * 24 in text
        assert "?" not in text


def test_columns_are_aligned(capsys):
    net = Network((3, 4, 1), "tanh", "identity", random_state=0)
    net.fit(X * 1e-3, Y * 1e4, 12, learning_rate=1e-3, progress=True, validation_data=(X, Y))
    lines = capsys.readouterr().err.strip().split("\r")
    lines = [line for line in lines if line]
    assert len(lines) == 12
    for word in ("cost", "validation cost", "score"):
        assert len({line.index(word) for line in lines}) == 1
    assert len({line.index("|", line.index("|") + 1) for line in lines}) == 1
    assert "█" * 24 in lines[-1]


# ---------------------------------------------------------------- callbacks


def test_several_callbacks_are_all_called_in_order():
    called = []
    callbacks = [
        lambda net, history: called.append(("first", history.epochs)),
        lambda net, history: called.append(("second", history.epochs)) or history.epochs == 2,
        lambda net, history: called.append(("third", history.epochs)),
    ]
    for given in (callbacks, tuple(callbacks)):
        called.clear()
        history = Network((3, 4, 1), random_state=0).fit(X, Y, 9, callback=given)
        assert history.stopped == "callback"
        assert called == [(name, k) for k in (1, 2) for name in ("first", "second", "third")]
    assert Network((3, 4, 1), random_state=0).fit(X, Y, 3, callback=[]).epochs == 3


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_an_estimator_takes_several_too(make):
    called = []
    est = make(
        max_iter=9,
        callback=[
            lambda one: called.append(("first", one.n_iter_)) or one.n_iter_ == 2,
            lambda one: called.append(("second", one.n_iter_)),
        ],
    )
    est.fit(X, (Y[:, 0] > 1).astype(int))
    assert called == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]
    assert est.n_iter_ == 2


@pytest.mark.parametrize("none", [None, [], ()])
def test_no_callbacks_can_be_saved_and_several_cannot(none, tmp_path):
    pytest.importorskip("safetensors")
    est = MLPRegressor(callback=none).partial_fit(X, Y[:, 0])
    est.save(tmp_path / "x")
    assert not load(tmp_path / "x").callback
    est.callback = [lambda one: None]
    with pytest.raises(TypeError, match=r"of functions.*set_params\(callback=None\)"):
        est.save(tmp_path / "x")


@pytest.mark.parametrize("wrong", [3, "f", [None], [print, 4]])
def test_what_cannot_be_called(wrong):
    with pytest.raises(TypeError, match="callback must be callable, or a list of callables"):
        Network((3, 4, 1)).fit(X, Y, callback=wrong)
    est = MLPRegressor(callback=wrong)
    with pytest.raises((TypeError, ValueError), match="callback"):
        est.fit(X, Y[:, 0])
    assert not hasattr(est, "coefs_")
