"""Every check of sklearn.utils.estimator_checks, for both classes."""

import pytest
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

from bpcore import TabularClassifier, TabularRegressor

# two small networks: the checks ask for the contract, not for accuracy
SMALL = {"n_members": 2, "hidden_layer_sizes": (16, 16), "epochs": 60}


# As of scikit-learn's own estimators that draw folds: a row that counts twice lies in one fold, a
# row that stands there twice may lie in two.
DRAWS_FOLDS = {"check_sample_weight_equivalence_on_dense_data": "folds are drawn from the rows"}


@parametrize_with_checks(
    [TabularClassifier(**SMALL), TabularRegressor(**SMALL)],
    expected_failed_checks=lambda estimator: DRAWS_FOLDS,
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [TabularClassifier(), TabularRegressor()])
def test_every_parameter_is_validated(estimator):
    check_param_validation(type(estimator).__name__, estimator)


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all"])
def test_a_number_of_threads_that_there_is_not(n_jobs):
    with pytest.raises(ValueError, match="'n_jobs' parameter"):
        TabularClassifier(n_jobs=n_jobs).fit([[0.0], [1.0]], [0, 1])
