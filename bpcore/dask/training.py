"""Training on chunks: what the local fits ask of their data, and the epochs that are rounds."""

import time
from collections.abc import Generator
from hashlib import sha256
from typing import Any, Self

import numpy as np

from bpcore._core.training import Diverged, Epoch
from bpcore.dask.chunks import Sums
from bpcore.dask.groups import Groups
from bpcore.dask.rounds import Batch, Gradient, HeldTargets, Judgement, Message, Steps
from bpcore.estimators.fit import EpochFit
from bpcore.estimators.optimizer import batch_size_of, make_optimizer, penalties
from bpcore.network.epochs import Sampler

__all__ = ["ChunkedData", "RoundFit"]


def are_weights(network: Any) -> np.ndarray:
    """(n_parameters,): which of θ are weights, and not biases."""
    parts = []
    for w, b in zip(network.weights, network.biases, strict=True):
        parts += [np.ones(w.size, dtype=bool), np.zeros(b.size, dtype=bool)]
    return np.concatenate(parts)


def add_penalty(gradient: np.ndarray, theta: np.ndarray, which: np.ndarray, **of: float) -> float:
    """Add scale (l2 w + l1 sign w) to ∇C; returns scale (½ l2 Σ w² + l1 Σ |w|)."""
    l2, l1, scale = of["l2"], of["l1"], of["scale"]
    if l2 == l1 == 0:
        return 0.0
    w = theta[which]
    gradient[which] += (scale * l2) * w + (scale * l1) * np.sign(w)
    w = w.astype(np.float64)
    return float(scale * (0.5 * l2 * (w @ w) + l1 * np.abs(w).sum()))


class _Validation:
    """The held-out rows of chunks.

    Parameters
    ----------
    groups : Groups
    n_jobs : int or None
    """

    def __init__(self, groups: Groups, n_jobs: int | None) -> None:
        self.groups = groups
        self.n_jobs = n_jobs
        self._scorer: Any = None

    def judge(self, est: Any) -> tuple[float, float]:
        """(score, cost without penalties) of an estimator as it is now."""
        message = Judgement(est._network, self.groups.n, self.n_jobs, 1.0)
        if self._scorer is None:
            self._scorer = est._scorer(lambda: self._targets(est._network))
        message.scorer = self._scorer
        found = self.groups.ask(message).of_chunk
        tallies, costs, weights = zip(*(found[k] for k in sorted(found)), strict=True)
        return self._scorer.score(tallies), sum(costs) / sum(weights)

    def _targets(self, network: Any) -> list[tuple[np.ndarray, Any]]:
        """(y, weights) of each chunk's held-out rows."""
        found = self.groups.ask(HeldTargets(network, self.groups.n, self.n_jobs, 1.0)).of_chunk
        return [found[k] for k in sorted(found)]


class ChunkedData:
    """What a fit trains on; takes the place of ``bpcore.estimators.data.Split``.

    Parameters
    ----------
    groups : Groups
    sums : list of Sums
        Of each chunk.
    weighted : bool
        Whether rows have class weights.
    held_out : Groups or None
        Whose held-out rows are the validation set.
    n_jobs : int or None
    """

    def __init__(
        self,
        groups: Groups,
        sums: list[Sums],
        weighted: bool,
        held_out: Groups | None,
        n_jobs: int | None,
    ) -> None:
        self.groups, self.sums, self.n_jobs = groups, sums, n_jobs
        self.n = sum(one.n for one in sums)
        self.weight = sum(one.weight for one in sums)
        total = sum(one.total for one in sums)
        # class weights count in proportion to their mean
        self.factor = self.weight / total if weighted else 1.0
        self.validation = None if held_out is None else _Validation(held_out, n_jobs)
        self.rows = None

    @property
    def training(self) -> Self:
        """The rows to train on."""
        return self

    def fingerprint(self) -> str:
        """A hash that tells other data, or other chunks of them, from these."""
        return sha256("".join(one.fingerprint for one in self.sums).encode()).hexdigest()

    def message(self, kind: type[Message], network: Any) -> Any:
        """A message to every chunk."""
        return kind(network, self.groups.n, self.n_jobs, self.factor)

    def sum(self, message: Message) -> tuple[list[np.ndarray], tuple[int, float]]:
        """The term of all chunks, and the clock."""
        answer = self.groups.ask(message)
        (term,) = answer.nodes.values()
        return term, answer.clock

    def mean_gradient(self, message: Message) -> tuple[float, float, np.ndarray]:
        """(cost, Σ of the weights, ∇C) without penalties."""
        (gradient, (cost, weight)), _ = self.sum(message)
        gradient /= gradient.dtype.type(weight or 1.0)
        return cost / (weight or 1.0), weight, gradient

    def cost_gradient(self, network: Any, l2: float, l1: float) -> tuple[float, float, np.ndarray]:
        """(cost, penalty, ∇C) of the network over all rows."""
        cost, weight, gradient = self.mean_gradient(self.message(Gradient, network))
        penalty = add_penalty(
            gradient, network.parameters, are_weights(network), l2=l2, l1=l1, scale=1 / weight
        )
        return cost, penalty, gradient


