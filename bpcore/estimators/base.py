"""What the two estimators have in common: fit, their network, predictions block by block."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state

from bpcore.checks import as_callbacks, as_integer
from bpcore.estimators.callbacks import Callbacks
from bpcore.estimators.data import (
    Split,
    Validation,
    as_pair,
    check_range,
    check_weights,
    check_xy,
    check_y,
    one_validation_set,
    split,
)
from bpcore.estimators.export import Export
from bpcore.estimators.fit import EpochFit, exclusive
from bpcore.estimators.lbfgs import fit_lbfgs
from bpcore.estimators.parameters import Parameters
from bpcore.estimators.predictions import Predictions
from bpcore.estimators.record import FitRecord
from bpcore.estimators.spec import NetworkSpec, draw, hidden_sizes
from bpcore.estimators.targets import dense
from bpcore.estimators.views import has_coefs
from bpcore.network import Network
from bpcore.network.solvers import is_evidence

__all__ = ["BaseMLP"]


class BaseMLP(CallbackSupportMixin, Export, Parameters, Predictions):
    """The common half of MLPClassifier and MLPRegressor."""

    _y_numeric = False

    # ------------------------------------------------------------ what the subclasses say

    def _targets_of(self, y: Any, classes: Any, partial: bool, sparse: bool) -> Any:
        """How to encode y, whether it was sparse or not: one of the classes of ``targets``."""
        raise TypeError("use MLPClassifier or MLPRegressor")

    def _output(self, targets: Any) -> tuple[Any, Any]:
        """(activation, loss) of the output layer, in the engine's words."""
        raise TypeError("use MLPClassifier or MLPRegressor")

    def _score_outputs(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> float:
        """The validation score of outputs a against encoded targets Y."""
        raise TypeError("use MLPClassifier or MLPRegressor")

    def _class_weights(self, targets: Any, y: Any) -> np.ndarray | None:
        """What each row's sample weight is multiplied by, or None."""
        return None

    def _loss_divisor(self) -> int:
        """What the engine's cost, summed over the outputs, is divided by to be reported."""
        return 1

    # ------------------------------------------------------------ fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        checkpoint: Any = None,
        checkpoint_every: int = 1,
        resume: Any = None,
    ) -> Any:
        """Train on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            float32 input is trained in float32, anything else in float64. Arrays of float64,
            float32 or uint8 are not copied.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, none negative and not all zero.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows to follow training with: fills ``validation_scores_`` and
            ``validation_loss_curve_``. With ``early_stopping=True`` they take the place of the
            rows that would be held out. They have to be scaled as X is.
        X_val, y_val, sample_weight_val : array-likes, default=None
            The same, one by one: for a ``Pipeline(…, transform_input=["X_val"])``, which scales
            X_val as it scales X.
        checkpoint : str or path-like, default=None
            A model file to write after every ``checkpoint_every`` epochs, and after the last.
            ``bpcore.load`` reads it as an estimator. Takes the extra ``bpcore[files]``; not for
            lbfgs, nor for a warm start.
        checkpoint_every : int, default=1
        resume : str or path-like, default=None
            A checkpoint to go on from. With the parameters and the data of the fit that wrote
            it, ``max_iter`` being the total, the run ends with the same bits in weights and
            records as one that never stopped. ``random_state`` comes from the file.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data do not fit, or ``resume`` is of another fit.
        ModelFileError
            If ``resume`` is damaged; the estimator stays as it was then.
        OSError
            If ``checkpoint`` cannot be written; what was reached is kept.
        DivergenceError
            If the weights leave the finite numbers; the last finite ones are kept.
        RuntimeError
            If another fit has the estimator.
        """
        given = one_validation_set(validation_data, X_val, y_val, sample_weight_val)
        self._train(X, y, sample_weight, given, files=(checkpoint, checkpoint_every, resume))
        return self

    def _check_solver(self) -> bool:
        if self.solver in ("lbfgs", "lm"):
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def _train(
        self,
        X_given: Any,
        y_given: Any,
        sample_weight: Any,
        validation_data: Any,
        *,
        partial: bool = False,
        classes: Any = None,
        files: tuple[Any, Any, Any] = (None, 1, None),
    ) -> None:
        """Fit and partial_fit: what cannot be trained on leaves the estimator as it was."""
        with exclusive(self):
            self._train_exclusively(
                X_given, y_given, sample_weight, validation_data, partial, classes, files
            )

    def _train_exclusively(
        self,
        X_given: Any,
        y_given: Any,
        sample_weight: Any,
        validation_data: Any,
        partial: bool,
        classes: Any,
        files: tuple[Any, Any, Any],
    ) -> None:
        before = dict(self.__dict__)
        # what the preparation records is lost with it where it fails
        self._record = copy.copy(before.get("_record", FitRecord()))
        try:
            rng, rng_before = self._random(*files)
            data = self._prepare(
                X_given, y_given, sample_weight, validation_data, partial, classes, rng
            )
            train: Callable[[Callbacks], None]
            if self.solver == "lbfgs":
                train = functools.partial(fit_lbfgs, self, data)
            else:
                epochs = self._epoch_fit(data, rng, partial, rng_before is not None)
                if rng_before is not None:
                    epochs.use_files(*files, rng_before)
                train = epochs.run
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        callbacks = Callbacks(
            self, X_given, y_given, sample_weight, data.training.rows, announce=not partial
        )
        train(callbacks)
        callbacks.end_fit()

    def _random(
        self, checkpoint: Any, every: Any, resume: Any
    ) -> tuple[np.random.RandomState, dict[str, Any] | None]:
        """The fit's random state and, for checkpoints, its JSON from before the first draw."""
        rng = check_random_state(self.random_state)
        as_integer(every, "checkpoint_every")
        if checkpoint is None and resume is None:
            return rng, None
        # imported only where a file is named: it needs the safetensors library
        from bpcore.estimators.checkpoint import begin

        return begin(self, rng, checkpoint, resume)

    def _prepare(
        self,
        X_given: Any,
        y_given: Any,
        sample_weight: Any,
        validation_data: Any,
        partial: bool,
        classes: Any,
        rng: np.random.RandomState,
    ) -> Split:
        """Everything before the first epoch: data, network, first weights, attributes."""
        self._check_lbfgs()
        as_callbacks(self.callback)
        hidden_sizes(self.hidden_layer_sizes)  # refused before the data are looked at
        resume = has_coefs(self) and (self.warm_start or partial)
        X, y = check_xy(self, X_given, y_given, reset=not resume)
        targets = self._codec() if resume or partial else None
        if targets is None:
            targets = self._targets_of(y, classes, partial, scipy.sparse.issparse(y_given))
        if resume or partial:
            targets.check(y, resume and not partial)
        weights = check_weights(sample_weight, X)
        spec, network = self._network_for(X.shape[1], X.dtype, targets, None if resume else rng)
        Y = targets.encode(y)
        self._check_target_range(Y)
        hold_out = self._hold_out(targets, Y, rng, validation_data, partial, resume)
        # partial_fit does not see the rows that a mean would be of
        class_weights = self._class_weights(targets, y)
        data = split(X, Y, weights, class_weights, hold_out, in_proportion=not partial)
        check_range(data.training.x, "X", network.dtype, X_given)
        check_range(data.training.y, "y", network.dtype, y_given)
        if validation_data is not None:
            data.validation = self._given_validation(validation_data, targets, network.dtype)
        self._install(network, spec, targets, fresh=not resume)
        if data.validation is not None and self.early_stopping and self.solver != "lbfgs":
            self._check_validation(data.validation, validation_data is not None)
        self._record.open(self, data.validation is not None, resume=resume, partial=partial)
        return data

    def _epoch_fit(
        self, data: Split, rng: np.random.RandomState, partial: bool, has_files: bool
    ) -> EpochFit:
        """What runs the epochs of a stochastic solver."""
        return EpochFit(self, data, rng, partial, has_files)

    def _network_for(
        self, n_features: int, dtype: np.dtype, targets: Any, rng: np.random.RandomState | None
    ) -> tuple[NetworkSpec, Network]:
        """The network to train, and its description.

        dtype: that of X. rng: draws the first weights; None: those there are stay.
        """
        hidden = hidden_sizes(self.hidden_layer_sizes)
        spec = NetworkSpec.of(self, len(hidden), *self._output(targets))
        sizes = [n_features, *hidden, targets.width]
        if rng is None:
            return spec, self._resumed(spec, sizes)
        network = spec.build(sizes, np.float32 if dtype == np.float32 else np.float64)
        draw(network, spec, rng)
        return spec, network

    def _check_lbfgs(self) -> None:
        if is_evidence(self.alpha) and self.solver != "lm":
            raise ValueError(
                f"alpha='evidence' is found by solver='lm' alone, got solver={self.solver!r}: take "
                "that one, or give alpha as a number"
            )
        if self.solver not in ("lbfgs", "lm"):
            return
        if self.solver == "lm" and self.loss not in ("quadratic", "squared_error"):
            square = "'squared_error'" if self._y_numeric else "'quadratic'"
            raise ValueError(
                f"solver='lm' takes a loss that is a sum of squares, loss={square}, got "
                f"loss={self.loss!r}; solver='lbfgs' takes any"
            )
        names = ["dropout", "weight_decay", "clip_norm", "warmup"]
        for name in names + (["l1"] if self.solver == "lm" else []):
            value = getattr(self, name)
            if value is not None and np.any(np.asarray(value) != 0):
                raise ValueError(
                    f"solver='{self.solver}' takes no {name}, got {value!r}: use a stochastic "
                    "solver"
                )

    def _check_target_range(self, Y: np.ndarray) -> None:
        """Refuse targets that the loss has no value for."""

    def _check_validation(self, validation: Validation, given: bool) -> None:
        """Refuse a validation set that early stopping could not choose weights by.

        given: whether it came from the user, or was held out.
        """

    # ------------------------------------------------------------ validation

    def _hold_out(
        self, targets: Any, Y: np.ndarray, rng: Any, given: Any, partial: bool, resume: bool
    ) -> dict[str, Any] | None:
        """The arguments of train_test_split, or None where all rows are trained on."""
        if not self.early_stopping or self.solver == "lbfgs" or given is not None:
            return None
        if not partial:
            return {
                "random_state": rng,
                "test_size": self.validation_fraction,
                "stratify": targets.strata(Y),
            }
        # The same rows are held out in each call with the same data: were they drawn anew,
        # training would see them sooner or later. No strata: a batch may hold one row of a class.
        if not resume or not hasattr(self, "_split_seed"):
            self._split_seed = int(rng.randint(2**31 - 1))
        return {"random_state": self._split_seed, "test_size": self.validation_fraction}

    def _given_validation(self, validation_data: Any, targets: Any, dtype: np.dtype) -> Validation:
        X, y, weights = as_pair(validation_data)
        try:
            table, numbers = check_xy(self, X, y, reset=False)
            targets.check(numbers, False)
            given = check_weights(weights, table)
            validation = Validation(table, targets.encode(numbers), given)
            check_range(validation.x, "X", dtype, X)
            check_range(validation.y, "y", dtype, y)
            return validation
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error

    def _encoded(self, y: Any) -> np.ndarray:
        """The targets Y, (n, n_outputs_), of y as ``score`` takes it."""
        y = np.asarray(dense(check_y(self, y)))
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        targets = self._codec()
        targets.check(y, False)  # encode would take an unknown label for another
        return np.asarray(targets.encode(y)).reshape(len(y), self.n_outputs_)

    @classmethod
    @functools.cache
    def _get_param_names(cls) -> list[str]:
        # read from the constructor's signature, which takes as long as a small epoch
        names: list[str] = super()._get_param_names()
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags
