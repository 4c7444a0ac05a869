"""Chunks in groups: one task each in a round, on the worker that has them."""

import itertools
import time
from typing import Any

from bpcore.dask.chunks import Chunk
from bpcore.dask.cluster import Cluster
from bpcore.dask.rounds import Answer, Message, combine, run

__all__ = ["Groups", "shares"]

# Seconds between two looks at which workers there are.
_LOOK = 1.0
# Chunks that take more than this part of their worker's memory are split into groups of the
# second part, so that they need not be in memory all at once.
_MOST_AT_ONCE = 0.2
_AT_ONCE = 0.05
# Answers that are added up in one place, before trees do it.
FAN_IN = 8


def _pack(*chunks: Chunk) -> list[Chunk]:
    return list(chunks)


def _pick(group: list[Chunk], k: int) -> Chunk:
    return group[k]


def _hold(message: Message) -> Message:
    return message


def shares(weights: dict[str, int], n: int) -> list[str]:
    """N places in a row, to each worker as many as its weight has a right to."""
    total = sum(weights.values())
    ends = itertools.accumulate(weights.values())
    found: list[str] = []
    for address, end in zip(weights, ends, strict=True):
        found += [address] * (round(n * end / total) - len(found))
    return found


class Groups:
    """All chunks, as they lie on the workers.

    Parameters
    ----------
    cluster : Cluster
    chunks : list of futures of Chunk
        Done. They are let go of: a group has its chunks itself.
    sizes : list of int
        Bytes of each chunk.
    """

    def __init__(self, cluster: Cluster, chunks: list[Any], sizes: list[int]) -> None:
        self.cluster = cluster
        self.sizes = sizes
        self.n = len(chunks)
        self._asked: list[Any] = []
        self._moves = False
        self.workers = cluster.workers()
        self.limits = cluster.memory_limits()
        self._looked = time.monotonic()
        there = cluster.client.who_has(chunks)
        homes = [next(iter(sorted(there[chunk.key])), None) for chunk in chunks]
        # (chunks by number, the future of their list, address)
        self.groups: list[tuple[list[int], Any, str]] = []
        self._pack(dict(enumerate(chunks)), dict(enumerate(homes)))
        self.cluster.drop(chunks)

    def _pack(self, chunks: dict[int, Any], homes: dict[int, Any]) -> None:
        """Make groups of chunks that have one home."""
        for home in dict.fromkeys(homes.values()):
            here = [k for k in chunks if homes[k] == home]
            limit = self.limits.get(home, 0)
            at_once = float("inf")
            if limit and sum(self.sizes[k] for k in here) > _MOST_AT_ONCE * limit:
                at_once = _AT_ONCE * limit
            part: list[int] = []
            size = 0
            for k in here:
                if part and size + self.sizes[k] > at_once:
                    self._add(part, chunks, home)
                    part, size = [], 0
                part.append(k)
                size += self.sizes[k]
            self._add(part, chunks, home)

    def _add(self, numbers: list[int], chunks: dict[int, Any], home: Any) -> None:
        # it goes to its chunks, unless those are to move
        where = home if self._moves else None
        future = self.cluster.submit("group", _pack, *(chunks[k] for k in numbers), where=where)
        self.groups.append((numbers, future, home))

    # ------------------------------------------------------------ a round

    def ask(self, message: Message) -> Answer:
        """The sums over all chunks, and what each has found."""
        self._welcome()
        many = len(self.groups) > FAN_IN
        submit, groups = self.cluster.submit, [group for _, group, _ in self.groups]
        # θ goes to a worker once: with its one task, or to be fetched from the first that has it
        shared = many or len(self.groups) > len({home for _, _, home in self.groups})
        letter = submit("message", _hold, message) if shared else message
        asked = self.cluster.map("round", run, [letter] * len(groups), groups)
        waited = asked
        while len(waited) > FAN_IN:
            waited = [
                submit("sum", combine, self.n, *waited[k : k + FAN_IN])
                for k in range(0, len(waited), FAN_IN)
            ]
            asked = asked + waited
        # after the new ones, so that one message says both
        self.cluster.drop(self._asked)
        self._asked = [*asked, letter] if shared else asked
        answers = self.cluster.results(waited)
        self.cluster.forget_messages(message.n_bytes * (1 if shared else len(self.groups)))
        if not many:
            for k, one in enumerate(answers):
                numbers, group, _ = self.groups[k]
                self.groups[k] = (numbers, group, one.where)
        return combine(self.n, *answers)

    # ------------------------------------------------------------ workers that come and go

    def _welcome(self) -> None:
        """Give chunks to workers that have come since the last look."""
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        workers = self.cluster.workers()
        new = set(workers) - set(self.workers)
        gone = set(self.workers) - set(workers)
        self.workers = workers
        if gone and len(self.groups) > FAN_IN:
            self._find()
        if new:
            self.limits = self.cluster.memory_limits()
            self._move()

    def _find(self) -> None:
        """Where the groups are now."""
        there = self.cluster.client.who_has([group for _, group, _ in self.groups])
        self.groups = [
            (numbers, group, next(iter(sorted(there.get(group.key, ()))), home))
            for numbers, group, home in self.groups
        ]

    def _move(self) -> None:
        """Level the bytes of the workers' chunks, moving as few as it takes."""
        homes = {k: home for numbers, _, home in self.groups for k in numbers}
        threads, total = sum(self.workers.values()), sum(self.sizes)
        left = {address: total * n / threads for address, n in self.workers.items()}
        spare = []
        for k in sorted(homes):
            # half of it has to fit
            if left.get(homes[k], 0.0) >= self.sizes[k] / 2:
                left[homes[k]] -= self.sizes[k]
            else:
                spare.append(k)
        moved = dict(homes)
        for k in spare:
            moved[k] = max(left, key=lambda address: left[address])
            left[moved[k]] -= self.sizes[k]
        touched = {moved[k] for k in spare if moved[k] != homes[k]}
        touched |= {homes[k] for k in spare if moved[k] != homes[k]}
        old = [one for one in self.groups if one[2] in touched]
        before = self.groups
        stay = [one for one in self.groups if one[2] not in touched]
        pieces = {
            numbers[j]: self.cluster.submit("pick", _pick, group, j)
            for numbers, group, _ in old
            for j in range(len(numbers))
        }
        self._moves, self.groups = True, []
        self._pack(pieces, {k: moved[k] for k in pieces})
        self._moves, new = False, self.groups
        # a worker may be gone as soon as it has come
        settled = self.cluster.settle([group for _, group, _ in new])
        self.groups = [*stay, *new] if settled else before
        unused = old if settled else new
        self.cluster.drop([*pieces.values(), *(group for _, group, _ in unused)])
