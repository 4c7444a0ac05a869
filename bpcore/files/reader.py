"""Model files are read: what a header announces is compared with the file before it is believed.

Nothing is built before the sizes that the header announces have been compared with the tensors
that the file holds, so a damaged or hostile file costs memory in proportion to its own length.
"""

import contextlib
import importlib
import math
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from bpcore.exceptions import ModelFileError
from bpcore.files import values

__all__ = ["FORMAT_VERSION", "METADATA_KEY", "ModelReader", "library", "reserve"]

FORMAT_VERSION = 1
# Everything beside the tensors stands in one entry of the safetensors metadata.
METADATA_KEY = "bpcore"
# Room for 500,000 epochs of history; the parser needs some ten times as much memory.
LONGEST_HEADER = 64 * 2**20

_LONGEST_FAULT = 500
# Memory that safetensors takes beside the bytes of tensors.
_SLACK = 2**22

_SECTIONS = {"format_version", "bpcore_version", "kind", "network"}
_OPTIONAL_SECTIONS = {"history", "training", "optimizer", "estimator", "tabular", "best"}
_TENSOR_DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def library() -> Any:
    """The safetensors library.

    Raises
    ------
    ImportError
        If it is not installed; the message says what to type.
    """
    try:
        return importlib.import_module("safetensors")
    except ModuleNotFoundError as error:
        raise ImportError(
            'model files need the safetensors library: pip install "bpcore[files]"'
        ) from error


def reserve(n_bytes: int) -> None:
    """Raise MemoryError where there is no room for so many bytes.

    safetensors is written in Rust, which panics or ends the process where memory runs out.
    """
    np.empty(n_bytes + _SLACK, dtype=np.uint8)


class ModelReader:
    """An open model file.

    Parameters
    ----------
    path : str or path-like

    Attributes
    ----------
    name : str
        The path, for messages.
    sections : dict
        The metadata: JSON, not decoded yet.
    tensors : dict
        Name → (safetensors' dtype, shape) of every tensor the file holds.

    Raises
    ------
    ModelFileError
        If it is not a whole model file, or one of a newer version.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Any) -> None:
        safetensors = library()
        self.name = os.fsdecode(path)
        self._check_frame()
        try:
            self._file = safetensors.safe_open(self.name, framework="numpy").__enter__()
        except safetensors.SafetensorError as error:
            raise self.fault(
                f"no whole safetensors file, it is damaged, truncated or has grown ({error})"
            ) from None
        try:
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118
            self.tensors = {
                name: (str(one.get_dtype()), tuple(one.get_shape())) for name, one in slices.items()
            }
            self.sections = self._read_sections(self._file.metadata())
        except BaseException:
            self.close()
            raise

    def _check_frame(self) -> None:
        """The file's length against the length of the header that it begins with."""
        status = os.stat(self.name)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise self.fault(f"{kind}, expected a model file")
        with open(self.name, "rb") as file:
            first = file.read(8)
        if len(first) < 8:
            raise self.fault(f"no model file: it is {len(first)} byte(s) long")
        length = int.from_bytes(first, "little")
        if length > LONGEST_HEADER:
            raise self.fault(
                f"no model file: its first eight bytes announce a header of {length:,} bytes, and "
                f"{LONGEST_HEADER:,} is the most"
            )
        if length > status.st_size - 8:
            raise self.fault(
                f"truncated: it announces a header of {length:,} bytes, and {status.st_size - 8:,} "
                "follow"
            )

    def _read_sections(self, metadata: Any) -> dict[str, Any]:
        text = (metadata or {}).get(METADATA_KEY)
        if text is None:
            raise self.fault(
                f"a safetensors file without the entry {METADATA_KEY!r} in its metadata: bpcore "
                "did not write it"
            )
        with self.reading("its metadata"):
            sections = values.loads(text)
            if not isinstance(sections, dict):
                raise ValueError("not a JSON object")
            version = sections.get("format_version")
            if type(version) is not int or version < 1:
                raise ValueError(f"{version!r} is no format version")
            if version > FORMAT_VERSION:
                raise self.fault(
                    f"of format version {version}, written by bpcore "
                    f"{sections.get('bpcore_version')!r}; this bpcore reads up to version "
                    f"{FORMAT_VERSION}: install a newer one"
                )
            missing = _SECTIONS - set(sections)
            unknown = set(sections) - _SECTIONS - _OPTIONAL_SECTIONS
            if missing or unknown:
                raise ValueError(f"missing: {sorted(missing)}, unknown: {sorted(unknown)}")
        return sections

    # ------------------------------------------------------------ faults

    def fault(self, text: str) -> ModelFileError:
        """The error that says so of this file."""
        # the text may quote a value of the file, which may be a megabyte long
        return ModelFileError(f"{self.name}: {text[:_LONGEST_FAULT]}")

    @contextlib.contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """A context in which an error about a value becomes an error of the file."""
        try:
            yield
        except ModelFileError:
            raise
        except RecursionError:
            raise self.fault(f"{what}: nested too deeply") from None
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise self.fault(f"{what}: {error}") from error

    def section(self, name: str, keys: set[str]) -> dict[str, Any]:
        """A section of the metadata, decoded, which has these keys and no others."""
        with self.reading(name):
            content = self.sections.get(name)
            if not isinstance(content, dict) or set(content) != keys:
                raise ValueError(f"expected an object with the entries {', '.join(sorted(keys))}")
            return {key: values.decode(value) for key, value in content.items()}

    # ------------------------------------------------------------ tensors

    def check_tensors(self, expected: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
        """Compare the tensors there are with those there should be: name → (dtype, shape)."""
        missing, unknown = expected.keys() - self.tensors.keys(), self.tensors.keys() - expected
        if missing or unknown:
            raise self.fault(
                f"its tensors are not those it describes; missing: {_some(missing)}, not "
                f"described: {_some(unknown)}"
            )
        for name, (dtype, shape) in expected.items():
            there = self.tensors[name]
            if there != (_TENSOR_DTYPES[np.dtype(dtype).name], shape):
                raise self.fault(
                    f"the tensor {name} is {there[0]} of shape {there[1]}, expected "
                    f"{_TENSOR_DTYPES[np.dtype(dtype).name]} of shape {shape}"
                )

    def tensor(self, name: str) -> np.ndarray:
        """The values of a tensor, after ``check_tensors``."""
        dtype, shape = self.tensors[name]
        reserve(math.prod(shape) * int(dtype[1:]) // 8)
        array: np.ndarray = self._file.get_tensor(name)
        return array

    # ------------------------------------------------------------ with

    def close(self) -> None:
        """Let go of the file."""
        self._file.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _some(names: Any) -> str:
    listed = [name if len(name) <= 40 else name[:37] + "…" for name in sorted(names)[:4]]
    return ", ".join(listed) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
