"""The cost and its derivatives: what a network answers without learning from it."""

import os
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore.network.gradient import Gradient
from bpcore.network.numerical import NumericalGradient, numerical_gradient
from bpcore.network.products import Products
from bpcore.network.saturation import Saturation, saturation_of
from bpcore.network.trace import Trace, softmax_jacobian

__all__ = ["Inspection"]


class Inspection(Products):
    """The part of ``Network`` that looks at examples and leaves θ as it is."""

    def cost(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        *,
        dY_dX: Any = None,
        derivative_weight: float = 1.0,
    ) -> float:
        """C = Σ s_k C_k / Σ s_k, the mean cost.

        With dY_dX = F the derivatives of the outputs count as well, as in Sobolev training:
        C_k becomes C_k + λ Σ_ji (∂a_j^(L)/∂a_i^(0) - F_ji)².

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example
        Y : array-like of shape (n, n_L); (n,) where n_L = 1; (n_L,) for a single example
        sample_weight : array-like of shape (n,), optional
            s_k, finite, not negative, not all zero; 1 each when None.
        dY_dX : array-like of shape (n, n_L, n_0); (n, n_0) where n_L = 1; optional
            F, what ``jacobian`` is to be: the forces beside a potential. NaN where one is not
            known.
        derivative_weight : float, default=1.0
            λ, at least 0.

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            If the data are empty, do not fit the network or each other, or are not finite.

        References
        ----------
        W. Czarnecki et al., *Sobolev training for neural networks*, NeurIPS 2017.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([0.0, 0.66])
        >>> print(f"{net.cost([[5.0]], [[1.0]]):.4f}")
        0.1156

        Its derivative ∂a/∂x = w = 0 is to be 2, which counts half:

        >>> print(f"{net.cost([[5.0]], [[1.0]], dY_dX=[[2.0]], derivative_weight=0.5):.4f}")
        2.1156
        """
        return self._cost(*self._examples(X, Y, sample_weight, dY_dX, derivative_weight))

    def gradient(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        *,
        dY_dX: Any = None,
        derivative_weight: float = 1.0,
    ) -> Gradient:
        """∇C by backpropagation, and ∂C/∂a^(0).

        With dY_dX a second backward pass, for each output, finds ∂a_j^(L)/∂a^(0), and is
        differentiated in its turn: for one output it takes some twice as long, however many inputs
        there are.

        Parameters
        ----------
        X, Y, sample_weight, dY_dX, derivative_weight
            As in ``cost``.

        Returns
        -------
        Gradient
            ``cost``, ``vector`` (n_parameters,), ``weights``, ``biases``, ``inputs`` (n, n_0).

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.

        References
        ----------
        H. Drucker and Y. LeCun, *Improving generalization performance using double
        backpropagation*, IEEE Transactions on Neural Networks 3, 1992.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([0.0, 0.66])
        >>> net.gradient([[5.0]], [[1.0]]).vector.round(2)     # 2 (a - y) times 5 and 1
        array([-3.4 , -0.68], dtype=float32)
        >>> net.gradient([[5.0]], [[1.0]], dY_dX=[[2.0]]).vector.round(2)   # and 2 (w - 2)
        array([-7.4 , -0.68], dtype=float32)
        """
        rows, targets, weights = self._examples(X, Y, sample_weight, dY_dX, derivative_weight)
        inputs = np.empty((len(rows), self.layer_sizes[0]), dtype=self.dtype)
        cost, _, vector = self._cost_gradient(rows, targets, weights, dC_dx=inputs)
        return Gradient(cost, vector, self._weights_of(vector), self._biases_of(vector), inputs)

    def per_sample_gradients(self, X: Any, Y: Any) -> np.ndarray:
        """∇C_k of every example.

        Parameters
        ----------
        X, Y
            As in ``cost``.

        Returns
        -------
        ndarray of shape (n, n_parameters)
            Row k is the gradient of C_k; their mean is ``gradient(X, Y).vector``.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity", dtype="float64", init="zeros")
        >>> net.per_sample_gradients([[1.0], [2.0]], [1.0, 1.0])  # ∂C/∂w, ∂C/∂b
        array([[-2., -2.],
               [-4., -2.]])
        """
        rows, targets, _ = self._examples(X, Y, None)
        return self._per_sample_gradients(rows, targets)

    def jacobian(self, X: Any) -> np.ndarray:
        """∂a^(L)/∂a^(0): how each output answers to each input.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example

        Returns
        -------
        ndarray of shape (n, n_L, n_0), or (n_L, n_0) for a single example

        Raises
        ------
        ValueError, TypeError
            As ``predict`` does.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((2, 1), activation="identity", dtype="float64", init="zeros")
        >>> net.weights[0][:] = 3.0, 4.0
        >>> net.jacobian([1.0, 1.0])
        array([[3., 4.]])
        """
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype, allow_empty=True)
        jacobian = self._jacobian(rows)
        return jacobian[0] if single else jacobian

    def trace(self, X: Any, Y: Any, sample_weight: Any = None) -> Trace:
        """Every term of the chain rule, by name and layer, from the kernels that train.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``.

        Returns
        -------
        Trace

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((2, 2, 1), random_state=0)
        >>> t = net.trace([[0.5, 1.0]], [[1.0]])
        >>> [None if d is None else d.shape for d in t.dC_dz]
        [None, (1, 2), (1, 1)]
        """
        rows, targets, weights = self._examples(X, Y, sample_weight)
        terms = self._trace(rows, targets, weights)
        a = [terms["x"], *terms["a"]]
        da_dz = terms["da_dz"]
        if self.activations[-1] == "softmax":
            da_dz[-1] = softmax_jacobian(a[-1])
        w = [part.copy() for part in self.weights]
        return Trace(
            a=a,
            z=[None, *terms["z"]],
            da_dz=[None, *da_dz],
            dC_da=[terms["dC_dx"], *terms["dC_da"]],
            dC_dz=[None, *terms["delta"]],
            dC_dw=[None, *self._weights_of(terms["gradient"])],
            dC_db=[None, *self._biases_of(terms["gradient"])],
            dz_dw=[None, *a[:-1]],
            dz_da=[None, *w],
            dz_db=[None, *[1.0] * self.n_layers],
            cost=terms["cost"],
            costs=terms["costs"],
            targets=terms["y"],
            w=[None, *w],
            b=[None, *(part.copy() for part in self.biases)],
            layer_sizes=self.layer_sizes,
            sigma=[None, *self.activations],
            loss=self.loss,
            shares=np.full(len(rows), 1 / len(rows))
            if weights is None
            else weights / weights.sum(),
            network_class=Inspection,
        )

    def to_html(
        self,
        path: str | os.PathLike[str],
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        **options: Any,
    ) -> None:
        """Write a page on which the backward pass of these examples can be touched.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".html".
        X, Y, sample_weight
            As in ``cost``; at most 200 examples.
        **options
            As ``Trace.to_html`` takes them, which says what the page can do.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` and ``Trace.to_html`` do.
        OSError
            If the file cannot be written.
        """
        self.trace(X, Y, sample_weight).to_html(path, **options)

    def numerical_gradient(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        epsilon: float = 3e-5,
        *,
        dY_dX: Any = None,
        derivative_weight: float = 1.0,
    ) -> NumericalGradient:
        """∇C by central differences of the cost in float64, beside ∇C by backpropagation.

        Parameters
        ----------
        X, Y, sample_weight, epsilon, dY_dX, derivative_weight
            As in ``check_gradient``, which gives the largest error alone.

        Returns
        -------
        NumericalGradient
            ``vector``, the differences; ``analytic``; ``errors``; shown as a table of pairs.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does, or if epsilon is not positive.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([0.0, 0.66])
        >>> net.numerical_gradient([[5.0]], [[1.0]]).vector.round(6)
        array([-3.4 , -0.68])
        """
        step = check.as_number(epsilon, "epsilon")
        if step == 0:
            raise ValueError("epsilon must be positive, got 0")
        copy = self.astype("float64")
        given = copy._examples(X, Y, sample_weight, dY_dX, derivative_weight)
        return numerical_gradient(copy, given, step)

    def saturation(self, X: Any) -> Saturation:
        """How much of a derivative each layer lets through: a and σ'(z) on these examples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example

        Returns
        -------
        Saturation
            Shown as a table, with a sentence where a layer is stuck.

        Raises
        ------
        ValueError, TypeError
            As ``predict`` does, or if X is empty.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import Network
        >>> pixels = np.random.default_rng(0).integers(0, 256, (50, 100))
        >>> net = Network((100, 8, 3), random_state=0)
        >>> net.saturation(pixels).stuck
        (1.0, 0.0)
        >>> net.saturation(pixels / 255).stuck
        (0.0, 0.0)
        """
        return saturation_of(self, X)

    def check_gradient(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        epsilon: float = 3e-5,
        *,
        dY_dX: Any = None,
        derivative_weight: float = 1.0,
    ) -> float:
        """Compare ∇C with central differences of the cost, in float64.

        The differences are of fourth order,
        (8 (C(θ + ε) - C(θ - ε)) - (C(θ + 2ε) - C(θ - 2ε))) / 12ε, one parameter at a time.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``. The work grows with n_parameters² times n: give a few examples.
        epsilon : float, default=3e-5
            ε, in units of max(1, |θ_i|).
        dY_dX, derivative_weight
            As in ``cost``.

        Returns
        -------
        float
            The largest |g - d| / max(|g|, |d|, 1e-3 max|g|) over all parameters, of a float64
            copy of the network; below 1e-7 for smooth functions. At a kink (relu, absolute)
            the two sides differ, and so does this.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does, or if epsilon is not positive.

        References
        ----------
        B. Fornberg, *Generation of finite difference formulas on arbitrarily spaced grids*,
        Mathematics of Computation 51, 1988, table 1.

        Examples
        --------
        >>> from bpcore import Network
        >>> Network((3, 4, 2), random_state=0).check_gradient([[1, 2, 3]], [[0, 1]]) < 1e-7
        True
        """
        return self.numerical_gradient(
            X, Y, sample_weight, epsilon, dY_dX=dY_dX, derivative_weight=derivative_weight
        ).error
