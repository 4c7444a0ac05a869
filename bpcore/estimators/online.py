"""partial_fit of a few rows that are plainly right, without scikit-learn's look at them.

A stream brings one row after the other, all of one kind. What the first of them has shown is kept,
so that those that follow take little more than their step; whatever is not as it was takes the long
way, which also says what is wrong. Both ways end in the same epoch, and in the same bits.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from bpcore._core.rows import Rows
from bpcore.estimators.callbacks import Callbacks
from bpcore.estimators.data import Split, Training
from bpcore.estimators.fit import EpochFit, exclusive
from bpcore.estimators.predictions import plain_table
from bpcore.estimators.views import are_there

__all__ = ["online"]

# What is copied of a call's X at most, in rows and in numbers; of more the checks are cheap.
_MAX_ROWS = 255
_MAX_NUMBERS = 2**17

_PLAIN = (int, float, str, type(None), np.generic)


def online(partial_fit: Callable[..., Any]) -> Any:
    """A method ``partial_fit`` that is called only where what its last call left does not serve.

    It is there for the stochastic solvers.
    """

    @functools.wraps(partial_fit)
    def trained(
        est: Any, X: Any, y: Any, sample_weight: Any = None, *more: Any, **named: Any
    ) -> Any:
        left = est.__dict__.pop("_online", None)
        classes = more[0] if more else named.get("classes")
        plain = sample_weight is None and named.get("validation_data") is None and len(more) < 2
        if not (plain and left is not None and left.train(est, X, y, classes)):
            partial_fit(est, X, y, sample_weight, *more, **named)
            left = Online.of(est, classes) if plain else None
        if left is not None:
            est._online = left
        return est

    return available_if(lambda est: est._check_solver())(trained)


@functools.cache
def _parameters_of(estimator_class: Any) -> Callable[[Any], tuple[Any, ...]]:
    """What gives an estimator's parameters, but for ``random_state``."""
    names = (one.name for one in fields(estimator_class))
    return attrgetter(*(name for name in names if name != "random_state"))


def _is_plain(value: Any) -> bool:
    """Whether a copy of a parameter tells by == whether it is as it was."""
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, value.values()))
    return isinstance(value, _PLAIN)


def _is_list(classes: Any) -> bool:
    """Whether classes are a list or tuple that == compares: not of arrays."""
    return type(classes) in (list, tuple) and _is_plain(classes)


class Online:
    """What the calls of an estimator's partial_fit can go on with.

    Attributes
    ----------
    parameters : tuple
        A copy of the estimator's, but for ``random_state``.
    classes : object
        A copy of those that the last call was given.
    held : tuple
        What has to be the same objects as now.
    kind : tuple or None
        Shape and types of the rows that ``fit`` has buffers for.
    fit : EpochFit
        Reads x and y below.
    x, y : ndarrays
        A call's rows, and their encoded targets.
    """

    def __init__(self, est: Any, classes: Any, parameters: tuple[Any, ...]) -> None:
        self.parameters = copy.deepcopy(parameters)
        self.classes = copy.deepcopy(classes)
        self.held = self._held(est)
        self.kind: Any = None

    @classmethod
    def of(cls, est: Any, classes: Any) -> "Online | None":
        """What serves an estimator that partial_fit has just trained.

        None where more has to be done in each call: callbacks, a validation set, weights of
        classes.
        """
        parameters = _parameters_of(est.__class__)(est)
        serves = (
            all(map(_is_plain, parameters))
            and not est.early_stopping
            and getattr(est, "class_weight", None) is None
            and "_skl_callbacks" not in est.__dict__
            and (classes is None or type(classes) in (range, np.ndarray) or _is_list(classes))
            and type(est.random_state) in (int, np.random.RandomState, type(None))
        )
        return cls(est, classes, parameters) if serves else None

    @staticmethod
    def _held(est: Any) -> tuple[Any, ...]:
        state = est.__dict__
        return (
            state.get("_network"),
            state.get("_spec"),
            state.get("_targets"),
            state.get("_record"),
            getattr(state.get("_record"), "optimizer", None),
            state.get("feature_names_in_"),
            est.random_state,
        )

    def _are_known(self, classes: Any) -> bool:
        if classes is None:
            return True
        if type(classes) is not type(self.classes) or len(classes) != len(self.classes):
            return False
        if type(classes) is np.ndarray:
            return classes.dtype == self.classes.dtype and bool((classes == self.classes).all())
        try:
            return bool(classes == self.classes)
        except ValueError:  # a list of arrays, where it was of labels
            return False

    def train(self, est: Any, X: Any, y: Any, classes: Any) -> bool:
        """Go through the rows once; False where the long way has to."""
        state = est.__dict__
        if (
            not all(a is b for a, b in zip(self.held, self._held(est), strict=True))
            or _parameters_of(est.__class__)(est) != self.parameters
            or not self._are_known(classes)
            or not are_there(est)
            or "_skl_callbacks" in state
        ):
            return False
        X = plain_table(state, X)
        if X is None or scipy.sparse.issparse(X) or not 0 < X.shape[0] <= _MAX_ROWS:
            return False
        y = _as_array(y)
        if y is None or len(y) != len(X) or X.size > _MAX_NUMBERS:
            return False
        with exclusive(est):
            if est._current(None) is not self.held[0]:
                return False
            return self._prepare(est, X, y) and self._run(est)

    def _prepare(self, est: Any, X: np.ndarray, y: np.ndarray) -> bool:
        """Copy the rows; whether they are right."""
        targets, n = est._targets, len(X)
        kind = (X.shape, X.dtype, y.dtype)
        if kind != self.kind:
            if est.batch_size != "auto" and est.batch_size > n:
                return False  # which is warned of
            self.kind = None
            self.x = np.empty(X.shape, X.dtype)
            self.y = np.empty((n, targets.width), targets.dtype_of(y))
        self.x[...] = X
        if not targets.encode_into(self.y, y):
            return False
        if kind != self.kind:
            x_rows, y_rows = Rows(self.x), Rows(self.y)
            training = Training(x_rows, y_rows, None, None, None, n)
            rng = check_random_state(est.random_state)
            self.fit = EpochFit(est, Split(training, None), rng, partial=True)
            self.kind = kind
        limit = float(np.finfo(est._network.dtype).max)
        rows = self.fit.data.training
        if rows.x.first_row_beyond(limit) >= 0 or rows.y.first_row_beyond(limit) >= 0:
            return False
        try:
            est._check_target_range(self.y)
        except ValueError:
            return False
        return True

    def _run(self, est: Any) -> bool:
        sampler = self.fit.sampler
        if sampler.order is not None:
            # a fit goes through the rows as they come, shuffled once
            sampler.order[:] = np.arange(len(sampler.order))
        self.fit.run(Callbacks(est, None, None, None, None, announce=False))
        if isinstance(est.random_state, int):
            sampler.order = None  # the same seed shuffles so many rows in the same way
        return True


def _as_array(y: Any) -> np.ndarray | None:
    """An array of y, where that is plain to see; else None."""
    kind = type(y)
    if kind is list:
        types = set(map(type, y))
        if len(types) != 1 or not types <= {int, float, bool, str}:
            return None
        y = np.array(y)
    elif kind.__name__ == "Series" and kind.__module__.startswith("pandas"):
        y = y.to_numpy() if isinstance(y.dtype, np.dtype) else None
    return y if type(y) is np.ndarray and y.ndim in (1, 2) and y.dtype.isnative else None
