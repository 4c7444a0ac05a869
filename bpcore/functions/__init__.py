"""Activation functions, losses and optimizers: one row each, from which the rest reads.

What a network accepts, how a derivation is written, what an exported file computes, the names in
the estimators, in ``--help`` and in docstrings: all of it stands in these rows. How the kernels
compute them stands in the compiled part, which does not know this one; a test holds the names of
both to be the same.
"""

from bpcore.functions.activations import ACTIVATIONS, ALIASES, HIDDEN, Activation
from bpcore.functions.losses import LOSSES, Loss
from bpcore.functions.optimizers import OPTIMIZERS, OPTIONS, Optimizer
from bpcore.functions.words import as_list, enumerated, names_filled_in, wrapped

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "HIDDEN",
    "LOSSES",
    "OPTIMIZERS",
    "OPTIONS",
    "Activation",
    "Loss",
    "Optimizer",
    "as_list",
    "enumerated",
    "names_filled_in",
    "wrapped",
]
