"""MLPClassifier: what the common estimator does not know about classes."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_consistent_length

from bpcore.estimators.base import BaseMLP
from bpcore.estimators.class_weight import counts_of, row_weights, tables_of
from bpcore.estimators.data import check_weights, check_y, refuse
from bpcore.estimators.labels import are_same, as_classes
from bpcore.estimators.online import online
from bpcore.estimators.parameters import described, parameter
from bpcore.estimators.scores import accuracy_of
from bpcore.estimators.spec import engine_name
from bpcore.estimators.targets import Labels, Multilabel, Multioutput, dense, labels_from, labels_of
from bpcore.functions import LOSSES
from bpcore.network import Network

__all__ = ["MLPClassifier"]

# the entropy of each output activation, reported as scikit-learn does
_CLIPPED = {
    row.outputs[0]: (row.name, "clip") for row in LOSSES.values() if row.clips and row.outputs
}
_CLASSES = """
    classes_ : ndarray of shape (n_classes,), or a list of these
        The labels, one array for each column of a multiclass-multioutput y.
"""


@described(score="accuracy", more=_CLASSES)
@dataclass(repr=False, eq=False)
class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multilayer perceptron for classes; takes the place of scikit-learn's MLPClassifier.

    With the same data, parameters and integer ``random_state`` it computes, in float64, the
    same weights, losses and predictions. Binary, multiclass, multilabel (y an indicator
    matrix of zeros and ones, or booleans) and multiclass-multioutput (y several columns of
    labels, also of different types) targets.

    See Also
    --------
    MLPRegressor : The same for numbers.
    bpcore.Network : The network itself, with its gradients and its trace.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating
    errors*, Nature 323, 1986.

    X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural
    networks*, AISTATS 2010.

    D. Kingma and J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015.

    Examples
    --------
    >>> from bpcore import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> clf = MLPClassifier((16,), learning_rate_init=0.01, tol=1e-3, random_state=0).fit(X, y)
    >>> clf.predict(X[:2]), clf.score(X, y) > 0.97
    (array([0, 0]), True)

    A validation set of one's own, the best weights by its loss, unequal classes evened out:

    >>> clf = MLPClassifier((16,), learning_rate_init=0.01, random_state=0,
    ...                     class_weight="balanced", early_stopping=True, stop_on="loss")
    >>> clf = clf.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    >>> min(clf.validation_loss_curve_) == clf.best_validation_loss_
    True
    """

    _: KW_ONLY
    loss: str = parameter(
        "log_loss",
        [StrOptions({row.classifier for row in LOSSES.values() if row.classifier})],
        "{'log_loss', 'quadratic'}",
        """
        'log_loss' is the cross-entropy, with softmax outputs for more than two classes and
        logistic outputs otherwise. 'quadratic' is Σ (a - y)² over logistic outputs, one a
        class; ``out_activation="softmax"`` makes it the Brier score.
        """,
    )
    class_weight: Any = parameter(
        None,
        [dict, list, StrOptions({"balanced"}), None],
        "dict, list of dict, 'balanced' or None",
        """
        Weights ``{class: weight}`` that multiply the sample weights in training. 'balanced'
        takes n_samples / (n_classes · rows of the class). One dict a column for several columns
        of y. A class without a weight counts 1, and weights are finite and not negative.
        """,
    )

    # what its model files call it
    _file_kind = "MLPClassifier"
    _y_numeric = False

    # ------------------------------------------------------------ targets

    def _targets_of(self, y: Any, classes: Any, partial: bool, sparse: bool) -> Any:
        softmax = self.out_activation == "softmax"
        return labels_of(y, classes, given=partial, sparse=sparse, softmax=softmax)

    def _codec(self) -> Any:
        codec = super()._codec()
        if codec is None and "classes_" in self.__dict__:
            # coefs_ and classes_ were set by hand
            if isinstance(self.classes_, list):
                return Multioutput(self.classes_)
            many = len(self.classes_) > 2
            if many and getattr(self, "out_activation_", "softmax") == "logistic":
                return Multilabel(len(self.classes_))
            return Labels(self.classes_, self._width() == 2)
        return codec

    def _install(self, network: Network, spec: Any, targets: Any, fresh: bool) -> None:
        super()._install(network, spec, targets, fresh)
        self.classes_ = targets.classes

    def _output(self, targets: Any) -> tuple[Any, Any]:
        one_of_many = isinstance(targets, Labels) and targets.width > 1
        default = "softmax" if one_of_many and self.loss == "log_loss" else "sigmoid"
        out = default if self.out_activation is None else engine_name(self.out_activation)
        if out not in _CLIPPED:
            raise ValueError(
                "the outputs of a classifier are probabilities: out_activation must be "
                f"'logistic' or 'softmax', got {self.out_activation!r}"
            )
        if out == "softmax" and not one_of_many:
            raise ValueError(
                "softmax outputs add up to 1 over the classes of one column, but y is of another "
                "kind: use out_activation='logistic'"
            )
        return out, _CLIPPED[out] if self.loss == "log_loss" else "quadratic"

    def _class_weights(self, targets: Any, y: Any) -> np.ndarray | None:
        if self.class_weight is None:
            return None
        columns = targets.class_positions(y)
        return row_weights(tables_of(self.class_weight, *counts_of(columns)), columns)

    def _score_outputs(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> float:
        return float(np.average(self._targets.right(a, Y), weights=weights))

    # ------------------------------------------------------------ training

    @online
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        validation_data: Any = None,
    ) -> Any:
        """Go through the data once, from the weights there are.

        With ``early_stopping=True`` each call is one epoch of the early stopping: after too many
        calls without improvement the best weights are put back and ``stopped_early_`` is True;
        the next call starts anew from them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Need not hold every class.
        sample_weight : array-like of shape (n_samples,), default=None
        classes : collection of n_classes labels, or a list of these, default=None
            Every class there will be, in any order; for several columns of labels, a list with
            the classes of each. Needed in the first call, unless y is an indicator matrix.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            As in ``fit``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If classes are missing, or not those of the call before, or y holds others.
        DivergenceError
            If the weights leave the finite numbers; the last finite ones are kept.

        Examples
        --------
        >>> from bpcore import MLPClassifier
        >>> clf = MLPClassifier((4,), random_state=0)
        >>> clf = clf.partial_fit([[0.0], [1.0]], ["a", "b"], classes=["a", "b", "c"])
        >>> clf.partial_fit([[2.0]], ["c"]).predict_proba([[2.0]]).shape
        (1, 3)
        """
        if classes is not None:
            self._check_partial_classes(classes)
        given = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]
        if any(isinstance(one, str) for one in given):
            raise ValueError(
                "class_weight='balanced' needs all of y at once, which partial_fit does not see: "
                "give a dict, as sklearn.utils.compute_class_weight makes it"
            )
        self._train(X, y, sample_weight, validation_data, partial=True, classes=classes)
        return self

    def _check_partial_classes(self, classes: Any) -> None:
        """Refuse other classes than those of the first call."""
        codec = self._codec()
        # those of an indicator matrix are counted, not given
        if codec is None or isinstance(codec, Multilabel):
            return
        if not are_same(as_classes(classes), codec.classes):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{codec.classes!r}"
            )

    def initialize(
        self,
        n_features: int,
        classes: Any,
        *,
        multilabel: bool = False,
        dtype: npt.DTypeLike = "float64",
    ) -> Self:
        """Set up the network without data: ready to predict, and for partial_fit.

        Weights are drawn as ``fit`` draws them. Assign to ``coefs_`` and ``intercepts_``, or use
        ``network_.set_parameters``, to give it weights of your own; ``partial_fit`` and, with
        ``warm_start=True``, ``fit`` go on from them.

        Parameters
        ----------
        n_features : int
        classes : collection of n_classes labels, or a list of these
            The labels, in any order; a list with the labels of each column for several columns.
        multilabel : bool, default=False
            Whether any number of ``classes`` may hold at once; labels are then 0, 1, 2, …
        dtype : {"float64", "float32"}, default="float64"

        Returns
        -------
        self : object

        Examples
        --------
        >>> from bpcore import MLPClassifier
        >>> clf = MLPClassifier((16, 16), activation="logistic", loss="quadratic")
        >>> clf.initialize(784, classes=range(10)).network_.n_parameters
        13002
        """
        targets = labels_from(classes, self.out_activation == "softmax", multilabel)
        return self._initialize(n_features, targets, dtype)

    @classmethod
    def from_network(
        cls, network: Network, classes: Any = None, *, multilabel: bool = False, **parameters: Any
    ) -> Self:
        """A classifier around a network, which it shares: training one trains the other.

        Parameters
        ----------
        network : bpcore.Network
            With logistic or softmax outputs, and the quadratic or the entropy cost.
        classes : array-like, or a list of these, default=None
            As in ``initialize``; None: 0, 1, 2, …, one an output, or two for one output.
        multilabel : bool, default=False
            As in ``initialize``.
        **parameters
            Of the constructor, beside those that the network decides.

        Returns
        -------
        MLPClassifier

        Examples
        --------
        >>> from bpcore import MLPClassifier, Network
        >>> net = Network((784, 16, 16, 10), random_state=0)
        >>> clf = MLPClassifier.from_network(net)
        >>> clf.network_ is net, clf.coefs_[0].shape
        (True, (784, 16))
        """
        name, _ = cls._loss_of(network)
        if not LOSSES[name].classifier:
            raise ValueError(
                f"a classifier takes a network with the quadratic cost or an entropy, got {name}"
            )
        est = cls._around(network, {"loss": LOSSES[name].classifier}, parameters)
        n_outputs = network.layer_sizes[-1]
        if classes is None:
            classes = np.arange(n_outputs if multilabel else max(n_outputs, 2))
        targets = labels_from(classes, n_outputs == 2, multilabel)
        if targets.width != n_outputs:
            raise ValueError(
                f"these classes take {targets.width} outputs, but the network has {n_outputs}"
            )
        est._set_up(network, targets)
        return est

    # ------------------------------------------------------------ predictions

    def predict(self, X: Any) -> Any:
        """The most probable labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs) for several columns
            The labels as y had them, objects where columns are of different types; a CSR matrix
            after a fit on a sparse indicator matrix. Found block by block: beside the labels,
            memory does not grow with n_samples.
        """
        targets = self._codec()
        labels = self._gathered(X, lambda a: [targets.decode(a)])[0]
        if isinstance(targets, Multilabel) and targets.sparse:
            return scipy.sparse.csr_matrix(labels)
        return labels

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), in the order of ``classes_``
            For multilabel targets, of each label on its own; for several columns of labels, a
            list with an array for each.
        """
        columns = self._gathered(X, self._probabilities)
        return columns if isinstance(self._codec(), Multioutput) else columns[0]

    def _probabilities(self, a: np.ndarray) -> list[np.ndarray]:
        p = a if self.out_activation_ == "softmax" else self._codec().probabilities(a)
        return p if isinstance(p, list) else [p]

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of ``predict_proba``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of these
        """
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(one, out=one) for one in p] if isinstance(p, list) else np.log(p, out=p)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the share of rows whose labels are all right.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        y = np.asarray(dense(check_y(self, y)))
        refuse(sample_weight, "sample_weight")
        targets = self._codec()
        if isinstance(targets, Multilabel):
            targets.check(y, False)
        predicted = self.predict(X)
        if not isinstance(targets, Multioutput):
            return accuracy_of(y, predicted, sample_weight)
        check_consistent_length(predicted, y)
        if y.shape != predicted.shape:
            raise ValueError(
                f"y must have {len(targets.columns)} columns of labels, got shape {y.shape}"
            )
        right = (predicted == y).all(axis=1)
        return float(np.average(right, weights=check_weights(sample_weight, y)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
