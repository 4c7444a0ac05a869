"""A loss that is a function of the user's: asked for costs and ∂C/∂a^(L), a call a batch.

The engine knows such a network's loss as "y is ∂C/∂a^(L)"; here the function is asked first, and
what it answers takes the place of the targets.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core.engine import Engine, Evaluation
from bpcore._core.rows import Rows

__all__ = ["UserLoss"]


class UserLoss(Engine):
    """The part of a network that asks a loss of the user's, where it has one."""

    _layer_sizes: tuple[int, ...]
    _loss: Any

    def _ask(self, a: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C_k, ∂C_k/∂a^(L)) of some rows, as the engine takes them."""
        # whose the arrays are differs from call to call: none may be written to
        a, y = a.view(), y.view()
        a.flags.writeable = y.flags.writeable = False
        return check.as_costs(self._loss(a, y), a.shape, self.dtype)

    def _asked(self, rows: Any, targets: Rows) -> tuple[np.ndarray, np.ndarray]:
        """The same of all rows, which go forward for it."""
        a = np.empty((len(rows), self._layer_sizes[-1]), dtype=self.dtype)
        self._predict_into(rows, a)
        return self._ask(a, self._targets_as_array(targets))

    def _asking(
        self, targets: Rows, order: np.ndarray | None
    ) -> Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None:
        """What a ``Training`` asks; None for a loss that the engine knows."""
        if not callable(self._loss):
            return None
        y = self._targets_as_array(targets)

        def ask(a: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
            part = slice(start, start + len(a))
            return self._ask(a, y[part if order is None else order[part]])

        return ask

    def _evaluation(
        self, x: Rows, y: Rows, sample_weight: np.ndarray | None
    ) -> "Evaluation | _AskedEvaluation":
        """What tells the cost and the outputs of these rows, as often as it is asked."""
        kind = _AskedEvaluation if callable(self._loss) else Evaluation
        return kind(self, x, y, sample_weight)

    def _targets_as_array(self, targets: Rows) -> np.ndarray:
        array: Any = targets.array
        return np.asarray(array.toarray() if hasattr(array, "toarray") else array, dtype=self.dtype)

    # ------------------------------------------------------------ what the engine answers else

    def _cost(self, x: Rows, y: Rows, sample_weight: np.ndarray | None = None) -> float:
        if not callable(self._loss):
            return super()._cost(x, y, sample_weight)
        return _mean(self._asked(x, y)[0], sample_weight) + self._slope_cost(x, y, sample_weight)

    def _slope_cost(self, x: Rows, y: Rows, sample_weight: np.ndarray | None) -> float:
        """What the targets' derivatives add to the cost: that of ∂C/∂a^(L) = 0."""
        if y.slopes is None:
            return 0.0
        none = np.zeros((len(x), self._layer_sizes[-1]), dtype=self.dtype)
        return super()._cost(x, _with_slopes(none, y), sample_weight)

    def _cost_gradient(
        self,
        x: Rows,
        y: Rows,
        sample_weight: np.ndarray | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        out: np.ndarray | None = None,
        dC_dx: np.ndarray | None = None,
    ) -> tuple[float, float, np.ndarray]:
        if not callable(self._loss):
            return super()._cost_gradient(x, y, sample_weight, l2, l1, out, dC_dx)
        costs, dC_da = self._asked(x, y)
        _, penalty, vector = super()._cost_gradient(
            x, _with_slopes(dC_da, y), sample_weight, l2, l1, out, dC_dx
        )
        cost = _mean(costs, sample_weight) + self._slope_cost(x, y, sample_weight)
        return cost, penalty, vector

    def _per_sample_gradients(self, x: Rows, y: Rows) -> np.ndarray:
        return super()._per_sample_gradients(
            x, Rows(self._asked(x, y)[1]) if callable(self._loss) else y
        )

    def _trace(self, x: Rows, y: Rows, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        if not callable(self._loss):
            return super()._trace(x, y, sample_weight)
        costs, dC_da = self._asked(x, y)
        terms = super()._trace(x, Rows(dC_da), sample_weight)
        known = {"cost": _mean(costs, sample_weight), "costs": costs}
        return terms | known | {"y": self._targets_as_array(y)}


def _with_slopes(dC_da: np.ndarray, y: Rows) -> Rows:
    """∂C/∂a^(L) in the place of y, whose targets for derivatives stay."""
    return Rows(dC_da, slopes=y.slopes, slope_weight=y.slope_weight)


def _mean(costs: np.ndarray, weights: np.ndarray | None) -> float:
    """Σ s_k C_k / Σ s_k; what weighs nothing is left out, whatever its cost."""
    if weights is None:
        return float(costs.mean())
    counts = weights > 0
    return float(weights[counts] @ costs[counts] / weights.sum())


class _AskedEvaluation:
    """An ``Evaluation`` by a loss of the user's."""

    def __init__(
        self, network: UserLoss, x: Rows, y: Rows, sample_weight: np.ndarray | None
    ) -> None:
        self._network, self._x, self._y, self._weights = network, x, y, sample_weight
        self._targets = network._targets_as_array(y)
        self.outputs = np.empty((len(x), network._layer_sizes[-1]), dtype=network.dtype)

    def cost(self) -> float:
        self._network._predict_into(self._x, self.outputs)
        costs = self._network._ask(self.outputs, self._targets)[0]
        of_slopes = self._network._slope_cost(self._x, self._y, self._weights)
        return _mean(costs, self._weights) + of_slopes
