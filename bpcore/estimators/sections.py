"""A fitted estimator as JSON and tensors, and back.

Its network is written as any network. What else a fit leaves behind are the fields of its record
and the names of the inputs: a file can set these attributes and no others.
"""

from dataclasses import fields
from typing import Any

import numpy as np

from bpcore.checks import as_callbacks, as_integer
from bpcore.estimators.numbers import Numbers
from bpcore.estimators.optimizer import LearningRate
from bpcore.estimators.posterior import Covariance
from bpcore.estimators.record import FitRecord, attributes_shown, record_of
from bpcore.estimators.spec import NetworkSpec
from bpcore.estimators.state import State
from bpcore.estimators.targets import Labels, Multilabel, Multioutput
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.files.sections import describe_optimizer, read_optimizer
from bpcore.files.writer import kind_of
from bpcore.network import Network
from bpcore.network.sections import describe_network, read_network

__all__ = [
    "decoded",
    "describe_estimator",
    "describe_targets",
    "encoded",
    "read_estimator",
    "read_targets",
]

_SHOWN = attributes_shown(State)
# Entries of the record with a place of their own in a file.
_APART = {"best_theta", "optimizer", "rate", "posterior"}
# The attributes that a file holds, and their types, in the order of format 1.
KEPT: dict[str, Any] = {
    "n_features_in_": int,
    **{_SHOWN[one.name]: one.type for one in fields(FitRecord) if one.name not in _APART},
    "feature_names_in_": np.ndarray,
}
KEPT["stopped_early_"] = KEPT.pop("stopped_early_")
# Attributes that follow from the network and the targets, or have a place of their own.
DERIVED = (
    *("coefs_", "intercepts_", "n_layers_", "n_outputs_", "out_activation_", "classes_"),
    *("_network", "_views", "_spec", "_targets", "_record", "_online"),
)
_MOST = {"_split_seed": 2**31}
_SECTION = {"parameters", "attributes", "targets", "blueprint", "rate", "best"}
_MAYBE = {"posterior"}


# ---------------------------------------------------------------- out


