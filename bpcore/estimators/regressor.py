"""MLPRegressor: what the common estimator does not know about numbers."""

import warnings
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_pinball_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from bpcore._core.optimizers import level_of_the_caller
from bpcore._core.rows import Rows
from bpcore.checks import as_number
from bpcore.estimators.base import BaseMLP
from bpcore.estimators.data import Validation, check_range, check_y, refuse
from bpcore.estimators.numbers import Numbers
from bpcore.estimators.online import online
from bpcore.estimators.parameters import described, parameter
from bpcore.estimators.posterior import predicted_with_std
from bpcore.estimators.scores import r2, r2_of
from bpcore.estimators.spec import engine_name
from bpcore.estimators.targets import dense
from bpcore.estimators.views import has_coefs
from bpcore.functions import LOSSES, as_list, wrapped
from bpcore.network import Network
from bpcore.network.scores import are_the_same

__all__ = ["MLPRegressor"]

# the losses by the names that they have here
_LOSSES = {row.regressor: row for row in LOSSES.values() if row.regressor}


@described(
    score="R²",
    more="""
    alpha_, effective_parameters_, noise_std_ : float
        With ``alpha="evidence"`` only, at the weights that the fit has ended with: the penalty that
        was found, in the unit of ``alpha``; γ, how many of the parameters the data determine; and
        the standard deviation of y's noise, for a row of weight 1.
    """,
)
@dataclass(repr=False, eq=False)
class MLPRegressor(RegressorMixin, BaseMLP):
    """Multilayer perceptron for numbers; takes the place of scikit-learn's MLPRegressor.

    With the same data, parameters and integer ``random_state`` it computes, in float64, the
    same weights, losses and predictions. y has one column or several.

    See Also
    --------
    MLPClassifier : The same for classes.
    bpcore.Network : The network itself, with its gradients and its trace.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating
    errors*, Nature 323, 1986.

    P. Huber, *Robust estimation of a location parameter*, Annals of Mathematical Statistics
    35, 1964.

    R. Koenker and G. Bassett, *Regression quantiles*, Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import MLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (500, 1))
    >>> y = X[:, 0] ** 2 + 0.1 * rng.normal(size=500)
    >>> reg = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", random_state=0).fit(X, y)
    >>> reg.score(X, y) > 0.85
    True

    An interval that 80 % of the observations should fall into, from two quantiles at once:

    >>> reg = MLPRegressor("quantile", (16,), activation="tanh", learning_rate_init=0.01,
    ...                    quantile=[0.1, 0.9], max_iter=100, tol=0, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")     # 100 epochs are enough here
    ...     low, high = reg.fit(X, y).predict(X).T
    >>> bool(0.7 < ((low < y) & (y < high)).mean() < 0.9)
    True
    """

    loss: str = parameter(
        "squared_error",
        [StrOptions(set(_LOSSES))],
        "str",
        as_list({name: row.text for name, row in _LOSSES.items()}, "'")
        + "\n\n"
        + wrapped(
            "They are summed over the outputs; as in scikit-learn, the reported squared error is "
            "the mean of the outputs', while its gradient is that of their sum. δ is "
            "``huber_delta``, q ``quantile``."
        ),
    )
    _: KW_ONLY
    quantile: Any = parameter(
        0.5,
        [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "float or array-like of float",
        """
        What loss='quantile' estimates. Several numbers estimate as many quantiles of a
        one-column y at once; ``predict`` then gives one column for each.
        """,
    )
    huber_delta: float = parameter(
        1.0,
        [Interval(Real, 0, None, closed="neither")],
        "float",
        "Where loss='huber' turns from squares to absolute values, in units of y.",
    )

    # what its model files call it
    _file_kind = "MLPRegressor"
    _y_numeric = True

    # ------------------------------------------------------------ targets

    def _quantiles(self) -> list[float]:
        if self.loss != "quantile":
            return [0.5]
        try:
            many = hasattr(self.quantile, "__iter__") and np.ndim(self.quantile) > 0
            given = list(self.quantile) if many else [self.quantile]
            quantiles = [as_number(q, "a quantile", below=1.0) for q in given]
        except (TypeError, ValueError) as error:
            raise type(error)(f"quantile={self.quantile!r}: {error}") from error
        if not quantiles or min(quantiles) == 0:
            raise ValueError(
                "quantile must be a number between 0 and 1, or a list of one or more of them, got "
                f"{self.quantile!r}"
            )
        return quantiles

    def _targets_of(self, y: Any, classes: Any, partial: bool, sparse: bool) -> Any:
        return Numbers(1 if y.ndim == 1 else y.shape[1], len(self._quantiles()))

    def _codec(self) -> Any:
        codec = super()._codec()
        if codec is None and has_coefs(self):
            n_quantiles = len(self._quantiles())
            return Numbers(self._width() // n_quantiles, n_quantiles)
        return codec

    def _output(self, targets: Any) -> tuple[Any, Any]:
        row = _LOSSES[self.loss]
        given = {"huber": float(self.huber_delta), "quantile": targets.levels(self._quantiles())}
        loss: Any = (row.name, given[row.name]) if row.name in given else row.name
        default = row.outputs[0] if row.outputs else "identity"
        out = default if self.out_activation is None else engine_name(self.out_activation)
        return out, loss

    def _loss_divisor(self) -> int:
        return self.n_outputs_ if self.loss == "squared_error" else 1

    def _check_target_range(self, Y: np.ndarray) -> None:
        targets = _LOSSES[self.loss].targets
        if targets is not None and Y.min() < targets[0]:
            raise ValueError(
                f"Some values of y are out of the range of the loss '{self.loss}': "
                f"y >= {targets[0]:g}, but the smallest is {Y.min():g}"
            )

    def _check_validation(self, validation: Validation, given: bool) -> None:
        if self.stop_on != "score":
            return
        Y, weights, network = validation.Y, validation.weights, self._network
        why = None
        with np.errstate(over="ignore", invalid="ignore"):
            # Outputs may be infinite for a while, as those of exp are; but no training brings
            # back those of inputs without a finite square.
            row = validation.x.first_row_beyond(float(np.sqrt(np.finfo(network.dtype).max)))
            mean = np.broadcast_to(np.average(Y, axis=0, weights=weights), Y.shape)
            if len(Y) == 1:
                why = "a single row"
            elif not np.isfinite(self._score_outputs(mean, Y, weights)):
                why = "numbers in y whose squares are infinite"
            elif row >= 0 and not np.isfinite(
                self._score_outputs(validation.outputs(network), Y, weights)
            ):
                why = f"numbers in X that are too large, in row {row}"
        if why is not None:
            raise ValueError(
                f"the validation set has {why}, so that its score is not a number, by which "
                "early_stopping could choose weights: give other rows, of the scale of the "
                "training data, or set stop_on='loss'"
            )
        # of rows that were held out scikit-learn takes the score as it is
        if given and are_the_same(validation.y, weights):
            warnings.warn(
                "all rows of the validation set have the same y, so that their score cannot tell "
                "good weights from others: early_stopping will keep those of its first epoch. "
                "Give other rows, or set stop_on='loss'",
                ConvergenceWarning,
                stacklevel=level_of_the_caller(),
            )

    def _score_outputs(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> float:
        if not np.isfinite(a).all():
            return float("nan")
        if self._codec().n_quantiles > 1:
            return self._pinball(Y[:, 0], a, weights)
        # while training diverges, the score may overflow before the loss does
        with np.errstate(over="ignore"):
            return r2(Y, a, weights)

    def _pinball(self, y: np.ndarray, a: np.ndarray, weights: Any) -> float:
        """The mean over the quantiles of D², the share of the pinball loss that a explains."""
        scores = [
            d2_pinball_score(y, column, sample_weight=weights, alpha=q)
            for q, column in zip(self._quantiles(), a.T, strict=True)
        ]
        return float(np.mean(scores))

    # ------------------------------------------------------------ training

    @online
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Any:
        """Go through the data once, from the weights there are.

        With ``early_stopping=True`` each call is one epoch of the early stopping: after too many
        calls without improvement the best weights are put back and ``stopped_early_`` is True;
        the next call starts anew from them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            As in ``fit``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data do not fit the network.
        DivergenceError
            If the weights leave the finite numbers; the last finite ones are kept.

        Examples
        --------
        >>> from bpcore import MLPRegressor
        >>> reg = MLPRegressor(random_state=0).partial_fit([[0.0], [1.0]], [1.0, 3.0])
        >>> reg.t_, len(reg.loss_curve_)
        (2, 1)
        """
        self._train(X, y, sample_weight, validation_data, partial=True)
        return self

    def initialize(
        self, n_features: int, n_outputs: int = 1, *, dtype: npt.DTypeLike = "float64"
    ) -> Self:
        """Set up the network without data: ready to predict, and for partial_fit.

        Weights are drawn as ``fit`` draws them. Assign to ``coefs_`` and ``intercepts_``, or use
        ``network_.set_parameters``, to give it weights of your own; ``partial_fit`` and, with
        ``warm_start=True``, ``fit`` go on from them.

        Parameters
        ----------
        n_features : int
        n_outputs : int, default=1
            Columns of y.
        dtype : {"float64", "float32"}, default="float64"

        Returns
        -------
        self : object

        Examples
        --------
        >>> from bpcore import MLPRegressor
        >>> reg = MLPRegressor(hidden_layer_sizes=()).initialize(2)
        >>> reg.coefs_[0][:] = [[1.0], [2.0]]
        >>> reg.intercepts_[0][:] = 0.5
        >>> reg.predict([[1.0, 1.0]])
        array([3.5])
        """
        return self._initialize(n_features, Numbers(n_outputs, len(self._quantiles())), dtype)

    @classmethod
    def from_network(cls, network: Network, **parameters: Any) -> Self:
        """A regressor around a network, which it shares: training one trains the other.

        Parameters
        ----------
        network : bpcore.Network
            With a cost for numbers.
        **parameters
            Of the constructor, beside those that the network decides.

        Returns
        -------
        MLPRegressor

        Examples
        --------
        >>> from bpcore import MLPRegressor, Network
        >>> net = Network((1, 8, 1), "tanh", "identity", random_state=0)
        >>> MLPRegressor.from_network(net).network_ is net
        True
        """
        name, number = cls._loss_of(network)
        if not LOSSES[name].regressor:
            raise ValueError(f"a regressor takes a network with a cost for numbers, got {name}")
        loss: dict[str, Any] = {"loss": LOSSES[name].regressor}
        n_outputs = network.layer_sizes[-1]
        n_quantiles = 1
        if name == "huber" and number is not None:
            loss["huber_delta"] = number
        if name == "quantile" and number is not None:
            levels = np.unique(number).tolist()  # one for all outputs: of several targets
            n_quantiles = n_outputs if len(levels) > 1 else 1
            loss["quantile"] = levels[0] if n_quantiles == 1 else list(number)
        est = cls._around(network, loss, parameters)
        est._set_up(network, Numbers(n_outputs // n_quantiles, n_quantiles))
        return est

    # ------------------------------------------------------------ predictions

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The estimates, and how far off they may be.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviations of new observations too, after a fit with
            ``solver="lm", alpha="evidence"``: √(σ² + j Σ jᵀ), by Laplace's approximation (MacKay
            1992). σ is ``noise_std_``, Σ the weights' covariance, j a row of the Jacobian.

        Returns
        -------
        y : ndarray of shape (n_samples,), or (n_samples, n_outputs) for several outputs
            One column for each quantile where ``quantile`` has several.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If X does not fit; or, with ``return_std``, no covariance of these weights is known.

        Examples
        --------
        >>> import numpy as np
        >>> from bpcore import MLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(-1, 1, (100, 1))
        >>> y = np.sin(3 * X[:, 0]) + 0.1 * rng.normal(size=100)
        >>> reg = MLPRegressor(hidden_layer_sizes=(10,), activation="tanh", solver="lm",
        ...                    alpha="evidence", random_state=0).fit(X, y)
        >>> mean, std = reg.predict([[0.0], [3.0]], return_std=True)
        >>> bool(0.08 < std[0] < 0.12), bool(std[1] > 2 * std[0])   # beyond the data it grows
        (True, True)
        """
        if return_std:
            return predicted_with_std(self, X)
        return self._gathered(X, lambda a: [self._codec().decode(a)])[0]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², or with several quantiles the mean of their D² pinball scores.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        y = dense(check_y(self, y))
        refuse(sample_weight, "sample_weight")
        check_is_fitted(self)
        if (dtype := self.network_.dtype) == np.float32:
            numbers = np.asarray(y, dtype=np.float64)
            check_range(Rows(numbers.reshape(len(numbers), -1)), "y", dtype, y)
        if self._codec().n_quantiles > 1:
            return self._pinball(np.ravel(y), self.predict(X), sample_weight)
        return r2_of(y, self.predict(X), sample_weight)
