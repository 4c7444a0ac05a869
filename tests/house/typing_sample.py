"""The public API as a user's type checker sees it; never run.

test_typing.py puts it to ``mypy --strict`` against the installed package, and reads this file for
names of ``bpcore.__all__`` that are missing in it.  An ``assert_type`` says what a call returns;
what comes from scikit-learn, which has no types, is Any.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np

import bpcore
from bpcore import (
    CostCurveDisplay,
    DescentAnimation,
    DescentDisplay,
    DivergenceError,
    Explanation,
    Gradient,
    GradientFlowDisplay,
    GradientFlowRecorder,
    History,
    MLPClassifier,
    MLPRegressor,
    ModelFileError,
    Network,
    NetworkDisplay,
    NumericalGradient,
    Optimizer,
    PathRecorder,
    PredictionsDisplay,
    Saturation,
    SaturationDisplay,
    ScoreRecorder,
    Table,
    TabularClassifier,
    TabularRegressor,
    Trace,
    TrainingCurveDisplay,
    WeightsDisplay,
    datasets,
    load,
    register_skl2onnx,
    scaled,
    show_config,
)

X: np.ndarray = np.zeros((8, 2), dtype=np.float32)
Y: np.ndarray = np.zeros((8, 1))
PATH = Path("model.safetensors")


def networks() -> Network:
    net = Network(
        (2, 8, 1),
        ["tanh"],
        ("leaky_relu", 0.1),
        loss=("huber", 1.0),
        dtype=np.float64,
        init="he",
        random_state=np.random.default_rng(0),
        dropout=[0.1],
        n_threads=1,
    )
    assert_type(net.layer_sizes, tuple[int, ...])
    assert_type(net.n_layers, int)
    assert_type(net.n_parameters, int)
    assert_type(net.parameters, np.ndarray)
    assert_type(net.weights, tuple[np.ndarray, ...])
    assert_type(net.biases, tuple[np.ndarray, ...])
    assert_type(net.n_threads, int | None)
    assert_type(net.dropout, tuple[float, ...])
    net.n_threads = None
    net.set_parameters(np.zeros(33))
    net.set_parameters(weights=net.weights, biases=list(net.biases))
    assert_type(net.astype("float32"), Network)
    net.save(PATH)
    net.to_onnx("model.onnx")
    net.to_c("model.h", name="model", dtype="float64")
    return net


def training(net: Network) -> History:
    def callback(network: Network, history: History) -> bool:
        return history.cost[-1] < network.cost(X, Y)

    history = net.fit(
        X,
        Y,
        epochs=10,
        batch_size=None,
        learning_rate=0.1,
        sample_weight=np.ones(8),
        validation_data=(X, Y),
        metric="r2",
        optimizer=("sgd", {"momentum": 0.9}),
        schedule={"kind": "step", "every": 3, "factor": 0.5},
        l2=1e-4,
        clip_norm=1.0,
        random_state=0,
        callback=callback,
        checkpoint=PATH,
        checkpoint_every=2,
        resume=str(PATH),
    )
    assert_type(history, History)
    assert_type(net.history_, History)
    assert_type(history.cost, list[float])
    assert_type(history.validation_score, list[float])
    assert_type(history.epochs, int)
    assert_type(history.stopped, str | None)
    assert_type(history.total_seconds, float)
    assert_type(history.examples_per_second, float)
    assert_type(history.to_dict(), dict[str, Any])
    assert_type(net.step(X[:1], Y[:1], learning_rate=0.1), float)
    adam = Optimizer(
        "adam", learning_rate=1e-3, beta_1=0.8, schedule={"kind": "cosine", "total": 9}
    )
    net.fit(X, Y, optimizer=adam, patience=3, tol=1e-3, validation_data=(X, Y), callback=[callback])
    assert_type(net.step(X[:1], Y[:1], optimizer=adam), float)
    assert_type(adam.t, int)
    assert_type(adam.learning_rate, float)
    return history


def derivatives(net: Network) -> Trace:
    assert_type(net.predict(X), np.ndarray)
    assert_type(net.forward(X, out=np.empty((8, 1))), np.ndarray)
    assert_type(net.cost(X, Y), float)
    assert_type(net.score(X, Y, metric="r2"), float)
    gradient = net.gradient(X, Y, sample_weight=None)
    assert_type(gradient, Gradient)
    assert_type(gradient.cost, float)
    assert_type(gradient.vector, np.ndarray)
    assert_type(gradient.weights, tuple[np.ndarray, ...])
    assert_type(gradient.inputs, np.ndarray)
    net.apply(gradient, learning_rate=0.1)
    net.apply(gradient.vector, 0.1)
    assert_type(net.per_sample_gradients(X, Y), np.ndarray)
    assert_type(net.jacobian(X), np.ndarray)
    assert_type(net.check_gradient(X, Y), float)
    trace = net.trace(X, Y)
    assert_type(trace, Trace)
    assert_type(trace.dC_dw, list[np.ndarray | None])
    delta, below = trace.dC_dz[2], trace.dz_dw[2]
    assert delta is not None
    assert below is not None
    assert_type(delta.T @ below, Any)
    assert_type(trace.a, list[np.ndarray])
    assert_type(trace.w, list[np.ndarray | None])
    assert_type(trace.activations, list[np.ndarray])
    assert_type(trace.cost, float)
    assert_type(trace.check("w", layer=2, j=0, k=0), dict[str, float])
    explanation = trace.explain("w", layer=2, j=0, k=0)
    assert_type(explanation, Explanation)
    assert_type(str(explanation), str)
    return trace


def estimators(net: Network) -> tuple[MLPClassifier, MLPRegressor]:
    clf = MLPClassifier(
        (16, 16),
        "relu",
        solver="adam",
        alpha=1e-4,
        early_stopping=True,
        class_weight="balanced",
        callback=lambda est: est.loss_ < 0.1,
        random_state=0,
    )
    reg = MLPRegressor(hidden_layer_sizes=8, loss="huber", solver="lbfgs")
    clf.fit(X, Y[:, 0], sample_weight=np.ones(8), validation_data=(X, Y[:, 0]))
    clf.partial_fit(X, Y[:, 0], classes=[0, 1])
    reg.fit(X, Y[:, 0]).predict(X)
    assert_type(clf.score(X, Y[:, 0]), float)
    assert_type(reg.score(X, Y[:, 0], sample_weight=None), float)
    assert_type(clf.network_, Network)
    assert_type(clf.initialize(2, classes=[0, 1], dtype="float32"), MLPClassifier)
    assert_type(reg.initialize(2), MLPRegressor)
    assert_type(MLPClassifier.from_network(net, classes=["no", "yes"], alpha=0.0), MLPClassifier)
    assert_type(MLPRegressor.from_network(net), MLPRegressor)
    clf.predict_proba(X)
    clf.predict_log_proba(X)
    clf.save(PATH)
    clf.to_onnx(PATH)
    return clf, reg


def files() -> None:
    try:
        model = load(PATH, allow_nonfinite=False)
    except ModelFileError as error:
        raise SystemExit(str(error)) from error
    except DivergenceError:
        raise
    assert_type(model, Any)
    assert_type(show_config(mode="dict"), dict[str, Any] | None)
    assert_type(scaled(np.zeros((2, 3), dtype=np.uint8), divisor=255.0).shape, tuple[int, ...])
    assert_type(bpcore.__version__, str)
    data = datasets.load_digits(enlarge=False, random_state=None)
    assert_type(data, datasets.Dataset)
    assert_type(data.X_train, np.ndarray)
    assert_type(data.image_shape, tuple[int, int])
    assert_type(data.n_classes, int)
    datasets.load_mnist("mnist")
    datasets.load_openml_mnist(data_home=PATH)
    assert_type(datasets.load_idx(PATH), np.ndarray)
    assert_type(datasets.one_hot([0, 1], n_classes=2), np.ndarray)


def told(net: Network, trace: Trace, gradient: Gradient) -> None:
    assert_type(net.summary(), Table)
    assert_type(trace.table(), Table)
    assert_type(gradient.table(), Table)
    check = net.numerical_gradient(X, Y, epsilon=1e-5)
    assert_type(check, NumericalGradient)
    assert_type(check.vector, np.ndarray)
    assert_type(check.error, float)
    saturation = net.saturation(X)
    assert_type(saturation, Saturation)
    assert_type(saturation.in_words(), str)
    assert_type(trace.explain_activation(layer=1, j=0, example=0), Explanation)
    net.to_html(PATH, X, Y, names=["a"], image_shape=None)
    trace.to_html(PATH, title="t", captions=range(8), features=("a", "b"), example=None)


def pictures(net: Network, clf: MLPClassifier, history: History, trace: Trace) -> None:
    recorder = GradientFlowRecorder(X, Y, every=2)
    path = PathRecorder(net, every=1)
    net.fit(X, Y, callback=recorder)
    net.fit(X, Y, callback=path)
    scores = ScoreRecorder(X, Y, metric="r2")
    net.fit(X, Y, callback=scores)
    assert_type(scores.scores, list[float])
    assert_type(
        TrainingCurveDisplay.from_network(net, training_scores=scores), TrainingCurveDisplay
    )
    curves = TrainingCurveDisplay.from_history({"one": history}, score_name="r2")
    assert_type(curves, TrainingCurveDisplay)
    assert_type(curves.plot(log_scale=True), TrainingCurveDisplay)
    assert_type(TrainingCurveDisplay.from_estimator(clf), TrainingCurveDisplay)
    assert_type(GradientFlowDisplay.from_recorder(recorder), GradientFlowDisplay)
    assert_type(NetworkDisplay.from_trace(trace), NetworkDisplay)
    assert_type(PredictionsDisplay.from_network(net, X, Y, kind="scatter"), PredictionsDisplay)
    assert_type(WeightsDisplay.from_network(net, image_shape=(1, 2)), WeightsDisplay)
    assert_type(WeightsDisplay.from_network(net, image_shape=(1, 2, 3)), WeightsDisplay)
    assert_type(DescentDisplay.from_network(net, X, Y, path), DescentDisplay)
    assert_type(SaturationDisplay.from_network(net, X), SaturationDisplay)
    curve = CostCurveDisplay.from_network(net, X, Y, layer=1, j=0, k=0, learning_rate=0.1)
    assert_type(curve, CostCurveDisplay)
    animation = DescentAnimation.from_network(net, X, Y)
    assert_type(animation, DescentAnimation)
    animation.save("descent.gif", fps=2.0)


def tables() -> None:
    clf = TabularClassifier(2, epochs=3, n_jobs=None, random_state=0)
    clf.fit(X, ["a", "b"], validation_data=(X, ["a", "b"]))
    assert_type(clf.predict(X), np.ndarray)
    assert_type(clf.prepare(X), np.ndarray)
    assert_type(clf.members_, list[Network])
    model = TabularRegressor(time_limit=10.0)
    model.fit(X, [1.0, 2.0])
    assert_type(model.predict(X), np.ndarray)
    model.save(PATH)
    model.to_onnx(PATH)
    register_skl2onnx()
