"""The constructor's parameters, written once for both estimators.

Each is a dataclass field that carries its default, what scikit-learn's validation accepts and
its documentation; ``described`` puts the class docstrings together from them.
"""

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, Field, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from bpcore.functions import ACTIVATIONS, ALIASES, HIDDEN, OPTIMIZERS, as_list, enumerated, wrapped

__all__ = ["Parameters", "described", "parameter"]

# scikit-learn's names, which its attributes speak, for the engine's
SKLEARN_NAMES = {row.name: row.sklearn for row in ACTIVATIONS.values() if row.sklearn}
ENGINE_NAMES = {**ALIASES, **{sklearn: name for name, sklearn in SKLEARN_NAMES.items()}}

# the optimizers, and what each solver does
SOLVERS = {
    **{row.name: row.text for row in OPTIMIZERS.values()},
    "adamw": "adam with decoupled weight decay",
    "lbfgs": "SciPy's quasi-Newton method on the whole data",
    "lm": "Levenberg-Marquardt on the whole data, for the squared losses of MLPRegressor and some "
    "hundreds of weights",
}
SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "step", "one_cycle", "coslog")

_HIDDEN = {*HIDDEN, *ENGINE_NAMES}
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


C = TypeVar("C")


def _named_activations() -> str:
    """'tanh', 'logistic' (or 'sigmoid'), … of hidden layers, as the estimators call them."""
    names = []
    for name in HIDDEN:
        sklearn = SKLEARN_NAMES.get(name)
        names.append(f"'{sklearn}' (or '{name}')" if sklearn else f"'{name}'")
    return enumerated(names, "or")


def _activation_parameters() -> str:
    """What the numbers of activations are: "slope of leaky_relu or …"."""
    rows = (row for row in ACTIVATIONS.values() if row.default is not None)
    return enumerated((f"{row.parameter} of {row.name}" for row in rows), "or the")


def _solvers_with(option: str) -> str:
    """The solvers whose optimizer reads an option; adamw's is adam."""
    optimizers = {name: "adam" if name == "adamw" else name for name in SOLVERS}
    return enumerated(
        solver
        for solver, name in optimizers.items()
        if name in OPTIMIZERS and option in OPTIMIZERS[name].options
    )


def parameter(default: Any, constraint: list[Any], kind: str, text: str) -> Any:
    """A constructor parameter: its default, scikit-learn's constraint, its type in words."""
    return field(
        default=default,
        metadata={"constraint": constraint, "kind": kind, "text": textwrap.dedent(text).strip()},
    )


