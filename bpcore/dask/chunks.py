"""The rows of one partition, on the worker that has them: checked, looked at, encoded."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from bpcore._core.rows import Rows
from bpcore.estimators.class_weight import counts_of, row_weights
from bpcore.estimators.data import check_range, check_weights, check_xy
from bpcore.files.fingerprint import fingerprint

__all__ = ["Chunk", "Encoding", "Facts", "Loaded", "Sums", "encode", "facts_of", "load", "sums_of"]


def _bytes_of(*tables: Any) -> int:
    total = 0
    for one in tables:
        if scipy.sparse.issparse(one):
            total += one.data.nbytes + one.indices.nbytes + one.indptr.nbytes
        elif one is not None:
            total += one.nbytes
    return total


def _aligned(table: Any) -> Any:
    """A table whose numbers lie where the engine reads them; messages put them anywhere."""
    if scipy.sparse.issparse(table):
        for name in ("data", "indices", "indptr"):
            setattr(table, name, _aligned(getattr(table, name)))
        return table
    if isinstance(table, tuple):
        return tuple(map(_aligned, table))
    misplaced = isinstance(table, np.ndarray) and not table.flags.aligned
    return table.copy() if misplaced else table


class _Tables:
    """What holds tables, and goes from worker to worker."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: _aligned(one) for name, one in state.items()})


@dataclass
class Loaded(_Tables):
    """What ``load`` makes of a partition: arrays as the local estimators check them.

    Attributes
    ----------
    what : str
        What errors call it: "partition 3".
    est : MLPClassifier or MLPRegressor
        Knows the parameters and the columns of X.
    x : ndarray or CSR matrix of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
    weights : ndarray of float64, shape (n,), or None
    sparse : bool
        Whether y was.
    """

    what: str
    est: Any
    x: Any
    y: np.ndarray
    weights: np.ndarray | None
    sparse: bool

    def __sizeof__(self) -> int:
        return _bytes_of(self.x, self.y, self.weights)


