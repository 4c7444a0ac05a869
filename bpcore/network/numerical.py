"""∇C by differences, beside ∇C by backpropagation."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore.explain.notation import symbol
from bpcore.notebook import Table

__all__ = ["NumericalGradient", "numerical_gradient"]

# rows of a table that is still looked at
MOST = 20


@dataclass(frozen=True, eq=False, repr=False)
class NumericalGradient:
    """What a gradient check compares, parameter by parameter.

    At a prompt and in notebooks it is a table of pairs: of all parameters, or of those that are
    furthest apart.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        ∇C by central differences of the cost, in the order of θ.
    analytic : ndarray of shape (n_parameters,)
        ∇C by backpropagation, of the same float64 network.
    weights, biases : tuples of ndarrays
        ``vector`` by layers, with the indices of ``Network.weights``: views into it.
    errors : ndarray of shape (n_parameters,)
        |g - d| / max(|g|, |d|, 1e-3 max|g|).

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((1, 1, 1), activation="identity", dtype="float64")
    >>> net.set_parameters([0.2, 0.1, 0.3, 0.33])
    >>> net.numerical_gradient([[5.0]], [[1.0]])
    ∂C/∂θ of 4 parameters, twice
      parameter   backpropagation   differences
          w^(1)             -1.02         -1.02
          b^(1)            -0.204        -0.204
          w^(2)            -0.748        -0.748
          b^(2)             -0.68         -0.68
    The largest relative error is ...
    """

    vector: np.ndarray
    analytic: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    errors: np.ndarray

    @property
    def error(self) -> float:
        """The largest of ``errors``."""
        return float(self.errors.max())

    def names(self) -> list[str]:
        """The parameters by name, in the order of θ.

        Returns
        -------
        list of str
            w_0,0^(1), …; in a chain of single units without the units: w^(1), b^(1), …
        """
        is_chain = len(self.vector) == 2 * len(self.weights)
        found = []
        for layer, w in enumerate(self.weights, start=1):
            for j, k in np.ndindex(*w.shape):
                found.append(str(symbol("w", layer, *(() if is_chain else (j, k)))))
            found += [str(symbol("b", layer, *(() if is_chain else (j,)))) for j in range(len(w))]
        return found

    def table(self, most: int = MOST) -> Table:
        """The pairs.

        Parameters
        ----------
        most : int, default=20
            How many rows: where there are more parameters, those that are furthest apart.

        Returns
        -------
        Table
        """
        n = len(self.vector)
        names = self.names()
        rows = np.arange(n) if n <= most else np.argsort(-self.errors, kind="stable")[:most]
        pairs = tuple((names[i], f"{self.analytic[i]:.9g}", f"{self.vector[i]:.9g}") for i in rows)
        notes = [f"The largest relative error is {self.error:.1e}."]
        if len(rows) < n:
            notes.insert(0, f"{n - len(rows):,} more, which are less apart.")
        title = f"∂C/∂θ of {n:,} parameters, twice"
        return Table(title, ("parameter", "backpropagation", "differences"), pairs, tuple(notes))

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def numerical_gradient(network: Any, examples: Any, step: float) -> NumericalGradient:
    """What ``Network.numerical_gradient`` documents, for a float64 network and checked examples."""
    rows, targets, weights = examples
    _, _, gradient = network._cost_gradient(rows, targets, weights)
    theta = network.parameters
    differences = np.empty_like(gradient)
    for i, value in enumerate(theta.tolist()):
        h = step * max(1.0, abs(value))
        costs = []
        for shift in (h, -h, 2 * h, -2 * h):
            theta[i] = value + shift
            costs.append(network._cost(rows, targets, weights))
        theta[i] = value
        differences[i] = (8 * (costs[0] - costs[1]) - (costs[2] - costs[3])) / (12 * h)
    size = np.maximum(np.abs(gradient), np.abs(differences))
    floor = max(1e-3 * float(size.max()), np.finfo(np.float64).tiny)
    return NumericalGradient(
        differences,
        gradient,
        network._weights_of(differences),
        network._biases_of(differences),
        np.abs(gradient - differences) / np.maximum(size, floor),
    )
