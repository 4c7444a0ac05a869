"""A model file is written: sections as JSON beside tensors, in the safetensors format."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.files import values
from bpcore.files.reader import FORMAT_VERSION, LONGEST_HEADER, METADATA_KEY, library, reserve
from bpcore.files.replace import replace_file

__all__ = ["kind_of", "write"]


def kind_of(model: Any) -> str:
    """What a model's file calls it: ``_file_kind``, which its very class has to state.

    Raises
    ------
    TypeError
        If the class does not, being no model or a user's subclass of one.
    """
    kind: str | None = vars(type(model)).get("_file_kind")
    if kind is None:
        raise TypeError(
            "a model file holds a Network or one of bpcore's estimators (no class of your own, "
            f"which a reader would not know), got {type(model).__name__}"
        )
    return kind


def write(path: Any, sections: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write these sections and tensors as a model file, all at once.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    ValueError
        If what is to stand beside the tensors is longer than a reader accepts.
    OSError
        If the file cannot be written.
    """
    safetensors = library()
    save_file = importlib.import_module("safetensors.numpy").save_file
    text = values.dumps(
        {"format_version": FORMAT_VERSION, "bpcore_version": __version__, **sections}
    )

    def write_to(new: Path) -> None:
        reserve(2 * len(text))
        try:
            save_file(tensors, new, metadata={METADATA_KEY: text})
        except safetensors.SafetensorError as error:  # the disk is full, say
            raise OSError(f"{path} could not be written: {error}") from error
        with new.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(
                f"what {path} is to hold beside tensors (history, classes, names of features) "
                f"takes {length:,} bytes, and {LONGEST_HEADER:,} is the most"
            )

    replace_file(path, write_to)