class _Placed:
    """Within: errors about data begin with the partition."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, TypeError | ValueError | OverflowError):
            one = TypeError if isinstance(error, TypeError) else ValueError
            raise one(f"{self.what}: {error}") from error


def load(what: str, est: Any, X: Any, y: Any = None, weights: Any = None) -> Loaded:
    """A partition, checked as an estimator's fit checks its data.

    Parameters
    ----------
    what : str
        What errors call it.
    est : estimator
        Unfitted, with the fit's parameters.
    X, y, weights
        Its parts; or X a tuple of two or three, and y None.
    """
    with _Placed(what):
        if y is None and isinstance(X, tuple | list) and len(X) in (2, 3):
            X, y, weights = (*X, None)[:3]
        if y is None:
            raise ValueError("there is no y: give y, or pairs (X, y)")
        if X.shape[0] == 0:
            raise ValueError(
                "it is empty: leave such partitions out, or repartition the collection"
            )
        x, labels = check_xy(est, X, y, reset=True)
        given = weights
        if hasattr(given, "to_numpy"):
            given = given.to_numpy()
        return Loaded(
            what, est, x, labels, check_weights(given, x, some=False), scipy.sparse.issparse(y)
        )


@dataclass
class Facts:
    """What the client has to know of a partition before it is encoded.

    Attributes
    ----------
    classes, counts : lists of ndarrays
        Of each column of labels: those that occur, and in how many rows. Empty for numbers.
    kind : str
        That of the targets.
    """

    what: str
    n: int
    width: int
    dtype: str
    names: list[str] | None
    n_columns: int
    sparse: bool
    kind: str
    classes: list[np.ndarray] = field(default_factory=list)
    counts: list[np.ndarray] = field(default_factory=list)


def facts_of(part: Loaded) -> Facts:
    """What the client has to know of a partition before it is encoded."""
    est = part.est
    with _Placed(part.what):
        names = getattr(est, "feature_names_in_", None)
        targets = est._targets_of(part.y, None, False, part.sparse)
        facts = Facts(
            what=part.what,
            n=part.x.shape[0],
            width=part.x.shape[1],
            dtype=part.x.dtype.name,
            names=None if names is None else names.tolist(),
            n_columns=1 if part.y.ndim == 1 else part.y.shape[1],
            sparse=part.sparse,
            kind=targets.kind,
        )
        if hasattr(targets, "class_positions"):
            for classes, counts in zip(*counts_of(targets.class_positions(part.y)), strict=True):
                facts.classes.append(classes[counts > 0])
                facts.counts.append(counts[counts > 0])
        return facts


@dataclass
class Encoding:
    """How partitions become chunks.

    Attributes
    ----------
    targets : Labels, Multilabel, Multioutput or Numbers
    dtype : dtype
        That of the network.
    tables : list of ndarrays, or None
        The weight of each class of each column.
    seed : int
        Draws the rows that are held out.
    """

    targets: Any
    dtype: np.dtype
    tables: list[np.ndarray] | None
    seed: int


@dataclass
class Chunk(_Tables):
    """Rows to train on, and rows that are held out of them.

    Attributes
    ----------
    index : int
        Its place among the chunks.
    x, y : tables as ``Rows`` takes them
    weights, normaliser : ndarrays of shape (n,), or None
        As in ``bpcore.estimators.data.Training``.
    held : tuple (x, y, weights) or None
    """

    index: int
    x: Any
    y: np.ndarray
    weights: np.ndarray | None
    normaliser: np.ndarray | None
    held: tuple[Any, np.ndarray, np.ndarray | None] | None

    @property
    def n(self) -> int:
        """Rows to train on."""
        return len(self.y)

    @property
    def weight(self) -> float:
        """What the mean over all chunks counts this one by."""
        return float(self.n if self.normaliser is None else self.normaliser.sum())

    def __sizeof__(self) -> int:
        return _bytes_of(self.x, self.y, self.weights, self.normaliser, *(self.held or ()))


def encode(
    part: Loaded, encoding: Encoding, index: int, hold_out: np.ndarray | bool = False
) -> Chunk:
    """The chunk of a partition.

    Parameters
    ----------
    part : Loaded
    encoding : Encoding
    index : int
    hold_out : ndarray of int, or bool
        Whether to hold out all rows, or how many of each stratum: the classes of one column of
        labels, or all together.
    """
    targets, y, weights = encoding.targets, part.y, part.weights
    with _Placed(part.what):
        targets.check(y, False)
        Y = targets.encode(y)
        part.est._check_target_range(Y)
        check_range(Rows(part.x), "X", encoding.dtype, part.x)
        check_range(Rows(Y), "y", encoding.dtype, y)
        total = weights
        if encoding.tables is not None:
            total = row_weights(encoding.tables, targets.class_positions(y))
            if weights is not None:
                total = total * weights
        if isinstance(hold_out, bool):
            if hold_out:
                return Chunk(index, part.x[:0], Y[:0], None, None, (part.x, Y, weights))
            return Chunk(index, part.x, Y, total, weights, None)
        held = _drawn(targets, y, hold_out, np.random.default_rng([encoding.seed, 0, index]))
        if len(held) == len(y):
            raise ValueError(
                "all of its rows would be held out for early_stopping: repartition the "
                "collection into larger partitions, or give validation_data"
            )
    rows = np.setdiff1d(np.arange(len(y)), held)

    def part_of(table: Any, which: np.ndarray) -> Any:
        return None if table is None else table[which]

    return Chunk(
        index=index,
        x=part.x[rows],
        y=Y[rows],
        weights=part_of(total, rows),
        normaliser=part_of(weights, rows),
        held=(part.x[held], Y[held], part_of(weights, held)) if len(held) else None,
    )


def strata_of(targets: Any, y: np.ndarray) -> np.ndarray:
    """(n,): what the held-out part is stratified by, the class of one column of labels."""
    if targets.kind == "multiclass":
        ((_, positions),) = targets.class_positions(y)
        return np.asarray(positions)
    return np.zeros(len(y), dtype=np.intp)


def _drawn(targets: Any, y: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """So many rows of each stratum, in their order."""
    strata = strata_of(targets, y)
    drawn = [
        rng.choice(np.flatnonzero(strata == k), count, replace=False)
        for k, count in enumerate(counts.tolist())
        if count
    ]
    return np.sort(np.concatenate(drawn)) if drawn else np.empty(0, dtype=np.intp)


@dataclass
class Sums:
    """What the client has to know of a chunk: what adds up over all of them."""

    n: int
    nbytes: int
    # Σ normaliser, Σ weights; rows where there are none
    weight: float
    total: float
    n_held: int
    held_weight: float
    fingerprint: str


def sums_of(chunk: Chunk) -> Sums:
    """What the client has to know of a chunk."""
    held = chunk.held
    n_held = 0 if held is None else len(held[1])
    return Sums(
        chunk.n,
        chunk.__sizeof__(),
        chunk.weight,
        float(chunk.n if chunk.weights is None else chunk.weights.sum()),
        n_held,
        float(n_held if held is None or held[2] is None else held[2].sum()),
        fingerprint(chunk.x, chunk.y, chunk.weights, *(held or ())),
    )
