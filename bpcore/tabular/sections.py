"""A fitted estimator for tables as JSON and tensors, and back.

The first member is written as any network, the others as vectors θ of the same layout. The
preparation is numbers and texts; a file can set these and no others.
"""

import math
from dataclasses import fields
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from bpcore.checks import as_callbacks, as_integer
from bpcore.estimators.sections import decoded, describe_targets, encoded, read_targets
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.files.writer import kind_of
from bpcore.network import Network
from bpcore.network.sections import describe_network, read_network
from bpcore.tabular.columns import CATEGORY, NUMBER
from bpcore.tabular.preparation import Category, Number, Preparation

__all__ = ["describe_tabular", "read_tabular"]

_SECTION = {"parameters", "attributes", "targets", "columns", "scaling", "n_members"}
_CURVES = ("loss_curves_", "validation_scores_")
_SCALING = ("_low", "_high", "_middle", "_spread")


# ---------------------------------------------------------------- out


def describe_tabular(est: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sections and the tensors of a fitted estimator's file.

    Raises
    ------
    TypeError
        If it is none of bpcore's, or holds what a file cannot.
    NotFittedError
        If there has been no fit.
    """
    kind = kind_of(est)
    check_is_fitted(est)
    if as_callbacks(est.callback):
        raise TypeError(
            "the parameter callback is of functions, which a model file cannot hold: save after "
            "set_params(callback=None)"
        )
    first, *others = est._members
    section, tensors = describe_network(first)
    tensors |= {f"member.{k}": one.parameters for k, one in enumerate(others, start=1)}
    kept = ("n_features_in_", "feature_names_in_", "best_epochs_", "temperature_", *_CURVES)
    attributes = {name: getattr(est, name) for name in kept if hasattr(est, name)}
    scaling = {name: getattr(est, name).tolist() for name in _SCALING if hasattr(est, name)}
    return {
        "kind": kind,
        "network": section,
        "tabular": {
            "parameters": encoded(est.get_params(deep=False), "the parameter"),
            "attributes": encoded(attributes, "the attribute"),
            "targets": describe_targets(est._targets),
            "columns": [
                values.encode(_describe(kind, rule), "the preparation")
                for kind, rule in zip(est._preparation.kinds, est._preparation.columns, strict=True)
            ],
            "scaling": encoded(scaling, "the scaling"),
            "n_members": len(est._members),
        },
    }, tensors


def _describe(kind: str, rule: Number | Category | None) -> dict[str, Any]:
    if rule is None:
        return {"kind": kind}
    names = (
        ("texts", "inputs", "width")
        if isinstance(rule, Category)
        else [one.name for one in fields(Number)]
    )
    return {"kind": kind, **{name: getattr(rule, name) for name in names}}


# ---------------------------------------------------------------- in


def read_tabular(reader: ModelReader, cls: Any, allow_nonfinite: bool = False) -> Any:
    """The estimator, an object of ``cls``, of a file whose tensors have been checked."""
    first = read_network(reader, Network, allow_nonfinite)
    with reader.reading("tabular"):
        section = reader.sections["tabular"]
        if not isinstance(section, dict) or set(section) != _SECTION:
            raise ValueError(f"expected an object with the entries {', '.join(sorted(_SECTION))}")
        est = cls(**decoded(section["parameters"]))
        est._validate_params()
        targets = read_targets(kind_of(est), section["targets"], first)
        preparation = _read_preparation(section["columns"])
        sizes = (preparation.width, targets.width)
        if sizes != (first.layer_sizes[0], first.layer_sizes[-1]):
            raise ValueError(
                f"its columns and targets take {sizes} inputs and outputs, its networks have "
                f"{(first.layer_sizes[0], first.layer_sizes[-1])}"
            )
        attributes = _read_attributes(section["attributes"], preparation, section["n_members"])
        scaling = _read_scaling(section["scaling"], cls, targets.width)
    members = [first]
    for k in range(1, section["n_members"]):
        theta = reader.tensor(f"member.{k}")
        if not (allow_nonfinite or np.isfinite(theta).all()):
            raise reader.fault(f"the tensor member.{k} holds NaN or infinity")
        member = Network(
            first.layer_sizes, activation=list(first.activations[:-1]),
            output_activation=first.activations[-1], loss=first.loss, dtype=first.dtype,
            init="zeros", random_state=0, dropout=first.dropout,
        )  # fmt: skip
        member.parameters[:] = theta
        members.append(member)
    vars(est).update(attributes, **scaling)
    est._members, est._preparation, est._targets = members, preparation, targets
    est._install_targets(targets)
    return est


def _read_preparation(columns: Any) -> Preparation:
    preparation = Preparation()
    for described in map(values.decode, columns):
        if not isinstance(described, dict):
            raise ValueError("a column must be an object")
        kind = described.pop("kind", None)
        if kind not in (NUMBER, CATEGORY):
            raise ValueError(f"{kind!r} is no kind of column")
        preparation.kinds.append(kind)
        rule: Number | Category | None = None
        if described:
            rule = _number(**described) if kind == NUMBER else _category(**described)
        preparation.columns.append(rule)
    preparation.look_up()
    return preparation


def _number(center: Any, factor: Any, marks_missing: Any) -> Number:
    if not all(type(one) is float and math.isfinite(one) for one in (center, factor)):
        raise ValueError("center and factor must be finite numbers")
    if not isinstance(marks_missing, bool):
        raise ValueError("marks_missing must be true or false")
    return Number(center, factor, marks_missing)


def _category(texts: Any, inputs: Any, width: Any) -> Category:
    width = as_integer(width, "width")
    if not (isinstance(texts, list) and isinstance(inputs, list) and len(texts) == len(inputs)):
        raise ValueError("texts and inputs must be lists of one length")
    if not all(one is None or isinstance(one, str) for one in texts):
        raise ValueError("texts must be strings or null")
    if width > len(texts):
        raise ValueError(f"{len(texts)} categories cannot have {width} inputs")
    if not all(type(one) is int and 0 <= one < max(width, 2) for one in inputs):
        raise ValueError("inputs must be numbers of inputs")
    return Category(texts, inputs, width)


def _read_attributes(named: Any, preparation: Preparation, n_members: int) -> dict[str, Any]:
    attributes = decoded(named)
    n_columns = len(preparation.kinds)
    if as_integer(attributes["n_features_in_"], "n_features_in_") != n_columns:
        raise ValueError(f"n_features_in_ is not the number of columns, {n_columns}")
    names = attributes.get("feature_names_in_")
    if names is not None and not (
        isinstance(names, np.ndarray)
        and names.shape == (n_columns,)
        and all(isinstance(one, str) for one in names)
    ):
        raise ValueError(f"feature_names_in_ must be an array of {n_columns} strings")
    if names is not None:
        attributes["feature_names_in_"] = names.astype(object)
    for name in _CURVES:
        curves = attributes[name]
        if not (
            isinstance(curves, list)
            and len(curves) == n_members
            and all(isinstance(one, list) for one in curves)
            and all(type(number) is float for one in curves for number in one)
        ):
            raise ValueError(f"{name} must be a list of floats for each of {n_members} members")
    best = attributes["best_epochs_"]
    if not (isinstance(best, list) and all(type(one) is int for one in best)):
        raise ValueError("best_epochs_ must be a list of integers")
    if not isinstance(attributes.get("temperature_", 1.0), float):
        raise ValueError("temperature_ must be a number")
    known = {"n_features_in_", "feature_names_in_", "best_epochs_", "temperature_", *_CURVES}
    if unknown := set(attributes) - known:
        raise ValueError(f"{sorted(unknown)} are no attributes that a file may set")
    attributes["n_iter_"] = max(map(len, attributes["loss_curves_"]))
    return attributes


def _read_scaling(named: Any, cls: Any, width: int) -> dict[str, np.ndarray]:
    scaling = decoded(named)
    wanted = set(_SCALING) if cls._y_numeric else set()
    if set(scaling) != wanted:
        raise ValueError(f"expected a scaling with the entries {sorted(wanted)}")
    arrays = {name: np.array(one, dtype=np.float64) for name, one in scaling.items()}
    if any(one.shape != (width,) or not np.isfinite(one).all() for one in arrays.values()):
        raise ValueError(f"the scaling must have {width} finite numbers an entry")
    return arrays
