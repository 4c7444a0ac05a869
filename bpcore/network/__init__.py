"""``Network``, the multilayer perceptron that owns θ."""

from bpcore._core.optimizers import Optimizer
from bpcore.network.network import Network

__all__ = ["Network", "Optimizer"]
