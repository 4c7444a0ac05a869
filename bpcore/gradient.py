"""``Gradient``, under the name that it has always been imported by."""

from bpcore.network.gradient import Gradient as Gradient
