"""Saved, loaded, and in ONNX Runtime: the same predictions on raw columns."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from raw_frames import raw_frame, raw_labels, raw_numbers

import bpcore
from bpcore import ModelFileError, TabularClassifier, TabularRegressor

QUICK = {"n_members": 2, "hidden_layer_sizes": (16, 16), "epochs": 10, "random_state": 0}
FRAME = raw_frame()
LABELS = raw_labels(FRAME)
NUMBERS = raw_numbers(FRAME)
INDICATOR = np.column_stack([LABELS == "gold", LABELS == "iron"]).astype(int)
COLUMNS = np.column_stack([LABELS, FRAME["source"].to_numpy(dtype=object)])
CASES = {
    "labels": (TabularClassifier, LABELS),
    "two": (TabularClassifier, LABELS == "gold"),
    "integers": (TabularClassifier, np.unique(LABELS, return_inverse=True)[1] + 5),
    "one": (TabularClassifier, np.full(len(FRAME), "only")),
    "indicator": (TabularClassifier, INDICATOR),
    "columns": (TabularClassifier, COLUMNS),
    "numbers": (TabularRegressor, NUMBERS),
    "far": (TabularRegressor, 1e9 + NUMBERS),
    "two numbers": (TabularRegressor, np.column_stack([NUMBERS, -NUMBERS])),
}


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    cls, y = CASES[request.param]
    return request.param, cls(**QUICK).fit(FRAME, y)


def test_a_file_has_it_all(fitted, tmp_path):
    _, model = fitted
    path = tmp_path / "model.safetensors"
    model.save(path)
    copy = bpcore.load(path)
    assert type(copy) is type(model)
    assert copy.get_params() == model.get_params()
    assert_array_equal(copy.predict(FRAME), model.predict(FRAME))
    if hasattr(model, "classes_"):
        for mine, theirs in zip(copy.classes_, model.classes_, strict=True):
            assert_array_equal(mine, theirs)
        assert copy.temperature_ == model.temperature_
        ours, theirs = copy.predict_proba(FRAME), model.predict_proba(FRAME)
        assert_array_equal(np.concatenate(ours, -1), np.concatenate(theirs, -1))
    for name in ("loss_curves_", "validation_scores_", "best_epochs_", "n_iter_"):
        assert getattr(copy, name) == getattr(model, name)
    assert_array_equal(copy.feature_names_in_, model.feature_names_in_)
    with pytest.raises(ValueError, match="feature names"):
        copy.predict(FRAME[FRAME.columns[::-1]])
    # a second generation is the first
    again = tmp_path / "again.safetensors"
    copy.save(again)
    assert again.read_bytes() == path.read_bytes()


def test_a_callback_is_not_saved(tmp_path):
    model = TabularClassifier(**QUICK, callback=lambda _: False).fit(FRAME, LABELS)
    with pytest.raises(TypeError, match="callback"):
        model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="not fitted"):
        TabularClassifier().save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def _changed(path, change):
    """The file with its metadata changed."""
    safetensors = pytest.importorskip("safetensors")
    numpy = pytest.importorskip("safetensors.numpy")
    with safetensors.safe_open(path, "numpy") as file:
        sections = json.loads(file.metadata()["bpcore"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(sections["tabular"])
    numpy.save_file(tensors, path, metadata={"bpcore": json.dumps(sections)})


def _column(tabular, k, **entries):
    pairs = dict(map(tuple, tabular["columns"][k]["dict"]))
    tabular["columns"][k]["dict"] = [list(pair) for pair in (pairs | entries).items()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("columns"), "columns"),
        (lambda t: t["columns"].pop(), "inputs and outputs"),
        (lambda t: t.update(n_members=3), "member.2"),
        (lambda t: t.update(n_members=10**9), "tensors"),
        (lambda t: t.update(targets={"kind": "Numbers", "n_targets": 1, "n_quantiles": 1}), "Num"),
        (lambda t: _column(t, 0, factor={"float": "nan"}), "finite"),
        (lambda t: _column(t, 0, kind="date"), "kind of column"),
        (lambda t: _column(t, 3, inputs=[0, 1, 2, 3, 99]), "inputs"),
        (lambda t: _column(t, 3, texts=[1, 2, 3, 4, 5]), "texts"),
        (lambda t: _column(t, 3, width=10**12), "inputs"),
        (lambda t: t["attributes"].update(loss_curves_=[1]), "loss_curves_"),
        (lambda t: t["attributes"].update(evil=1), "evil"),
        (lambda t: t["attributes"].update(n_features_in_=3), "n_features_in_"),
        (lambda t: t.update(scaling={"_low": [0.0]}), "scaling"),
        (lambda t: t["parameters"].update(epochs=-1), "epochs"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, words):
    path = tmp_path / "model"
    TabularClassifier(**QUICK).fit(FRAME, LABELS).save(path)
    _changed(path, change)
    with pytest.raises(ModelFileError, match=words):
        bpcore.load(path)


def _feed(frame):
    """Raw columns as ONNX Runtime takes them."""
    fed = {}
    for name in frame:
        column = frame[name]
        if name in ("town", "grade", "source", "country"):
            values = np.array(["" if pd.isna(one) else str(one) for one in column], dtype=object)
        else:
            values = column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        fed[name] = values.reshape(-1, 1)
    return fed


def test_onnx_runtime_predicts_the_same(fitted, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    name, model = fitted
    path = tmp_path / "model.onnx"
    if name == "columns":
        with pytest.raises(ValueError, match="several columns"):
            model.to_onnx(path)
        return
    model.to_onnx(path)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    new = FRAME.assign(town=FRAME["town"].where(FRAME["town"] != "Oslo", "Kyoto"))
    fed = _feed(new)
    known = {one.name for one in session.get_inputs()}
    found = session.run(None, {key: value for key, value in fed.items() if key in known})
    if isinstance(model, TabularRegressor):
        assert_allclose(found[0], model.predict(new), rtol=1e-5)
        return
    assert_allclose(found[1], model.predict_proba(new), atol=1e-5)
    assert_array_equal(found[0], model.predict(new))


def test_columns_without_names_are_numbered_in_onnx(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    X = np.random.default_rng(0).normal(size=(50, 2))
    X[::5, 1] = np.nan
    model = TabularRegressor(**QUICK).fit(X, X[:, 0])
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {"x0": X[:, :1], "x1": X[:, 1:]})
    assert_allclose(found, model.predict(X), rtol=1e-5, atol=1e-5)


def test_onnx_of_numbers_that_came_as_float32(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    x = np.random.default_rng(0).normal(size=(60, 1))
    model = TabularRegressor(1, hidden_layer_sizes=(4,), epochs=2, random_state=0)
    model.fit(x, x[:, 0].astype(np.float32))
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (y,) = session.run(None, {"x0": x})
    np.testing.assert_allclose(y, model.predict(x), rtol=1e-5, atol=1e-6)


def test_columns_that_an_onnx_file_cannot_tell_apart_or_call(tmp_path):
    path = tmp_path / "model.onnx"
    quick = {"n_members": 1, "hidden_layer_sizes": (4,), "epochs": 1}
    texts = np.array(["", "a", None], dtype=object)[np.arange(60) % 3]
    model = TabularClassifier(**quick).fit(pd.DataFrame({"c": texts}), texts == "a")
    with pytest.raises(ValueError, match="column 'c' holds empty texts and missing ones"):
        model.to_onnx(path)
    model = TabularClassifier(**quick).fit(pd.DataFrame({"c": texts[texts != None]}), [0, 1] * 20)  # noqa: E711
    with pytest.warns(UserWarning, match="column 'c' holds empty texts: in the file"):
        model.to_onnx(path)
    path.unlink()
    x = np.random.default_rng(0).normal(size=60)
    for name in ("label", "prediction", "probabilities", "bpcore.constant_0", ""):
        model = TabularClassifier(**quick).fit(pd.DataFrame({name: x}), x > 0)
        with pytest.raises(ValueError, match="a column is called"):
            model.to_onnx(path)
    assert not path.exists()
    runtime = pytest.importorskip("onnxruntime")
    for name in ("constant_0", "sub_1", "member.0.weights.1"):  # as other values were called once
        frame = pd.DataFrame({name: x})
        model = TabularClassifier(**quick).fit(frame, x > 0)
        model.to_onnx(path)
        _, p = runtime.InferenceSession(path).run(None, {name: x.reshape(-1, 1)})
        np.testing.assert_allclose(p, model.predict_proba(frame), rtol=1e-4)
