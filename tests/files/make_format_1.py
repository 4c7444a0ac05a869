"""Writes the files of format_1/: model files and checkpoints as version 1 of the format was first.

    python -P make_format_1.py

They were written by the first build that had the format, and are kept so that no later one forgets
how to read them. Do not write them again with a later build: that would prove nothing. What is
added to the format gets a folder of its own. `test_format_1.py` takes from here how each fit goes
on, and from expected.json what it came to.
"""

import json
import warnings
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import numpy as np

from bpcore import MLPClassifier, MLPRegressor, Network

FOLDER = Path(__file__).with_name("format_1")
EXPECTED = FOLDER / "expected.json"
# Epochs after which a fit that is to be resumed was stopped, of so many.
STOPPED, EPOCHS = 3, 8
ROWS = 48


class Stop(Exception):
    """What ends a fit before its time."""


def table(columns, first=0):
    """Numbers from -1.5 to 1.5, the same on every machine: a checkpoint knows its data."""
    at = np.arange(first, first + ROWS * columns)
    return ((at * at * 37 + at * 11) % 97 - 48).reshape(ROWS, columns) / 32


X = table(4)
Y = (table(2, first=5) + 1.75) / 4
SHARES = Y / Y.sum(axis=1, keepdims=True)
WEIGHTS = np.arange(ROWS) % 3 / 2
CLASSES = (X[:, 0] > X[:, 1]).astype(int) + (X[:, 2] > 0)
TARGETS = {
    "binary": CLASSES > 0,
    "words": np.array(["né", "perhaps", "yes"])[CLASSES],
    "integers": np.array([7, -2, 300])[CLASSES],
    "labels": np.column_stack([CLASSES > 0, CLASSES < 2]).astype(int),
    "numbers": Y,
    "one number": Y[:, 0],
}

# name: (arguments of Network, of fit)
NETWORKS = {
    "seed": ({}, {"learning_rate": 0.5}),
    "softmax": (
        {"activation": ["tanh", "relu"], "loss": "categorical_cross_entropy", "dtype": "float64",
         "dropout": (0.2, 0.0)},
        {"optimizer": "adam", "schedule": "cosine", "validation_data": (X[:9], SHARES[:9])},
    ),
    "clipped": (
        {"activation": "identity", "loss": ("categorical_cross_entropy", "clip")},
        {"optimizer": "adagrad", "clip_norm": 0.5},
    ),
    "smooth": (
        {"activation": ["gelu", "silu"], "output_activation": "softplus", "loss": "squared_error",
         "dtype": "float64"},
        {"optimizer": "rmsprop", "schedule": {"kind": "one_cycle", "warmup": 1}},
    ),
    "bent": (
        {"activation": [("leaky_relu", 0.2), ("elu", 0.5)], "output_activation": "identity",
         "loss": ("huber", 0.3), "n_threads": 2},
        {"optimizer": "nadam", "schedule": {"kind": "step", "every": 2, "factor": 0.5}},
    ),
    "counts": ({"activation": "softplus", "loss": "poisson"}, {"learning_rate": 0.05, "l1": 0.1}),
    "chances": (
        {"loss": "binary_cross_entropy", "dtype": "float64", "init": "normal"},
        {"optimizer": "irprop-", "batch_size": None},
    ),
    "quantiles": (
        {"activation": "exponential", "output_activation": "identity",
         "loss": ("quantile", (0.1, 0.9))},
        {"optimizer": ("sgd", {"momentum": 0.9, "nesterov": True}), "learning_rate": 0.01},
    ),
    "absolute": (
        {"activation": "tanh", "loss": "absolute",
         "random_state": np.random.Generator(np.random.SFC64(4))},
        {"learning_rate": 0.1, "l2": 0.1, "weight_decay": 0.01},
    ),
}  # fmt: skip
CHECKPOINTS = {
    "sgd": (
        {"activation": "tanh", "dropout": 0.2},
        {"optimizer": ("sgd", {"momentum": 0.9, "nesterov": True}), "learning_rate": 0.05,
         "schedule": {"kind": "cosine", "warmup": 1}, "clip_norm": 0.3},
    ),
    "adam": (
        {"loss": "categorical_cross_entropy", "dtype": "float64"},
        {"optimizer": "adam", "validation_data": (X[:9], SHARES[:9]), "metric": "accuracy",
         "sample_weight": WEIGHTS, "l2": 0.1},
    ),
    "rmsprop": (
        {"activation": "silu", "dtype": "float64"},
        {"optimizer": ("rmsprop", {"beta_2": 0.9}), "schedule": "one_cycle", "random_state": 11},
    ),
    "adagrad": ({"activation": ("elu", 0.5)}, {"optimizer": "adagrad", "shuffle": False}),
    "nadam": (
        {"loss": ("huber", 0.3), "output_activation": "identity"},
        {"optimizer": "nadam", "schedule": {"kind": "step", "every": 3, "factor": 0.5},
         "weight_decay": 0.01, "l1": 0.01},
    ),
    "irprop": (
        {"activation": "tanh", "dtype": "float64"}, {"optimizer": "irprop-", "batch_size": None}
    ),
}  # fmt: skip
# name: (class, targets, parameters)
ESTIMATORS = {
    "binary": (MLPClassifier, "binary", {"solver": "sgd", "learning_rate": "invscaling"}),
    "words": (MLPClassifier, "words", {"activation": "tanh"}),
    "integers": (MLPClassifier, "integers", {"solver": "lbfgs", "class_weight": {300: 2.0}}),
    "labels": (MLPClassifier, "labels", {"early_stopping": True, "validation_fraction": 0.2}),
    "quadratic": (MLPClassifier, "words", {"loss": "quadratic", "out_activation": "logistic"}),
    "numbers": (MLPRegressor, "numbers", {"solver": "nadam", "hidden_layer_sizes": [4, 3]}),
    "one number": (MLPRegressor, "one number", {"loss": "huber", "early_stopping": True}),
    "quantiles": (MLPRegressor, "one number", {"loss": "quantile", "quantile": (0.1, 0.9)}),
}
ESTIMATOR_CHECKPOINTS = {
    "words, sgd": (
        MLPClassifier, "words",
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "dropout": 0.2},
    ),
    "labels, early stopping": (
        MLPClassifier, "labels",
        {"solver": "adamw", "learning_rate": "cosine", "early_stopping": True},
    ),
    "one number, by loss": (
        MLPRegressor, "one number", {"early_stopping": True, "stop_on": "loss", "solver": "nadam"}
    ),
}  # fmt: skip
RECORDS = (
    *("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_"),
    *("validation_loss_curve_", "best_validation_score_", "best_validation_loss_"),
    *("stopped_early_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"),
)


