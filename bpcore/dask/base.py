"""What the two estimators on Dask have in common."""

import copy
import functools
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from bpcore.checks import as_callbacks
from bpcore.dask.chunks import Encoding, Facts, Sums
from bpcore.dask.cluster import Cluster, client_of
from bpcore.dask.partitions import is_lazy, partitions_of
from bpcore.dask.predictions import predicted
from bpcore.dask.preparation import Partitions, hold_out, targets_of
from bpcore.dask.scores import tally_of_part, targets_of_part
from bpcore.dask.training import ChunkedData, RoundFit
from bpcore.estimators.base import BaseMLP
from bpcore.estimators.data import as_pair
from bpcore.estimators.parameters import parameter
from bpcore.estimators.spec import hidden_sizes
from bpcore.estimators.views import has_coefs

__all__ = ["DaskMLP"]

# Parameters that the local estimators do not have.
_OWN = ("client", "local_updates", "timeout")


def _no_partial_fit(est: Any) -> bool:
    raise AttributeError(
        "there is no partial_fit on Dask collections: fit(…, warm_start=True) goes on from the "
        "weights there are, and to_local() gives an estimator with partial_fit"
    )


if TYPE_CHECKING:
    _Beside = BaseMLP
else:
    # as a subclass, its fields would take the place of MLPClassifier's
    _Beside = object


