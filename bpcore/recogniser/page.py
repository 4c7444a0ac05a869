"""The page of a run: some test images and the backward pass of each, for a browser."""

import os

import numpy as np

from bpcore.datasets import one_hot
from bpcore.recogniser.outcome import Outcome

__all__ = ["write_page"]

_IMAGES, _MISREAD = 10, 5


def write_page(outcome: Outcome, path: str | os.PathLike[str], learning_rate: float) -> None:
    """Write a page of ten test images: those misread with most certainty, then the first others.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    data, network = outcome.data, outcome.network
    misread = outcome.misread[:_MISREAD]
    others = np.flatnonzero(outcome.guesses == data.y_test)[: _IMAGES - len(misread)]
    rows = np.concatenate([misread, others])
    captions = [
        f"a {data.y_test[row]}" + (f" read as {outcome.guesses[row]}" if row in misread else "")
        for row in rows
    ]
    sizes = "-".join(map(str, network.layer_sizes))
    network.to_html(
        path,
        np.divide(data.X_test[rows], 255, dtype=network.dtype),
        one_hot(data.y_test[rows], data.n_classes, network.dtype),
        title=f"{sizes} reads {data.name}",
        names=range(data.n_classes),
        captions=captions,
        image_shape=data.image_shape,
        learning_rate=learning_rate,
    )
