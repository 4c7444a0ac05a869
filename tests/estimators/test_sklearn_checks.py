"""Every check of sklearn.utils.estimator_checks, for both classes; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

from bpcore import MLPClassifier, MLPRegressor

# what the checks themselves let through, since they run the estimators with their defaults on
# tiny data
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()])
def test_every_parameter_is_validated(estimator):
    check_param_validation(type(estimator).__name__, estimator)
