"""From partitions to chunks on the workers: what has to be known of all is put together here."""

import functools
from dataclasses import dataclass
from typing import Any

import dask
import numpy as np

from bpcore.dask.chunks import Encoding, Facts, Sums, encode, facts_of, load, sums_of
from bpcore.dask.cluster import Cluster
from bpcore.dask.groups import Groups, shares
from bpcore.dask.partitions import is_in_memory, partitions_of
from bpcore.estimators.targets import Labels, Multilabel, Multioutput

__all__ = ["Partitions", "allotted", "counts_of_classes", "hold_out", "targets_of"]


@dataclass
class Partitions:
    """Partitions that are loaded on the workers, and what is known of them.

    Attributes
    ----------
    cluster : Cluster
    futures : list of futures of Loaded
    facts : list of Facts
    """

    cluster: Cluster
    futures: list[Any]
    facts: list[Facts]

    @classmethod
    def load(
        cls, cluster: Cluster, est: Any, X: Any, y: Any, weights: Any, of: str = ""
    ) -> "Partitions":
        """Load partitions as an unfitted estimator checks them.

        of: what errors say behind the number of a partition.
        """
        parts = partitions_of(X, y, weights)
        n = len(parts)
        workers = cluster.workers()
        # rows that lie in memory stay there
        stays = any(map(is_in_memory, (X, y, weights)))
        homes: list[Any] = [None] * n if stays else list(shares(workers, n))
        delayed = [
            dask.delayed(functools.partial(load, f"partition {k}{of}", est), pure=False)(*part)
            for k, part in enumerate(parts)
        ]
        futures: list[Any] = []
        for home in dict.fromkeys(homes):
            part = [one for one, there in zip(delayed, homes, strict=True) if there == home]
            futures += cluster.compute(part, home)
        facts = [cluster.submit("facts", facts_of, future) for future in futures]
        found = cls(cluster, futures, cluster.results(facts))
        cluster.unbind(futures)
        cluster.drop(facts)
        found._check_alike()
        return found

    def _check_alike(self) -> None:
        """Refuse partitions that do not go with the first one."""
        first = self.facts[0]
        for one in self.facts[1:]:
            if one.names != first.names:
                raise ValueError(
                    f"{one.what}: X has the columns {one.names}, but {first.what} has "
                    f"{first.names}: give every partition the same columns in the same order"
                )
            for name, mine, theirs in (
                ("X has {} columns", one.width, first.width),
                ("X is of {}", one.dtype, first.dtype),
                ("y has {} columns", one.n_columns, first.n_columns),
                ("y holds labels that are {}", _types(one), _types(first)),
            ):
                if mine != theirs:
                    raise ValueError(
                        f"{one.what}: {name.format(mine)}, but {theirs} in {first.what}: all "
                        "partitions have to be alike"
                    )

    def encode(
        self, encoding: Encoding, holding_out: list[np.ndarray] | bool = False
    ) -> tuple[Groups, list[Sums]]:
        """Make chunks of the partitions, which are let go of; and what is to be known of those."""
        submit = self.cluster.submit
        per_chunk: Any = holding_out
        if isinstance(holding_out, bool):
            per_chunk = [holding_out] * len(self.futures)
        chunks = [
            submit("chunk", encode, future, encoding, k, out)
            for k, (future, out) in enumerate(zip(self.futures, per_chunk, strict=True))
        ]
        asked = [submit("sums", sums_of, chunk) for chunk in chunks]
        self.cluster.drop(self.futures)
        sums = self.cluster.results(asked)
        self.cluster.drop(asked)
        return Groups(self.cluster, chunks, [one.nbytes for one in sums]), sums


def _types(facts: Facts) -> str:
    kinds = {"U": "text", "O": "text", "b": "booleans", "M": "dates", "m": "durations"}
    return ", ".join(kinds.get(one.dtype.kind, "numbers") for one in facts.classes)


# ---------------------------------------------------------------- targets


def targets_of(est: Any, facts: list[Facts]) -> Any:
    """How to encode the y of all partitions."""
    first = facts[0]
    if not first.classes:
        return est._targets_of(np.empty((2, first.n_columns)), None, False, False)
    kinds = {one.kind for one in facts}
    if kinds == {Multilabel.kind}:
        return Multilabel(first.n_columns, first.sparse)
    columns = [np.unique(np.concatenate(one)) for one in zip(*_classes(facts), strict=True)]
    if kinds != {Labels.kind}:
        return Multioutput(columns)
    return Labels(columns[0], est.out_activation == "softmax")


def _classes(facts: list[Facts]) -> list[list[np.ndarray]]:
    return [one.classes for one in facts]


def counts_of_classes(targets: Any, facts: list[Facts]) -> list[list[np.ndarray]]:
    """Of each partition and each column of y: the rows that have each class of all partitions."""
    known = targets.classes if isinstance(targets.classes, list) else [targets.classes]
    if targets.kind == Multilabel.kind:
        known = [np.arange(2)] * targets.width
    counts = []
    for one in facts:
        of_columns = []
        for classes, here, n in zip(known, one.classes, one.counts, strict=True):
            of_column = np.zeros(len(classes), dtype=np.intp)
            of_column[np.searchsorted(classes, here)] = n
            of_columns.append(of_column)
        counts.append(of_columns)
    return counts


# ---------------------------------------------------------------- the held-out part


def allotted(total: int, counts: np.ndarray) -> np.ndarray:
    """total, shared out in proportion to counts, by the largest remainders."""
    found, rest = np.divmod(total * counts.astype(np.int64), max(int(counts.sum()), 1))
    left = total - int(found.sum())
    found[np.argsort(-rest, kind="stable")[:left]] += 1
    return found


def hold_out(targets: Any, facts: list[Facts], fraction: float) -> list[np.ndarray]:
    """How many rows of each stratum each partition holds out.

    Strata are the classes of one column of labels, in the proportion that all rows have them.

    Raises
    ------
    ValueError
        If the held-out part would be too small, or a class has one row.
    """
    if targets.kind == Labels.kind:
        strata = np.array([columns[0] for columns in counts_of_classes(targets, facts)])
        few = strata.sum(axis=0) == 1
        if few.any():
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few for a "
                "stratified validation set. Classes with too few members are: "
                f"{targets.classes[few].tolist()}. Leave them out, or give validation_data"
            )
    else:
        strata = np.array([[one.n] for one in facts])
    n = int(strata.sum())
    total = int(np.ceil(fraction * n))
    if total < 2 or total >= n:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    of_strata = allotted(total, strata.sum(axis=0))
    of_parts = [allotted(m, strata[:, k]) for k, m in enumerate(of_strata.tolist())]
    return list(np.stack(of_parts, axis=1))
