"""What TabularClassifier and TabularRegressor have in common: from a table to members and back."""

import sys
import time
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from bpcore._core.threads import threads_for, usable_processors
from bpcore.checks import as_callbacks
from bpcore.estimators.data import as_pair
from bpcore.estimators.fit import exclusive
from bpcore.estimators.spec import hidden_sizes
from bpcore.network import Network
from bpcore.network.progress import say
from bpcore.tabular import recipe
from bpcore.tabular.data import (
    check_table,
    check_targets,
    fold_order,
    rows_of,
    weights_of,
)
from bpcore.tabular.export import Export
from bpcore.tabular.members import Member, Problem, Progress, outputs_of, train
from bpcore.tabular.parameters import Parameters
from bpcore.tabular.preparation import Preparation

__all__ = ["BaseTabular"]

# Inputs of a block of predictions, in numbers: 8 MB.
_BLOCK_NUMBERS = 2**21


class BaseTabular(Export, Parameters, BaseEstimator):
    """The common half of the two estimators."""

    _y_numeric = False

    # ------------------------------------------------------------ what the subclasses say

    def _targets_of(self, y: np.ndarray) -> Any:
        """How to encode y: one of the classes of ``estimators.targets``."""
        raise TypeError("use TabularClassifier or TabularRegressor")

    def _install_targets(self, targets: Any) -> None:
        """Set the attributes that follow from the targets."""

    def _learned(self, targets: Any, Y: np.ndarray) -> dict[str, Any]:
        """What of a ``Problem`` the targets decide: output_activation, loss, score, smooth."""
        raise TypeError("use TabularClassifier or TabularRegressor")

    def _scaled(self, y: np.ndarray, targets: Any) -> np.ndarray:
        """Encoded targets in the units of the network."""
        raise TypeError("use TabularClassifier or TabularRegressor")

    def _class_weights(self, targets: Any, y: np.ndarray) -> Any:
        """What makes of labels and their rows' weights those by class too, or None.

        y: that of the fit, whose classes are counted.
        """
        return None

    def _strata(self, targets: Any, Y: np.ndarray) -> np.ndarray | None:
        """What every fold is to have its share of; None: nothing."""
        return None

    def _finish(self, members: list[Member], problem: Problem) -> None:
        """After training: calibrate."""

    # ------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        checkpoint: Any = None,
        resume: Any = None,
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        X : DataFrame (pandas, polars) or array-like of shape (n_samples, n_features)
            Numbers and booleans, texts and categories, missing values (NaN, None, NA) anywhere.
            What a column is goes by its type.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or numbers, none missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and not all zero.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows by which to choose the best epoch and to calibrate. None: each member leaves out a
            fifth of the rows, or one part of as many as there are members, for that.
        checkpoint : str or path-like, default=None
            A model file that is written anew whenever a member has been trained. It loads as an
            estimator of the members so far, not calibrated yet.
        resume : str or path-like, default=None
            A checkpoint of a fit with the same parameters and data (callback, verbose and n_jobs
            may differ): its members are taken over and the others trained, to the same bits as
            without a break. It may be the path of ``checkpoint``. Without a ``random_state`` the
            file's draws are drawn again.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If a column cannot be used (dates, free text, infinity), which the message names, an
            argument does not fit, or a checkpoint is of another fit. The estimator is as it was.
        ModelFileError, OSError
            If a checkpoint is damaged, or cannot be read or written.
        DivergenceError
            If the cost leaves the finite numbers in the first epoch.
        RuntimeError
            If another fit is training the estimator.
        """
        start = time.monotonic()
        with exclusive(self):
            before = dict(self.__dict__)
            try:
                seed = self._seed(resume)
                draws = np.random.SeedSequence(seed)
                problem = self._prepare(X, y, sample_weight, validation_data, draws)
                if self.time_limit is not None:
                    problem.deadline = start + self.time_limit
                files = self._files(problem, seed, checkpoint, resume)
                members = train(problem, self.n_members, draws, self._n_threads(), files)
                self._finish(members, problem)
            except BaseException:
                self.__dict__.clear()
                self.__dict__.update(before)
                raise
            self._keep(members)
        return self

    def _keep(self, members: list[Member]) -> None:
        """Set what is learned."""
        self._members = [one.network for one in members]
        self.loss_curves_ = [one.costs for one in members]
        self.validation_scores_ = [one.scores for one in members]
        self.best_epochs_ = [one.best_epoch for one in members]
        self.n_iter_ = max(len(one.costs) for one in members)

    def _seed(self, resume: Any) -> int:
        """What draws folds and members: the file's where none is given."""
        if resume is not None and self.random_state is None:
            # imported only where a file is named: they need the safetensors library
            from bpcore.tabular.checkpoint import seed_of

            return seed_of(resume)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _files(self, problem: Problem, seed: int, checkpoint: Any, resume: Any) -> Any:
        """What writes and reads the checkpoints; None where there are none."""
        if checkpoint is None and resume is None:
            return None
        from bpcore.tabular.checkpoint import Checkpoints

        files = Checkpoints(self, problem, seed, checkpoint)
        if resume is not None:
            files.resume(resume)
        return files

    def _n_threads(self) -> int:
        return threads_for(self.n_jobs) or usable_processors()

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, draws: Any
    ) -> Problem:
        """Everything before the first epoch."""
        callbacks = as_callbacks(self.callback)
        hidden = tuple(hidden_sizes(self.hidden_layer_sizes))
        X = check_table(self, X, reset=True)
        y = check_targets(self, y, X)
        targets = self._targets_of(y)
        weights = weights_of(sample_weight, len(y))
        of_classes = self._class_weights(targets, y)
        if of_classes is not None:
            weights = of_classes(y, weights)
            if not weights.any():
                raise ValueError("class_weight leaves every row with a weight of zero")
        if weights is not None and not weights.all():
            # rows that weigh nothing neither teach nor decide
            kept = np.flatnonzero(weights)
            X, y, weights = rows_of(X, kept), y[kept], weights[kept]
        self._preparation, inputs = Preparation.of(X)
        Y = targets.encode(y)
        learned = self._learned(targets, Y)
        self._targets = targets
        self._install_targets(targets)
        order = np.arange(len(y))
        folds: list[slice] = []
        n_folds = min(max(recipe.N_FOLDS, self.n_members), len(y))
        if validation_data is None and n_folds > 1:
            strata = self._strata(targets, Y)
            order, folds = fold_order(len(y), strata, n_folds, np.random.default_rng(draws))
        return Problem(
            X=inputs[order],
            Y=self._scaled(Y[order], targets),
            weights=None if weights is None else weights[order],
            folds=folds,
            validation=self._validation(validation_data, targets, of_classes),
            hidden=hidden,
            epochs=recipe.usual_epochs(len(order)) if self.epochs == "auto" else self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            dropout=self.dropout,
            after_epoch=self._after_epoch(callbacks),
            **learned,
        )

    def _validation(self, given: Any, targets: Any, of_classes: Any) -> Any:
        """The user's validation rows, encoded, and their weights."""
        if given is None:
            return None
        X, y, sample_weight = as_pair(given)
        try:
            X = check_table(self, X, reset=False)
            y = check_targets(self, y, X)
            targets.check(y, False)
            weights = weights_of(sample_weight, len(y))
            if of_classes is not None:
                weights = of_classes(y, weights)
                if not weights.any():
                    raise ValueError("class_weight leaves every row with a weight of zero")
            return self._preparation(X), self._scaled(targets.encode(y), targets), weights
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error

    def _after_epoch(
        self, callbacks: list[Callable[..., Any]]
    ) -> Callable[[Progress], bool] | None:
        """What is said and asked after an epoch; None where it is nothing."""
        if not callbacks and not self.verbose:
            return None

        def after(progress: Progress) -> bool:
            if self.verbose:
                score = "" if progress.score is None else f"  validation {progress.score:.4f}"
                say(
                    f"member {progress.member}/{self.n_members}  epoch {progress.epoch:3d}/"
                    f"{progress.epochs}  cost {progress.cost:.4f}{score}",
                    sys.stderr,
                )
            answers = [bool(one(progress)) for one in callbacks]
            return any(answers)

        return after

    # ------------------------------------------------------------ predictions

    @property
    def members_(self) -> list[Network]:
        """The networks, which take prepared inputs; see ``prepare``."""
        check_is_fitted(self)
        return self._members

    def prepare(self, X: Any) -> np.ndarray:
        """The inputs of the networks.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_inputs), float32
        """
        check_is_fitted(self)
        return self._preparation(check_table(self, X, reset=False))

    def _outputs(self, X: Any) -> np.ndarray:
        """(n, n_outputs) float64: the mean of the members' outputs."""
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        n = X.shape[0]
        rows = max(1, _BLOCK_NUMBERS // max(self._preparation.width, X.shape[1]))
        if n <= rows:
            return self._mean(self._preparation(X))
        blocks = (X[start : start + rows] for start in range(0, n, rows))
        return np.concatenate([self._mean(self._preparation(block)) for block in blocks])

    def _mean(self, inputs: np.ndarray) -> np.ndarray:
        total: Any = 0.0
        n_threads = self._n_threads()
        for network in self._members:
            network.n_threads = n_threads
            a = network._predict_small(inputs, alike=True)
            total = total + np.asarray(outputs_of(network, inputs) if a is None else a, np.float64)
        mean: np.ndarray = total / len(self._members)
        return mean

    def __sklearn_is_fitted__(self) -> bool:
        return "_members" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.multi_output = True
        return tags
