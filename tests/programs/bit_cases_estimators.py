"""Cases of `bits_of.py`: the estimators."""

from pathlib import Path

import numpy as np
import scipy.sparse
from bit_cases import Stop, blank, case, data, file_of

import bpcore
from bpcore import MLPClassifier, MLPRegressor

RECORDS = (
    *("coefs_", "intercepts_", "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_"),
    *("validation_scores_", "validation_loss_curve_", "best_validation_score_"),
    *("best_validation_loss_", "stopped_early_", "out_activation_", "classes_"),
)
SOLVERS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5,
        "n_iter_no_change": 1, "tol": 1e-2,
    },
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adam": {},
    "adamw": {"solver": "adamw", "learning_rate": "cosine", "warmup": 1, "l1": 0.01},
    "irprop-": {"solver": "irprop-", "batch_size": "auto"},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "by loss": {"early_stopping": True, "stop_on": "loss", "learning_rate_init": 0.1},
    "dropout": {"dropout": 0.2, "clip_norm": 1.0, "shuffle": False},
}  # fmt: skip
THIRDS = np.arange(150) % 3
TARGETS = {
    "binary": (MLPClassifier, THIRDS > 0),
    "strings": (MLPClassifier, np.array(["no", "perhaps", "yes"])[THIRDS]),
    "multilabel": (MLPClassifier, np.column_stack([THIRDS > 0, THIRDS < 2]).astype(int)),
    "numbers": (MLPRegressor, data(150, 6, 2, "float64")[1]),
}


def of_estimator(est, X):
    names = [name for name in ("predict", "predict_proba") if hasattr(est, name)]
    outputs = {name: np.asarray(getattr(est, name)(X)) for name in names}
    return {**outputs, **{name: getattr(est, name, "absent") for name in RECORDS}}


def estimator(targets, **parameters):
    cls, y = TARGETS[targets]
    given = {"hidden_layer_sizes": (8,), "max_iter": 9, "batch_size": 16, "random_state": 3}
    return cls(**{**given, **parameters}), y


AT_LOWER = {("strings", "adam"), ("binary", "lbfgs")}

for targets in TARGETS:
    for name, parameters in SOLVERS.items():

        @case(
            f"{targets}, {name}", lower=(targets, name) in AT_LOWER,
            targets=targets, parameters=parameters,
        )  # fmt: skip
        def _(targets, parameters):
            est, y = estimator(targets, **parameters)
            X = data(150, 6, 1, "float32" if targets == "strings" else "float64")[0]
            return of_estimator(est.fit(X, y), X)

    @case(f"{targets}, partial fits, warm starts", targets=targets)
    def _(targets):
        est, y = estimator(targets, warm_start=True)
        X = data(150, 6, 1)[0]
        if isinstance(est, MLPClassifier):
            est.partial_fit(X[:60], y[:60], classes=np.unique(y))
        for part in (slice(60, 150), slice(0, 150)):
            est.partial_fit(X[part], y[part])
        first = of_estimator(est, X)
        again = of_estimator(est.fit(X, y).fit(X, y), X)
        return {**first, **{f"{name}, warm": value for name, value in again.items()}}

    @case(f"{targets}, files", targets=targets)
    def _(targets):
        def stop(est):
            if est.n_iter_ > 3:
                raise Stop

        est, y = estimator(targets, callback=stop, early_stopping=True)
        X, path = data(150, 6, 1, "float64")[0], Path("checkpoint")
        try:
            est.fit(X, y, checkpoint=path)
        except Stop:
            file = file_of(path)
        resumed = est.set_params(callback=None).fit(X, y, resume=path)
        resumed.save(path)
        return {"file": file, "end": file_of(path), **of_estimator(bpcore.load(path), X)}


@case("weights of rows and classes, CSR")
def _():
    est, y = estimator("strings", class_weight={"no": 1.0, "perhaps": 2.0, "yes": 0.5})
    X = scipy.sparse.csr_matrix(blank(150, 6, 1, "float64")[0])
    return of_estimator(est.fit(X, y, sample_weight=np.arange(150) % 4), X)


for loss in ("absolute_error", "huber", "quantile", "poisson"):

    @case(f"regressor, {loss}", loss=loss)
    def _(loss):
        est, y = estimator("numbers", loss=loss)
        X = data(150, 6, 1)[0]
        return of_estimator(est.fit(X, y[:, 0]), X)
