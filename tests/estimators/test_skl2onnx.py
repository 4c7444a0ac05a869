"""Pipelines that end in an estimator of bpcore's, through skl2onnx and ONNX Runtime."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bpcore
from bpcore import MLPClassifier, MLPRegressor

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

X = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 20, "learning_rate_init": 0.01}


@pytest.fixture(autouse=True)
def register():
    bpcore.register_skl2onnx()


def run(pipeline, table, **options):
    model = skl2onnx.to_onnx(pipeline, table[:1], target_opset=17, **options)
    return runtime.InferenceSession(model.SerializeToString()).run(None, {"X": table})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "y",
    [X[:, 0] > 0, np.digitize(X[:, 0], [-0.5, 0.5]), np.array(["a", "b", "c"])[np.arange(120) % 3]],
    ids=["booleans", "integers", "texts"],
)
def test_classifier(y):
    y = y.astype(int) if y.dtype == bool else y
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(random_state=0, **SETTINGS)).fit(X, y)
    label, probabilities = run(pipeline, X, options={id(pipeline): {"zipmap": False}})
    assert_array_equal(label, pipeline.predict(X))
    assert_allclose(probabilities, pipeline.predict_proba(X), atol=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("y", [X[:, 0] - X[:, 1], X[:, :2]], ids=["one", "two"])
def test_regressor(y):
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(random_state=0, **SETTINGS)).fit(X, y)
    (found,) = run(pipeline, X)
    assert_allclose(found.reshape(np.shape(y)), pipeline.predict(X), atol=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_frame_of_numbers_and_texts():
    frame = pd.DataFrame({"x": X[:, 0], "town": np.array(["Rome", "Oslo"])[np.arange(120) % 2]})
    y = (frame["x"] > 0) & (frame["town"] == "Rome")
    columns = make_column_transformer(
        (StandardScaler(), ["x"]), (OneHotEncoder(sparse_output=False), ["town"])
    )
    model = MLPClassifier(random_state=0, **SETTINGS)
    pipeline = make_pipeline(columns, model).fit(frame, y.astype(int))
    types = skl2onnx.common.data_types
    onnx = skl2onnx.to_onnx(
        pipeline,
        initial_types=[
            ("x", types.FloatTensorType([None, 1])),
            ("town", types.StringTensorType([None, 1])),
        ],
        target_opset=17,
        options={id(pipeline): {"zipmap": False}},
    )
    session = runtime.InferenceSession(onnx.SerializeToString())
    fed = {name: frame[[name]].to_numpy() for name in frame}
    fed = {"x": fed["x"].astype(np.float32), "town": fed["town"].astype(object)}
    assert_array_equal(session.run(None, fed)[0], pipeline.predict(frame))
