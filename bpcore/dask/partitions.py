"""What users give, as partitions: X, y and weights of each, not computed yet."""

from typing import Any

import numpy as np
from dask.base import is_dask_collection
from dask.delayed import Delayed
from distributed import Future
from distributed.client import futures_of

__all__ = ["is_frame", "is_in_memory", "is_lazy", "partitions_of", "rows_in_one_piece"]


def is_frame(one: Any) -> bool:
    """Whether it is a Dask DataFrame or Series."""
    return (
        is_dask_collection(one) and hasattr(one, "npartitions") and hasattr(one, "_meta_nonempty")
    )


def _is_array(one: Any) -> bool:
    return is_dask_collection(one) and hasattr(one, "chunks")


def _is_list(one: Any) -> bool:
    return (
        isinstance(one, list | tuple)
        and len(one) > 0
        and all(
            isinstance(part, Delayed | Future)
            or (
                isinstance(part, tuple | list)
                and all(isinstance(p, Delayed | Future) for p in part)
            )
            for part in one
        )
    )


def is_lazy(one: Any) -> bool:
    """Whether it is what this module takes."""
    return _is_array(one) or is_frame(one) or _is_list(one)


def is_in_memory(one: Any) -> bool:
    """Whether the workers have at least some of it already."""
    return one is not None and bool(futures_of(one))


def rows_in_one_piece(array: Any) -> Any:
    """A Dask array whose chunks have all columns."""
    if array.ndim == 2 and array.numblocks[1] > 1:
        return array.rechunk({1: -1})
    return array


def _parts(one: Any, what: str) -> list[Any]:
    if is_frame(one):
        # simplified: no more columns are read than needed. Optimised, files of few columns would be
        # fewer partitions than those of many, and X and y of one table no longer go together.
        return list(one.simplify().to_delayed(optimize_graph=False))
    if _is_array(one):
        if one.ndim not in (1, 2):
            raise ValueError(f"{what} must have one or two dimensions, got shape {one.shape}")
        return list(rows_in_one_piece(one).to_delayed().ravel())
    if _is_list(one):
        return list(one)
    raise TypeError(
        f"{what} must be a Dask array, a Dask DataFrame or Series, or a list of delayed values, "
        f"got {type(one).__name__}: dask.array.from_array makes one of an array; for data that one "
        "machine holds there are bpcore.MLPClassifier and MLPRegressor"
    )


def _aligned(one: Any, X: Any, what: str) -> Any:
    """Y or weights, cut as X is where that can be known."""
    if not (_is_array(one) and _is_array(X)):
        return one
    theirs, ours = one.chunks[0], X.chunks[0]
    if np.isnan([*theirs, *ours]).any() or theirs == ours:
        return one
    if sum(theirs) != sum(ours):
        raise ValueError(f"X has {sum(ours):,} rows, but {what} has {sum(theirs):,}")
    return one.rechunk({0: ours})


def partitions_of(X: Any, y: Any, weights: Any = None) -> list[tuple[Any, Any, Any]]:
    """(X, y, weights) of each partition, delayed; weights may be None, and y where X has pairs.

    Raises
    ------
    TypeError, ValueError
        If they are no Dask collections, or not of as many partitions.
    """
    if _is_list(X) and y is None:
        if weights is not None:
            raise ValueError("pairs (X, y) have their weights themselves, as a third")
        return [
            (*part, None)[:3] if isinstance(part, tuple | list) else (part, None, None)
            for part in X
        ]
    if y is None:
        raise ValueError("there is no y: give y beside X, or a list of delayed pairs (X, y)")
    columns = [_parts(X, "X"), _parts(_aligned(y, X, "y"), "y")]
    if weights is not None:
        columns.append(_parts(_aligned(weights, X, "sample_weight"), "sample_weight"))
    for column, what in zip(columns[1:], ("y", "sample_weight"), strict=False):
        if len(column) != len(columns[0]):
            raise ValueError(
                f"X has {len(columns[0])} partitions, but {what} has {len(column)}: cut them alike "
                "(repartition, rechunk)"
            )
    if weights is None:
        columns.append([None] * len(columns[0]))
    return list(zip(*columns, strict=True))
