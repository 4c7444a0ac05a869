"""Network: a multilayer perceptron that owns θ; here what it predicts, and how well."""

from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore.functions import names_filled_in
from bpcore.network.export import Export
from bpcore.network.inspection import Inspection
from bpcore.network.learning import Learning
from bpcore.network.scores import evaluate

__all__ = ["Network"]


@names_filled_in
class Network(Inspection, Learning, Export):
    """A multilayer perceptron, ready for use at once, trained by backpropagation.

    z^(l) = w^(l) a^(l-1) + b^(l), a^(l) = σ(z^(l)) for l = 1 … L; rows are examples.

    Parameters
    ----------
    layer_sizes : sequence of int
        (n_0, n_1, …, n_L): inputs, hidden layers, outputs.
    activation : str, (str, float) or list of these, default="sigmoid"
        σ of the hidden layers: one for all, or a list with one a layer.

        <activations>
    output_activation : str, (str, float) or None, default=None
        σ of layer L; also "softmax". None: the first of the outputs that the loss takes, where
        it takes some only, else that of the last hidden layer.
    loss : str, (str, parameter) or callable, default="quadratic"
        C_k of one example, summed over the outputs. C is the mean of C_k over the examples,
        weighted where weights are given.

        <losses>

        A function ``loss(outputs, targets)`` returns the cost of each example, shape (n,), and
        ∂C_k/∂a^(L), shape (n, n_L). It is called once a batch, with arrays of the network's dtype
        that it may read and not write to; targets have as many columns as it likes.
        ``check_gradient`` tells whether its two results agree.
    dtype : {"float32", "float64"}, default="float32"
        Type of θ and of all arithmetic; costs are summed in double precision.
    init : str, default="glorot"
        θ⁰: "normal", N(0, 1) for weights and biases, as in the textbook; "glorot" (uniform),
        "glorot_normal", "he" (normal), "he_uniform", "lecun" (normal), "lecun_uniform", each
        with biases 0; "zeros".
    random_state : None, int, Generator or RandomState, default=None
        Draws θ⁰, then the shuffles and dropout of ``fit`` where that is given none.
    dropout : float or sequence of float, default=0.0
        Chance of a hidden unit to be left out of a training step; one for all hidden layers or
        one each. Kept units are scaled up by 1 / (1 - dropout), so predicting needs no change.
    n_threads : int or None, default=None
        The most threads that share the work of a fit, a cost, a gradient or a prediction. None:
        one for each processor that the process may use, and no more than OMP_NUM_THREADS. Fewer
        work where there is too little to share. Results are bitwise the same for any number.

    Attributes
    ----------
    layer_sizes : tuple of int
    n_layers : int
        L.
    n_parameters : int
        Length of θ; 13,002 for (784, 16, 16, 10).
    parameters : ndarray of shape (n_parameters,)
        θ = (w^(1), b^(1), w^(2), …), a writable view.
    weights, biases : tuples of ndarrays
        w^(l) (n_l, n_{l-1}) and b^(l) (n_l,) at index l - 1: writable views into θ.
    activations : tuple
        σ of each layer, a name or (name, parameter).
    loss : str, (str, parameter) or callable
    dtype : numpy dtype
    history_ : History
        Of the last ``fit``; only after one.
    optimizer_ : Optimizer
        That the last ``fit`` or ``step`` was given; only where it was given one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of the above; the message says which and what was expected.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating
    errors*, Nature 323, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import Network
    >>> net = Network((2, 8, 1), activation="tanh", output_activation="sigmoid", random_state=0)
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
    >>> y = np.array([0, 1, 1, 0])
    >>> history = net.fit(X, y, epochs=1000, batch_size=4, learning_rate=2.0)
    >>> (net.predict(X)[:, 0] > 0.5).astype(int)
    array([0, 1, 1, 0])
    """

    # what its model files call it
    _file_kind = "Network"

    def predict(self, X: Any, out: np.ndarray | None = None) -> np.ndarray:
        """a^(L), the outputs of the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or array-like of shape (n_0,)
            float32, float64 and uint8 are read where they lie; other numbers are converted.
            Numbers are taken as they are; ``bpcore.scaled`` divides the bytes of images.
        out : ndarray of shape (n, n_L), or (n_L,) for a single example; optional
            Takes the outputs: C-contiguous, writable, of the network's dtype.

        Returns
        -------
        ndarray of shape (n, n_L), or (n_L,) for a single example
            Of the network's dtype; ``out`` where that is given.

        Raises
        ------
        ValueError
            If X has the wrong width, or holds NaN or infinity; or out does not fit.
        TypeError
            If X does not hold real numbers.

        Examples
        --------
        >>> from bpcore import Network
        >>> Network((3, 2), init="zeros").predict([1.0, 2.0, 3.0])
        array([0.5, 0.5], dtype=float32)
        """
        a = self._predict_small(X, out)
        return self._predict_checked(X, out) if a is None else a

    def forward(self, X: Any, out: np.ndarray | None = None) -> np.ndarray:
        """a^(L), the outputs of the network: ``predict``, by the name of what it does.

        Parameters
        ----------
        X, out
            As in ``predict``, whose results and errors it has.
        """
        return self.predict(X, out)

    def _predict_checked(self, X: Any, out: np.ndarray | None) -> np.ndarray:
        # `out` must not be half written when X turns out to hold NaN or infinity, so X is checked
        # before. An array of our own may be: then the first layer tells, and X is read only once.
        rows, single = check.as_rows(
            X, self.layer_sizes[0], self.dtype, allow_empty=True, finite=out is not None
        )
        shape = (self.layer_sizes[-1],) if single else (len(rows), self.layer_sizes[-1])
        if out is None:
            out = np.empty(shape, dtype=self.dtype)
            if not self._predict_into(rows, out):
                check.check_finite(rows, "X", self.dtype, given=X)
            return out
        self._predict_into(rows, check.as_out(out, shape, self.dtype, X))
        return out

    def score(self, X: Any, Y: Any, metric: str = "auto", sample_weight: Any = None) -> float:
        """How well the outputs fit the targets.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``.
        metric : {"auto", "accuracy", "r2", "cost"}, default="auto"
            "accuracy": the share of examples whose largest output is where the largest target
            is (for one output: on the same side of ½). "r2": 1 - Σ(a - y)² / Σ(y - ȳ)² over all
            outputs. "cost": C. "auto": accuracy for the entropies and for targets of 0 and 1,
            else r2.

        Returns
        -------
        float
            Larger is better, but for "cost".

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does, or if there is no such metric.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity", init="zeros")
        >>> net.score([[1.0], [2.0]], [0.0, 1.0])
        0.5
        """
        rows, targets, weights = self._examples(X, Y, sample_weight)
        return evaluate(self, rows, targets, metric, weights)
