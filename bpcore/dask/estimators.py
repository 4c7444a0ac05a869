"""MLPClassifier and MLPRegressor on Dask collections."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore.dask.base import DaskMLP
from bpcore.dask.preparation import counts_of_classes
from bpcore.dask.scores import Accuracy, Pinball, RSquared
from bpcore.estimators import MLPClassifier, MLPRegressor
from bpcore.estimators.class_weight import tables_of
from bpcore.estimators.labels import are_same
from bpcore.estimators.parameters import described
from bpcore.estimators.targets import Multilabel, Multioutput

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor"]


@described(score="accuracy")
@dataclass(repr=False, eq=False)
class DaskMLPClassifier(DaskMLP, MLPClassifier):
    """MLPClassifier for Dask collections, trained where their partitions lie.

    Parameters, attributes and errors are those of ``MLPClassifier``; ``max_iter``, early stopping,
    schedules and callbacks count rounds, of which ``local_updates`` says what they are.

    See Also
    --------
    bpcore.MLPClassifier : The same for data that one machine holds.

    References
    ----------
    M. Zinkevich, M. Weimer, A. Smola and L. Li, *Parallelized stochastic gradient descent*,
    NeurIPS 2010.

    B. McMahan, E. Moore, D. Ramage, S. Hampson and B. Agüera y Arcas, *Communication-efficient
    learning of deep networks from decentralized data*, AISTATS 2017.

    S. Stich, *Local SGD converges fast and communicates little*, ICLR 2019.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_iris
    >>> from bpcore.dask import DaskMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> client = Client(n_workers=1, processes=False, dashboard_address=":0")
    >>> X, y = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> clf = DaskMLPClassifier((16,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> clf.predict(X).compute()[:2], clf.score(X, y) > 0.97
    (array([0, 0]), True)
    >>> client.close()
    """

    def _local_class(self) -> type[MLPClassifier]:
        return MLPClassifier

    def _check_classes(self, found: Any, known: Any) -> None:
        if not are_same(found.classes, known.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {known.classes}, `y` has {found.classes}"
            )

    def _class_tables(self, targets: Any, facts: Any) -> list[np.ndarray] | None:
        if self.class_weight is None:
            return None
        of_parts = counts_of_classes(targets, facts)
        counts = [np.sum(column, axis=0) for column in zip(*of_parts, strict=True)]
        classes = targets.classes if isinstance(targets.classes, list) else [targets.classes]
        if isinstance(targets, Multilabel):
            classes = [np.arange(2)] * targets.width
        return tables_of(self.class_weight, classes, counts)

    def _scorer(self, targets: Any = None) -> Accuracy:
        return Accuracy(self._targets)

    def _scorer_of_predictions(self, parts: Any) -> Accuracy:
        return Accuracy()

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes, lazily.

        Parameters
        ----------
        X : Dask array, Dask DataFrame, or list of delayed values

        Returns
        -------
        Dask array, DataFrame, or list of delayed values; as X is
            Of shape (n_samples, n_classes), in the order of ``classes_``; for several columns of
            labels a list with one for each. Of anything else as ``MLPClassifier`` has it.
        """
        return self._probabilities_of(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of ``predict_proba``, lazily.

        Parameters
        ----------
        X : Dask array, Dask DataFrame, or list of delayed values

        Returns
        -------
        Dask array, DataFrame, or list of delayed values
        """
        return self._probabilities_of(X, "predict_log_proba")

    def _probabilities_of(self, X: Any, method: str) -> Any:
        targets = self._codec()
        if isinstance(targets, Multioutput):
            return [self._predicted(X, method, k) for k in range(len(targets.columns))]
        return self._predicted(X, method)


@described(score="R²")
@dataclass(repr=False, eq=False)
class DaskMLPRegressor(DaskMLP, MLPRegressor):
    """MLPRegressor for Dask collections, trained where their partitions lie.

    Parameters, attributes and errors are those of ``MLPRegressor``; ``max_iter``, early stopping,
    schedules and callbacks count rounds, of which ``local_updates`` says what they are.

    See Also
    --------
    bpcore.MLPRegressor : The same for data that one machine holds.
    DaskMLPClassifier : The same for classes; names the sources of the method.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from distributed import Client
    >>> from bpcore.dask import DaskMLPRegressor
    >>> client = Client(n_workers=1, processes=False, dashboard_address=":0")
    >>> x = np.linspace(-1, 1, 200).reshape(-1, 1)
    >>> X, y = da.from_array(x, chunks=(50, 1)), da.from_array(x[:, 0] ** 2, chunks=50)
    >>> reg = DaskMLPRegressor(
    ...     hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", random_state=0
    ... ).fit(X, y)
    >>> reg.score(X, y) > 0.99, type(reg.to_local()).__name__
    (True, 'MLPRegressor')
    >>> client.close()
    """

    def _local_class(self) -> type[MLPRegressor]:
        return MLPRegressor

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Estimates, lazily.

        Parameters
        ----------
        X : Dask array, Dask DataFrame, or list of delayed values
        return_std : bool, default=False
            Refused: what it takes is found by ``MLPRegressor`` alone.

        Returns
        -------
        Dask array, Series or DataFrame, or list of delayed values; as X is
            What the local estimator predicts for each partition. Of a table that is no Dask
            collection the local estimator's own answer.

        Raises
        ------
        ValueError
            With ``return_std``.
        """
        if return_std:
            raise ValueError(
                "predict(return_std=True) takes the covariance of the weights, which no fit of "
                "Dask collections finds: fit bpcore.MLPRegressor(solver='lm', alpha='evidence') "
                "on a table that memory holds"
            )
        return super().predict(X)

    def _scorer(self, targets: Any = None) -> RSquared | Pinball:
        if self._codec().n_quantiles > 1:
            return Pinball.of(self._quantiles(), targets())
        return RSquared()

    def _scorer_of_predictions(self, parts: Any) -> RSquared | Pinball:
        return self._scorer(parts)
