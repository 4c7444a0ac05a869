"""TabularRegressor: what the common estimator does not know about numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from bpcore.estimators.data import check_y, refuse
from bpcore.estimators.numbers import Numbers
from bpcore.estimators.parameters import described
from bpcore.estimators.scores import r2_of
from bpcore.estimators.targets import dense
from bpcore.tabular.base import BaseTabular
from bpcore.tabular.parameters import ATTRIBUTES

__all__ = ["TabularRegressor"]

# In standard deviations: the squares of float32 end a little farther.
_FARTHEST = 1e18


@described(score="mean squared error in units of y's variance, negative,", common=ATTRIBUTES)
@dataclass(repr=False, eq=False)
class TabularRegressor(RegressorMixin, BaseTabular):
    """Numbers from a table as it is: numbers, texts, categories, missing values.

    An ensemble of multilayer perceptrons that are trained side by side, with the preparation and
    the training that make perceptrons good on tables (RealMLP). It needs no pipeline before it,
    and scales y itself. Predictions stay between the least and the largest y that were learned.

    See Also
    --------
    TabularClassifier : The same for classes.
    bpcore.MLPRegressor : One network in the place of scikit-learn's, for prepared inputs.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, *Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data*, NeurIPS 2024.

    Examples
    --------
    >>> from bpcore import TabularRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = TabularRegressor(n_members=2, random_state=0).fit(X[:300], y[:300])
    >>> model.predict(X[300:]).shape, model.score(X[300:], y[300:]) > 0.3
    ((142,), True)
    """

    # what its model files call it
    _file_kind = "TabularRegressor"
    _y_numeric = True

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the share of y's variance that the predictions explain.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            1 is the best, 0 what the mean of y would get; over several outputs their mean.
        """
        y = np.asarray(dense(check_y(self, y)))
        refuse(sample_weight, "sample_weight")
        return r2_of(y, self.predict(X), sample_weight)

    def _targets_of(self, y: np.ndarray) -> Any:
        return Numbers(1 if y.ndim == 1 else y.shape[1])

    def _learned(self, targets: Any, Y: np.ndarray) -> dict[str, Any]:
        Y = Y.astype(np.float64)
        self._low, self._high = Y.min(axis=0), Y.max(axis=0)
        # in units of the largest, so that squares near the limits stay finite
        largest = np.abs(Y).max(axis=0)
        largest = np.where(largest > 0, largest, 1.0)
        shares = Y / largest
        spread = shares.std(axis=0) * largest
        self._middle = shares.mean(axis=0) * largest
        self._spread = np.where(spread > 0, spread, 1.0)

        def score(a: np.ndarray, Y: np.ndarray, weights: Any) -> tuple[float, ...]:
            return (-float(np.average(((a - Y) ** 2).sum(axis=1), weights=weights)),)

        return {
            "output_activation": "identity",
            "loss": "quadratic",
            "score": score,
            "smooth": lambda Y: Y,
        }

    def _scaled(self, y: np.ndarray, targets: Any) -> np.ndarray:
        # halves: a difference of numbers near the limit is beyond it
        z = (y / 2 - self._middle / 2) / (self._spread / 2)
        beyond = (np.abs(z) > _FARTHEST).any(axis=1)
        if beyond.any():  # of y to learn from nothing is so far from the middle
            raise ValueError(
                f"y in row {int(beyond.argmax())} is more than {_FARTHEST:g} times as far from the "
                "mean as the y that are learned are on the average: no score can come of it"
            )
        return np.ascontiguousarray(z, dtype=np.float32)

    # ------------------------------------------------------------ predictions

    def predict(self, X: Any) -> np.ndarray:
        """The estimates.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs) for several outputs
        """
        with np.errstate(over="ignore"):  # what is beyond the limit is clipped
            a = self._outputs(X) * self._spread + self._middle
        estimates: np.ndarray = self._targets.decode(np.clip(a, self._low, self._high))
        return estimates
