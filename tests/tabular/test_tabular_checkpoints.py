"""A fit of an ensemble that breaks off goes on from its file, to the same bits."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from raw_frames import raw_frame, raw_labels, raw_numbers

import bpcore
from bpcore import ModelFileError, TabularClassifier, TabularRegressor

pytest.importorskip("safetensors", reason="safetensors is not installed: bpcore[files]")

FRAME = raw_frame()
LABELS = raw_labels(FRAME)
NUMBERS = raw_numbers(FRAME)
WEIGHTS = np.linspace(0, 2, len(FRAME))
QUICK = {"n_members": 4, "hidden_layer_sizes": (16, 16), "epochs": 6, "random_state": 3}
CASES = {"labels": (TabularClassifier, LABELS), "numbers": (TabularRegressor, NUMBERS)}


class Break(Exception):
    """What a callback breaks a fit off with."""


def breaking(member, epoch):
    """A callback that raises in an epoch of a member."""

    def callback(progress):
        if (progress.member, progress.epoch) == (member, epoch):
            raise Break

    return callback


def broken(cls, y, path, n_jobs=1, **more):
    """The file of a fit that broke off in its third member."""
    est = cls(**QUICK | more, n_jobs=n_jobs, callback=breaking(3, 4))
    with pytest.raises(Break):
        est.fit(FRAME, y, checkpoint=path)
    assert not hasattr(est, "members_")
    return path


def assert_same(one, other):
    for mine, theirs in zip(one.members_, other.members_, strict=True):
        assert_array_equal(mine.parameters, theirs.parameters)
    for name in ("loss_curves_", "validation_scores_", "best_epochs_", "n_iter_"):
        assert getattr(one, name) == getattr(other, name)
    assert_array_equal(one.predict(FRAME), other.predict(FRAME))
    assert getattr(one, "temperature_", None) == getattr(other, "temperature_", None)


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("case", CASES)
def test_to_the_same_bits(case, n_jobs, tmp_path):
    cls, y = CASES[case]
    path = broken(cls, y, tmp_path / "half.safetensors", n_jobs)
    trained = set()
    resumed = cls(**QUICK, n_jobs=n_jobs, callback=lambda progress: trained.add(progress.member))
    resumed.fit(FRAME, y, resume=path)
    assert 3 in trained
    if n_jobs == 1:
        assert trained == {3, 4}
    assert_same(resumed, cls(**QUICK).fit(FRAME, y))


def test_broken_twice_into_one_file(tmp_path):
    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    with pytest.raises(Break):
        TabularClassifier(**QUICK, callback=breaking(4, 1)).fit(
            FRAME, LABELS, checkpoint=path, resume=path
        )
    trained = set()
    last = TabularClassifier(**QUICK, callback=lambda progress: trained.add(progress.member))
    assert_same(last.fit(FRAME, LABELS, resume=path), TabularClassifier(**QUICK).fit(FRAME, LABELS))
    assert trained == {4}


def test_with_weights_and_validation_data(tmp_path):
    data = {"sample_weight": WEIGHTS, "validation_data": (FRAME[:50], LABELS[:50])}
    path = tmp_path / "half.safetensors"
    with pytest.raises(Break):
        TabularClassifier(**QUICK, callback=breaking(2, 1)).fit(
            FRAME, LABELS, **data, checkpoint=path
        )
    resumed = TabularClassifier(**QUICK).fit(FRAME, LABELS, **data, resume=path)
    assert_same(resumed, TabularClassifier(**QUICK).fit(FRAME, LABELS, **data))
    with pytest.raises(ValueError, match="data was"):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, resume=path)


def test_without_a_random_state_the_file_has_it(tmp_path):
    path = broken(TabularRegressor, NUMBERS, tmp_path / "half.safetensors", random_state=None)
    ends = [
        TabularRegressor(**QUICK | {"random_state": None}).fit(FRAME, NUMBERS, resume=path)
        for _ in range(2)
    ]
    assert_same(*ends)


def test_a_finished_file_trains_nothing(tmp_path):
    path = tmp_path / "whole.safetensors"
    first = TabularClassifier(**QUICK).fit(FRAME, LABELS, checkpoint=path)
    again = TabularClassifier(**QUICK, callback=lambda progress: pytest.fail("trained"))
    assert_same(again.fit(FRAME, LABELS, resume=path), first)


def test_it_loads_as_what_there_is(tmp_path):
    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    model = bpcore.load(path)
    assert len(model.members_) == 2
    assert model.temperature_ == 1.0
    assert model.predict_proba(FRAME).shape == (len(FRAME), len(model.classes_))
    whole = TabularClassifier(**QUICK, calibrate=False).fit(FRAME, LABELS)
    for mine, theirs in zip(model.members_, whole.members_, strict=False):
        assert_array_equal(mine.parameters, theirs.parameters)


def test_members_that_a_callback_cut_short_are_not_kept(tmp_path):
    path = tmp_path / "half.safetensors"
    TabularClassifier(
        **QUICK, n_jobs=1, callback=lambda progress: (progress.member, progress.epoch) == (2, 3)
    ).fit(FRAME, LABELS, checkpoint=path)
    assert len(bpcore.load(path).members_) == 1


@pytest.mark.parametrize(
    ("change", "data", "words"),
    [
        ({"epochs": 7}, LABELS, "epochs was 6 there and is 7 here"),
        ({"dropout": 0.1}, LABELS, "dropout was"),
        ({"random_state": 4}, LABELS, "seed was"),
        ({}, np.roll(LABELS, 1), "data was"),
        ({"time_limit": 9.0}, LABELS, "time_limit"),
    ],
)
def test_of_another_fit(change, data, words, tmp_path):
    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    est = TabularClassifier(**QUICK).fit(FRAME[:60], LABELS[:60])
    before = dict(vars(est))
    with pytest.raises(ValueError, match=words):
        est.set_params(**change).fit(FRAME, data, resume=path)
    assert {name: vars(est)[name] for name in before if name not in change} == {
        name: before[name] for name in before if name not in change
    }


def test_other_files(tmp_path):
    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    with pytest.raises(ValueError, match="kind was 'TabularClassifier'"):
        TabularRegressor(**QUICK).fit(FRAME, NUMBERS, resume=path)
    plain = tmp_path / "plain.safetensors"
    TabularClassifier(**QUICK).fit(FRAME, LABELS).save(plain)
    with pytest.raises(ModelFileError, match="no checkpoint of a Tabular"):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, resume=plain)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelFileError, match="damaged"):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, resume=path)
    with pytest.raises(FileNotFoundError):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, checkpoint=tmp_path / "no" / "file")


@pytest.mark.parametrize("members", [[0, 0], [0, 4], [0], [0, 1, 2], "01", [0, -1]])
def test_members_that_are_not_theirs(members, tmp_path):
    import json

    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    sections = json.loads(header["__metadata__"]["bpcore"])
    sections["training"]["members"] = members
    header["__metadata__"]["bpcore"] = json.dumps(sections)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(ModelFileError, match="members must be"):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, resume=path)


def test_the_same_parameters_in_another_form(tmp_path):
    path = broken(TabularClassifier, LABELS, tmp_path / "half.safetensors")
    form = {**QUICK, "hidden_layer_sizes": np.array(QUICK["hidden_layer_sizes"])}
    assert_same(
        TabularClassifier(**form).fit(FRAME, LABELS, resume=path),
        TabularClassifier(**QUICK).fit(FRAME, LABELS),
    )
