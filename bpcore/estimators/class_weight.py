"""The parameter ``class_weight``: what each row's sample weight is multiplied by."""

from typing import Any

import numpy as np

from bpcore import checks as check

__all__ = ["counts_of", "row_weights", "tables_of"]


def row_weights(
    tables: list[np.ndarray], columns: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """(n,): the product over the columns of y of each label's weight.

    Parameters
    ----------
    tables : list of ndarrays
        What ``tables_of`` returns.
    columns : list of (classes, positions)
        Of each column of y: every class that there is, and (n,) which of them a row has.
    """
    weights = np.ones(len(columns[0][1]))
    for table, (_, positions) in zip(tables, columns, strict=True):
        weights *= table[positions]
    return weights


def counts_of(
    columns: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each column of y: its classes, and (n_classes,) the rows that have each of them."""
    counts = [np.bincount(at, minlength=len(classes)) for classes, at in columns]
    return [classes for classes, _ in columns], counts


def tables_of(
    class_weight: Any, columns: list[np.ndarray], counts: list[np.ndarray]
) -> list[np.ndarray]:
    """(n_classes,) for each column of y: the weight of each class.

    Parameters
    ----------
    class_weight : "balanced", dict or list of dict
        In a list, "balanced" and None may take a dict's place.
    columns : list of ndarrays
        Of each column of y: every class that there is.
    counts : list of ndarrays
        Of each column of y: the rows that have each class.

    Raises
    ------
    TypeError, ValueError
        If a weight is not finite or negative, or a dict does not go with the classes.
    """
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
    return [
        _by_class(one, classes, of_class, f"class_weight[{k}]" if many else "class_weight")
        for k, (one, classes, of_class) in enumerate(zip(given, columns, counts, strict=True))
    ]


def _by_class(one: Any, classes: np.ndarray, counts: np.ndarray, what: str) -> np.ndarray:
    """(n_classes,): the weight of each class of a column."""
    if one is None:
        return np.ones(len(classes))
    if isinstance(one, str) and one == "balanced":
        present = np.count_nonzero(counts)
        return counts.sum() / (present * np.maximum(counts, 1))
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
