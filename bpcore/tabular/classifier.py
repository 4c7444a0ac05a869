"""TabularClassifier: what the common estimator does not know about classes."""

from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from bpcore.estimators.class_weight import counts_of, row_weights, tables_of
from bpcore.estimators.data import check_y
from bpcore.estimators.parameters import described, parameter
from bpcore.estimators.scores import accuracy_of
from bpcore.estimators.targets import Labels, Multilabel, Multioutput, dense, labels_of
from bpcore.tabular.base import BaseTabular
from bpcore.tabular.calibration import SMALLEST, temperature
from bpcore.tabular.data import weights_of
from bpcore.tabular.members import Member, Problem, outputs_of
from bpcore.tabular.parameters import ATTRIBUTES

__all__ = ["TabularClassifier"]

_CLASSES = """
    classes_ : ndarray of shape (n_classes,), or a list of these
        The labels, one array for each column of a multiclass-multioutput y.
    temperature_ : float
        What the networks' logits were divided by after training; 1 without calibration.
"""


@described(score="accuracy", more=_CLASSES, common=ATTRIBUTES)
@dataclass(repr=False, eq=False)
class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classes from a table as it is: numbers, texts, categories, missing values.

    An ensemble of multilayer perceptrons that are trained side by side, with the preparation and
    the training that make perceptrons good on tables (RealMLP). It needs no pipeline before it.

    See Also
    --------
    TabularRegressor : The same for numbers.
    bpcore.MLPClassifier : One network in the place of scikit-learn's, for prepared inputs.

    References
    ----------
    D. Holzmüller, L. Grinsztajn and I. Steinwart, *Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data*, NeurIPS 2024.

    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, *On calibration of modern neural networks*, ICML
    2017.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import TabularClassifier
    >>> X = np.array([[1.5, "red"], [np.nan, "blue"], [0.3, "red"], [2.0, None]] * 10, dtype=object)
    >>> y = np.array(["warm", "cold", "warm", "cold"] * 10)
    >>> clf = TabularClassifier(n_members=2, epochs=20, random_state=0).fit(X, y)
    >>> clf.predict([[0.5, "red"], [1.0, "green"]])[0], clf.score(X, y)
    (np.str_('warm'), 1.0)
    """

    _: KW_ONLY
    class_weight: Any = parameter(
        None,
        [dict, list, StrOptions({"balanced"}), None],
        "dict, list of dict, 'balanced' or None",
        """
        Weights ``{class: weight}`` that multiply the sample weights, as for ``MLPClassifier``: in
        training, and of the rows by which the best epoch is chosen and probabilities are
        calibrated, so that these are those of a population whose classes weigh so much.
        """,
    )
    label_smoothing: float = parameter(
        0.1,
        [Interval(Real, 0, 1, closed="left")],
        "float",
        """
        ε: in training a label y counts as (1 - ε) y + ε / n_classes.
        """,
    )
    calibrate: bool = parameter(
        True,
        ["boolean"],
        "bool",
        """
        Whether the logits are divided by the number that gives the rows which a network has not
        learned from the least log-loss.
        """,
    )

    # what its model files call it
    _file_kind = "TabularClassifier"
    _y_numeric = False

    # ------------------------------------------------------------ targets

    def _targets_of(self, y: np.ndarray) -> Any:
        return labels_of(y)

    def _install_targets(self, targets: Any) -> None:
        self.classes_ = targets.classes

    def _learned(self, targets: Any, Y: np.ndarray) -> dict[str, Any]:
        self.temperature_ = 1.0
        is_softmax = isinstance(targets, Labels) and targets.width > 1
        epsilon = self.label_smoothing
        share = epsilon / (targets.width if is_softmax else 2)

        def score(a: np.ndarray, Y: np.ndarray, weights: Any) -> tuple[float, ...]:
            right = np.average(targets.right(a, Y), weights=weights)
            return float(right), -_entropy(a, Y, weights, is_softmax)

        def smooth(Y: np.ndarray) -> np.ndarray:
            return Y if epsilon == 0 else ((1 - epsilon) * Y + share).astype(np.float32)

        return {
            "output_activation": "softmax" if is_softmax else "sigmoid",
            "loss": "categorical_cross_entropy" if is_softmax else "binary_cross_entropy",
            "score": score,
            "smooth": smooth,
        }

    def _scaled(self, y: np.ndarray, targets: Any) -> np.ndarray:
        return y

    def _class_weights(self, targets: Any, y: np.ndarray) -> Any:
        if self.class_weight is None:
            return None
        tables = tables_of(self.class_weight, *counts_of(targets.class_positions(y)))

        def weights(y: np.ndarray, of_rows: np.ndarray | None) -> np.ndarray:
            of_classes = row_weights(tables, targets.class_positions(y))
            return of_classes if of_rows is None else of_rows * of_classes

        return weights

    def _strata(self, targets: Any, Y: np.ndarray) -> np.ndarray | None:
        return targets._positions(Y) if isinstance(targets, Labels) else None

    def _finish(self, members: list[Member], problem: Problem) -> None:
        """Divide the logits of every member by one temperature, in its last layer."""
        held_out = [problem.held_out(one.number) for one in members]
        if not self.calibrate or held_out[0] is None:
            return
        known = [one for one in held_out if one is not None]
        a = np.concatenate(
            [outputs_of(one.network, rows[0]) for one, rows in zip(members, known, strict=True)]
        )
        Y = np.concatenate([rows[1] for rows in known])
        weights = None
        if known[0][2] is not None:
            weights = np.concatenate([np.asarray(rows[2]) for rows in known])
            if not weights.any():
                return
        is_softmax = problem.output_activation == "softmax"
        self.temperature_ = temperature(a, Y, weights, is_softmax)
        for one in members:
            one.network.weights[-1][:] /= self.temperature_
            one.network.biases[-1][:] /= self.temperature_

    # ------------------------------------------------------------ predictions

    def predict(self, X: Any) -> np.ndarray:
        """The most probable labels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs) for several columns
        """
        a = self._outputs(X)
        labels: np.ndarray = self._targets.decode(a)
        return labels

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), in the order of ``classes_``
            For multilabel targets, of each label on its own; for several columns of labels, a
            list with an array for each.
        """
        a = self._outputs(X)
        return self._targets.probabilities(a)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of ``predict_proba``.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of these
        """
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(one) for one in p] if isinstance(p, list) else np.log(p)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the share of rows whose labels are all right.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        y = np.asarray(dense(check_y(self, y)))
        if not isinstance(self._targets, Multioutput | Multilabel):
            return accuracy_of(y, predicted, sample_weight)
        self._targets.check(y, False)
        right = (predicted == y).all(axis=1)
        return float(np.average(right, weights=weights_of(sample_weight, len(y))))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _entropy(a: np.ndarray, Y: np.ndarray, weights: Any, is_softmax: bool) -> float:
    """The mean entropy, no probability counting as less than 1e-7."""
    a = np.clip(a, SMALLEST, 1 - SMALLEST)
    costs = -(Y * np.log(a)).sum(axis=1)
    if not is_softmax:
        costs -= ((1 - Y) * np.log1p(-a)).sum(axis=1)
    return float(np.average(costs, weights=weights))
