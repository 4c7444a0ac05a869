"""C headers in double precision, and of estimators with their scalers, against ``predict``."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from bpcore import MLPClassifier, MLPRegressor, Network
from bpcore.functions import ACTIVATIONS

RNG = np.random.default_rng(3)
X = RNG.normal(size=(90, 4)) * [1, 20, 0.01, 3] + [5, -300, 2, 2000]
Y = X[:, 0] - X[:, 1] / 20
PLACES = np.digitize(X[:, 1], np.quantile(X[:, 1], [1 / 3, 2 / 3]))
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
CLOSE = {"float32": {"rtol": 1e-3, "atol": 1e-4}, "float64": {"rtol": 1e-12, "atol": 1e-13}}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CODE = """\
#include "model.h"
{extra}
void forward(const {real} *x, {real} *a);
void forward(const {real} *x, {real} *a) {{ model_forward(x, a); }}
"""


def built(folder, extra="", real="double", standard=STRICT, compiler="gcc"):
    """The library of a folder's model.h."""
    found = shutil.which(compiler)
    if found is None:
        pytest.skip(f"no compiler here: {compiler}")
    source = folder / ("all.c" if compiler == "gcc" else "all.cpp")
    source.write_text(CODE.format(extra=extra, real=real))
    command = [found, *standard, "-shared", "-fPIC", source.name, "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return ctypes.CDLL(str(folder / "all.so"))


def called(function, x, n_out, dtype):
    """What a function of C makes of each row, and what it returns."""
    rows = np.ascontiguousarray(x, dtype=dtype)
    out = np.full((len(rows), n_out), np.nan, dtype=dtype)
    returned = [
        function(*(ctypes.c_void_p(one.ctypes.data) for one in (row, to)))
        for row, to in zip(rows, out, strict=True)
    ]
    return out, np.array(returned)


PREDICT = """
{kind} predict(const {real} *x, {real} *p);
{kind} predict(const {real} *x, {real} *p) {{ {back}model_predict(x, p); }}
"""
LABEL = "{type}label(int k);\n{type}label(int k) {{ return model_label(k); }}\n"


@pytest.mark.parametrize("output", ["softmax", *(name for name in ACTIVATIONS)])
def test_a_network_in_double_precision(output, tmp_path):
    if output == "softmax":
        net = Network((4, 9, 6, 3), ["selu", "mish"], output, dtype="float64", random_state=0)
    else:
        net = Network((4, 9, 3), "gelu", output, dtype="float64", random_state=0)
    net.to_c(tmp_path / "model.h", "model", dtype="float64")
    a, _ = called(built(tmp_path).forward, X / 100, 3, "float64")
    assert_allclose(a, net.predict(X / 100), rtol=1e-12, atol=1e-14)
    text = (tmp_path / "model.h").read_text()
    assert "float" not in text
    assert "double" in text


SCALERS = {
    "none": lambda: None,
    "standard": StandardScaler,
    "without mean": lambda: StandardScaler(with_mean=False),
    "without std": lambda: StandardScaler(with_std=False),
    "range": lambda: MinMaxScaler((-1, 2)),
    "largest": MaxAbsScaler,
    "quartiles": RobustScaler,
    "quartiles, uncentred": lambda: RobustScaler(with_centering=False),
    "two": lambda: make_pipeline(RobustScaler(), MinMaxScaler()),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SCALERS)
def test_a_regressor_and_its_scaler(name, dtype, tmp_path):
    scaler = SCALERS[name]()
    est = MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", max_iter=20, random_state=0)
    pipe = make_pipeline(*([] if scaler is None else [scaler]), est).fit(X, Y)
    est.to_c(tmp_path / "model.h", scaler=scaler, dtype=dtype)
    real = "float" if dtype == "float32" else "double"
    code = PREDICT.format(kind="void", real=real, back="")
    y, _ = called(built(tmp_path, code, real).predict, X, 1, dtype)
    assert_allclose(y[:, 0], pipe.predict(X), **CLOSE[dtype])


LABELS = {
    "text": np.array(["a", 'b"\\?', "größe {x}"])[PLACES],
    "integers": np.array([-7, 0, 12])[PLACES],
    "two": PLACES > 0,
    "two, an output each": PLACES > 0,
    "numbers": np.array([0.5, 1.5, 2.25])[PLACES].astype(object).astype(float).round(0),
    "one": np.zeros(90, int),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["log_loss", "quadratic"])
@pytest.mark.parametrize("kind", LABELS)
def test_a_classifier_and_its_scaler(kind, loss, dtype, tmp_path):
    y = LABELS[kind]
    est = MLPClassifier(hidden_layer_sizes=(6,), loss=loss, max_iter=40, random_state=0)
    est.out_activation = "softmax" if "each" in kind else None
    pipe = make_pipeline(StandardScaler(), est).fit(X, y)
    pipe[-1].to_c(tmp_path / "model.h", scaler=pipe[:-1], dtype=dtype)
    real = "float" if dtype == "float32" else "double"
    text = est.classes_.dtype.kind == "U"
    types = {"U": "const char *", "f": "double "}
    code = PREDICT.format(kind="int", real=real, back="return ")
    code += LABEL.format(type=types.get(est.classes_.dtype.kind, "long "))
    library = built(tmp_path, code, real)
    library.label.restype = {"U": ctypes.c_char_p, "f": ctypes.c_double}.get(
        est.classes_.dtype.kind, ctypes.c_long
    )
    p, places = called(library.predict, X, len(est.classes_), dtype)
    expected = pipe.predict_proba(X)
    assert_allclose(p, expected, **CLOSE[dtype])
    clear = np.sort(np.column_stack([expected, np.zeros(90)]), axis=1)
    clear = clear[:, -1] - clear[:, -2] > 1e-3
    assert clear.sum() > 80
    assert_array_equal(est.classes_[places][clear], pipe.predict(X)[clear])
    labels = [library.label(k) for k in range(len(est.classes_))]
    assert [one.decode() if text else one for one in labels] == est.classes_.tolist()


def test_many_labels_a_row(tmp_path):
    y = np.column_stack([PLACES > 0, PLACES < 2, PLACES == 1]).astype(int)
    est = MLPClassifier(hidden_layer_sizes=(6,), max_iter=5, random_state=0).fit(X / 100, y)
    est.to_c(tmp_path / "model.h", dtype="float64")
    library = built(tmp_path, PREDICT.format(kind="void", real="double", back=""))
    p, _ = called(library.predict, X / 100, 3, "float64")
    assert_allclose(p, est.predict_proba(X / 100), rtol=1e-12)


def test_it_is_cpp_too(tmp_path):
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=2)).fit(X, LABELS["text"])
    pipe[-1].to_c(tmp_path / "model.h", scaler=pipe[0])
    built(tmp_path, "", "float", ["-Wall", "-Wextra", "-Werror"], "g++")