@dataclass(repr=False, eq=False)
class Parameters:
    """What MLPClassifier and MLPRegressor have in common in their constructors."""

    loss: str = parameter("", [str], "str", "Set by the subclass.")

    hidden_layer_sizes: Any = parameter(
        (100,),
        ["array-like", _COUNT],
        "int or array-like of int",
        """
        Units of each hidden layer; an empty tuple gives a network without hidden layers.
        """,
    )
    activation: Any = parameter(
        "relu",
        [StrOptions(_HIDDEN), list, tuple],
        "str, tuple or list",
        wrapped(
            f"Activation of the hidden layers: {_named_activations()}. A tuple ``(name, number)`` "
            f"also gives the {_activation_parameters()}. A list names one activation a hidden "
            "layer."
        ),
    )
    _: KW_ONLY
    solver: str = parameter(
        "adam",
        [StrOptions(set(SOLVERS))],
        "str",
        as_list(SOLVERS, "'"),
    )
    alpha: float | str = parameter(
        0.0001,
        [_NOT_NEGATIVE, StrOptions({"evidence"})],
        "float or 'evidence'",
        """
        Strength of the L2 penalty ½ alpha Σ w², which is divided by the number (or the weight)
        of a batch's rows. Biases are spared. 'evidence', with ``solver="lm"``: found from the
        data, as ``Network.fit(l2="evidence")`` does; a row of weight 2 counts as two.
        """,
    )
    batch_size: Any = parameter(
        "auto",
        [StrOptions({"auto"}), _COUNT],
        "int or 'auto'",
        """
        Rows a step. 'auto' is ``min(200, n_samples)``, and all rows for irprop-. lbfgs and lm
        always take all rows.
        """,
    )
    learning_rate: Any = parameter(
        "constant",
        [StrOptions(set(SCHEDULES)), dict],
        "str or dict",
        """
        How the learning rate moves from ``learning_rate_init``.

        - 'constant' keeps it.
        - 'invscaling' (sgd only) divides it by ``(t_ + 1) ** power_t`` after each epoch.
        - 'adaptive' (sgd only) divides it by 5 when training stops improving (see ``tol``), and
          ends the fit when that would bring it to 1e-6 or less.
        - 'cosine' lets it fall to 0 over ``max_iter`` epochs.
        - 'step' multiplies it by 0.1 after each third of ``max_iter``.
        - 'one_cycle' lets it rise from 1/25 of the whole over the first 30 % of ``max_iter``
          epochs and then fall to 1e-4 of it.
        - 'coslog' lets it rise from 0 and fall again in four cycles, each twice as long as the
          one before.

        The last four hold for every stochastic solver. A dict gives their numbers, lengths in
        epochs: ``{"kind": "cosine", "total": 50, "final": 0.01}``,
        ``{"kind": "step", "every": 10, "factor": 0.5}``,
        ``{"kind": "one_cycle", "total": 20, "final": 1e-3}``; final and factor are shares of
        ``learning_rate_init``.
        """,
    )
    learning_rate_init: float = parameter(
        0.001,
        [_POSITIVE],
        "float",
        "The learning rate to start from; for irprop- the first step of every parameter.",
    )
    power_t: float = parameter(
        0.5, [_NOT_NEGATIVE], "float", "The exponent of learning_rate='invscaling'."
    )
    max_iter: int = parameter(
        200,
        [_COUNT],
        "int",
        "The most epochs of a stochastic solver, or iterations of lbfgs or lm, in one fit.",
    )
    shuffle: bool = parameter(
        True, ["boolean"], "bool", "Whether each epoch goes through the rows in a new order."
    )
    random_state: Any = parameter(
        None,
        ["random_state"],
        "int, RandomState instance or None",
        """
        Draws the first weights, the validation split, the order of the rows and the units left
        out by dropout, in this order. An int makes a fit repeatable.
        """,
    )
    tol: float = parameter(
        1e-4,
        [_NOT_NEGATIVE],
        "float",
        """
        Training stops once the loss (with ``early_stopping``, the validation score or loss) has
        not become better by ``tol`` for more than ``n_iter_no_change`` epochs in a row. For
        lbfgs, the largest gradient entry at which it stops; for lm, the relative change of the
        loss, beside which early stopping holds.
        """,
    )
    verbose: bool = parameter(False, ["verbose"], "bool", "Whether to print a line an epoch.")
    warm_start: bool = parameter(
        False,
        ["boolean"],
        "bool",
        "Whether fit goes on from the weights that the last fit reached.",
    )
    momentum: float = parameter(
        0.9, [Interval(Real, 0, 1, closed="both")], "float", "Momentum of solver='sgd'."
    )
    nesterovs_momentum: bool = parameter(
        True, ["boolean"], "bool", "Whether the momentum of solver='sgd' is Nesterov's."
    )
    early_stopping: bool = parameter(
        False,
        ["boolean"],
        "bool",
        """
        Whether to hold out a validation set (or take the one given to ``fit``), to stop when it
        shows no improvement, and to put the best weights back. The held-out set is stratified
        by class, except for multilabel targets.
        """,
    )
    validation_fraction: float = parameter(
        0.1, [_SHARE], "float", "Share of the rows to hold out for early stopping."
    )
    beta_1: float = parameter(
        0.9, [_SHARE], "float", f"Decay of the mean gradient in {_solvers_with('beta_1')}."
    )
    beta_2: float = parameter(
        0.999,
        [_SHARE],
        "float",
        f"Decay of the mean squared gradient in {_solvers_with('beta_2')}.",
    )
    epsilon: float = parameter(
        1e-8, [_POSITIVE], "float", "Keeps the quotients of the adaptive solvers finite."
    )
    n_iter_no_change: Any = parameter(
        10,
        [_COUNT, Options(Real, {np.inf})],
        "int or inf",
        "How many epochs in a row may miss ``tol``.",
    )
    max_fun: int = parameter(
        15000, [_COUNT], "int", "The most evaluations of the loss by lbfgs in one fit."
    )
    out_activation: Any = parameter(
        None,
        [StrOptions({*ACTIVATIONS, *ENGINE_NAMES}), tuple, None],
        "str, tuple or None",
        "Activation of the outputs; None takes the one that belongs to the loss.",
    )
    dropout: Any = parameter(
        0.0,
        [_SHARE, "array-like"],
        "float or array-like of float",
        """
        Chance of a hidden unit to be left out of a training step, one number for all hidden
        layers or one a layer. Not for lbfgs, lm.
        """,
    )
    l1: float = parameter(
        0.0,
        [_NOT_NEGATIVE],
        "float",
        "Strength of the L1 penalty l1 Σ |w|, divided like that of ``alpha``.",
    )
    weight_decay: float | None = parameter(
        None,
        [_NOT_NEGATIVE, None],
        "float or None",
        """
        Decoupled weight decay: each step also multiplies the weights by 1 - η weight_decay.
        None means 0.01 for adamw and 0 for the other solvers. Not for lbfgs, lm.
        """,
    )
    clip_norm: float | None = parameter(
        None,
        [_POSITIVE, None],
        "float or None",
        "The longest gradient of a step; longer ones are shortened to it. Not for lbfgs, lm.",
    )
    warmup: float = parameter(
        0,
        [_NOT_NEGATIVE],
        "float",
        "Epochs over which the learning rate first rises in a straight line. Not for lbfgs, lm.",
    )
    stop_on: str = parameter(
        "score",
        [StrOptions({"score", "loss"})],
        "{'score', 'loss'}",
        "What early stopping watches on the validation set, and what makes weights the best.",
    )
    n_jobs: int | None = parameter(
        None,
        [_COUNT, Interval(Integral, None, -1, closed="right"), None],
        "int or None",
        """
        The most threads that share the work of a fit or a prediction, which never changes a
        result. None: one for each processor that the process may use, and no more than
        OMP_NUM_THREADS, which joblib sets in its workers; fewer work where there is too little to
        share. -1 is all processors, -2 all but one.
        """,
    )
    callback: Callable[..., Any] | Sequence[Callable[..., Any]] | None = parameter(
        None,
        [callable, list, tuple, None],
        "callable, list of callables or None",
        """
        ``callback(estimator)``, called after each epoch; a true result ends the fit. Of several
        every one is called, in order. For
        scikit-learn's callback objects there is ``set_callbacks``.
        """,
    )

    _parameter_constraints: ClassVar[dict[str, Any]] = {}