class _Claim:
    """Within: no other fit has the network."""

    order = None

    def __init__(self, network: Any) -> None:
        self.network = network

    def __enter__(self) -> None:
        self.network._begin_fit()

    def __exit__(self, *exception: object) -> None:
        self.network._end_fit()


class RoundFit(EpochFit):
    """A fit whose epochs are rounds: of every chunk, ``local_updates`` updates.

    The rounds of irprop- are of the gradient of all rows, and with one update a round it is the
    gradient of one batch of each chunk that is averaged, not the parameters.
    """

    data: Any
    training: Any
    sampler: Any

    def _set_up(self, rng: np.random.RandomState) -> None:
        est, data, record = self.est, self.data, self.record
        longest = max(one.n for one in data.sums)
        whole = est.solver == "irprop-"
        self.batch_size = batch_size_of(est, data.n if whole else longest)
        sizes = [min(self.batch_size, one.n) for one in data.sums]
        self.updates = 1 if whole else est.local_updates
        if self.updates == "pass":
            self.updates = max(1, round(data.n / sum(sizes)))
        self._rows_a_round = data.n if whole else sum(sizes) * self.updates
        self.kind = Gradient if whole else Batch if self.updates == 1 else Steps
        self.seed = int(rng.randint(2**31 - 1))
        record.optimizer, record.rate = make_optimizer(est, self.network, self.updates)
        self.penalties = penalties(est)
        self.training = _Claim(self.network)
        self.sampler = Sampler(rng, None, False)
        self.which = are_weights(self.network)

    @property
    def rows_an_epoch(self) -> int:
        """How many rows a round goes through."""
        return int(self._rows_a_round)

    def _checkpoints_of(self, before: dict[str, Any]) -> Any:
        # imported only where a file is named: they need the safetensors library
        from bpcore.estimators.checkpoint import EstimatorCheckpoints
        from bpcore.files.checkpoint import Standing

        standing = Standing(self.record.optimizer, self.sampler.rng, None)
        local = {"local_updates": self.est.local_updates}
        return EstimatorCheckpoints(self.est._local(), self.data, standing, before, local)

    def _epochs(self, most: int) -> Generator[Epoch, None, None]:
        for _ in range(most):
            start = time.perf_counter()
            before = self.network.parameters.copy()
            with np.errstate(over="ignore", invalid="ignore"):
                cost, penalty = self._averaged() if self.kind is Steps else self._stepped()
            if not (np.isfinite(cost + penalty) and np.isfinite(self.network.parameters).all()):
                self.network.parameters[:] = before
                raise Diverged(cost)
            rate = self.record.optimizer.current_rate
            yield Epoch(cost, penalty, rate, time.perf_counter() - start)

    def _message(self) -> Any:
        message = self.data.message(self.kind, self.network)
        if self.kind is Steps:
            message.optimizer = self.record.optimizer
        message.updates, message.batch_size = self.updates, self.batch_size
        message.number, message.seed = self.record.n_iter, self.seed
        message.shuffle, message.penalties = self.est.shuffle, self.penalties
        message.weight = self.data.weight
        return message

    def _averaged(self) -> tuple[float, float]:
        """A round of local updates: the mean of the chunks' θ and slots, by rows."""
        optimizer: Any = self.record.optimizer
        (theta, *slots, costs), (t, mu_product) = self.data.sum(self._message())
        self.network.parameters[:] = theta
        optimizer.__setstate__(
            optimizer.__getstate__() | {"t": t, "mu_product": mu_product, "slots": slots}
        )
        return float(costs[0]), float(costs[1])

    def _stepped(self) -> tuple[float, float]:
        """A round of one update, on the gradient over all chunks."""
        optimizer, theta = self.record.optimizer, self.network.parameters
        cost, weight, gradient = self.data.mean_gradient(self._message())
        if weight == 0 or not np.isfinite(cost):
            return cost, 0.0
        of = {name: self.penalties[name] for name in ("l2", "l1")}
        penalty = add_penalty(gradient, theta, self.which, scale=1 / weight, **of)
        clip, decay = self.penalties["clip_norm"], self.penalties["weight_decay"]
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
        if clip and norm > clip:
            gradient *= gradient.dtype.type(clip / norm)
        weights = theta[self.which] if decay else None
        optimizer.update(theta, gradient)
        if decay:
            # of the weights from before the step, whose length does not depend on them
            theta[self.which] -= theta.dtype.type(optimizer.current_rate * decay) * weights
        return float(cost), penalty
