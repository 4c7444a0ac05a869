"""What a worker does in a round: each of its chunks, and the sums of neighbouring ones.

A *term* is a list of arrays that is added up over all chunks. Terms are added in pairs, as in a
tournament: those of chunks 0 and 1, 2 and 3, …, then those of the pairs, and so on. Which additions
are made follows from the number of chunks alone; a worker makes those that it has both terms for,
and what is left is added up wherever the terms meet. So no bit of a sum depends on who has which
chunk.
"""

import copy
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
from distributed import get_worker

from bpcore._core.optimizers import Optimizer
from bpcore._core.rows import Rows
from bpcore._core.training import Diverged, Training
from bpcore.dask.chunks import Chunk

__all__ = [
    "Answer",
    "Batch",
    "Gradient",
    "HeldTargets",
    "Judgement",
    "Message",
    "Steps",
    "add",
    "combine",
    "run",
    "stream",
]

Node = tuple[int, int]
Term = list[np.ndarray]


class Answer:
    """What a group of chunks has found.

    Attributes
    ----------
    where : str
        The address of the worker.
    nodes : dict of (level, place) -> list of ndarrays
        Sums: a node of level l covers 2**l chunks, from place * 2**l on.
    of_chunk : dict of int -> object
        What is not added up.
    clock : tuple (t, mu_product)
        The optimizer's, after the most updates.
    """

    def __init__(self, where: str = "") -> None:
        self.where = where
        self.nodes: dict[Node, Term] = {}
        self.of_chunk: dict[int, Any] = {}
        self.clock: tuple[int, float] = (0, 1.0)


def add(
    nodes: dict[Node, Term], node: Node, term: Term, n: int, spare: list[Term] | None = None
) -> None:
    """Put a term of n chunks in its place, and add it to its neighbour's where that is there.

    spare: takes the terms that are added to others, which are changed then; None: none is changed.
    """
    level, place = node
    while (1 << level) < n:
        if place % 2 == 0 and (place + 1) << level >= n:
            # the last one of an odd number has nobody to be added to
            level, place = level + 1, place >> 1
            continue
        other = nodes.pop((level, place ^ 1), None)
        if other is None:
            break
        sums = term if spare is not None else [None] * len(term)
        term = [np.add(a, b, out=c) for a, b, c in zip(term, other, sums, strict=True)]
        if spare is not None:
            spare.append(other)
        level, place = level + 1, place >> 1
    nodes[level, place] = term


def combine(n: int, *answers: Answer) -> Answer:
    """The answers of several groups as one."""
    whole = Answer()
    for one in answers:
        for node, term in one.nodes.items():
            add(whole.nodes, node, term, n)
        whole.of_chunk |= one.of_chunk
        whole.clock = max(whole.clock, one.clock)
    return whole


class Scratch(threading.local):
    """What a thread of a round uses up for one chunk after the other."""

    network: Any = None
    optimizer: Any = None
    # what the optimizer begins every chunk with
    state: Any = None


