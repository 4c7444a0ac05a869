"""What moves θ: one step, or epochs of them."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from bpcore import checks as check
from bpcore._core import optimizers
from bpcore._core.training import Diverged, Training
from bpcore.exceptions import DivergenceError
from bpcore.functions import names_filled_in
from bpcore.history import History
from bpcore.network.architecture import Architecture
from bpcore.network.fit import Settings, fit
from bpcore.network.gradient import Gradient
from bpcore.network.optimizer import Optimizer

__all__ = ["Learning"]


class Learning(Architecture):
    """The part of ``Network`` that trains."""

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

    def step(
        self,
        X: Any,
        Y: Any = None,
        learning_rate: float | None = None,
        sample_weight: Any = None,
        *,
        optimizer: optimizers.Optimizer | None = None,
        dC_da: Any = None,
    ) -> float:
        """One step on these examples, for online learning.

        The gradient is that of ``gradient``: dropout, which is for ``fit``, leaves no unit out.

        Parameters
        ----------
        X, Y
            As in ``cost``. A few contiguous rows of float32 or float64, fewer than 256, take the
            shortest way.
        learning_rate : float, optional
            η of gradient descent, finite and at least 0. With an optimizer: its rate from now on,
            which is told in less time by setting its ``learning_rate``.
        sample_weight : array-like of shape (n,), optional
            s_k, which multiplies the gradient of its example as it is: a stream has no mean weight
            to compare it with. 0 leaves the example out.
        optimizer : Optimizer, optional
            Makes the step, from the state that its last one left. Kept as ``optimizer_``, which
            ``save`` writes.
        dC_da : array-like of shape (n, n_L), optional
            In the place of Y: ∂C/∂a^(L) of each example, of a cost of one's own, as ``backward``
            takes it. The step is along ``backward(X, dC_da).vector``, a sum over the examples.

        Returns
        -------
        float
            1/n Σ s_k C_k before the step; C where there are no weights; NaN with ``dC_da``.

        Raises
        ------
        ValueError, TypeError
            As ``cost`` does; or if there is neither a rate nor an Optimizer, or the Optimizer is
            that of a network with another number of parameters, or of another dtype.
        DivergenceError
            If C is not finite; θ and the Optimizer are left as they were. A θ that a step has made
            too large for its dtype is told by the next.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity", init="zeros")
        >>> net.step([1.0], [1.0], learning_rate=0.25)
        1.0
        >>> net.parameters
        array([0.5, 0.5], dtype=float32)
        """
        if (Y is None) == (dC_da is None):
            raise TypeError("step takes Y, or dC_da in its place")
        cost = None
        if dC_da is None:
            cost = self._step_small(X, Y, learning_rate, sample_weight, optimizer)
        if cost is None:
            rule = self._rule(learning_rate, optimizer)
            step = self._step_checked if dC_da is None else self._step_along
            cost = step(X, dC_da if Y is None else Y, learning_rate, sample_weight, rule)
        if optimizer is not None:
            self.optimizer_ = optimizer
        return cost

    def _rule(self, learning_rate: Any, optimizer: Any) -> optimizers.Optimizer:
        """What makes a step: the Optimizer, or plain descent."""
        if learning_rate is not None:
            check.as_number(learning_rate, "learning_rate")
        elif optimizer is None:
            raise TypeError("step takes a learning_rate, or an optimizer=bpcore.Optimizer(name)")
        if optimizer is None:
            return Optimizer("sgd", learning_rate=learning_rate)
        if not isinstance(optimizer, optimizers.Optimizer):
            raise TypeError(
                "step takes an Optimizer, whose state lives on from step to step: make one with "
                f"bpcore.Optimizer(name, learning_rate=…), got {optimizer!r}"
            )
        return optimizer

    def _step_checked(
        self, X: Any, Y: Any, learning_rate: Any, sample_weight: Any, rule: Any
    ) -> float:
        rows, targets, _ = self._examples(X, Y, None)
        weights = check.as_weights(sample_weight, len(rows), some=False)
        # no claim: a callback may make steps of its own within a fit
        training = Training(
            self, rows, targets, rule, batch_size=len(rows), sample_weight=weights,
            applies_dropout=False, ask=self._asking(targets, None),
        )  # fmt: skip
        rate = rule.learning_rate
        rule.learning_rate = rate if learning_rate is None else learning_rate
        try:
            (epoch,) = training.run()
        except BaseException as error:
            rule.learning_rate = rate
            if not isinstance(error, Diverged):
                raise
            raise DivergenceError(
                f"the cost is {error.cost}, and no step was made: a weight or an input is too "
                "large. Scale the inputs, or try a smaller learning_rate"
            ) from None
        return float(epoch.cost)

    def _step_along(
        self, X: Any, dC_da: Any, learning_rate: Any, sample_weight: Any, rule: Any
    ) -> float:
        """The step that ``step`` makes from ∂C/∂a^(L)."""
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype)
        targets = self._derivatives(dC_da, len(rows), single)
        weights = check.as_weights(sample_weight, len(rows), some=False)
        _, vector = self._backward(rows, targets, None, weights)
        rule.bind(self.n_parameters, self.dtype)
        before: Any = rule.__getstate__()
        if learning_rate is not None:
            rule.learning_rate = learning_rate
        theta = self.parameters.copy()
        if np.isfinite(vector).all():
            rule.update(theta, vector)
        else:
            theta[:] = np.nan
        if not np.isfinite(theta).all():
            rule.__setstate__(before)
            raise DivergenceError(
                "the step would make a parameter infinite, and was not made: dC_da is too large, "
                "or the learning_rate"
            )
        self._assign(theta)
        return float("nan")

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
        dY_dX: Any = None,
        derivative_weight: float = 1.0,
        validation_data: tuple[Any, ...] | None = None,
        metric: str = "auto",
        patience: int | None = None,
        stop_on: str = "cost",
        tol: float = 0.0,
        optimizer: Any = "sgd",
        schedule: Any = None,
        l2: float | str = 0.0,
        l1: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        rate_factors: Any = None,
        input_scale: float | None = None,
        random_state: Any = None,
        callback: Callable[[Self, History], Any]
        | Sequence[Callable[[Self, History], Any]]
        | None = None,
        progress: bool = False,
        checkpoint: Any = None,
        checkpoint_every: int = 1,
        resume: Any = None,
    ) -> History:
        """Train: go through the examples in batches, one step of descent a batch.

        Parameters
        ----------
        X, Y
            As in ``cost``. They are read where they lie, shuffled or not.
        sample_weight : array-like of shape (n,), optional
            s_k, none negative and not all zero. Each counts in proportion to the mean of all, in
            whatever batch it falls: a batch's ∇C is Σ (s_k / s̄) ∇C_k over its number of examples.
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
        dY_dX, derivative_weight
            As in ``cost``: targets for ``jacobian`` too, in every batch. Not with dropout.
        validation_data : (X, Y), (X, Y, sample_weight) or (X, Y, sample_weight, dY_dX), optional
            Its cost and score are recorded after each epoch; it does not train. sample_weight may
            be None; without dY_dX the cost is that of the outputs alone.
        metric : {"auto", "accuracy", "r2", "cost"}, default="auto"
            The validation score; see ``score``.
        patience : int or None, default=None
            Early stopping: after so many epochs in a row without a better validation cost the fit
            ends. The network has the weights of the best epoch then, as after any such fit.
        stop_on : {"cost", "score"}, default="cost"
            What has to become better: the validation cost, or the score that ``metric`` says.
        tol : float, default=0.0
            By how much, at least, than in the best of all epochs before.
        optimizer : str, (str, dict) or Optimizer, default="sgd"
            By name, or with a dict of momentum, nesterov, beta_1, beta_2, epsilon (those that it
            does not read are passed over): with fresh state for this fit. An Optimizer goes on
            where it stood, and is kept as ``optimizer_``.

            <optimizers>

            Two methods for small networks take all examples in each of ``epochs`` iterations,
            whatever batch_size says, compute in double precision, and end when they have
            converged. Their only option is tol (1e-8), the relative change of the cost at which
            they have:

            - "lm": Levenberg-Marquardt, for the losses quadratic and squared_error and some
              hundreds of parameters.
            - "lbfgs": the quasi-Newton method of limited memory, for any loss.
        schedule : None, str or dict, default=None
            η from step to step: "cosine" (to 0 over the fit), "one_cycle", {"kind": "step",
            "every": epochs, "factor": 0.1}, "coslog" (up and down in 4 "cycles", each twice as
            long as the one before); each may be given "warmup", and cosine and one_cycle "total"
            and "final". Lengths are in epochs. A warning says once that a schedule has run out. An
            Optimizer has a schedule of its own.
        l2 : float or "evidence", default=0.0
            Penalty ½ l2 Σ w² over the weights, not the biases; divided by the batch's number of
            examples, as scikit-learn's ``alpha`` is. "evidence", with lm: found from the data,
            anew after each iteration, as the one under which they are most probable (MacKay 1992;
            Foresee and Hagan 1997). It then holds for the hidden units' biases as well, without
            which those of an unused unit would be free, not for the outputs', so that nothing
            depends on where Y has its zero. All outputs have one level of noise: scale them alike.
            ``History`` has what was found.
        l1 : float, default=0.0
            Penalty l1 Σ |w|, divided likewise.
        weight_decay : float, default=0.0
            w ← (1 - η weight_decay) w at each step, apart from the gradient (AdamW).
        clip_norm : float or None, default=None
            The largest norm of a batch's ∇C; a longer one is shortened to it.
        rate_factors : array-like of shape (L, 2), optional
            What η is multiplied by for the weights and for the biases of each layer. Weight decay
            goes by η itself.
        input_scale : float or None, default=None
            Learn a scale for every input as well: w^(1) = v diag(s) with s = 1 at first, where v
            takes steps of η and s of η times this number. θ holds w^(1) all the while, so that the
            network stays what it is. Not with checkpoints, nor for inputs that are mostly zeros.
        random_state : None, int, Generator or RandomState, default=None
            Draws the shuffles and dropout. None: the network's own, so that a network made
            with a seed trains reproducibly.
        callback : callable or list of callables, optional
            ``callback(network, history)`` after each epoch; a true answer ends the fit. Of several
            every one is called, in order.
        progress : bool, default=False
            A line on stderr, if it can be written to: epoch, cost, validation cost and score.
        checkpoint : str or path-like, optional
            A model file (extra ``bpcore[files]``) to write after every ``checkpoint_every`` epochs
            and after the last: network, history, state of the training. ``bpcore.load`` reads it
            as any other; with ``patience`` it gives the weights of the best epoch so far.
        checkpoint_every : int, default=1
        resume : str or path-like, optional
            A checkpoint to go on from. With the network, the data and the arguments of the fit
            that wrote it, ``epochs`` being the total, the run ends with the same bits in θ,
            history (but for seconds) and optimizer as one that never stopped; so it does after an
            interrupt, or where a callback has ended that fit.

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
            If the cost is no longer finite; θ is that of the last epoch's start, with
            ``patience`` that of the best epoch.
        RuntimeError
            If another fit has the network.
        KeyboardInterrupt
            On Ctrl-C, with what was reached kept in the network and in ``history_``.

        Warns
        -----
        UserWarning
            If the cost stands still, the outputs are no better than the same answer to every
            input, and an inner layer is saturated (see ``saturation``), as by pixels that are not
            divided by 255; or if a schedule has run out.

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

        More units than the data can tell the weights of, and the noise in them, both found:

        >>> Y = X[:, 0] ** 2 + 0.1 * np.random.default_rng(0).normal(size=50)
        >>> history = net.fit(X, Y, epochs=300, optimizer="lm", l2="evidence")
        >>> history.effective_parameters[-1] < 10 < net.n_parameters
        True
        >>> bool(0.07 < history.noise_std[-1] < 0.13)
        True

        References
        ----------
        D. MacKay, *A practical Bayesian framework for backpropagation networks*, Neural
        Computation 4, 1992.

        F. Foresee and M. Hagan, *Gauss-Newton approximation to Bayesian learning*, Proceedings of
        the International Joint Conference on Neural Networks, 1997.
        """
        return fit(
            self,
            X,
            Y,
            Settings(
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                shuffle=shuffle,
                sample_weight=sample_weight,
                dY_dX=dY_dX,
                derivative_weight=derivative_weight,
                validation_data=validation_data,
                metric=metric,
                patience=patience,
                stop_on=stop_on,
                tol=tol,
                optimizer=optimizer,
                schedule=schedule,
                l2=l2,
                l1=l1,
                weight_decay=weight_decay,
                clip_norm=clip_norm,
                rate_factors=rate_factors,
                input_scale=input_scale,
                random_state=random_state,
                callback=callback,
                progress=progress,
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
                resume=resume,
            ),
        )
