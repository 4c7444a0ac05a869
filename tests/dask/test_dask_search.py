"""Searching on a cluster: the plain estimators through joblib's backend for Dask."""

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from bpcore import MLPClassifier

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::DeprecationWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)


def test_a_grid_is_searched_on_the_workers(client):
    X, y = load_iris(return_X_y=True)
    est = MLPClassifier((8,), solver="lbfgs", max_iter=15, random_state=0)
    grid = {"alpha": [1e-4, 1.0], "activation": ["tanh", "relu"]}
    search = GridSearchCV(est, grid, cv=2, n_jobs=-1)
    here = GridSearchCV(est, grid, cv=2).fit(X, y)
    with joblib.parallel_backend("dask", client=client, wait_for_workers_timeout=10):
        search.fit(X, y)
    assert search.best_params_ == here.best_params_
    assert np.array_equal(
        search.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"]
    )