def run(message: "Message", group: list[Chunk]) -> Answer:
    """A round's task: what a message asks, of each chunk of a group."""
    worker = get_worker()
    answer = Answer(worker.address)
    most = worker.state.nthreads if message.n_jobs is None else message.n_jobs
    threads = max(1, min(most, worker.state.nthreads))
    side_by_side = min(threads, len(group))
    own = Scratch()
    # a worker of Dask gives freed memory back at once, and new memory costs more than the sums
    spare: list[Term] = []

    def ask(chunk: Chunk) -> Any:
        if own.network is None:
            own.network = copy.deepcopy(message.network)
            own.network.n_threads = max(1, threads // side_by_side)
        own.network.parameters[:] = message.network.parameters
        out = None
        with suppress(IndexError):
            out = spare.pop()
        return message.ask(own, chunk, out)

    def asked() -> Iterator[Any]:
        if side_by_side == 1:
            yield from map(ask, group)
            return
        with ThreadPoolExecutor(side_by_side) as pool:
            yield from pool.map(ask, group)

    for chunk, (term, found, clock) in zip(group, asked(), strict=True):
        if term:
            add(answer.nodes, (0, chunk.index), term, message.n_chunks, spare)
        if found is not None:
            answer.of_chunk[chunk.index] = found
        answer.clock = max(answer.clock, clock)
    return answer


# (terms, what is not added up, clock)
Found = tuple[Term, Any, tuple[int, float]]
_NO_CLOCK = (0, 1.0)


class Message:
    """What a round asks of every chunk; it goes to each group.

    Parameters
    ----------
    network : Network
        With the common θ.
    n_chunks : int
    n_jobs : int or None
        The most threads of a group; None: as many as its worker has.
    factor : float
        What the weights of rows that have a class weight are multiplied by.
    """

    def __init__(self, network: Any, n_chunks: int, n_jobs: int | None, factor: float) -> None:
        self.network, self.n_chunks, self.n_jobs, self.factor = network, n_chunks, n_jobs, factor

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """What one chunk answers, of the network in `own`; its term in the memory of `out`."""
        raise NotImplementedError

    @property
    def n_bytes(self) -> int:
        """What is sent of it, but for trifles."""
        return int(self.network.parameters.nbytes)

    def weights_of(self, chunk: Chunk) -> np.ndarray | None:
        """The weights of a chunk's rows."""
        if chunk.weights is None or self.factor == 1.0:
            return chunk.weights
        return chunk.weights * self.factor


class Gradient(Message):
    """Σ s_k ∇C_k, and [Σ s_k C_k, Σ s_k], over all rows."""

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """The sums over a chunk."""
        network = own.network
        weights = self.weights_of(chunk)
        total = float(chunk.n if weights is None else weights.sum())
        gradient = np.empty_like(network.parameters) if out is None else out[0]
        cost = 0.0
        if total > 0:
            cost, _, _ = network._cost_gradient(Rows(chunk.x), Rows(chunk.y), weights, out=gradient)
            gradient *= total
        else:
            gradient[:] = 0
        return [gradient, np.array([total * cost, total])], None, _NO_CLOCK


def _times(factor: float, arrays: Sequence[np.ndarray], out: Term | None) -> Term:
    """The factor, of each array's type, times the array; in the memory of `out` if it is given."""
    there: Any = [None] * len(arrays) if out is None else out
    return [
        np.multiply(one.dtype.type(factor), one, out=to)
        for one, to in zip(arrays, there, strict=True)
    ]


def stream(chunk: Chunk, seed: int, shuffle: bool, start: int, n: int) -> np.ndarray:
    """N rows of a chunk from a place on in the endless succession of its passes.

    Each pass has all rows once, in an order that seed, chunk and the number of the pass draw.
    """
    rows = np.empty(n, dtype=np.intp)
    done = 0
    while done < n:
        number, first = divmod(start + done, chunk.n)
        order = np.arange(chunk.n, dtype=np.intp)
        if shuffle:
            np.random.default_rng([seed, 1, chunk.index, number]).shuffle(order)
        some = order[first : first + n - done]
        rows[done : done + len(some)] = some
        done += len(some)
    return rows


class Steps(Message):
    """Some updates of each chunk on its own: Σ of shares of θ and of the optimizer's slots.

    Attributes
    ----------
    optimizer : Optimizer or None
        With the common state; None where chunks make no updates.
    updates, batch_size, number : int
        Updates a round, rows an update, and the round.
    seed : int
    shuffle : bool
    penalties : dict
        As ``Training`` takes them.
    weight : float
        Σ of all rows' normalisers, of which a chunk has its share.
    """

    optimizer: Optimizer | None = None
    updates: int
    batch_size: int
    number: int
    seed: int
    shuffle: bool
    penalties: dict[str, float]
    weight: float

    @property
    def n_bytes(self) -> int:
        """θ, and the optimizer's slots."""
        slots = [] if self.optimizer is None else self.optimizer.slots
        return super().n_bytes + sum(slot.nbytes for slot in slots)

    def _trained(self, network: Any, chunk: Chunk, optimizer: Any, penalties: Any) -> Any:
        """The epoch of this round's batches, and their rows; the epoch None if it diverged."""
        size = min(self.batch_size, chunk.n)
        n = size * self.updates
        rows = stream(chunk, self.seed, self.shuffle, self.number * n, n)
        (drawn,) = np.random.SeedSequence([self.seed, 2, chunk.index, self.number]).generate_state(
            1, np.uint64
        )
        training = Training(
            network, Rows(chunk.x), Rows(chunk.y), optimizer, batch_size=size, order=rows,
            sample_weight=self.weights_of(chunk), normaliser=chunk.normaliser, **penalties,
        )  # fmt: skip
        try:
            with training:
                (epoch,) = training.run(1, int(drawn) >> 1)
        except Diverged:
            return None, rows
        return epoch, rows

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """A chunk's share of the common θ and slots, and of [cost, penalty]."""
        if own.optimizer is None:
            own.optimizer = copy.copy(self.optimizer)
            own.state = own.optimizer.__getstate__()
        else:
            own.optimizer.__setstate__(own.state)
        network, optimizer = own.network, own.optimizer
        epoch, _ = self._trained(network, chunk, optimizer, self.penalties)
        share = chunk.weight / self.weight
        costs = np.full(2, np.nan) if epoch is None else np.array([epoch.cost, epoch.penalty])
        term = _times(share, [network.parameters, *optimizer.slots, costs], out)
        return term, None, (optimizer.t, optimizer.mu_product)


class Batch(Steps):
    """The gradient of one batch of each chunk: Σ s_k ∇C_k, and [Σ s_k C_k, Σ normaliser]."""

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """The sums over a chunk's batch."""
        network = own.network
        if own.optimizer is None:
            # after one update with η = 1 the velocity is -∇C, as training computes it, dropout and
            # all
            own.optimizer = Optimizer(
                "sgd", network.n_parameters, dtype=network.dtype, learning_rate=1.0, momentum=0.5
            )
        probe = own.optimizer
        probe.reset()
        epoch, rows = self._trained(network, chunk, probe, {})
        weight = float(len(rows) if chunk.normaliser is None else chunk.normaliser[rows].sum())
        cost = np.nan if epoch is None else epoch.cost
        gradient = _times(-weight, probe.slots, out and out[:1])
        return [*gradient, np.array([weight * cost if weight else 0.0, weight])], None, _NO_CLOCK


class Judgement(Message):
    """The tally of each chunk's held-out rows, from which scores are made, and their cost.

    Attributes
    ----------
    scorer : Accuracy, RSquared or Pinball
    """

    scorer: Any

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """(tally, Σ s_k C_k, Σ s_k) of a chunk."""
        if chunk.held is None:
            return [], None, _NO_CLOCK
        x, y, weights = chunk.held
        total = float(len(y) if weights is None else weights.sum())
        if total == 0:
            return [], None, _NO_CLOCK
        network, table = own.network, Rows(x)
        a = np.empty(y.shape, dtype=network.dtype)
        network._predict_into(table, a)
        cost = total * network._cost(table, Rows(y), weights)
        return [], (self.scorer.tally(a, y, weights), cost, total), _NO_CLOCK


class HeldTargets(Message):
    """The held-out targets of one column, and their weights."""

    def ask(self, own: Scratch, chunk: Chunk, out: Term | None) -> Found:
        """(y, weights) of a chunk."""
        if chunk.held is None:
            return [], None, _NO_CLOCK
        _, y, weights = chunk.held
        return [], (np.array(y[:, 0]), weights), _NO_CLOCK
