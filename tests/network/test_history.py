"""History: one line in words, and a record that becomes JSON or a table."""

import json

import numpy as np
import pytest
from fit_problem import problem

from bpcore import DivergenceError, History

LISTS = ("cost", "validation_cost", "validation_score", "learning_rate", "seconds")


def fitted(epochs=3, **options):
    reference, X, Y, _ = problem()
    return reference.network().fit(X, Y, epochs, 8, 0.25, **options)


def interrupted(n, validated):
    """Ctrl-C after so many whole epochs and a part of one."""
    scores = [0.5] * n if validated else []
    return History(9, [0.1] * (n + 1), scores, list(scores), [0.2] * n, [0.3] * n, "interrupt")


def diverged():
    reference, X, Y, _ = problem(output="identity")
    network = reference.network()
    with pytest.raises(DivergenceError):
        network.fit(1e3 * X, Y, 50, 8, 1e3)
    return network.history_


def stopped():
    return fitted(9, callback=lambda network, history: history.epochs == 2)


def validated(epochs=3):
    _, X, Y, _ = problem()
    return fitted(epochs, validation_data=(X[:5], Y[:5]))


HISTORIES = {
    "plain": fitted,
    "validated": validated,
    "no epochs": lambda: fitted(0),
    "no epochs, validated": lambda: validated(0),
    "stopped": stopped,
    "diverged": diverged,
    "interrupted": lambda: interrupted(2, False),
    "interrupted in a first epoch": lambda: interrupted(0, True),
    "interrupted before validation": lambda: interrupted(2, True),
}
each = pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)


@each
def test_a_record_becomes_a_table_with_a_row_an_epoch(history):
    pandas = pytest.importorskip("pandas")
    history = history()
    table = pandas.DataFrame(history.to_dict())
    assert len(table) == history.epochs
    for name in LISTS:
        values = getattr(history, name)
        assert (name in table) == (bool(values) or not name.startswith("validation_"))
        if name in table:
            assert table[name].dropna().tolist() == values
    assert (table["epochs"] == history.epochs).all()
    assert (table["n_examples"] == history.n_examples).all()


@each
def test_a_record_stays_json(history):
    history = history()
    record = history.to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["stopped"] == history.stopped
    assert record["total_seconds"] == history.total_seconds
    record["cost"].append(7.0)
    assert 7.0 not in history.cost


@each
def test_it_prints_as_one_line(history):
    history = history()
    line = repr(history)
    assert line == str(history)
    assert "\n" not in line
    assert len(line) < 130
    assert line.startswith(f"History: {history.epochs} epoch")
    for name in LISTS[:3]:
        values, words = getattr(history, name), name.replace("_", " ")
        assert (f", {words} {values[-1]:.4g}," in line) if values else (f", {words} " not in line)


@pytest.mark.parametrize("epochs", [1, 40])
def test_the_line_does_not_grow_with_the_epochs(epochs):
    assert len(repr(fitted(epochs))) < 60
    assert repr(fitted(epochs)).startswith(f"History: {epochs} epoch{'s' * (epochs > 1)}, cost ")


def test_the_line_says_why_a_fit_ended():
    assert "stopped" not in repr(fitted())
    assert repr(stopped()).endswith(" s, stopped by its callback")
    assert repr(diverged()).endswith(" s, stopped because it diverged")
    assert repr(interrupted(2, True)).endswith(" s, stopped by Ctrl-C")
    _, X, Y, _ = problem()
    early = fitted(500, validation_data=(X, 1 - Y), patience=2)
    assert early.stopped == "early_stopping"
    assert repr(early).endswith(" s, stopped early")
    assert repr(History(3, [1.0], stopped="rain")).endswith("stopped: rain")


def test_the_line_of_numbers_of_other_kinds():
    history = History(5, [np.float32(0.1)], [np.nan], [np.int64(2)], [0.1], [1])
    assert repr(history) == (
        "History: 1 epoch, cost 0.1, validation cost nan, validation score 2, 1 s"
    )
