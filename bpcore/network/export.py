"""What a network is written to: model files, ONNX, C."""

import os
from typing import Any

import numpy as np

from bpcore.network.architecture import Architecture

__all__ = ["Export", "layers_of"]


def layers_of(network: Architecture) -> list[tuple[Any, np.ndarray, np.ndarray]]:
    """(σ, w^(l), b^(l)) of each layer, as the exports take a forward pass."""
    return list(zip(network.activations, network.weights, network.biases, strict=True))


class Export(Architecture):
    """The part of ``Network`` that writes files."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a model file, which ``bpcore.load`` reads; see there.

        Architecture, θ, random state, ``history_`` and ``optimizer_`` are kept, so that ``step``
        and ``fit`` go on from the file to the same bits; how many threads to use is not.
        While the network trains, save it from a callback, not from another thread.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".safetensors". What is there is replaced, all at once.

        Raises
        ------
        TypeError
            If the network is of a subclass, which a reader would not know.
        ImportError
            If safetensors is not installed: ``pip install "bpcore[files]"``.
        OSError
            If the file cannot be written.
        """
        from bpcore.files.writer import kind_of, write
        from bpcore.network.sections import network_file

        kind_of(self)
        write(path, *network_file(self))

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the forward pass to an ONNX file, for ONNX Runtime and the like.

        One input "X", float32 of shape (n, n_0), one output "A" of shape (n, n_L). It computes
        in float32, whatever the network's dtype.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".onnx".

        Raises
        ------
        ImportError
            If onnx is not installed: ``pip install "bpcore[onnx]"``.
        ValueError
            If a parameter is not finite in float32, or the file would be beyond the 2 GiB that
            the format holds.
        OSError
            If the file cannot be written.
        """
        from bpcore.files.onnx import forward_model, write

        write(path, forward_model(layers_of(self)))

    def to_c(
        self, path: str | os.PathLike[str], name: str = "network", dtype: Any = "float32"
    ) -> None:
        """Write the forward pass to a C header that needs nothing but <math.h>.

        It defines ``void network_forward(const float *x, float *a)`` for one example, in C99 or
        C++, and says its sizes in macros.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".h".
        name : str, default="network"
            What the names in it begin with; a C identifier.
        dtype : {"float32", "float64"}, default="float32"
            What it computes in, whatever the network does: ``float`` or ``double``.

        Raises
        ------
        ValueError
            If the name or the dtype is none of these, or a parameter is not finite in it.
        OSError
            If the file cannot be written.
        """
        from bpcore.files.c_header import write

        write(path, layers_of(self), name, dtype)