def path_of(kind, name):
    return FOLDER / f"{kind}_{name.replace(', ', '_').replace(' ', '_')}.safetensors"


def network(arguments):
    return Network((4, 5, 3, 2), **{"random_state": 3, **arguments})


def estimator(cls, parameters):
    given = {"hidden_layer_sizes": (4,), "max_iter": EPOCHS, "batch_size": 16, "random_state": 3}
    return cls(**given | parameters)


def data_of(net):
    """X and Y in the network's type; shares where the outputs are."""
    targets = SHARES if net.activations[-1] == "softmax" else Y
    return X.astype(net.dtype), targets.astype(net.dtype)


def hash_of(theta):
    return sha256(theta.astype(theta.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()


def sums_of(theta):
    return [theta.sum(dtype=float), np.square(theta, dtype=float).sum()]


def as_json(value, digits=17):
    """Plain values; 17 digits give each float64 back."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [as_json(one, digits) for one in value]
    if isinstance(value, dict):
        return {key: as_json(one, digits) for key, one in value.items()}
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def state_of_network(net):
    history = {}
    if hasattr(net, "history_"):
        history = {"validation_cost": [], "validation_score": []} | net.history_.to_dict()
    for name in ("seconds", "total_seconds", "examples_per_second"):
        history.pop(name, None)
    return {"theta": net.parameters.copy(), "outputs": net.predict(X[:2]), "history": history}


def state_of_estimator(est):
    asked = [name for name in ("predict", "predict_proba") if hasattr(est, name)]
    found = {name: getattr(est, name)(X[:2]) for name in asked}
    found |= {name: deepcopy(getattr(est, name)) for name in RECORDS if hasattr(est, name)}
    return {"theta": est.network_.parameters.copy(), **found}


def go_on(est, targets):
    """What follows on a loaded estimator: one more part, where its solver has parts."""
    return est if est.solver == "lbfgs" else est.partial_fit(X, TARGETS[targets])


def stop_network(_, history):
    if history.epochs > STOPPED:
        raise Stop


def stop_estimator(est):
    if est.n_iter_ > STOPPED:
        raise Stop


def write_networks():
    for name, (arguments, fit) in NETWORKS.items():
        net = network(arguments)
        net.fit(*data_of(net), epochs=4, **fit)
        net.save(path_of("network", name))
        saved = state_of_network(net)
        net.fit(*data_of(net), epochs=2, **fit)
        yield "network", name, saved, state_of_network(net)
    untrained = network({})
    untrained.save(path_of("network", "untrained"))
    yield "network", "untrained", state_of_network(untrained), None


def write_checkpoints():
    for name, (arguments, fit) in CHECKPOINTS.items():
        path, net, whole = path_of("checkpoint", name), network(arguments), network(arguments)
        try:
            net.fit(*data_of(net), EPOCHS, checkpoint=path, callback=stop_network, **fit)
        except Stop:
            whole.fit(*data_of(whole), EPOCHS, **fit)
            yield "checkpoint", name, None, state_of_network(whole)


def write_estimators():
    for name, (cls, targets, parameters) in ESTIMATORS.items():
        est = estimator(cls, parameters).fit(X, TARGETS[targets])
        est.save(path_of("estimator", name))
        saved = state_of_estimator(est)
        yield "estimator", name, saved, state_of_estimator(go_on(est, targets))


def write_estimator_checkpoints():
    for name, (cls, targets, parameters) in ESTIMATOR_CHECKPOINTS.items():
        path = path_of("estimator_checkpoint", name)
        try:
            estimator(cls, {**parameters, "callback": stop_estimator}).fit(
                X, TARGETS[targets], checkpoint=path
            )
        except Stop:
            whole = estimator(cls, parameters).fit(X, TARGETS[targets])
            yield "estimator_checkpoint", name, None, state_of_estimator(whole)


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for write in (write_networks, write_checkpoints, write_estimators, write_estimator_checkpoints):
        for kind, name, saved, end in write():
            if saved:  # to the last bit, as the file has it
                saved["theta"] = hash_of(saved["theta"])
            if end:  # another processor comes near it only
                end["theta"] = sums_of(end["theta"])
            expected[path_of(kind, name).name] = {"saved": as_json(saved), "end": as_json(end, 12)}
    lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in expected.items()]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
