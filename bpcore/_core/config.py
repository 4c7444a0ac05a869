"""What was chosen on this machine: instruction sets, BLAS, threads."""

import os
from typing import Any

from bpcore._core import activations, products
from bpcore._core.threads import blas_libraries, usable_processors
from bpcore._version import __version__

__all__ = ["show_config"]

_PRESETS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Say what bpcore runs on.

    Parameters
    ----------
    mode : {"stdout", "dict"}, default="stdout"
        "stdout" prints; "dict" returns.

    Returns
    -------
    dict or None
        ``version``; ``elementwise``: the instruction set of the activation functions and
        optimizers; ``products``: that of the own matrix products; ``blas``: for each BLAS that
        is loaded its library, version, core type (the kernels it has chosen) and threads, the
        first being SciPy's, which bpcore calls; ``threads``: how many a Network uses when it is
        not told; ``environment``: the variables that are set and change one of these.

    Raises
    ------
    ValueError
        If the mode is neither.

    Examples
    --------
    >>> import bpcore
    >>> sorted(bpcore.show_config(mode="dict"))
    ['blas', 'elementwise', 'environment', 'products', 'threads', 'version']
    """
    if mode not in ("stdout", "dict"):
        raise ValueError(f"mode must be 'stdout' or 'dict', got {mode!r}")

    config: dict[str, Any] = {
        "version": __version__,
        "elementwise": activations.vector_level(),
        "products": products.isa(),
        "blas": blas_libraries(),
        "threads": usable_processors(),
        "environment": {name: os.environ[name] for name in _PRESETS if name in os.environ},
    }
    if mode == "dict":
        return config
    print(f"bpcore {config['version']}")
    print(f"  elementwise loops   {config['elementwise']}")
    print(f"  own products        {config['products']}")
    for library in config["blas"]:
        print(
            f"  BLAS                {library['name']} {library['version']}, core type "
            f"{library['core_type']}, {library['threads']} threads ({library['file']})"
        )
    print(f"  threads             {config['threads']}")
    for name, value in config["environment"].items():
        print(f"  set in environment  {name}={value}")
    return None
