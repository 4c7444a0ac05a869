"""Between users' y and the network's Y: labels, numbers, and what the outputs say about them.

A column of labels with one or two classes takes one output (the second class is 1), a column
of K > 2 classes takes K; two classes take two under softmax, or in a network that was made
elsewhere. Encoded labels are uint8 zeros and ones, a byte a number, which the engine reads as they
are.
"""

import functools
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.multiclass import type_of_target, unique_labels

from bpcore.estimators.labels import (
    are_plain,
    as_classes,
    beside,
    have_one_type,
    is_indicator,
    typed,
    unique,
)

__all__ = ["Encoding", "Labels", "Multilabel", "Multioutput", "labels_from", "labels_of"]


class Encoding:
    """What y is encoded as: zeros and ones, where nothing else is said."""

    def dtype_of(self, y: np.ndarray) -> Any:
        """The type of what ``encode`` makes of y."""
        return np.uint8

    def encode_into(self, Y: np.ndarray, y: np.ndarray) -> bool:
        """Y = the encoded y, where that is plain to see; whether it is."""
        return False

    def strata(self, Y: np.ndarray) -> np.ndarray | None:
        """What a held-out set is stratified by: neither numbers nor combinations of labels."""
        return None


class Labels(Encoding):
    """One label a row.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Every label there is, sorted.
    one_each : bool, default=False
        Whether two classes have an output each, as more have.
    """

    kind = "multiclass"

    def __init__(self, classes: Any, one_each: bool = False) -> None:
        self.classes = np.asarray(classes)
        self.width = 1 if len(self.classes) <= 2 - one_each else len(self.classes)

    @functools.cached_property
    def _place(self) -> dict[Any, int]:
        """Which class a label is."""
        return {label: k for k, label in enumerate(self.classes.tolist())}

    def check(self, y: np.ndarray, warm_start: bool) -> None:
        """Refuse labels that are not among the classes; for a warm start, missing ones too."""
        if y.ndim != 1:
            raise ValueError(
                f"y has {y.shape[1]} columns, but this classifier was set up for one label a row"
            )
        _check_classes(y, self.classes, warm_start)

    def class_positions(self, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """The classes of the one column, and (n,) which of them each row has."""
        if y.dtype.kind + self.classes.dtype.kind in ("iu", "ui"):
            y = y.astype(self.classes.dtype)  # side by side NumPy makes them floats
        return [(self.classes, np.searchsorted(self.classes, y))]

    def encode(self, y: np.ndarray) -> np.ndarray:
        """(n,) labels → (n, width) zeros and ones."""
        ((_, at),) = self.class_positions(y)
        if self.width == 1:
            return (at == 1).astype(np.uint8).reshape(-1, 1)
        Y = np.zeros((len(y), self.width), dtype=np.uint8)
        Y[np.arange(len(y)), at] = 1
        return Y

    def encode_into(self, Y: np.ndarray, y: np.ndarray) -> bool:
        """Y = the encoded y, where that is plainly made of labels; whether it is."""
        labels = y.tolist() if y.ndim == 1 and y.dtype.kind in "biuUO" else []
        if set(map(type, labels)) not in ({int}, {str}, {bool}):
            return False
        at = [self._place.get(label, -1) for label in labels]
        if min(at) < 0:
            return False
        Y[...] = 0
        if self.width > 1:
            Y[np.arange(len(at)), at] = 1
        else:
            Y[:, 0] = at
        return True

    def _positions(self, a: np.ndarray) -> np.ndarray:
        if len(self.classes) == 1:
            return np.zeros(len(a), dtype=np.intp)
        if self.width == 1:
            return (a[:, 0] > 0.5).astype(np.intp)
        return a.argmax(axis=1)

    def decode(self, a: np.ndarray) -> np.ndarray:
        """(n, width) outputs → (n,) labels."""
        return self.classes.take(self._positions(a))

    def probabilities(self, a: np.ndarray) -> np.ndarray:
        """(n, width) outputs → (n, n_classes), rows adding up to 1."""
        if len(self.classes) == 1:
            return np.ones_like(a)
        if self.width == 1:
            return np.concatenate([1 - a, a], axis=1)
        total = a.sum(axis=1, keepdims=True)
        # logistic outputs that are all 0 leave every class equally probable
        return np.divide(a, total, out=np.full_like(a, 1 / self.width), where=total > 0)

    def right(self, a: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """(n,): which rows' outputs decode to what Y encodes."""
        return self._positions(a) == self._positions(Y)

    def strata(self, Y: np.ndarray) -> np.ndarray:
        """What the held-out set is stratified by.

        scikit-learn stratifies two classes by the text of each encoded row; the order of those
        texts decides which random numbers a class gets. That order, for K classes, runs from
        the last class to the first.

        Raises
        ------
        ValueError
            If a class has one row, which cannot be in both sets.
        """
        counts = Y.sum(axis=0, dtype=np.intp)
        if self.width == 1:
            counts = np.append(len(Y) - counts, counts)[: len(self.classes)]
        if (counts == 1).any():
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few for a "
                "stratified validation set. Classes with too few members are: "
                f"{self.classes[counts == 1].tolist()}. Leave them out, or give validation_data"
            )
        if self.width == 1:
            return Y[:, 0]
        return self.width - 1 - Y.argmax(axis=1)


class Multilabel(Encoding):
    """Any number of labels a row, from an indicator matrix of zeros and ones.

    Parameters
    ----------
    n_labels : int
    sparse : bool, default=False
        Whether predictions are sparse, as they are after a fit on a sparse matrix.
    """

    kind = "multilabel-indicator"

    def __init__(self, n_labels: int, sparse: bool = False) -> None:
        self.classes = np.arange(n_labels)
        self.width = n_labels
        self.sparse = sparse

    def check(self, y: Any, warm_start: bool) -> None:
        """Refuse anything but zeros and ones in as many columns."""
        kind = kind_of(y)
        if kind != self.kind:
            raise ValueError(
                "y must be a matrix of zeros and ones, one column a label, as in the call "
                f"before; got {kind}"
            )
        if y.shape[1] != self.width:
            raise ValueError(f"y has {y.shape[1]} labels, but this classifier has {self.width}")

    def class_positions(self, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each label: the classes 0 and 1, and (n,) which of them each row has."""
        return [(np.arange(2), column) for column in (y != 0).T.astype(np.intp)]

    def encode(self, y: Any) -> np.ndarray:
        """(n, n_labels) indicators → zeros and ones."""
        return np.ascontiguousarray(y != 0).view(np.uint8)

    def encode_into(self, Y: np.ndarray, y: np.ndarray) -> bool:
        """Y = the encoded y, where that plainly is an indicator matrix; whether it is."""
        if y.shape != Y.shape or y.dtype.kind not in "biuf" or not ((y == 0) | (y == 1)).all():
            return False
        Y[...] = y
        return True

    def decode(self, a: np.ndarray) -> np.ndarray:
        """Outputs above ½ → 1."""
        return (a > 0.5).astype(int)

    def probabilities(self, a: np.ndarray) -> np.ndarray:
        """The outputs themselves, one probability a label."""
        return a

    def right(self, a: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """(n,): which rows have every label right."""
        return ((a > 0.5) == (Y > 0.5)).all(axis=1)


class Multioutput(Encoding):
    """Several columns of labels, each with classes of its own.

    Every class of every column has its own logistic output (a column of two classes one for
    both), since a softmax would run across columns.
    """

    kind = "multiclass-multioutput"

    def __init__(self, classes: list[Any]) -> None:
        self.columns = [Labels(one) for one in classes]
        self.classes = [column.classes for column in self.columns]
        self.width = sum(column.width for column in self.columns)
        ends = np.cumsum([column.width for column in self.columns])
        self._parts = [
            slice(end - column.width, end)
            for column, end in zip(self.columns, ends.tolist(), strict=True)
        ]

    def check(self, y: np.ndarray, warm_start: bool) -> None:
        """Refuse labels that are not among their column's classes."""
        if y.ndim != 2 or y.shape[1] != len(self.columns):
            raise ValueError(
                f"y must have {len(self.columns)} columns of labels, got shape {y.shape}"
            )
        for k, column in enumerate(self.columns):
            _check_classes(y[:, k], column.classes, warm_start)

    def class_positions(self, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each column: its classes, and (n,) which of them each row has."""
        return [
            one for k, column in enumerate(self.columns) for one in column.class_positions(y[:, k])
        ]

    def encode(self, y: np.ndarray) -> np.ndarray:
        """(n, n_columns) labels → (n, width) zeros and ones."""
        return np.hstack([column.encode(y[:, k]) for k, column in enumerate(self.columns)])

    def decode(self, a: np.ndarray) -> np.ndarray:
        """(n, width) outputs → (n, n_columns) labels, objects if their types differ."""
        pairs = zip(self.columns, self._parts, strict=True)
        columns = [column.decode(a[:, part]) for column, part in pairs]
        return beside(columns, have_one_type(self.classes))

    def probabilities(self, a: np.ndarray) -> list[np.ndarray]:
        """A list with (n, n_classes) for each column."""
        pairs = zip(self.columns, self._parts, strict=True)
        return [column.probabilities(a[:, part]) for column, part in pairs]

    def right(self, a: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """(n,): which rows have every column right."""
        pairs = zip(self.columns, self._parts, strict=True)
        return np.all([column.right(a[:, part], Y[:, part]) for column, part in pairs], axis=0)


def _check_classes(y: np.ndarray, classes: np.ndarray, warm_start: bool) -> None:
    try:
        found = np.unique(y)
    except TypeError:
        # labels that do not compare, of several types: scikit-learn knows what to say
        found = unique_labels(y)
    known = set(classes.tolist())
    labels = set(found.tolist())
    if labels - known:
        _check_kind(type_of_target(y))
    if warm_start and labels != known:
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous call "
            f"to fit. Previously got {classes}, `y` has {found}"
        )
    if labels - known:
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. 'y' has "
            f"{found}."
        )


def _check_kind(kind: str) -> None:
    if kind not in ("binary", "multiclass", Multilabel.kind, Multioutput.kind):
        raise ValueError(
            f"Unknown label type: {kind}. A classifier takes labels that occur again and again: "
            "integers, strings, booleans; for numbers there are the regressors"
        )


def kind_of(y: Any) -> str:
    """What ``type_of_target`` calls y, but for two things.

    An indicator matrix has zeros and ones, no other two values; and columns of different types,
    which are objects to NumPy, are labels if each of them is.
    """
    if y.ndim == 1 or y.shape[1] == 1:
        return str(type_of_target(y, input_name="y"))
    if is_indicator(y):
        return Multilabel.kind
    if y.dtype == object:
        kinds = {type_of_target(typed(column), input_name="y") for column in y.T}
        return str(min(kinds - {"binary", "multiclass"}, default=Multioutput.kind))
    kind = str(type_of_target(y, input_name="y"))
    return Multioutput.kind if kind == Multilabel.kind else kind


def labels_of(
    y: Any,
    classes: Any = None,
    *,
    given: bool = False,
    sparse: bool = False,
    softmax: bool = False,
) -> Labels | Multilabel | Multioutput:
    """How to encode y, whose classes may be given (they need not all occur in y).

    given: whether they have to be, where y is no indicator matrix. sparse: whether y was.
    softmax: whether two classes have an output each.

    Raises
    ------
    ValueError
        If y does not hold labels.
    """
    if classes is None and not given and are_plain(y):
        return Labels(np.unique(y), softmax)
    kind = kind_of(y)
    _check_kind(kind)
    if classes is not None:
        targets = labels_from(classes, softmax)
        several = isinstance(targets, Multioutput)
        if kind == Multioutput.kind and not several:
            raise ValueError(
                f"y has {y.shape[1]} columns of labels: classes must be a list with the classes "
                "of each"
            )
        if several or kind != Multilabel.kind:
            return targets
    if kind == Multilabel.kind:
        return Multilabel(y.shape[1], sparse)
    if given:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if kind == Multioutput.kind:
        return Multioutput([unique(column) for column in y.T])
    return Labels(unique_labels(y), softmax)


def labels_from(
    classes: Any, one_each: bool = False, multilabel: bool = False
) -> Labels | Multilabel | Multioutput:
    """How to encode labels of which only the classes are known: one list, or one a column.

    one_each: as of `Labels`. multilabel: whether any number of the classes may hold at once.
    """
    found = as_classes(classes)
    if multilabel:
        return Multilabel(len(found))
    return Multioutput(found) if isinstance(found, list) else Labels(found, one_each)


def dense(y: Any) -> Any:
    """A sparse indicator matrix as an array; anything else as it is."""
    return y.toarray() if scipy.sparse.issparse(y) else y
