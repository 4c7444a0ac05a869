"""What the tests of the estimators learn: digits, a curve, flowers."""

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import StandardScaler

from bpcore import MLPClassifier, MLPRegressor

BOTH = [MLPClassifier, MLPRegressor]
DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS[:600] / 16
LABELS = LABELS[:600]
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = StandardScaler().fit_transform(X_IRIS)


def noisy_parabola():
    """(400, 2) and (400,)."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (400, 2))
    return X, X[:, 0] ** 2 + 0.1 * rng.normal(size=400)


def classifier(**parameters):
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (20,),
            "max_iter": 15,
            "random_state": 0,
            "learning_rate_init": 0.01,
            **parameters,
        }
    )


def regressor(**parameters):
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (20,),
            "activation": "tanh",
            "max_iter": 100,
            "random_state": 0,
            "learning_rate_init": 0.01,
            "n_iter_no_change": 1000,
            **parameters,
        }
    )


def small(cls, **parameters):
    return cls(**{"hidden_layer_sizes": (7,), "max_iter": 5, "random_state": 0, **parameters})
