"""ONNX graphs against ONNX Runtime, C headers against a C compiler, both against ``predict``."""

import ctypes
import shutil
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import MLPClassifier, MLPRegressor, Network
from bpcore.files import c_header
from bpcore.files import onnx as onnx_file
from bpcore.functions import ACTIVATIONS

RNG = np.random.default_rng(9)
X = RNG.normal(size=(40, 5)).astype(np.float32)
# Both ends of every function.
WIDE = np.linspace(-30, 30, 40 * 5).reshape(40, 5).astype(np.float32)
# e^z turns an error in z, which grows with z, into a relative one.
NARROW = WIDE / 6
CLOSE = {"rtol": 1e-5, "atol": 1e-5}

HIDDEN = [
    *(name for name in ACTIVATIONS if name != "softmax"),
    *(("leaky_relu", 0.3), ("elu", 0.25)),
]
OUTPUTS = [*HIDDEN, "softmax"]


def networks():
    """One for every activation in the middle and every one at the end, in both types."""
    made = {}
    for dtype in ("float32", "float64"):
        for hidden in HIDDEN:
            # twice, but not e^(e^z)
            layers = [hidden, "tanh" if hidden == "exponential" else hidden]
            net = Network((5, 7, 6, 3), layers, "identity", dtype=dtype, random_state=1)
            made[f"hidden {hidden} {dtype}"] = net
        for output in OUTPUTS:
            net = Network((5, 8, 4), "tanh", output, dtype=dtype, random_state=2)
            made[f"output {output} {dtype}"] = net
    made["no hidden layer"] = Network((5, 3), output_activation="softmax", random_state=3)
    made["five layers"] = Network((5, 9, 2, 8, 3, 1), ["relu", "gelu", "silu", "elu"], "sigmoid",
                                  init="normal", random_state=4)  # fmt: skip
    return made


NETWORKS = networks()


# ---------------------------------------------------------------- ONNX


@pytest.fixture(scope="module")
def onnx():
    return pytest.importorskip("onnx", reason='ONNX files need the extra "onnx"')


@pytest.fixture(scope="module")
def runtime(onnx):
    return pytest.importorskip("onnxruntime", reason="the graphs are compared with ONNX Runtime")


@pytest.fixture
def run(runtime, tmp_path):
    """The outputs of a model's ONNX file, by name."""

    def outputs(model, X):
        model.to_onnx(tmp_path / "model.onnx")
        session = runtime.InferenceSession(
            tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
        )
        names = [one.name for one in session.get_outputs()]
        return dict(zip(names, session.run(None, {"X": X}), strict=True))

    return outputs


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_predicts_the_same(name, run):
    net = NETWORKS[name]
    wide = NARROW if "exponential" in name else WIDE
    for table in (X, wide, X[:1], X[:0]):
        a = run(net, table)["A"]
        assert a.shape == (len(table), net.layer_sizes[-1])
        assert_allclose(a, net.predict(table), **CLOSE)


def test_the_graph_says_what_it_is(onnx, tmp_path):
    NETWORKS["five layers"].to_onnx(str(tmp_path / "x"))
    model = onnx.load(tmp_path / "x")
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "bpcore"
    (x,) = model.graph.input
    dimensions = x.type.tensor_type.shape.dim
    assert (x.name, dimensions[0].dim_param, dimensions[1].dim_value) == ("X", "n", 5)
    assert {one.name for one in model.graph.initializer} >= {"weights.1", "biases.5"}


