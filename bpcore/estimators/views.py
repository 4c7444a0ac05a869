"""``coefs_`` and ``intercepts_``: the network's parameters under scikit-learn's names."""

from typing import Any

from bpcore.network import Network

__all__ = ["View", "are_others", "are_there", "take_network"]


class View:
    """A list of views of the network's parameters, to be read, filled and replaced.

    It is made when somebody asks for it: a network keeps w^(1) in a second order for predictions,
    but only while nobody can write to it.
    """

    def __init__(self) -> None:
        self.__doc__ = None  # the classes' docstrings have the attributes

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, est: Any, owner: type | None = None) -> Any:
        if est is None:
            return self
        _make(est)
        try:
            return vars(est)[self.name]
        except KeyError:
            raise AttributeError(
                f"{type(est).__name__!r} object has no attribute {self.name!r}"
            ) from None

    def __set__(self, est: Any, value: Any) -> None:
        _make(est)
        vars(est)[self.name] = value

    def __delete__(self, est: Any) -> None:
        self.__get__(est)
        del vars(est)[self.name]


def _make(est: Any) -> None:
    """Make both lists, where there is a network and they have not been made."""
    state = vars(est)
    if "_network" in state and "_views" not in state:
        network = state["_network"]
        coefs, intercepts = [w.T for w in network.weights], list(network.biases)
        state["_views"] = tuple(coefs), tuple(intercepts)
        state["coefs_"], state["intercepts_"] = coefs, intercepts


def are_there(state: dict[str, Any]) -> bool:
    """Whether an estimator with these attributes has weights, its network's or its user's."""
    if "_network" in state and "_views" not in state:
        return True
    return "coefs_" in state and "intercepts_" in state


def are_others(est: Any) -> bool:
    """Whether the lists hold other arrays than the views that were made; as where none were."""
    state = vars(est)
    if "_network" in state and "_views" not in state:
        return False
    for made, now in zip(state.get("_views", ((), ())), (est.coefs_, est.intercepts_), strict=True):
        if len(made) != len(now) or any(a is not b for a, b in zip(made, now, strict=True)):
            return True
    return False


def take_network(est: Any, network: Network) -> None:
    """Let ``coefs_`` and ``intercepts_`` show this network."""
    state = vars(est)
    state["_network"] = network
    for name in ("_views", "coefs_", "intercepts_"):
        state.pop(name, None)
