"""Estimators for tables as they are: numbers, texts, missing values.

>>> from bpcore.tabular import TabularClassifier, TabularRegressor

``columns`` says what a column is, ``preparation`` what becomes of it, ``recipe`` how a network is
trained, ``members`` trains them side by side, ``base`` puts these together.
"""

from bpcore.tabular.classifier import TabularClassifier
from bpcore.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]