def columns(kind):
    """(n,) or (n, 2) labels of 40 rows."""
    at = np.arange(40) % 3
    return {
        "strings": np.array(["né", "perhaps", "yes"])[at],
        "objects": np.array(["no", "perhaps", "yes"], dtype=object)[at],
        "integers": np.array([7, -2, 300], dtype=np.int16)[at],
        "booleans": at == 0,
        "floats": np.array([0.0, 0.5, 3.0])[at] * 2,
        "two": np.array(["no", "yes"])[at % 2],
        "one": np.full(40, 5),
        "indicators": np.column_stack([at == 0, at > 0, at == 1]),
        "columns of integers": np.column_stack([at, at % 2 * 5]),
        "a constant column": np.column_stack([np.full(40, 8), at]),
        "constant columns": np.full((40, 2), "z"),
        "labels of two values": np.column_stack([at > 0, at == 1]) + 1,
        "columns of strings": np.column_stack([np.array(["a", "b", "c"])[at]] * 2),
    }[kind]


KINDS = (
    *("strings", "objects", "integers", "booleans", "floats", "two", "one", "indicators"),
    *("columns of integers", "columns of strings", "a constant column", "constant columns"),
    "labels of two values",
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["log_loss", "quadratic"])
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runtime_classifies_the_same(kind, loss, dtype, run):
    y = columns(kind)
    clf = MLPClassifier((6,), loss=loss, max_iter=20, learning_rate_init=0.05, random_state=0)
    clf.fit(X.astype(dtype), y)
    got = run(clf, X)
    # in float32 where the outputs are told apart in float64: no ties here
    assert_array_equal(got["label"], clf.predict(X))
    expected = clf.predict_proba(X)
    if isinstance(expected, list):
        for k, one in enumerate(expected):
            assert_allclose(got[f"probabilities_{k}"], one, **CLOSE)
        assert len(got) == 1 + len(expected)
    else:
        assert_allclose(got["probabilities"], expected, **CLOSE)


def test_outputs_that_all_say_no_say_nothing(run):
    clf = MLPClassifier((), loss="quadratic").initialize(5, classes=["a", "b", "c"])
    clf.coefs_[0][:] = 0
    clf.intercepts_[0][:] = -200
    assert_allclose(run(clf, X)["probabilities"], np.full((40, 3), 1 / 3), rtol=1e-6)
    assert_allclose(clf.predict_proba(X.astype(np.float32)), np.full((40, 3), 1 / 3), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("targets", ["one", "two", "quantiles"])
def test_onnx_runtime_estimates_the_same(targets, run):
    y = RNG.random((40, 2)) if targets == "two" else RNG.random(40)
    arguments = {"loss": "quantile", "quantile": [0.2, 0.8]} if targets == "quantiles" else {}
    reg = MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=0, **arguments)
    reg.fit(X, y)
    got = run(reg, X)["prediction"]
    assert got.shape == reg.predict(X).shape
    assert_allclose(got, reg.predict(X), **CLOSE)


