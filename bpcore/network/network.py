"""Network: a multilayer perceptron that owns θ; forward, cost, gradient, fit, predict."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core.optimizers import Optimizer
from bpcore.exceptions import DivergenceError
from bpcore.functions import names_filled_in
from bpcore.history import History
from bpcore.network import fit, scores
from bpcore.network.architecture import Architecture
from bpcore.network.gradient import Gradient
from bpcore.network.trace import Trace, softmax_jacobian

__all__ = ["Network"]


@names_filled_in
class Network(Architecture):
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
    loss : str or (str, parameter), default="quadratic"
        C_k of one example, summed over the outputs. C is the mean of C_k over the examples,
        weighted where weights are given.

        <losses>
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
    loss : str or (str, parameter)
    dtype : numpy dtype
    history_ : History
        Of the last ``fit``; only after one.

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

    history_: History

    # ------------------------------------------------------------ forward

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
        return super().predict(X, out)

    def forward(self, X: Any, out: np.ndarray | None = None) -> np.ndarray:
        """a^(L), the outputs of the network: ``predict``, by the name of what it does.

        Parameters
        ----------
        X, out
            As in ``predict``, whose results and errors it has.
        """
        return super().predict(X, out)

    def _predict_checked(self, X: Any, out: np.ndarray | None) -> np.ndarray:
        # An array of the caller's must not be half written when X turns out to be bad; one of our
        # own may: then the first layer tells, and X is not read twice.
        rows, single = check.as_rows(
            X, self.layer_sizes[0], self.dtype, allow_empty=True, finite=out is not None
        )
        shape = (self.layer_sizes[-1],) if single else (len(rows), self.layer_sizes[-1])
        if out is None:
            out = np.empty(shape, dtype=self.dtype)
            if not self._predict_into(rows, out):
                check.check_finite(rows, "X", self.dtype)
            return out
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
        if out.shape != shape or out.dtype != self.dtype:
            raise ValueError(
                f"out has shape {out.shape} and dtype {out.dtype}, expected {shape} and "
                f"{self.dtype}"
            )
        if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
            raise ValueError("out must be C-contiguous and writable")
        if isinstance(X, np.ndarray) and np.may_share_memory(out, X):
            raise ValueError("out shares memory with X: give an array of its own")
        self._predict_into(rows, out)
        return out

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """C = Σ s_k C_k / Σ s_k, the mean cost.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_0), or (n_0,) for a single example
        Y : array-like of shape (n, n_L); (n,) where n_L = 1; (n_L,) for a single example
        sample_weight : array-like of shape (n,), optional
            s_k, finite, not negative, not all zero; 1 each when None.

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            If the data are empty, do not fit the network or each other, or are not finite.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([0.0, 0.66])
        >>> print(f"{net.cost([[5.0]], [[1.0]]):.4f}")
        0.1156
        """
        return self._cost(*self._examples(X, Y, sample_weight))

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
        return scores.score(self, rows, targets, metric, weights)

    # ------------------------------------------------------------ backward

    def gradient(self, X: Any, Y: Any, sample_weight: Any = None) -> Gradient:
        """∇C by backpropagation, and ∂C/∂a^(0).

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``.

        Returns
        -------
        Gradient
            ``cost``, ``vector`` (n_parameters,), ``weights``, ``biases``, ``inputs`` (n, n_0).

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([0.0, 0.66])
        >>> net.gradient([[5.0]], [[1.0]]).vector.round(2)     # 2 (a - y) times 5 and 1
        array([-3.4 , -0.68], dtype=float32)
        """
        rows, targets, weights = self._examples(X, Y, sample_weight)
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
        slopes = terms["slope"]
        if self.activations[-1] == "softmax":
            slopes[-1] = softmax_jacobian(a[-1])
        w = tuple(part.copy() for part in self.weights)
        return Trace(
            activations=a,
            pre_activations=[None, *terms["z"]],
            da_dz=[None, *slopes],
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
            weights=w,
            biases=tuple(part.copy() for part in self.biases),
            layer_sizes=self.layer_sizes,
            activation_functions=self.activations,
            loss=self.loss,
            shares=np.full(len(rows), 1 / len(rows))
            if weights is None
            else weights / weights.sum(),
            network_class=Network,
        )

    def check_gradient(
        self, X: Any, Y: Any, sample_weight: Any = None, epsilon: float = 3e-5
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
        step = check.as_number(epsilon, "epsilon")
        if step == 0:
            raise ValueError("epsilon must be positive, got 0")
        twin = self.astype("float64")
        rows, targets, weights = twin._examples(X, Y, sample_weight)
        _, _, gradient = twin._cost_gradient(rows, targets, weights)
        theta = twin.parameters
        differences = np.empty_like(gradient)
        for i, value in enumerate(theta.tolist()):
            h = step * max(1.0, abs(value))
            costs = []
            for shift in (h, -h, 2 * h, -2 * h):
                theta[i] = value + shift
                costs.append(twin._cost(rows, targets, weights))
            theta[i] = value
            differences[i] = (8 * (costs[0] - costs[1]) - (costs[2] - costs[3])) / (12 * h)
        size = np.maximum(np.abs(gradient), np.abs(differences))
        floor = max(1e-3 * float(size.max()), np.finfo(np.float64).tiny)
        return float(np.max(np.abs(gradient - differences) / np.maximum(size, floor)))

    # ------------------------------------------------------------ training

    def apply(self, gradient: Gradient | np.ndarray, learning_rate: float) -> None:
        """One step of gradient descent: θ ← θ - η ∇C.

        Parameters
        ----------
        gradient : Gradient, or array-like of shape (n_parameters,)
        learning_rate : float
            η, finite and at least 0.

        Raises
        ------
        ValueError
            If the gradient has the wrong shape or is not finite.
        DivergenceError
            If θ would not be finite; it is left as it was.
        """
        vector = gradient.vector if isinstance(gradient, Gradient) else gradient
        step = np.empty(self.n_parameters, dtype=self.dtype)
        self._copy_into(step, vector, "gradient")
        if not self._descend(step, check.as_number(learning_rate, "learning_rate")):
            raise DivergenceError(
                "the step would make a parameter infinite; θ is as it was. Try a smaller "
                "learning_rate"
            )

    def step(self, X: Any, Y: Any, learning_rate: float, sample_weight: Any = None) -> float:
        """One step of gradient descent on these examples, for online learning.

        The gradient is that of ``gradient``: dropout, which is for ``fit``, leaves no unit out.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``. A few contiguous rows of the network's dtype, fewer than 256, take the
            shortest way.
        learning_rate : float
            η, finite and at least 0.

        Returns
        -------
        float
            C before the step.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does.
        DivergenceError
            If C is not finite; θ is left as it was.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity", init="zeros")
        >>> net.step([1.0], [1.0], learning_rate=0.25)
        1.0
        >>> net.parameters
        array([0.5, 0.5], dtype=float32)
        """
        return super().step(X, Y, learning_rate, sample_weight)

    def _step_checked(self, X: Any, Y: Any, learning_rate: Any, sample_weight: Any) -> float:
        rows, targets, weights = self._examples(X, Y, sample_weight)
        eta = check.as_number(learning_rate, "learning_rate")
        descent = Optimizer("sgd", self.n_parameters, dtype=self.dtype, learning_rate=eta)
        cost, _ = self._train_epoch(
            rows, targets, descent, batch_size=len(rows), sample_weight=weights, drops=False
        )
        if not np.isfinite(cost):
            raise DivergenceError(
                f"the cost is {cost}, and no step was made: a weight or an input is too large. "
                "Scale the inputs, or try a smaller learning_rate"
            )
        return float(cost)

    @names_filled_in
    def fit(
        self,
        X: Any,
        Y: Any,
        epochs: int = 10,
        batch_size: int | None = 32,
        learning_rate: float | None = None,
        *,
        shuffle: bool = True,
        sample_weight: Any = None,
        validation_data: tuple[Any, ...] | None = None,
        metric: str = "auto",
        optimizer: Any = "sgd",
        schedule: Any = None,
        l2: float = 0.0,
        l1: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        random_state: Any = None,
        callback: Callable[["Network", History], Any] | None = None,
        progress: bool = False,
        checkpoint: Any = None,
        checkpoint_every: int = 1,
        resume: Any = None,
    ) -> History:
        """Train: go through the examples in batches, one step of descent a batch.

        Parameters
        ----------
        X, Y, sample_weight
            As in ``cost``. X and Y are read where they lie, shuffled or not.
        epochs : int, default=10
            How often to go through all examples.
        batch_size : int or None, default=32
            Examples a step; None: all of them (gradient descent proper); 1: one by one. The
            last batch of an epoch may be smaller.
        learning_rate : float or None, default=None
            η; see ``schedule``.
            <learning rates>
        shuffle : bool, default=True
            A new order for each epoch.
        validation_data : (X, Y) or (X, Y, sample_weight), optional
            Its cost and score are recorded after each epoch; it does not train.
        metric : {"auto", "accuracy", "r2", "cost"}, default="auto"
            The validation score; see ``score``.
        optimizer : str, (str, dict) or Optimizer, default="sgd"
            By name, or with a dict of momentum, nesterov, beta_1, beta_2, epsilon as it needs. An
            Optimizer from ``bpcore.network`` goes on where it stood.

            <optimizers>
        schedule : None, str or dict, default=None
            η from step to step: "cosine" (to 0 over the fit), "one_cycle", {"kind": "step",
            "every": epochs, "factor": 0.1}; each may be given "warmup", and cosine and
            one_cycle "total" and "final". Lengths are in epochs.
        l2, l1 : float, default=0.0
            Penalties ½ l2 Σ w² and l1 Σ |w| over the weights, not the biases; divided by the
            batch's Σ s_k, as scikit-learn's ``alpha`` is.
        weight_decay : float, default=0.0
            w ← (1 - η weight_decay) w at each step, apart from the gradient (AdamW).
        clip_norm : float or None, default=None
            The largest norm of a batch's ∇C; a longer one is shortened to it.
        random_state : None, int, Generator or RandomState, default=None
            Draws the shuffles and dropout. None: the network's own, so that a network made
            with a seed trains reproducibly.
        callback : callable, optional
            ``callback(network, history)`` after each epoch; a true answer ends the fit.
        progress : bool, default=False
            A line on stderr: epoch, cost, validation cost and score.
        checkpoint : str or path-like, optional
            A model file to write after every ``checkpoint_every`` epochs, and after the last:
            the network, the history, and the state of the training. ``bpcore.load`` reads it as
            any other. Takes the extra ``bpcore[files]``.
        checkpoint_every : int, default=1
        resume : str or path-like, optional
            A checkpoint to go on from. With the network, the data and the arguments of the fit
            that wrote it, ``epochs`` being the total, the run ends with the same bits in θ,
            history (but for seconds) and optimizer as one that never stopped.

        Returns
        -------
        History
            Also kept as ``history_``.

        Raises
        ------
        ValueError, TypeError
            If an argument is wrong, or ``resume`` is of another fit; nothing has changed then.
        ModelFileError
            If ``resume`` is damaged; likewise.
        OSError
            If ``checkpoint`` cannot be written; the network keeps what it has reached.
        DivergenceError
            If the cost is no longer finite; θ is that of the last epoch's start.
        RuntimeError
            If another fit has the network.
        KeyboardInterrupt
            On Ctrl-C, with what was reached kept in the network and in ``history_``.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import Network
        >>> X = np.linspace(-1, 1, 50, dtype="float32")[:, None]
        >>> net = Network((1, 16, 1), activation="tanh", output_activation="identity",
        ...               random_state=0)
        >>> history = net.fit(X, X[:, 0] ** 2, epochs=999, learning_rate=0.01, optimizer="adam")
        >>> bool(history.cost[-1] < 1e-3)
        True
        """
        return fit.fit(
            self,
            X,
            Y,
            fit.Settings(
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                shuffle=shuffle,
                sample_weight=sample_weight,
                validation_data=validation_data,
                metric=metric,
                optimizer=optimizer,
                schedule=schedule,
                l2=l2,
                l1=l1,
                weight_decay=weight_decay,
                clip_norm=clip_norm,
                random_state=random_state,
                callback=callback,
                progress=progress,
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
                resume=resume,
            ),
        )

    def _examples(self, X: Any, Y: Any, sample_weight: Any) -> tuple[Any, Any, np.ndarray | None]:
        """X and Y as Rows, the weights as doubles, all checked."""
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype)
        targets = check.as_targets(
            Y, len(rows), self.layer_sizes[-1], self._loss_name, self.dtype, single=single
        )
        return rows, targets, check.as_weights(sample_weight, len(rows))
