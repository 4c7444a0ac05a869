"""scikit-learn's estimators on the compiled network.

>>> from bpcore.estimators import MLPClassifier, MLPRegressor

``parameters`` has the constructor's parameters with their documentation, ``base`` what is the same
for both in fit and predict, ``fit`` the epochs, ``targets`` the way from y to outputs and back.
"""

from bpcore.estimators.classifier import MLPClassifier
from bpcore.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
