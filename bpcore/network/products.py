"""Jacobians by the parameters, backpropagation from any derivative, second derivatives."""

from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore.network.architecture import Architecture
from bpcore.network.gradient import Gradient

__all__ = ["Products"]


class Products(Architecture):
    """The part of ``Network`` that optimizers and models of one's own are built from."""

    def parameter_jacobian(self, X: Any, out: np.ndarray | None = None) -> np.ndarray:
        """∂a^(L)/∂θ: how each output answers to each parameter.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example
        out : ndarray of shape (n, n_L, n_parameters), or (n_L, n_parameters) for a single example
            Takes the result, optionally: C-contiguous, writable, of the network's dtype.

        Returns
        -------
        ndarray of shape (n, n_L, n_parameters), or (n_L, n_parameters) for a single example
            Columns in the order of θ; ``out`` where that is given.

        Raises
        ------
        ValueError, TypeError
            As ``predict`` does.

        Examples
        --------
        A step of Gauss and Newton on the sum of squares, which a linear network needs one of:

        >>> import numpy as np
        >>> from bpcore import Network
        >>> net = Network((2, 1), activation="identity", dtype="float64", random_state=0)
        >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([3.0, 4.0, 6.0])
        >>> J = net.parameter_jacobian(X)[:, 0]
        >>> step = np.linalg.lstsq(J, net.predict(X)[:, 0] - y, rcond=None)[0]
        >>> net.parameters[:] -= step
        >>> net.parameters.round(6)     # w_1, w_2, b
        array([3., 2., 1.])
        """
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype, allow_empty=True)
        one = (self.layer_sizes[-1], self.n_parameters)
        shape = (len(rows), *one)
        if out is None:
            jacobian = self._parameter_jacobian(rows)
            return jacobian[0] if single else jacobian
        check.as_out(out, one if single else shape, self.dtype, X)
        self._parameter_jacobian(rows, out.reshape(shape))
        return out

    def backward(self, X: Any, dC_da: Any) -> Gradient:
        """Backpropagation from any ∂C/∂a^(L): what the network hands on to what is before it.

        The chain rule for costs that the network does not know: ∂C/∂θ = Σ_k J_kᵀ ∂C/∂a_k^(L), with
        J_k the Jacobian of example k. Nothing is divided by the number of examples: that
        stands in ∂C/∂a^(L) where C is a mean.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example
        dC_da : array-like of shape (n, n_L); (n,) where n_L = 1; (n_L,) for a single example
            ∂C/∂a^(L) of each example.

        Returns
        -------
        Gradient
            ``vector``, ``weights``, ``biases``, ``inputs`` as from ``gradient``; ``cost`` is NaN,
            since only the caller knows C.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import Network
        >>> net = Network((2, 3, 1), random_state=0)
        >>> X, Y = [[0.0, 1.0], [1.0, 1.0]], [[1.0], [0.0]]
        >>> g = net.backward(X, 2 * (net.predict(X) - Y) / 2)    # the quadratic cost's, over n
        >>> bool(np.allclose(g.vector, net.gradient(X, Y).vector))
        True
        """
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype)
        dC_da_rows = self._derivatives(dC_da, len(rows), single)
        inputs = np.empty((len(rows), self.layer_sizes[0]), dtype=self.dtype)
        _, vector = self._backward(rows, dC_da_rows, inputs)
        return Gradient(
            float("nan"), vector, self._weights_of(vector), self._biases_of(vector), inputs
        )

    def hessian_product(self, X: Any, Y: Any, vector: Any, sample_weight: Any = None) -> np.ndarray:
        """∂²C/∂θ² times a vector: how ∇C changes along it.

        Exact, by the tangents of both passes (Pearlmutter's R{·}): no difference is taken and no
        matrix made. It takes some three times as long as a gradient.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``.
        vector : array-like of shape (n_parameters,)
            In the order of θ.

        Returns
        -------
        ndarray of shape (n_parameters,)
            At a kink of relu, leaky_relu, absolute, quantile or huber the curvature counts as 0.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does; if the vector has another length or is not finite; or if the loss
            is a function, whose curvature is not known.

        References
        ----------
        B. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6, 1994.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity", dtype="float64", init="zeros")
        >>> net.hessian_product([[3.0]], [[1.0]], [1.0, 0.0])   # 2 x², 2 x
        array([18.,  6.])
        """
        return self._second_order(X, Y, vector, sample_weight, gauss_newton=False)

    def gauss_newton_product(
        self, X: Any, Y: Any, vector: Any, sample_weight: Any = None
    ) -> np.ndarray:
        """The Gauss-Newton matrix of C times a vector: Σ_k s_k J_kᵀ H_k J_k v / Σ s_k.

        H_k is the curvature of the loss, by the outputs, or by z^(L) where the output activation
        belongs to the loss (sigmoid or softmax with an entropy, exp with poisson). It is never
        indefinite, and the Hessian where the network is linear in θ.

        Parameters
        ----------
        X, Y, vector, sample_weight
            As in ``hessian_product``.

        Returns
        -------
        ndarray of shape (n_parameters,)

        Raises
        ------
        ValueError, TypeError
            As ``hessian_product`` does.

        References
        ----------
        N. Schraudolph, *Fast curvature matrix-vector products for second-order gradient descent*,
        Neural Computation 14, 2002.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import Network
        >>> net = Network((2, 3, 1), "tanh", "identity", dtype="float64", random_state=0)
        >>> X, Y, v = [[0.0, 1.0], [1.0, 1.0]], [[1.0], [0.0]], np.ones(13)
        >>> J = net.parameter_jacobian(X)[:, 0]
        >>> bool(np.allclose(net.gauss_newton_product(X, Y, v), 2 * J.T @ (J @ v) / 2))
        True
        """
        return self._second_order(X, Y, vector, sample_weight, gauss_newton=True)

    def _second_order(
        self, X: Any, Y: Any, vector: Any, sample_weight: Any, gauss_newton: bool
    ) -> np.ndarray:
        if callable(self.loss):
            raise ValueError(
                "the loss is a function, whose second derivative is not known: take a loss by name"
            )
        rows, targets, weights = self._examples(X, Y, sample_weight)
        direction = np.empty(self.n_parameters, dtype=self.dtype)
        self._copy_into(direction, vector, "vector")
        return self._product(rows, targets, direction, weights, gauss_newton)