_ATTRIBUTES = """
    coefs_ : list of ndarrays of shape (n_in, n_out)
        The weights of each layer. Views into ``network_``: assigning to their elements, or
        other arrays to the list, changes what is predicted. While you hold them predictions of
        sparse rows take longer, as they look at the weights anew.
    intercepts_ : list of ndarrays of shape (n_out,)
        The biases of each layer, likewise.
    network_ : bpcore.Network
        What is trained and predicts.
    n_iter_ : int
        Epochs or iterations of the last fit.
    t_ : int
        Training rows gone through, in all fits since the weights were drawn.
    loss_ : float
        The loss of the last epoch, penalties included.
    loss_curve_ : list of float
        The loss of every epoch (of every iteration for lbfgs).
    best_loss_ : float or None
        The least of them; None with ``early_stopping``.
    validation_scores_ : list of float or None
        The {score} on the validation set after every epoch; None without such a set.
    validation_loss_curve_ : list of float or None
        The loss there, without penalties.
    best_validation_score_ : float or None
        The best of the scores; None without ``early_stopping``.
    best_validation_loss_ : float or None
        The least validation loss, with ``stop_on="loss"``.
    stopped_early_ : bool
        Whether the last fit of a stochastic solver ended because nothing improved.
    n_layers_ : int
        Layers, inputs and outputs included.
    n_outputs_ : int
        Units of the last layer.
    out_activation_ : str
        Their activation.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are strings.
"""


def _describe(one: Field[Any]) -> str:
    heading = f"{one.name} : {one.metadata['kind']}, default={one.default!r}"
    return f"{heading}\n{textwrap.indent(one.metadata['text'], '    ')}"


def described(
    score: str, more: str = "", common: str = _ATTRIBUTES
) -> Callable[[type[C]], type[C]]:
    """A class decorator: puts the fields' words and constraints where people look for them.

    The docstring gets its Parameters and Attributes sections, before See Also.

    Parameters
    ----------
    score : str
        What ``score`` returns, in words.
    more : str
        Attributes that only this class has.
    common : str
        Those that its relatives have too, with {score} where that is to stand.
    """

    def describe(cls: type[C]) -> type[C]:
        of_class: Any = cls
        given = fields(of_class)
        of_class._parameter_constraints = {one.name: one.metadata["constraint"] for one in given}
        # in the order of the constructor
        ordered = sorted(given, key=lambda one: bool(one.kw_only))
        attributes = textwrap.dedent(more) + textwrap.dedent(common.format(score=score))
        sections = {
            "Parameters": "\n".join(map(_describe, ordered)),
            "Attributes": attributes.replace("\n\n", "\n").strip(),
        }
        head, mark, tail = inspect.cleandoc(cls.__doc__ or "").partition("See Also\n")
        middle = "".join(f"{name}\n{'-' * 10}\n{text}\n\n" for name, text in sections.items())
        cls.__doc__ = head + middle + mark + tail
        return cls

    return describe
