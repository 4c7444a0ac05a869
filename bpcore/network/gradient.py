"""∇C, as one vector and layer by layer."""

from dataclasses import dataclass, field

import numpy as np

from bpcore.network.tables import table_of_gradient
from bpcore.notebook import Table

__all__ = ["Gradient"]


@dataclass(frozen=True, eq=False)
class Gradient:
    """What backpropagation finds: the cost and its derivatives.

    ``weights`` and ``biases`` have the indices of ``Network.weights`` and ``Network.biases``, which
    begin with layer 1: a derivative stands where its parameter does. A Trace counts by layer:
    ``gradient.weights[l - 1]`` is ``trace.dC_dw[l]``.

    Attributes
    ----------
    cost : float
        C, the mean over the examples; NaN from ``backward``.
    vector : ndarray of shape (n_parameters,)
        ∇C in the order of θ: ∂C/∂w^(1), ∂C/∂b^(1), ∂C/∂w^(2), …
    weights : tuple of ndarrays, weights[l - 1] of shape (n_l, n_{l-1})
        ∂C/∂w^(l) at index l - 1, views into ``vector``.
    biases : tuple of ndarrays, biases[l - 1] of shape (n_l,)
        ∂C/∂b^(l) at index l - 1, views into ``vector``.
    inputs : ndarray of shape (n, n_0)
        ∂C/∂a^(0): how the cost answers to each input of each example.

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((2, 3, 1), random_state=0)
    >>> g = net.gradient([[0.0, 1.0]], [[1.0]])
    >>> g.vector.shape, [w.shape for w in g.weights], g.inputs.shape
    ((13,), [(3, 2), (1, 3)], (1, 2))
    """

    cost: float
    vector: np.ndarray = field(repr=False)
    weights: tuple[np.ndarray, ...] = field(repr=False)
    biases: tuple[np.ndarray, ...] = field(repr=False)
    inputs: np.ndarray = field(repr=False)

    def table(self) -> Table:
        """A row a layer, which is also what notebooks show: ∂C/∂w and ∂C/∂b from least to largest.

        Returns
        -------
        Table
        """
        return table_of_gradient(self.cost, self.weights, self.biases)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()
