"""scikit-learn's estimators on the compiled network.

>>> from bpcore.estimators import MLPClassifier, MLPRegressor

Their parameters, with the documentation, stand in ``_estimator_parameters``; fit and predict,
as far as they are the same for both, in ``_estimator_base``.
"""

from bpcore.estimators.classifier import MLPClassifier
from bpcore.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