def test_what_is_refused(tmp_path):
    path = tmp_path / "model.h"
    est = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, Y)
    for error, match, options in [
        (TypeError, "PolynomialFeatures: write the", {"scaler": PolynomialFeatures()}),
        (TypeError, "got int", {"scaler": 3}),
        (NotFittedError, "not fitted", {"scaler": StandardScaler()}),
        (ValueError, "3 features", {"scaler": StandardScaler().fit(X[:, 1:])}),
        (ValueError, "clip=False", {"scaler": MinMaxScaler(clip=True).fit(X)}),
        (ValueError, "dtype must be", {"dtype": "int32"}),
        (ValueError, "dtype must be", {"dtype": "floats"}),
        (ValueError, "C identifier", {"name": "for"}),
    ]:  # fmt: skip
        with pytest.raises(error, match=match):
            est.to_c(path, **options)
    with pytest.raises(NotFittedError):
        MLPRegressor().to_c(path)
    for name, number in (("scale_", 1e-60), ("mean_", -1e60)):
        scaler = StandardScaler().fit(X)
        getattr(scaler, name)[1] = number
        with pytest.raises(ValueError, match=re.escape(f"by {number:g}")):
            est.to_c(path, scaler=scaler)
        est.to_c(tmp_path / "double.h", scaler=scaler, dtype="float64")
    several = MLPClassifier(hidden_layer_sizes=(3,), max_iter=2).fit(
        X, np.column_stack([PLACES, PLACES])
    )
    with pytest.raises(ValueError, match="one column of labels"):
        several.to_c(path)
    with pytest.raises(ValueError, match="dtype must be"):
        Network((2, 1)).to_c(path, dtype="half")
    huge = MLPClassifier(hidden_layer_sizes=(3,), max_iter=2).fit(X, PLACES + 2**40)
    with pytest.raises(ValueError, match="C has no type"):
        huge.to_c(path)
    cut = MLPClassifier((3,)).initialize(2, ["a\0b", "ac"])
    with pytest.raises(ValueError, match=r"ends where a NUL character stands, as in 'a\\x00b'"):
        cut.to_c(path)
    assert not path.exists()


def test_names_that_differ_in_their_case_are_two_headers(tmp_path):
    guards = set()
    for name in ("net", "Net"):
        Network((2, 1)).to_c(tmp_path / "model.h", name)
        guards.add(re.search(r"#ifndef (\w+)", (tmp_path / "model.h").read_text())[1])
    assert len(guards) == 2
