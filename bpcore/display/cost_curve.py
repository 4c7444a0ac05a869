"""C as a function of one weight: its tangent, and the step that gradient descent takes."""

from typing import Any, Self

import numpy as np

from bpcore.checks import as_number
from bpcore.display.axes import axes_grid
from bpcore.display.base import BLUE, VERMILION, Described, as_dense, network_of, targets_of
from bpcore.display.scales import short
from bpcore.explain.notation import symbol
from bpcore.explain.single import place

__all__ = ["CostCurveDisplay"]

_POINTS = 121


class CostCurveDisplay(Described):
    """C(w) of one weight or bias, all others fixed: a curve, its tangent, and a step downhill.

    The slope of the tangent is ∂C/∂w as backpropagation finds it; the step is -η ∂C/∂w.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Values of the parameter.
    costs : ndarray of shape (n,)
        C at each.
    value : float
        Where the network stands.
    cost, derivative : float
        C and ∂C/∂w there.
    cost_after : float
        C after the step.
    learning_rate : float
        η.
    name : str
        The parameter's symbol, as LaTeX.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : Axes
    curve_, tangent_, step_ : Line2D
        The step's ends are where the network stands and where η ∂C/∂w leads, on the curve.

    Examples
    --------
    >>> from bpcore import CostCurveDisplay, Network
    >>> net = Network((1, 1), activation="identity", dtype="float64")
    >>> net.set_parameters([0.0, 0.66])
    >>> display = CostCurveDisplay.from_network(net, [[5.0]], [[1.0]], layer=1, j=0, k=0)
    >>> round(display.cost, 4), round(display.derivative, 4)
    (0.1156, -3.4)
    """

    def __init__(
        self,
        values: np.ndarray,
        costs: np.ndarray,
        *,
        value: float,
        cost: float,
        derivative: float,
        cost_after: float,
        learning_rate: float,
        name: str,
    ) -> None:
        self.values, self.costs = values, costs
        self.value, self.cost, self.derivative = value, cost, derivative
        self.cost_after, self.learning_rate, self.name = cost_after, learning_rate, name

    @property
    def stepped(self) -> float:
        """W - η ∂C/∂w."""
        return self.value - self.learning_rate * self.derivative

    def _in_words(self) -> str:
        return f"C between {short(self.values[0])} and {short(self.values[-1])} of one parameter"

    @classmethod
    def from_network(
        cls,
        network: Any,
        X: Any,
        Y: Any,
        *,
        layer: int,
        letter: str = "w",
        j: int | None = None,
        k: int | None = None,
        learning_rate: float = 1.0,
        span: float | None = None,
        **plot_options: Any,
    ) -> Self:
        """Compute and draw C around one parameter of a network.

        Parameters
        ----------
        network : Network
            It is not changed: a float64 copy is.
        X, Y
            Examples and targets, as ``Network.cost`` takes them.
        layer, j, k : int
            As in ``Trace.explain``: the weight from unit k of layer - 1 to unit j, or the bias of
            unit j.
        letter : {"w", "b"}, default="w"
        learning_rate : float, default=1.0
            η.
        span : float or None, default=None
            How far to either side. None: at least 1, so far that the step is in it, and 0 too.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        CostCurveDisplay

        Raises
        ------
        ValueError, TypeError
            If there is no such parameter, or as ``Network.cost`` says.
        """
        if letter not in ("w", "b"):
            raise ValueError(f'letter must be "w" or "b", a parameter, got {letter!r}')
        eta = as_number(learning_rate, "learning_rate")
        copy = network_of(network).astype("float64")
        X, Y = as_dense(X), as_dense(Y)
        trace = copy.trace(X, Y)
        _, level, units, _ = place(trace, letter, layer, j, k, None)
        array = (copy.weights if letter == "w" else copy.biases)[level - 1]
        slopes = trace.dC_dw[level] if letter == "w" else trace.dC_db[level]
        assert slopes is not None
        value, derivative = float(array[units]), float(slopes[units])
        if span is None:
            far = min(1.25 * abs(eta * derivative), 100.0)
            width = max(1.0, abs(value), far)
        else:
            width = as_number(span, "span")
            if width == 0:
                raise ValueError("span must be positive, got 0")
        values = np.linspace(value - width, value + width, _POINTS)

        def cost_at(one: float) -> float:
            array[units] = one
            return copy.cost(X, Y)

        is_chain = all(size == 1 for size in trace.layer_sizes)
        name = symbol(letter, level, *(() if is_chain else units)).latex
        return cls(
            values, np.array([cost_at(one) for one in values]), value=value,
            cost=float(trace.cost), derivative=derivative,
            cost_after=cost_at(value - eta * derivative), learning_rate=eta, name=name,
        ).plot(**plot_options)  # fmt: skip

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **options: Any) -> Self:
        """The same of a fitted estimator's network, without its penalty.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X, y
            As its ``score`` takes them.
        **options
            As ``from_network`` takes them.

        Returns
        -------
        CostCurveDisplay
        """
        return cls.from_network(network_of(estimator), X, targets_of(estimator, y), **options)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curve, the tangent and the step.

        Parameters
        ----------
        ax : Axes, default=None
            Where to; None: a new figure.

        Returns
        -------
        CostCurveDisplay
            Itself.
        """
        self.figure_, grid = axes_grid(ax, 1, 1, (6.4, 4.4))
        axes = self.ax_ = grid[0, 0]
        name = self.name
        (self.curve_,) = axes.plot(self.values, self.costs, color=BLUE, linewidth=2,
                                   label=f"$C({name})$")  # fmt: skip
        ends = self.values[[0, -1]]
        low, high = float(self.costs.min()), float(self.costs.max())
        room = 0.08 * (high - low) or 0.5
        (self.tangent_,) = axes.plot(
            ends, self.cost + self.derivative * (ends - self.value), "--", color="0.45",
            linewidth=1.3, label=rf"tangent: slope {short(self.derivative)}",
        )  # fmt: skip
        (self.step_,) = axes.plot(
            [self.value, self.stepped], [self.cost, self.cost_after], "o-", color=VERMILION,
            linewidth=2, markersize=6,
            label=rf"step $-\eta\,\partial C/\partial {name.split('_')[0].split('^')[0]}$"
            f" = {short(self.stepped - self.value)}",
        )  # fmt: skip
        axes.set(xlim=ends, ylim=(low - room, high + room), xlabel=f"${name}$", ylabel="$C$")
        axes.set_title(rf"$\eta$ = {self.learning_rate:g}", fontsize=11)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        return self