def describe_estimator(
    est: Any, callback: bool = True
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sections and the tensors of a fitted estimator's file.

    Parameters
    ----------
    est : estimator
    callback : bool, default=True
        Whether the parameter of that name counts; False leaves it out.

    Raises
    ------
    TypeError
        If it is none of bpcore's, or holds what a file cannot.
    NotFittedError
        If it has no weights yet.
    """
    kind = kind_of(est)
    network = est.network_
    est._validate_params()
    parameters = est.get_params(deep=False)
    if not callback:
        del parameters["callback"]
    elif as_callbacks(est.callback):
        raise TypeError(
            "the parameter callback is of functions, which a model file cannot hold: save after "
            "set_params(callback=None)"
        )
    section, tensors = describe_network(network)
    record = vars(est._record) if "_record" in vars(est) else {}
    best, rate = record.get("best_theta"), record.get("rate")
    own: dict[str, Any] = {
        "parameters": encoded(parameters, "the parameter"),
        "attributes": encoded(
            {name: getattr(est, name) for name in KEPT if hasattr(est, name)}, "the attribute"
        ),
        "targets": describe_targets(est._codec()),
        "blueprint": encoded(_fields_of(est._spec), "the network's"),
        "rate": None if rate is None else encoded(_fields_of(rate), "the rate's"),
        "best": None if "best_theta" not in record else best is not None,
    }
    sections = {"kind": kind, "network": section, "estimator": own}
    if best is not None:
        tensors["best_parameters"] = best
    posterior = record.get("posterior")
    if posterior is not None and posterior.is_of(network):
        own["posterior"] = True
        tensors["posterior"] = posterior.root
    optimizer = record.get("optimizer")
    if optimizer is not None:
        sections["optimizer"], slots = describe_optimizer(optimizer)
        tensors |= slots
    return sections, tensors


def encoded(named: dict[str, Any], what: str) -> dict[str, Any]:
    """Values by name as JSON; what: what they are, for errors."""
    # a JSON object, not the {"dict": …} of other values: these names are strings of our own
    return {name: values.encode(value, f"{what} {name}") for name, value in named.items()}


def _fields_of(record: Any) -> dict[str, Any]:
    return {one.name: getattr(record, one.name) for one in fields(record)}


def describe_targets(targets: Any) -> dict[str, Any]:
    """How y is encoded, as JSON."""
    name = type(targets).__name__
    if name == "Numbers":
        numbers = {"n_targets": targets.n_targets, "n_quantiles": targets.n_quantiles}
        return {"kind": name, **numbers}
    if name == "Multilabel":
        # not in the files of a dense y, which stay as they always were
        return {
            "kind": name,
            "n_labels": targets.width,
            **({"sparse": True} if targets.sparse else {}),
        }
    return {"kind": name, "classes": values.encode(targets.classes, "classes_")}


# ---------------------------------------------------------------- in


def read_estimator(
    reader: ModelReader, cls: Any, allow_nonfinite: bool = False, last: bool = False
) -> Any:
    """The estimator, an object of ``cls``, of a file whose tensors have been checked.

    last: whether a checkpoint's weights are those of its last epoch, to go on from, and not those
    of the best one, which its fit would have left.
    """
    network = read_network(reader, Network, allow_nonfinite)
    optimizer = None
    if "optimizer" in reader.sections:
        optimizer = read_optimizer(reader, network.n_parameters, network.dtype)
    with reader.reading("estimator"):
        section = reader.sections["estimator"]
        if not isinstance(section, dict) or set(section) - _MAYBE != _SECTION:
            raise ValueError(f"expected an object with the entries {', '.join(sorted(_SECTION))}")
        est = cls(**decoded(section["parameters"]))
        est._validate_params()
        spec = _record(NetworkSpec, section["blueprint"])
        targets = read_targets(kind_of(est), section["targets"], network)
        if targets.width != network.layer_sizes[-1]:
            raise ValueError(
                f"its targets take {targets.width} outputs, its network has "
                f"{network.layer_sizes[-1]}"
            )
        attributes = decoded(section["attributes"])
        for name, value in attributes.items():
            _check_attribute(name, value, network)
        rate: Any = None if section["rate"] is None else _record(LearningRate, section["rate"])
        if (optimizer is None) != (rate is None):
            raise ValueError("an optimizer and the rule for its rate belong together")
        if section["best"] not in (None, True, False):
            raise ValueError("best must be null, true or false")
        if "posterior" in section and not (
            section["posterior"] is True and isinstance(attributes.get("noise_std_"), float)
        ):
            raise ValueError("posterior must be true, and belongs to a noise_std_")
    est._install(network, spec, targets, fresh=False)
    for name, value in attributes.items():
        setattr(est, name, value)
    record = record_of(est)
    if optimizer is not None:
        record.optimizer, record.rate = optimizer, rate
    if "posterior" in section:
        record.posterior = Covariance(reader.tensor("posterior"), network.parameters.copy())
        if not (allow_nonfinite or np.isfinite(record.posterior.root).all()):
            raise reader.fault("the tensor posterior holds NaN or infinity")
    if section["best"] is not None:
        record.best_theta = best = reader.tensor("best_parameters") if section["best"] else None
        if best is not None and not (allow_nonfinite or np.isfinite(best).all()):
            raise reader.fault("the tensor best_parameters holds NaN or infinity")
        if best is not None and "training" in reader.sections and not last:
            network.parameters[:], record.best_theta = best, None
    return est


def decoded(named: Any) -> dict[str, Any]:
    """What ``encoded`` was given."""
    if not isinstance(named, dict):
        raise ValueError("expected an object of names and values")
    return {name: values.decode(value) for name, value in named.items()}


def _record(cls: Any, named: Any) -> Any:
    """A NetworkSpec or a LearningRate, every field of the type that it is declared with."""
    there = decoded(named)
    for one in fields(cls):
        declared = getattr(one.type, "__name__", "")
        types = {"str": (str,), "float": (float, int), "tuple": (tuple,)}.get(declared)
        if types and not isinstance(there.get(one.name), types):
            raise ValueError(f"{one.name} must be a {declared}")
    return cls(**there)


def read_targets(kind: str, named: Any, network: Network) -> Any:
    """What ``describe_targets`` was given, for an estimator of this kind."""
    described = decoded(named)
    name = described.pop("kind", None)
    classifies = kind.endswith("Classifier")
    if not classifies and name == "Numbers":
        return Numbers(*(as_integer(described[key], key) for key in ("n_targets", "n_quantiles")))
    if classifies and name == "Multilabel":
        if described["n_labels"] != network.layer_sizes[-1]:  # before they are counted out
            raise ValueError("there must be as many labels as outputs")
        return Multilabel(network.layer_sizes[-1], described.get("sparse") is True)
    if classifies and name == "Labels":
        return Labels(_classes(described["classes"]), network.layer_sizes[-1] == 2)
    if classifies and name == "Multioutput" and isinstance(described["classes"], list):
        return Multioutput([_classes(one) for one in described["classes"]])
    raise ValueError(f"{name!r} is no kind of targets of an {kind}")


def _classes(classes: Any) -> np.ndarray:
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or not classes.size:
        raise ValueError("classes must be an array of one dimension")
    return classes


def _check_attribute(name: str, value: Any, network: Network) -> None:
    if name not in KEPT:
        raise ValueError(f"{name!r} is no attribute that a file may set")
    kind, n_inputs = KEPT[name], network.layer_sizes[0]
    if kind is int:
        if as_integer(value, name, least=0) >= _MOST.get(name, 2**62):
            raise ValueError(f"{name} is beyond what can be counted")
        if name == "n_features_in_" and value != n_inputs:
            raise ValueError(f"n_features_in_ is {value}, but its network takes {n_inputs}")
    elif kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    elif kind == float | None:
        if not (value is None or isinstance(value, float)):
            raise ValueError(f"{name} must be a float or null")
    elif kind is np.ndarray:
        if not (
            isinstance(value, np.ndarray)
            and value.shape == (n_inputs,)
            and all(isinstance(one, str) for one in value)
        ):
            raise ValueError(f"{name} must be an array of {n_inputs} strings")
    elif not (value is None and kind != list[float]) and not (
        isinstance(value, list) and all(isinstance(one, float) for one in value)
    ):
        raise ValueError(f"{name} must be a list of floats")
