"""Rows that are images, and names that belong to rows or units."""

import math
from typing import Any

import numpy as np


def as_image_shape(image_shape: Any, n_inputs: int) -> tuple[int, ...]:
    """(height, width) or (height, width, 3) of a row of n_inputs; None takes a square.

    Raises
    ------
    ValueError
        If it is no such shape, or the inputs do not fill it, or are no square.
    """
    if image_shape is None:
        side = math.isqrt(n_inputs)
        if side * side != n_inputs:
            raise ValueError(
                f"{n_inputs} inputs make no square image: give image_shape=(height, width), or "
                "(height, width, 3) for colours"
            )
        return side, side
    given = np.asarray(image_shape)
    if given.dtype.kind not in "iu" or given.ndim != 1 or len(given) not in (2, 3):
        raise ValueError(
            "image_shape must be (height, width), or (height, width, 3) for colours, got "
            f"{image_shape!r}"
        )
    shape = tuple(given.tolist())
    if shape[2:] == (1,):
        shape = shape[:2]
    if min(shape) < 1 or shape[2:] not in ((), (3,)):
        raise ValueError(f"image_shape must be of positive sides and 1 or 3 colours, got {shape}")
    if math.prod(shape) != n_inputs:
        raise ValueError(
            f"image_shape {shape} takes {math.prod(shape)} inputs, but there are {n_inputs}"
        )
    return shape


def as_image_shape_or_none(image_shape: Any, n_inputs: int) -> tuple[int, ...] | None:
    """The shape of an input that is an image, from "auto", a shape or None."""
    if image_shape is None:
        return None
    if isinstance(image_shape, str):
        if image_shape != "auto":
            raise ValueError('image_shape must be "auto", (height, width), (height, width, 3) or '
                             f"None, got {image_shape!r}")  # fmt: skip
        try:
            return as_image_shape(None, n_inputs)
        except ValueError:
            return None
    return as_image_shape(image_shape, n_inputs)


def as_texts(given: Any, n: int, name: str, what: str) -> list[str] | None:
    """Names as texts, one for each of n things; None: there are none."""
    if given is None:
        return None
    texts = [str(one) for one in given]
    if len(texts) != n:
        raise ValueError(f"{name} holds {len(texts)}, but there are {n} {what}")
    return texts


def as_labels(Y: np.ndarray, n_classes: int) -> np.ndarray:
    """Labels 0, 1, … as integers."""
    right = np.zeros(len(Y), dtype=bool)
    if Y.dtype.kind in "biuf":
        right = np.isin(Y, np.arange(n_classes))
    if not right.all():
        row = int(right.argmin())
        raise ValueError(
            f"labels in Y must be 0 to {n_classes - 1}, the outputs counted from 0, got "
            f"{Y[row].item()!r} in row {row}; names says what they are called"
        )
    return Y.astype(np.intp)
