"""What an epoch calls: the parameter ``callback``, and scikit-learn's callback objects."""

import copy
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from bpcore.checks import as_callbacks

__all__ = ["Callbacks"]


def _part(data: Any, rows: Any) -> Any:
    """The rows of what the user gave; a slice stands for all of them."""
    whole = isinstance(rows, slice) or np.ndim(data) == 0
    return data if whole else _safe_indexing(data, rows)


class Callbacks:
    """The calls that one fit makes to its callbacks.

    Parameters
    ----------
    est : estimator
    X, y, sample_weight
        As the user gave them.
    rows : ndarray of intp or None
        The rows trained on, where that is not all of them.
    announce : bool
        Whether to call scikit-learn's callback objects, whose protocol has no ``partial_fit``.
    """

    def __init__(
        self, est: Any, X: Any, y: Any, sample_weight: Any, rows: Any, announce: bool
    ) -> None:
        self.est = est
        self.stopped = False
        self._task: Any = None
        self._context: Any = None
        if not announce:
            return
        self._context = est._init_callback_context(max_subtasks=est.max_iter)
        if rows is None:
            rows = slice(None)
        # evaluated only for the callbacks that ask for them
        self._data = {
            "X": lambda: _part(X, rows),
            "y": lambda: _part(y, rows),
            "metadata": lambda: (
                {} if sample_weight is None else {"sample_weight": _part(sample_weight, rows)}
            ),
        }
        self._context.call_on_fit_task_begin(estimator=est, **self._data)

    def _fitted(self) -> dict[str, Any]:
        """The attributes of the estimator as if the fit had ended now."""
        return {"_network": copy.deepcopy(self.est._network)}

    @property
    def _announces_epochs(self) -> bool:
        return self._context is not None and bool(getattr(self.est, "_skl_callbacks", ()))

    def begin_epoch(self) -> None:
        """Before an epoch."""
        if self._announces_epochs:
            self._task = self._context.subcontext(task_name="epoch")
            self._task.call_on_fit_task_begin(
                estimator=self.est, reconstruction_attributes=self._fitted, **self._data
            )

    def end_epoch(self) -> bool:
        """After an epoch; whether somebody asks to stop."""
        answers = [bool(one(self.est)) for one in as_callbacks(self.est.callback)]
        stop = any(answers)
        if self._announces_epochs:
            stop |= self._task.call_on_fit_task_end(
                estimator=self.est, reconstruction_attributes=self._fitted, **self._data
            )
        self.stopped = self.stopped or stop
        return stop

    def end_fit(self) -> None:
        """After the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self.est, reconstruction_attributes=self._fitted, **self._data
            )
