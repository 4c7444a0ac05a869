"""Real files in, arrays out.

Pixels stay the bytes that they are: scaling to [0, 1] is the caller's one line, ``X / 255``, in
the dtype of the network.
"""

from bpcore.datasets.dataset import Dataset, one_hot
from bpcore.datasets.digits import load_digits
from bpcore.datasets.idx import load_idx
from bpcore.datasets.mnist import load_mnist
from bpcore.datasets.openml import load_openml_mnist

__all__ = [
    "Dataset",
    "load_digits",
    "load_idx",
    "load_mnist",
    "load_openml_mnist",
    "one_hot",
]
