"""What a page is told of a trace: layers, functions, names, and the arrays in base64."""

import base64
import zlib
from typing import Any

import numpy as np

from bpcore.explain.notation import Terms
from bpcore.functions import ACTIVATIONS, LOSSES

__all__ = ["MOST_EXAMPLES", "content_of"]

# more could neither be looked at one by one nor computed between two clicks
MOST_EXAMPLES = 200


def content_of(
    trace: Terms,
    *,
    title: str | None,
    names: list[str] | None,
    captions: list[str] | None,
    features: list[str] | None,
    image_shape: tuple[int, ...] | None,
    example: int | None,
    learning_rate: float,
) -> dict[str, Any]:
    """The description that the page reads; every name in it is a plain text."""
    sizes = trace.layer_sizes
    dtype = trace.a[-1].dtype
    theta = [part.ravel() for pair in zip(trace.w[1:], trace.b[1:], strict=True) for part in pair
             if part is not None]  # fmt: skip
    return {
        "title": title or f"The backward pass of a {'-'.join(map(str, sizes))} network",
        "sizes": list(sizes),
        "sigma": [None, *map(_sigma, trace.sigma[1:])],
        "loss": _loss(trace.loss, sizes[-1]),
        "eps": float(np.finfo(dtype).eps),
        "names": names,
        "captions": captions,
        "features": features,
        "imageShape": None if image_shape is None else list(image_shape),
        "example": example,
        "learningRate": learning_rate,
        "arrays": {
            "theta": _packed(np.concatenate(theta)),
            "x": _packed(trace.a[0]),
            "y": _packed(trace.targets),
            "shares": _packed(trace.shares),
        },
    }


def _packed(array: np.ndarray) -> dict[str, str]:
    """Numbers as they are, deflated: "f" is float32, "d" is float64."""
    kind = "f" if array.dtype == np.float32 else "d"
    data = np.ascontiguousarray(array, dtype="<f4" if kind == "f" else "<f8")
    packed = zlib.compress(data.tobytes(), 9)
    return {"type": kind, "data": base64.b64encode(packed).decode("ascii")}


def _sigma(sigma: Any) -> dict[str, Any]:
    name, parameter = (sigma, None) if isinstance(sigma, str) else sigma
    return {"name": name, "parameter": parameter, "slope": ACTIVATIONS[name].da_dz}


def _loss(loss: Any, n_outputs: int) -> dict[str, Any]:
    name, given = (loss, None) if isinstance(loss, str) else loss
    row = LOSSES[name]
    parameters = None
    if row.parameter is not None:
        value = row.parameter.default if given is None else given
        parameters = np.broadcast_to(np.asarray(value, dtype=np.float64), n_outputs).tolist()
    return {
        "name": name,
        "words": row.text,
        "slope": row.dC_da,
        "parameters": parameters,
        "clips": given == "clip",
        "cancelsWith": row.cancels_with,
    }
