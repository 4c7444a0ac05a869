"""The parameter ``class_weight``: what each row's sample weight is multiplied by."""

from typing import Any

import numpy as np

from bpcore import checks as check

__all__ = ["row_weights"]


def row_weights(class_weight: Any, columns: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(n,): the product over the columns of y of each label's weight.

    Parameters
    ----------
    class_weight : "balanced", dict or list of dict
        In a list, "balanced" and None may take a dict's place.
    columns : list of (classes, positions)
        Of each column of y: every class that there is, and (n,) which of them a row has.

    Raises
    ------
    TypeError, ValueError
        If a weight is not finite or negative, or a dict does not go with the classes.
    """
    weights = np.ones(len(columns[0][1]))
    several = len(columns) > 1
    many = isinstance(class_weight, list)
    if several and isinstance(class_weight, dict):
        raise ValueError(
            f"y has {len(columns)} columns: class_weight must be 'balanced' or a list with a dict "
            f"for each of them, got one dict, {class_weight!r}"
        )
    if many and len(class_weight) != len(columns):
        raise ValueError(
            f"class_weight lists {len(class_weight)} dicts, but y has {len(columns)} columns"
        )
    given = class_weight if many else [class_weight] * len(columns)
    for k, (one, (classes, positions)) in enumerate(zip(given, columns, strict=True)):
        what = f"class_weight[{k}]" if many else "class_weight"
        weights *= _by_class(one, classes, positions, what)[positions]
    return weights


def _by_class(one: Any, classes: np.ndarray, positions: np.ndarray, what: str) -> np.ndarray:
    """(n_classes,): the weight of each class of a column."""
    if one is None:
        return np.ones(len(classes))
    if isinstance(one, str) and one == "balanced":
        counts = np.bincount(positions, minlength=len(classes))
        present = np.count_nonzero(counts)
        return len(positions) / (present * np.maximum(counts, 1))
    if not isinstance(one, dict):
        raise TypeError(f"{what} must be a dict {{class: weight}} or 'balanced', got {one!r}")
    weights = {
        label: check.as_number(weight, f"{what}[{label!r}]") for label, weight in one.items()
    }
    labels = classes.tolist()
    known = set(labels)
    strange = [label for label in weights if label not in known]
    missing = [label for label in labels if label not in weights]
    # a label that does not occur may be named, as where the rows are a part of the data; but one
    # that is named while another has no weight is likely to be mistyped
    if strange and missing:
        raise ValueError(
            f"{what} names {strange}, which are not among the classes {labels}, and gives no "
            f"weight for {missing}"
        )
    return np.array([weights.get(label, 1.0) for label in labels])