def test_labels_that_onnx_has_no_type_for(onnx, tmp_path):
    clf = MLPClassifier((2,)).initialize(3, classes=["a", "b", "c"])
    for labels in (["a", 1, None], [1, 2, 2**63], [-(2**63) - 1, 0, 0.5]):
        clf._targets.classes = np.array(labels, dtype=object)
        with pytest.raises(ValueError, match="ONNX has no type for the labels"):
            clf.to_onnx(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_float32_cannot_hold_is_not_exported(onnx, tmp_path):
    net = Network((2, 1), dtype="float64")
    net.parameters[0] = 1e39
    with pytest.raises(ValueError, match="layer 1 holds a parameter that is NaN, infinite or too"):
        net.to_onnx(tmp_path / "x")
    with pytest.raises(ValueError, match="layer 1 holds a parameter"):
        net.to_c(tmp_path / "x")
    steep = Network((2, 1), output_activation=("elu", 1e39), dtype="float64", init="zeros")
    with pytest.raises(ValueError, match="too large for float32"):
        steep.to_c(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_a_file_cannot_hold_is_not_exported(onnx, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "_MOST_BYTES", 100)
    with pytest.raises(ValueError, match="beyond the 2 GiB"):
        NETWORKS["five layers"].to_onnx(tmp_path / "x")


def test_every_activation_has_a_form_in_onnx_and_in_c(onnx):
    graph = onnx_file.Graph()
    for name, default in ((row.name, row.default) for row in ACTIVATIONS.values()):
        activation = name if default is None else (name, default)
        assert graph.activation(activation, "z")
        assert c_header._scalar(activation, np.dtype("float32"))


def test_without_onnx_the_error_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "bpcore\[onnx\]"'):
        NETWORKS["five layers"].to_onnx(tmp_path / "x")


# ---------------------------------------------------------------- C

WRAPPER = """\
#include "{name}.h"
#include "{name}.h" /* twice does no harm */
void forward_{name}(const float *x, float *a);
void forward_{name}(const float *x, float *a) {{ {name}_forward(x, a); }}
int sizes_{name}(int k);
int sizes_{name}(int k) {{
    return k == 0 ? {NAME}_INPUTS : k == 1 ? {NAME}_OUTPUTS : {NAME}_WORK;
}}
"""
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


def compiler(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no compiler here: {', '.join(names)}")
    return found


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A library with the forward pass of every network, from all their headers at once."""
    gcc = compiler("gcc", "cc")
    folder = tmp_path_factory.mktemp("c")
    text = ""
    names = {}
    for i, (what, net) in enumerate(NETWORKS.items()):
        names[what] = f"net{i}"
        net.to_c(folder / f"net{i}.h", name=f"net{i}")
        text += WRAPPER.format(name=f"net{i}", NAME=f"NET{i}")
    (folder / "all.c").write_text(text)
    command = [gcc, *STRICT, "-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return ctypes.CDLL(str(folder / "all.so")), names


@pytest.mark.parametrize("what", NETWORKS)
def test_c_predicts_the_same(what, compiled):
    library, names = compiled
    net, name = NETWORKS[what], names[what]
    sizes = [getattr(library, f"sizes_{name}")(k) for k in range(3)]
    assert sizes[:2] == [net.layer_sizes[0], net.layer_sizes[-1]]
    for table in (X, NARROW if "exponential" in what else WIDE):
        a = np.full((len(table), net.layer_sizes[-1]), np.nan, dtype=np.float32)
        for x_k, a_k in zip(table, a, strict=True):
            getattr(library, f"forward_{name}")(
                x_k.ctypes.data_as(ctypes.c_void_p), a_k.ctypes.data_as(ctypes.c_void_p)
            )
        assert_allclose(a, net.predict(table), **CLOSE)


def test_the_header_is_cpp_too(tmp_path):
    gxx = compiler("g++", "c++")
    NETWORKS["five layers"].to_c(tmp_path / "net.h")
    (tmp_path / "main.cpp").write_text(
        '#include "net.h"\nint main() { float x[5] = {0}, a[1], work[NETWORK_WORK];\n'
        "network_forward(x, a); network_forward_in(x, a, work); return a[0] > 1.0f; }\n"
    )
    command = [gxx, "-Wall", "-Wextra", "-Werror", "main.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_numbers_survive_their_way_through_c():
    ends = np.finfo(np.float32)
    for number in (
        *(0.0, -0.0, 1.0, -2.0, 1e10, 0.1, 1 / 3, 123456789.0, ends.max, ends.min, ends.tiny),
        *(ends.smallest_subnormal, np.pi, -1e-30),
    ):
        single = np.float32(number)
        text = c_header._literal(single)
        assert text.endswith("f")
        assert "." in text or "e" in text
        assert np.float32(text[:-1]).tobytes() == single.tobytes()


@pytest.mark.parametrize("name", ["", "1a", "a b", "a;b", "größe", "int", "a\n", 5, None, "_x"])
def test_names_that_c_does_not_take(name, tmp_path):
    with pytest.raises(ValueError, match="name must be a C identifier"):
        NETWORKS["no hidden layer"].to_c(tmp_path / "x", name=name)
    assert not (tmp_path / "x").exists()
