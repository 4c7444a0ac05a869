"""Callbacks of ``fit`` that keep what the displays draw: θ, scores, gradients of each layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore.checks import as_integer
from bpcore.display.base import Described, counted, network_of

__all__ = [
    "PERCENTILES",
    "GradientFlowRecorder",
    "LayerFlow",
    "PathRecorder",
    "ScoreRecorder",
    "flow_of",
]

PERCENTILES = (5, 25, 50, 75, 95)


class PathRecorder(Described):
    """The parameters that training goes through, for ``DescentDisplay``: one a run.

    Give it to ``fit`` as ``callback=``: it keeps a copy of θ after each epoch.

    Parameters
    ----------
    network : Network, optional
        To keep θ⁰ as the path's first point: give the network before it is fitted.
    every : int, default=1
        Keep one epoch in so many: 5 keeps the 5th, the 10th, …

    Attributes
    ----------
    path : list of ndarrays (n_parameters,)
        θ, oldest first.
    costs : list of float
        The training cost of the epoch that ended there; nan for the first point.

    Examples
    --------
    >>> from bpcore import Network, PathRecorder
    >>> net = Network((2, 3, 1), random_state=0)
    >>> recorder = PathRecorder(net)
    >>> history = net.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=5, callback=recorder)
    >>> len(recorder.path), recorder.path[0].shape
    (6, (13,))
    """

    def __init__(self, network: Any = None, *, every: int = 1) -> None:
        self.every = as_integer(every, "every")
        self.path: list[np.ndarray] = []
        self.costs: list[float] = []
        self._seen = 0
        if network is not None:
            self.path.append(network_of(network).parameters.copy())
            self.costs.append(float("nan"))

    def _in_words(self) -> str:
        return f"θ at {counted(len(self.path), 'moment')}"

    def __call__(self, model: Any, history: Any = None) -> None:
        """Keep the epoch that has just ended; never asks to stop."""
        self._seen += 1
        if self._seen % self.every:
            return
        self.path.append(network_of(model).parameters.copy())
        costs = model.loss_curve_ if history is None else history.cost
        self.costs.append(float(costs[-1]))


class ScoreRecorder(Described):
    """The score on the training examples by epoch, for ``TrainingCurveDisplay``.

    ``fit`` records the score on validation data only, since that on the training data takes
    another pass through them. Give this to ``fit`` as ``callback=``, with all of them or with a
    part.

    Parameters
    ----------
    X, Y
        Examples and targets, as the ``score`` of the network or estimator takes them.
    metric : {"auto", "accuracy", "r2", "cost"}, default="auto"
        As in ``Network.score``. Estimators have a score of their own: leave it at "auto".

    Attributes
    ----------
    scores : list of float
        One an epoch, after its last step.

    Examples
    --------
    >>> from bpcore import Network, ScoreRecorder, TrainingCurveDisplay
    >>> X, Y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
    >>> net = Network((2, 3, 1), random_state=0)
    >>> recorder = ScoreRecorder(X, Y)
    >>> history = net.fit(X, Y, epochs=5, validation_data=(X, Y), callback=recorder)
    >>> recorder.scores == history.validation_score
    True
    >>> display = TrainingCurveDisplay.from_network(net, training_scores=recorder)
    """

    def __init__(self, X: Any, Y: Any, *, metric: str = "auto") -> None:
        self.X, self.Y, self.metric = X, Y, metric
        self.scores: list[float] = []

    def _in_words(self) -> str:
        return counted(len(self.scores), "score")

    def __call__(self, model: Any, history: Any = None) -> None:
        """Keep the score after the epoch that has just ended; never asks to stop."""
        options = {} if self.metric == "auto" else {"metric": self.metric}
        self.scores.append(float(model.score(self.X, self.Y, **options)))


@dataclass(frozen=True)
class LayerFlow:
    """The gradients of one layer at one moment.

    Attributes
    ----------
    norm : float
        Euclidean; for ∂C/∂z the mean over the examples of each one's own ‖∂C_i/∂z‖.
    percentiles : ndarray of shape (5,)
        5 %, 25 %, 50 %, 75 % and 95 % of the absolute values that are not zero; nan where all
        are zero.
    zeros : float
        Share of the values that are zero.
    """

    norm: float
    percentiles: np.ndarray
    zeros: float

    @classmethod
    def of(cls, values: np.ndarray, norm: float) -> "LayerFlow":
        """The summary of an array."""
        sizes = np.abs(np.asarray(values, dtype=np.float64)).ravel()
        some = sizes[sizes > 0]
        percentiles = np.full(len(PERCENTILES), np.nan)
        if some.size:
            percentiles = np.percentile(some, PERCENTILES)
        return cls(norm, percentiles, 1.0 - some.size / sizes.size)


def flow_of(trace: Any) -> tuple[list[LayerFlow], list[LayerFlow]]:
    """∂C/∂z and ∂C/∂w of a trace, a summary for each of the layers 1 … L."""
    deltas, weights = [], []
    shares = np.where(trace.shares > 0, trace.shares, 1.0)[:, None]
    for layer in range(1, len(trace.layer_sizes)):
        dz = np.asarray(trace.dC_dz[layer], dtype=np.float64)
        # a row of dz is the derivative of C_k times its share: divided by that, of C_k alone
        own = (dz / shares)[trace.shares > 0]
        deltas.append(LayerFlow.of(own, float(np.linalg.norm(dz, axis=1).sum())))
        dw = trace.dC_dw[layer]
        weights.append(LayerFlow.of(dw, float(np.linalg.norm(dw.astype(np.float64)))))
    return deltas, weights


class GradientFlowRecorder(Described):
    """The gradients of each layer over training, for ``GradientFlowDisplay``.

    Give it to ``fit`` as ``callback=``: after each epoch it traces the examples that it holds
    and keeps norms and percentiles of ∂C/∂z and ∂C/∂w by layer.

    Parameters
    ----------
    X : array-like of shape (n, n_0)
        Examples to trace; some hundred are enough.
    Y : array-like of shape (n, n_L)
        Their targets, as ``Network.fit`` takes them.
    network : Network, optional
        To record it before training too, as epoch 0.
    every : int, default=1
        Record one epoch in so many: 5 records the 5th, the 10th, …

    Attributes
    ----------
    epochs : list of int
        When: 0 before training, e after epoch e.
    delta, weight : list of lists of LayerFlow
        Of ∂C/∂z^(l) and ∂C/∂w^(l): ``delta[i][l - 1]`` at ``epochs[i]``.
    layer_sizes : tuple of int or None
        Of the network recorded.

    Examples
    --------
    >>> from bpcore import GradientFlowRecorder, Network
    >>> X, Y = [[0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0]]
    >>> net = Network((2, 3, 1), random_state=0)
    >>> recorder = GradientFlowRecorder(X, Y, network=net)
    >>> history = net.fit(X, Y, epochs=5, callback=recorder)
    >>> recorder.epochs, len(recorder.delta[0])
    ([0, 1, 2, 3, 4, 5], 2)
    """

    def __init__(self, X: Any, Y: Any, *, network: Any = None, every: int = 1) -> None:
        self.X, self.Y = X, Y
        self.every = as_integer(every, "every")
        self.epochs: list[int] = []
        self.delta: list[list[LayerFlow]] = []
        self.weight: list[list[LayerFlow]] = []
        self.layer_sizes: tuple[int, ...] | None = None
        self._seen = 0
        if network is not None:
            self._record(network, 0)

    def _in_words(self) -> str:
        return f"∂C/∂z and ∂C/∂w at {counted(len(self.epochs), 'moment')}"

    def __call__(self, model: Any, history: Any = None) -> None:
        """Record the epoch that has just ended; never asks to stop."""
        self._seen += 1
        if self._seen % self.every == 0:
            self._record(model, self._seen)

    def _record(self, model: Any, epoch: int) -> None:
        network = network_of(model)
        delta, weight = flow_of(network.trace(self.X, self.Y))
        self.layer_sizes = network.layer_sizes
        self.epochs.append(epoch)
        self.delta.append(delta)
        self.weight.append(weight)
