"""What an estimator holds: its network, what encodes y, the records of its fits."""

import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from bpcore._core.threads import threads_for
from bpcore.checks import as_integer
from bpcore.estimators.record import FitRecord, Shown, record_of
from bpcore.estimators.spec import (
    NetworkSpec,
    draw,
    hidden_sizes,
    layer_sizes_of,
    sklearn_name,
)
from bpcore.estimators.views import View, are_others, are_there, take_network
from bpcore.network import Network

__all__ = ["State"]


class State(BaseEstimator):
    """The part of an estimator that fits fill and predictions read."""

    _record: FitRecord
    coefs_ = View("coefs_")
    intercepts_ = View("intercepts_")
    # its entries, under scikit-learn's names
    n_iter_ = Shown("n_iter")
    t_ = Shown("t")
    loss_ = Shown("loss")
    best_loss_ = Shown("best_loss")
    best_validation_score_ = Shown("best_validation_score")
    best_validation_loss_ = Shown("best_validation_loss")
    loss_curve_ = Shown("loss_curve")
    validation_scores_ = Shown("validation_scores")
    validation_loss_curve_ = Shown("validation_loss_curve")
    stopped_early_ = Shown("stopped_early")
    alpha_ = Shown("alpha")
    effective_parameters_ = Shown("effective_parameters")
    noise_std_ = Shown("noise_std")
    _no_improvement_count = Shown("no_improvement")
    _split_seed = Shown("split_seed")
    _dropout_seed = Shown("dropout_seed")
    _optimizer = Shown("optimizer")

    def _codec(self) -> Any:
        """What encodes y since the first fit; None before it."""
        return self.__dict__.get("_targets")

    def _width(self) -> int:
        """How many outputs there are, of an estimator whose weights were set by hand."""
        if "_network" in self.__dict__ and not are_others(self):
            return int(self._network.layer_sizes[-1])
        return int(np.shape(self.coefs_[-1])[1])

    def _install(self, network: Network, spec: NetworkSpec, targets: Any, fresh: bool) -> None:
        """Take over a network."""
        if fresh or network is not self.__dict__.get("_network"):
            take_network(self, network)
        network.n_threads = threads_for(self.n_jobs)
        self._spec = spec
        self._targets = targets
        self.n_outputs_ = network.layer_sizes[-1]
        self.n_layers_ = len(network.layer_sizes)
        self.out_activation_ = sklearn_name(network.activations[-1])

    def _fits_optimizer(self, network: Network) -> bool:
        """Whether there is an optimizer that partial_fit can go on with."""
        optimizer = getattr(self, "_optimizer", None)
        name = "adam" if self.solver == "adamw" else self.solver
        return (
            optimizer is not None
            and optimizer.name == name
            and optimizer.n_parameters == network.n_parameters
            and optimizer.dtype == network.dtype
        )

    # ------------------------------------------------------------ the network

    @property
    def network_(self) -> Network:
        """The ``bpcore.Network`` that is trained and predicts.

        Its weights are what ``coefs_`` and ``intercepts_`` show, its other methods (gradient,
        trace, per_sample_gradients, jacobian, …) are there for use.
        """
        check_is_fitted(self)
        return self._synchronised()

    def _synchronised(self, spec: NetworkSpec | None = None) -> Network:
        """The network, with what was put into coefs_ or intercepts_, and n_jobs threads."""
        network = self._current(spec)
        network.n_threads = threads_for(self.n_jobs)
        return network

    def _current(self, spec: NetworkSpec | None) -> Network:
        if are_others(self):
            return self._adopted(spec)
        network: Network = self._network
        return network

    def _adopted(self, spec: NetworkSpec | None) -> Network:
        """The network with the values of coefs_ and intercepts_, which become views of it."""
        sizes = layer_sizes_of(self.coefs_, self.intercepts_)
        network = self.__dict__.get("_network")
        if network is None or list(network.layer_sizes) != sizes:
            if spec is None:
                targets = self._codec()
                spec = NetworkSpec.of(self, len(sizes) - 2, *self._output(targets))
            single = all(np.asarray(w).dtype == np.float32 for w in self.coefs_)
            network = spec.build(sizes, np.float32 if single else np.float64)
            self._spec = spec
        network.set_parameters(
            # a masked array stays one, to be refused
            weights=[np.asanyarray(w).T for w in self.coefs_],
            biases=list(self.intercepts_),
        )
        take_network(self, network)
        return network

    def _resumed(self, spec: NetworkSpec, sizes: list[int]) -> Network:
        """The network to go on with: the one there is, with the parameters of now."""
        if are_others(self):
            there = layer_sizes_of(self.coefs_, self.intercepts_)
        else:
            there = list(self._network.layer_sizes)
        if there != sizes:
            raise ValueError(
                f"this call asks for layers of {sizes} units, but the weights from before make "
                f"{there}: keep hidden_layer_sizes and the columns of y, or fit with "
                "warm_start=False"
            )
        network = self._synchronised(spec)
        if self._spec != spec:
            network, trained = spec.build(sizes, network.dtype), network
            network.set_parameters(trained.parameters)
        return network

    def __sklearn_is_fitted__(self) -> bool:
        return are_there(self)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_online", None)  # buffers of the next call
        if "_record" in state:
            # a shallow copy of the estimator counts its own epochs
            record = state["_record"] = copy.copy(self._record)
            for name, curve in vars(record).items():
                if isinstance(curve, list):
                    setattr(record, name, curve.copy())
        if "_network" in state:
            # pickled views become arrays of their own: they are made anew from the network
            self._synchronised()
            state["_network"] = self._network
            state.pop("_views", None)
        elif "_views" in state:
            state["_views"] = copy.copy(state["_views"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_network" in state:
            take_network(self, state["_network"])
        for name in ("coefs_", "intercepts_"):  # as they were kept before there was ``View``
            if name in state:
                setattr(self, name, self.__dict__.pop(name))

    def _set_up(self, network: Network, targets: Any) -> None:
        """Become ready to predict with a network that no fit has seen."""
        n_hidden = len(network.layer_sizes) - 2
        spec = NetworkSpec.of(self, n_hidden, *self._output(targets))
        self._install(network, spec, targets, fresh=True)
        record_of(self).open(self, False, resume=False, partial=True)
        self.n_features_in_ = network.layer_sizes[0]

    def _initialize(self, n_features: int, targets: Any, dtype: Any) -> Self:
        """What ``initialize`` does once it knows the targets."""
        self._validate_params()
        hidden = hidden_sizes(self.hidden_layer_sizes)
        spec = NetworkSpec.of(self, len(hidden), *self._output(targets))
        sizes = [as_integer(n_features, "n_features"), *hidden, targets.width]
        network = spec.build(sizes, dtype)
        draw(network, spec, check_random_state(self.random_state))
        self.__dict__.pop("feature_names_in_", None)
        self._set_up(network, targets)
        return self

    @staticmethod
    def _loss_of(network: Any) -> tuple[str, Any]:
        """(name, parameter or None) of a network's loss."""
        if not isinstance(network, Network):
            raise TypeError(f"network must be a bpcore.Network, got {type(network).__name__}")
        loss: Any = network.loss
        if callable(loss):
            raise ValueError(
                "the network's loss is a function, which no estimator has among its parameters: "
                "take one with a loss by name"
            )
        return (loss, None) if isinstance(loss, str) else loss

    @classmethod
    def _around(cls, network: Any, loss: dict[str, Any], parameters: dict[str, Any]) -> Self:
        """An estimator whose parameters describe a network, but not yet its targets."""
        names = [sklearn_name(one) for one in network.activations]
        decided = {
            "hidden_layer_sizes": network.layer_sizes[1:-1],
            "activation": names[:-1],
            "out_activation": names[-1],
            "dropout": list(network.dropout),
            **loss,
        }
        if given := decided.keys() & parameters.keys():
            raise ValueError(
                f"{', '.join(sorted(given))}: the network decides that; leave it out, or make "
                f"{cls.__name__}(…) of your own"
            )
        return cls(**{"n_jobs": network.n_threads, **decided, **parameters})