@dataclass(repr=False, eq=False)
class DaskMLP(_Beside):
    """The common half of DaskMLPClassifier and DaskMLPRegressor."""

    _: KW_ONLY
    client: Any = parameter(
        None,
        [HasMethods(["submit", "gather"]), None],
        "distributed.Client or None",
        "What to ask for workers; None: the client made last. Not copied, pickled or saved.",
    )
    local_updates: Any = parameter(
        50,
        [Interval(Integral, 1, None, closed="left"), StrOptions({"pass"})],
        "int or 'pass'",
        """
        Updates of a round of a stochastic solver: each partition makes so many from the common
        weights, ``batch_size`` of its own rows each, and then weights and optimizer are averaged,
        by rows. 'pass': as many as go through a partition of mean size once. With 1 it is the
        gradients that are averaged: exact minibatches, of ``batch_size`` rows of each partition.
        irprop- and lbfgs take the gradient of all rows, and so are exact.
        """,
    )
    timeout: float = parameter(
        60.0,
        [Interval(Real, 0, None, closed="neither")],
        "float",
        """
        Seconds to wait for a worker where there is none, and for the scheduler's answer, before
        the fit ends with an error.
        """,
    )

    # ------------------------------------------------------------ what the subclasses say

    def _local_class(self) -> type[Any]:
        """The estimator of the same kind for one machine."""
        raise NotImplementedError

    def _check_classes(self, found: Any, known: Any) -> None:
        """Refuse other classes than those of the fit that a warm start goes on from."""

    def _class_tables(self, targets: Any, facts: list[Facts]) -> list[np.ndarray] | None:
        """The weight of each class of each column, or None."""
        return None

    def _scorer(self, targets: Callable[[], Any]) -> Any:
        """What makes the validation score of outputs; targets: gives all of y, and weights."""
        raise NotImplementedError

    def _scorer_of_predictions(self, parts: Callable[[], Any]) -> Any:
        """What makes the score of predictions."""
        raise NotImplementedError

    # ------------------------------------------------------------ the local estimator

    def unfitted(self) -> Any:
        """A local estimator with the parameters alone, as workers get it."""
        parameters = {k: v for k, v in self.get_params(deep=False).items() if k not in _OWN}
        return self._local_class()(**parameters | {"callback": None, "random_state": None})

    def _local(self) -> Any:
        """A local estimator that shares everything with this one."""
        local = self._local_class()()
        local.__dict__.update(
            {k: v for k, v in self.__dict__.items() if k not in (*_OWN, "_cluster")}
        )
        return local

    def to_local(self) -> Any:
        """The plain estimator, with everything that it can do.

        Returns
        -------
        MLPClassifier or MLPRegressor
            With the same parameters, weights and records; a copy.
        """
        return copy.deepcopy(self._local())

    def save(self, path: Any) -> None:
        """Write the fitted estimator to the model file of a local one; see ``MLPClassifier.save``.

        Parameters
        ----------
        path : str or path-like
        """
        self._local().save(path)

    def to_onnx(self, path: Any) -> None:
        """Write the predictions to an ONNX file; see ``MLPClassifier.to_onnx``.

        Parameters
        ----------
        path : str or path-like
        """
        self._local().to_onnx(path)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A pickle is the local estimator's, which needs no Dask to be loaded."""
        return object.__new__, (self._local_class(),), self._local().__getstate__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self._with(copy.deepcopy(self._local(), memo))

    def __copy__(self) -> Any:
        return self._with(copy.copy(self._local()))

    def _with(self, local: Any) -> Any:
        new = type(self).__new__(type(self))
        new.__dict__.update(local.__dict__)
        new.__dict__.update({name: getattr(self, name) for name in _OWN})
        return new

    def __sklearn_clone__(self) -> Any:
        parameters = self.get_params(deep=False)
        client = parameters.pop("client")
        # a client cannot be copied
        new = super(DaskMLP, type(self)(**parameters)).__sklearn_clone__()
        return new.set_params(client=client)

    # ------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        checkpoint: Any = None,
        checkpoint_every: int = 1,
        resume: Any = None,
    ) -> Any:
        """Train on X and y.

        Parameters
        ----------
        X : Dask array, Dask DataFrame, or list of delayed values
            Its partitions stay on the workers that have them; what is not computed yet is, once.
            Of a list each is a table of rows, or, where there is no y, (X, y) or (X, y, weights).
        y : Dask array, Series, DataFrame or list of delayed values
            Labels or numbers, in partitions of the same rows.
        sample_weight : Dask array, Series or list of delayed values, default=None
            Weights of the rows, none negative and not all zero.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Dask collections as well. As in ``MLPClassifier.fit``.
        checkpoint : str or path-like, default=None
            A model file of the local estimator, to write after every ``checkpoint_every`` rounds,
            and after the last. Takes the extra ``bpcore[files]``; not for lbfgs.
        checkpoint_every : int, default=1
        resume : str or path-like, default=None
            A checkpoint to go on from, on this cluster or another one. With the parameters and the
            partitions of the fit that wrote it the run ends with the same bits.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data do not fit; of data it says in which partition.
        TimeoutError
            If there is no worker for ``timeout`` seconds.
        ConnectionError
            If the scheduler is gone.
        distributed.KilledWorker
            If workers end again and again while they compute the same partition.
        DivergenceError
            If the weights leave the finite numbers; the last finite ones are kept.
        """
        files = (checkpoint, checkpoint_every, resume)
        self._train(X, y, sample_weight, validation_data, files=files)
        return self

    @available_if(_no_partial_fit)
    def partial_fit(self, X: Any, y: Any) -> Any:
        """Not there: see ``to_local``."""

    def _train_exclusively(self, *arguments: Any) -> None:
        with Cluster(client_of(self.client), self.timeout) as cluster:
            self._cluster = cluster
            try:
                super()._train_exclusively(*arguments)
            finally:
                del self._cluster

    def _epoch_fit(
        self, data: Any, rng: np.random.RandomState, partial: bool, has_files: bool
    ) -> RoundFit:
        return RoundFit(self, data, rng, partial, has_files)

    def _prepare(
        self,
        X_given: Any,
        y_given: Any,
        sample_weight: Any,
        validation_data: Any,
        partial: bool,
        classes: Any,
        rng: np.random.RandomState,
    ) -> Any:
        """Everything before the first round: chunks, network, first weights, attributes."""
        if self.solver == "lm":
            raise ValueError(
                "solver='lm' takes all rows in one memory: take 'lbfgs', which is exact on Dask "
                "collections too, or fit a bpcore.MLPRegressor"
            )
        self._check_lbfgs()
        as_callbacks(self.callback)
        hidden_sizes(self.hidden_layer_sizes)
        resume = has_coefs(self) and self.warm_start
        parts = Partitions.load(self._cluster, self.unfitted(), X_given, y_given, sample_weight)
        first = parts.facts[0]
        targets = targets_of(self, parts.facts)
        if resume:
            self._check_columns(first)
            self._check_classes(targets, self._codec())
            targets = self._codec()
        else:
            self.n_features_in_ = first.width
            self.__dict__.pop("feature_names_in_", None)
            if first.names is not None:
                self.feature_names_in_ = np.asarray(first.names, dtype=object)
        spec, network = self._network_for(
            first.width, np.dtype(first.dtype), targets, None if resume else rng
        )
        holding_out: Any = False
        if self.early_stopping and self.solver != "lbfgs" and validation_data is None:
            holding_out = hold_out(targets, parts.facts, self.validation_fraction)
        seed = int(rng.randint(2**31 - 1))
        tables = self._class_tables(targets, parts.facts)
        encoding = Encoding(targets, network.dtype, tables, seed)
        groups, sums = parts.encode(encoding, holding_out)
        self._check_weights(sums, tables is not None)
        held_out = None
        if validation_data is not None:
            encoding = Encoding(targets, network.dtype, None, 0)
            held_out = self._given_chunks(validation_data, encoding)
        elif holding_out is not False:
            held_out = groups
        self._install(network, spec, targets, fresh=not resume)
        self._record.open(self, held_out is not None, resume=resume, partial=False)
        n_jobs = self.n_jobs if self.n_jobs is not None and self.n_jobs > 0 else None
        return ChunkedData(groups, sums, tables is not None, held_out, n_jobs)

    def _given_chunks(self, validation_data: Any, encoding: Encoding) -> Any:
        X, y, weights = as_pair(validation_data)
        parts = Partitions.load(
            self._cluster, self.unfitted(), X, y, weights, of=" of validation_data"
        )
        self._check_columns(parts.facts[0])
        groups, sums = parts.encode(encoding, True)
        if not sum(one.held_weight for one in sums) > 0:
            raise ValueError("the sample weights of the validation set are all zero")
        return groups

    def _check_columns(self, facts: Facts) -> None:
        """Refuse other columns than those of the fit."""
        names = getattr(self, "feature_names_in_", None)
        if facts.width != self.n_features_in_:
            raise ValueError(
                f"{facts.what}: X has {facts.width} features, but {type(self).__name__} is "
                f"expecting {self.n_features_in_} features as input"
            )
        if names is not None and facts.names is not None and facts.names != names.tolist():
            raise ValueError(
                f"{facts.what}: X has the columns {facts.names}, but the fit had {names.tolist()}"
            )

    def _check_weights(self, sums: list[Sums], weighted: bool) -> None:
        with np.errstate(over="ignore"):
            total = np.sum([one.weight for one in sums])
            of_classes = np.sum([one.total for one in sums])
        if not np.finfo(float).tiny <= total < np.inf:
            raise ValueError(
                f"the sample weights add up to {total}, which cannot be divided by: scale them"
            )
        if weighted and not np.finfo(float).tiny <= of_classes < np.inf:
            raise ValueError("class_weight leaves every row of y with a sample weight of zero")

    def _check_validation(self, validation: Any, given: bool) -> None:
        """Nothing: its rows are not here."""

    # ------------------------------------------------------------ predictions

    def _predicted(self, X: Any, method: str, column: int | None = None) -> Any:
        check_is_fitted(self)
        if is_lazy(X):
            return predicted(X, self.to_local(), method, column)
        found = getattr(self._local(), method)(X)
        return found if column is None else found[column]

    def predict(self, X: Any) -> Any:
        """Labels or estimates, lazily.

        Parameters
        ----------
        X : Dask array, Dask DataFrame, or list of delayed values

        Returns
        -------
        Dask array, Series or DataFrame, or list of delayed values; as X is
            What the local estimator predicts for each partition. Of a table that is no Dask
            collection the local estimator's own answer.
        """
        return self._predicted(X, "predict")

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The score over all partitions, as the local estimator has it.

        Parameters
        ----------
        X, y, sample_weight : Dask collections
            As in ``fit``.

        Returns
        -------
        float
            Accuracy of a classifier; R² of a regressor, or with several quantiles the mean of
            their D² pinball scores, for which y comes to the client.
        """
        check_is_fitted(self)
        if not is_lazy(X):
            return float(self._local().score(X, y, sample_weight))
        with Cluster(client_of(self.client), self.timeout) as cluster:
            letter = dask.delayed(self.to_local(), traverse=False)
            parts = partitions_of(X, y, sample_weight)

            def ask(what: Any, *more: Any) -> list[Any]:
                delayed = [
                    dask.delayed(functools.partial(what, f"partition {k}"), pure=False)(
                        letter, *more, *part
                    )
                    for k, part in enumerate(parts)
                ]
                return cluster.results(cluster.compute(delayed))

            scorer = self._scorer_of_predictions(lambda: ask(targets_of_part))
            return float(scorer.score(ask(tally_of_part, scorer)))
