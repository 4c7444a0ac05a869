"""The constructor's parameters, written once for both estimators."""

from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from bpcore.estimators.parameters import parameter

__all__ = ["ATTRIBUTES", "Parameters"]

_COUNT = Interval(Integral, 1, None, closed="left")


@dataclass(repr=False, eq=False)
class Parameters:
    """What TabularClassifier and TabularRegressor have in common in their constructors."""

    n_members: int = parameter(
        4,
        [_COUNT],
        "int",
        """
        Networks whose outputs are averaged. Each leaves out another part of the rows, a fifth or
        less, by which its best epoch is chosen. 1 is four times as fast and a little worse.
        """,
    )
    _: KW_ONLY
    hidden_layer_sizes: Any = parameter(
        (256, 256, 256),
        ["array-like", _COUNT],
        "int or array-like of int",
        """
        Units of each hidden layer of a network.
        """,
    )
    epochs: Any = parameter(
        "auto",
        [StrOptions({"auto"}), _COUNT],
        "'auto' or int",
        """
        How often a network goes through its rows; it keeps the weights of its best epoch. 'auto':
        128 times up to 4,687 rows, then 600,000 / rows times, 32 times at least.
        """,
    )
    batch_size: int = parameter(
        256,
        [_COUNT],
        "int",
        """
        Rows a step.
        """,
    )
    learning_rate: float = parameter(
        0.04,
        [Interval(Real, 0, None, closed="neither")],
        "float",
        """
        η of AdamW, in the paper's units: weights of a layer with n inputs move by η / √n, biases
        by 0.1 η, the learned scales of the inputs by 6 η. It goes up and down in four cycles,
        each twice as long as the one before.
        """,
    )
    dropout: float = parameter(
        0.05,
        [Interval(Real, 0, 1, closed="left")],
        "float",
        """
        Chance of a hidden unit to be left out of a training step.
        """,
    )
    time_limit: Any = parameter(
        None,
        [None, Interval(Real, 0, None, closed="neither")],
        "float or None",
        """
        Seconds that ``fit`` may take. Epochs are reduced to what fits in, as the first one
        tells; whatever is reached in time is kept, but for networks in their first epoch. Results
        then depend on the machine.
        """,
    )
    callback: Any = parameter(
        None,
        [None, callable, list, tuple],
        "callable, list of callables or None",
        """
        ``callback(progress)`` after each epoch of each network, one at a time, with the
        attributes ``member``, ``epoch``, ``epochs``, ``cost`` and ``score``; a true answer ends
        the fit. Networks whose first epoch it comes before are left out, which depends on n_jobs.
        """,
    )
    verbose: bool = parameter(
        False,
        ["verbose"],
        "bool",
        """
        Whether to write a line an epoch to stderr.
        """,
    )
    n_jobs: Any = parameter(
        None,
        [_COUNT, Interval(Integral, None, -1, closed="right"), None],
        "int or None",
        """
        The most threads: one for each network, more where there are more. None: one for each
        processor that the process may use, and no more than OMP_NUM_THREADS; -1, -2 … as in
        joblib. Results are bitwise the same for any number.
        """,
    )
    random_state: Any = parameter(
        None,
        ["random_state"],
        "int, RandomState or None",
        """
        Draws the folds, the first weights, the order of the rows and dropout.
        """,
    )

    _parameter_constraints: ClassVar[dict[str, Any]] = {}


ATTRIBUTES = """
    members_ : list of bpcore.Network
        The networks; ``prepare`` makes their inputs.
    loss_curves_ : list of lists of float
        For each network the cost of every epoch.
    validation_scores_ : list of lists of float
        For each network the {score} on its validation rows after every epoch.
    best_epochs_ : list of int
        The epoch whose weights each network keeps, from 1 on.
    n_iter_ : int
        Epochs of the network that had most.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names that are strings.
"""
