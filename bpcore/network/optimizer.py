"""Optimizers as users make them, and those that a fit's arguments ask for."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bpcore import checks as check
from bpcore._core import optimizers
from bpcore.functions import OPTIMIZERS, OPTIONS, names_filled_in

__all__ = ["Optimizer", "in_updates", "make_optimizer"]

# Entries of a schedule that are lengths: users give them in epochs, optimizers count updates.
_LENGTHS = ("every", "total", "warmup")
# the fields that an Optimizer shows with checks
_RATE: Any = vars(optimizers.Optimizer)["learning_rate"]
_UPDATES: Any = vars(optimizers.Optimizer)["t"]


@names_filled_in
class Optimizer(optimizers.Optimizer):
    """The rule that turns gradients into steps, with a state that lives on between calls.

    ``Network.fit`` and ``Network.step`` take one and go on where it stands: its means, its
    velocity, its schedule. Its state is of the network that it trains, whose ``save`` writes it
    too: give each network one of its own. An optimizer that is given by name begins anew in each
    fit.

    Parameters
    ----------
    name : str
        <optimizers>
    n_parameters : int or None, default=None
        Length of θ. None: that of the network which it trains first.
    dtype : {"float32", "float64"}, default="float32"
        Of θ, where n_parameters is given.
    learning_rate : float or None, default=None
        η.
        <learning rates>
    schedule : None, str or dict, default=None
        How η changes from update to update, as in ``Network.fit``, but with all lengths in
        updates: {"kind": "cosine", "total": 10_000}. A warning says so once when it has run out.
    **options
        momentum (default 0.0) and nesterov (False) of sgd; beta_1 (0.9) of adam and nadam, beta_2
        (0.999) of these and rmsprop: how fast their means forget; epsilon (1e-8), which keeps
        quotients finite.

    Attributes
    ----------
    name : str
    t : int
        Updates made; ``reset()`` forgets them and what was remembered.
    learning_rate : float
        η before the schedule; may be set between two calls.
    current_rate : float
        η of the last update.
    slots : tuple of ndarrays of shape (n_parameters,)
        What is remembered of each parameter. sgd: velocity; adam, nadam: mean and mean square of
        the gradient; rmsprop, adagrad: (summed) square; irprop-: steps and the last gradient.

    Raises
    ------
    TypeError, ValueError
        If there is no such optimizer, it has no such option, or a number is out of its range.

    References
    ----------
    D. Kingma and J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015.

    I. Loshchilov and F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017.

    Examples
    --------
    Adam on one example at a time, its means carried from step to step:

    >>> import numpy as np
    >>> from bpcore import Network, Optimizer
    >>> net = Network((1, 8, 1), "tanh", "identity", random_state=0)
    >>> adam = Optimizer("adam", learning_rate=0.01)
    >>> rng = np.random.default_rng(0)
    >>> for x in rng.uniform(-1, 1, 2000).astype("float32"):
    ...     cost = net.step([x], [x * x], optimizer=adam)
    >>> adam
    <Optimizer adam: learning rate 0.01, 2,000 updates of 25 parameters>
    >>> bool(abs(net.predict([0.5])[0] - 0.25) < 0.05)
    True
    """

    __slots__ = ("__weakref__",)  # a misspelt attribute is an error

    def __init__(
        self,
        name: str,
        n_parameters: int | None = None,
        dtype: npt.DTypeLike = "float32",
        learning_rate: float | None = None,
        *,
        schedule: str | dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(name, str) or name not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}; Network.fit also "
                "takes lm and lbfgs, by name alone"
            )
        row = OPTIMIZERS[name]
        if unknown := sorted(set(options) - set(row.options)):
            raise ValueError(
                f"the optimizer {name} has no option {', '.join(unknown)}; there are "
                f"{', '.join(('learning_rate', 'schedule', *row.options))}"
            )
        if n_parameters is not None:
            n_parameters = check.as_integer(n_parameters, "n_parameters", least=0)
            dtype = check.as_dtype(dtype)
        for option, value in options.items():
            if option != "nesterov":
                check.as_number(value, option)
            elif not isinstance(value, bool | np.bool_):
                raise TypeError(f"nesterov must be True or False, got {value!r}")
        rate = row.learning_rate if learning_rate is None else learning_rate
        super().__init__(
            str(name),
            n_parameters,
            dtype=dtype,
            learning_rate=check.as_number(rate, "learning_rate"),
            schedule=in_updates(schedule, None, 1),
            **options,
        )

    @property
    def learning_rate(self) -> float:
        """η before the schedule; may be set between two calls."""
        return float(_RATE.__get__(self))

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        _RATE.__set__(self, check.as_number(rate, "learning_rate"))

    @property
    def t(self) -> int:  # type: ignore[override]
        """Updates made."""
        return int(_UPDATES.__get__(self))


def make_optimizer(
    spec: Any,
    learning_rate: Any,
    schedule: Any,
    epochs: int,
    updates_an_epoch: int,
) -> optimizers.Optimizer:
    """The Optimizer that ``Network.fit``'s arguments ask for."""
    if isinstance(spec, optimizers.Optimizer):
        if schedule is not None:
            raise ValueError(
                "an Optimizer has a schedule of its own, which lives as long as it does: "
                "Optimizer(name, schedule=…), with its lengths in updates"
            )
        return spec
    name, options = spec, {}
    if isinstance(spec, tuple | list) and len(spec) == 2 and isinstance(spec[1], dict):
        name, options = spec
    if not isinstance(name, str):
        raise ValueError(
            f"optimizer must be an Optimizer or one of {', '.join(OPTIMIZERS)}, got {spec!r}"
        )
    if apart := {"learning_rate", "schedule"} & set(options):
        raise ValueError(f"optimizer={spec!r}: fit takes {' and '.join(sorted(apart))} beside it")
    if name in OPTIMIZERS:  # one dict may serve several optimizers
        others = set(OPTIONS) - set(OPTIMIZERS[name].options)
        options = {option: value for option, value in options.items() if option not in others}
    plan = in_updates(schedule, epochs, updates_an_epoch)
    return Optimizer(str(name), learning_rate=learning_rate, schedule=plan, **options)


def in_updates(schedule: Any, epochs: int | None, updates_an_epoch: int) -> Any:
    """A schedule given in epochs, as the optimizer counts, in updates.

    epochs: how long it lasts where it does not say so; None: it has to.
    """
    if schedule is None:
        return None
    if not isinstance(schedule, str | dict):
        raise TypeError(f"schedule must be None, a name or a dict, got {schedule!r}")
    plan = {"kind": schedule} if isinstance(schedule, str) else dict(schedule)
    if plan.get("kind") in ("cosine", "one_cycle", "coslog") and epochs is not None:
        plan.setdefault("total", max(1, epochs))
    if not isinstance(plan.get("kind", ""), str):
        raise TypeError(f"schedule: kind must be a name, got {plan['kind']!r}")
    for key in set(plan) - {"kind"}:
        number = check.as_number(plan[key], f"schedule: {key}")
        plan[key] = number * updates_an_epoch if key in _LENGTHS else number
    return plan
