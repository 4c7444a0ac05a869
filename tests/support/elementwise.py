"""σ and σ' of the engine, with the parameter that a network has where none is given."""

from bpcore._core import activations
from bpcore.functions import ACTIVATIONS


def apply(name, z, parameter=None):
    """(σ(z), σ'(z)); see `activations.apply`."""
    row = ACTIVATIONS.get(name)
    default = row.default if row else None
    return activations.apply(name, z, default if parameter is None else parameter)
