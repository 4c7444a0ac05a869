"""Lazy predictions: what each partition's rows give, when it is asked for."""

from collections.abc import Callable
from typing import Any

import dask
import dask.array
import numpy as np

from bpcore.dask.partitions import is_frame, rows_in_one_piece

__all__ = ["predicted"]

# what is asked of each partition: an estimator's method, by name
Ask = Callable[[Any, Any], Any]


def _ask(X: Any, est: Any, method: str, column: int | None) -> Any:
    if X.shape[0] == 0:
        a = np.zeros((1, est.n_features_in_))
        names = getattr(est, "feature_names_in_", None)
        if names is not None:
            import pandas

            a = pandas.DataFrame(a, columns=names)
        return _ask(a, est, method, column)[:0]
    found = getattr(est, method)(X)
    return found if column is None else found[column]


def _ask_frame(X: Any, est: Any, method: str, column: int | None, meta: Any) -> Any:
    found = _ask(X, est, method, column)
    if found.ndim == 1:
        return type(meta)(found, index=X.index, name=meta.name)
    return type(meta)(found, index=X.index, columns=meta.columns)


def predicted(X: Any, est: Any, method: str, column: int | None = None) -> Any:
    """What a method of a local estimator gives for X, lazily.

    Parameters
    ----------
    X : Dask array, Dask DataFrame, or list of delayed values
    est : MLPClassifier or MLPRegressor
        Fitted.
    method : str
    column : int, optional
        Which of the list that the method returns; None: it returns one array.

    Returns
    -------
    Dask array, Dask Series or DataFrame, or list of delayed values; as X is
    """
    letter = dask.delayed(est, traverse=False)
    if isinstance(X, list | tuple):
        ask = dask.delayed(_ask, pure=False)
        return [ask(part, letter, method, column) for part in X]
    sample = _sample(est, method, column)
    if is_frame(X):
        import pandas

        if sample.ndim == 1:
            meta: Any = pandas.Series(sample[:0], name=None)
        else:
            meta = pandas.DataFrame(
                sample[:0], columns=_names(est, method, sample.shape[1], column)
            )
        return X.map_partitions(_ask_frame, letter, method, column, meta, meta=meta)
    X = rows_in_one_piece(X)
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, got shape {X.shape}")
    if sample.ndim == 1:
        shape: dict[str, Any] = {"drop_axis": 1}
    else:
        shape = {"chunks": (X.chunks[0], (sample.shape[1],))}
    return X.map_blocks(_ask, letter, method, column, dtype=sample.dtype, meta=sample[:0], **shape)


def _sample(est: Any, method: str, column: int | None) -> np.ndarray:
    """What the method gives for a row of zeros."""
    X = np.zeros((1, est.n_features_in_), dtype=est.network_.dtype)
    names = getattr(est, "feature_names_in_", None)
    if names is not None:
        import pandas

        X = pandas.DataFrame(X, columns=names)
    return np.asarray(_ask(X, est, method, column))


def _names(est: Any, method: str, width: int, column: int | None) -> list[Any]:
    if method == "predict":
        return list(range(width))
    classes = est.classes_ if column is None else est.classes_[column]
    return list(classes)
