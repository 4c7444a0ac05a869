"""``coefs_`` and ``intercepts_``: the network's parameters under scikit-learn's names."""

import sys
from typing import Any

from bpcore.estimators.record import Entry
from bpcore.network import Network

__all__ = ["View", "Views", "are_others", "are_there", "has_coefs", "take_network"]


class Views:
    """Both lists, and the views that were put into them.

    They are made when somebody asks for them, and go when nobody but the estimator has them any
    more: a network keeps w^(1) in a second order for predictions, but only while nobody can write
    to it.

    Parameters
    ----------
    network : Network or None
        Whose parameters they show; None: lists that somebody has set, of no network yet.
    """

    coefs_: Any
    intercepts_: Any

    def __init__(self, network: Network | None) -> None:
        self.network = network
        self.made: tuple[tuple[Any, ...], tuple[Any, ...]] = (), ()
        if network is not None:
            self.coefs_ = [w.T for w in network.weights]
            self.intercepts_ = list(network.biases)
            self.made = tuple(self.coefs_), tuple(self.intercepts_)

    def are_asked_for(self) -> bool:
        """Whether somebody else holds one of the lists."""
        references = sys.getrefcount(self.coefs_), sys.getrefcount(self.intercepts_)
        return references != _ALONE


_NOBODYS = Views(None)
_NOBODYS.coefs_, _NOBODYS.intercepts_ = [], []
# of lists that nothing but a Views holds, counted as `are_asked_for` does
_ALONE = sys.getrefcount(_NOBODYS.coefs_), sys.getrefcount(_NOBODYS.intercepts_)


def _there(est: Any) -> Views | None:
    """The lists that there are, of the network that there is."""
    state = vars(est)
    views: Views | None = state.get("_views")
    return views if views is not None and views.network is state.get("_network") else None


def _made(est: Any) -> Views:
    """The lists, made where there are none."""
    views = _there(est)
    if views is None:
        views = vars(est)["_views"] = Views(vars(est).get("_network"))
    return views


class View(Entry):
    """One of the lists, as an attribute of an estimator, to be read, filled and replaced."""

    def __init__(self, entry: str) -> None:
        super().__init__(
            entry, lambda est: (_made if "_network" in vars(est) else _there)(est), _made
        )


def has_coefs(est: Any) -> bool:
    """Whether an estimator has ``coefs_``, its network's or its user's; none are made."""
    views = _there(est)
    return "_network" in vars(est) if views is None else hasattr(views, "coefs_")


def are_there(est: Any) -> bool:
    """Whether it has both lists; none are made."""
    views = _there(est)
    return has_coefs(est) and (views is None or hasattr(views, "intercepts_"))


def are_others(est: Any) -> bool:
    """Whether the lists hold other arrays than the views that were made; as where none were.

    Lists that hold what was made, and that nobody else has, are let go.
    """
    views = _there(est)
    if views is None and "_network" in vars(est):
        return False
    made = ((), ()) if views is None else views.made
    for before, now in zip(made, (est.coefs_, est.intercepts_), strict=True):
        if len(before) != len(now) or any(a is not b for a, b in zip(before, now, strict=True)):
            return True
    del before, now
    if views is not None and views.network is not None and not views.are_asked_for():
        vars(est).pop("_views", None)
    return False


def take_network(est: Any, network: Network) -> None:
    """Let ``coefs_`` and ``intercepts_`` show this network."""
    vars(est)["_network"] = network
    vars(est).pop("_views", None)
