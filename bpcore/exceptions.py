"""The errors of bpcore that are not plain ValueError, TypeError or RuntimeError."""

__all__ = ["DivergenceError", "ModelFileError"]


class DivergenceError(FloatingPointError, ValueError):
    """Training has left the range of floating-point numbers.

    The network keeps the last finite parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import DivergenceError, Network
    >>> net = Network((1, 1), activation="identity", random_state=0)
    >>> X = np.full((4, 1), 1e10, dtype="float32")
    >>> try:
    ...     net.fit(X, X, epochs=20, learning_rate=1e10)
    ... except DivergenceError as error:
    ...     print(np.isfinite(net.parameters).all())
    True
    """


class ModelFileError(ValueError):
    """A file is not a model file, or a damaged one; the message names the file and the fault.

    Examples
    --------
    >>> import os, tempfile
    >>> import bpcore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     with open(path, "wb") as file:
    ...         n_bytes = file.write(b"not a model")
    ...     try:
    ...         bpcore.load(path)
    ...     except bpcore.ModelFileError as error:
    ...         print(str(error).removeprefix(folder)[1:22])
    model.safetensors: no
    """
