"""``Network``, the multilayer perceptron that owns θ."""

from bpcore.network.network import Network
from bpcore.network.optimizer import Optimizer

__all__ = ["Network", "Optimizer"]
