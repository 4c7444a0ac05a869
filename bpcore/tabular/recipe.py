"""What a member is trained by, chosen on tables that the comparison does not show.

The recipe is that of RealMLP (Holzmüller, Grinsztajn and Steinwart, *Better by Default: Strong
Pre-Tuned MLPs and Boosted Trees on Tabular Data*, NeurIPS 2024, arXiv 2407.04491), as far as it
paid here: docs/tables.md has the measurements.
"""

import math

import numpy as np

__all__ = [
    "ACTIVATION",
    "BETA_2",
    "N_FOLDS",
    "SCALE_RATE",
    "SCHEDULE",
    "WEIGHT_DECAY",
    "rate_factors",
    "usual_epochs",
]

ACTIVATION = "silu"
BETA_2 = 0.95
# w ← (1 - η decay) w
WEIGHT_DECAY = 0.02
SCHEDULE = "coslog"
# what η is multiplied by for the learned scales of the inputs, and for biases
SCALE_RATE = 6.0
BIAS_RATE = 0.1
# Each member leaves out one of so many folds, or of as many as there are members.
N_FOLDS = 5
# Epochs of a table of few rows, rows × epochs of larger ones, and the fewest epochs.
MOST_EPOCHS = 128
ROWS_IN_ALL = 600_000
LEAST_EPOCHS = 32


def rate_factors(sizes: list[int]) -> np.ndarray:
    """(L, 2): what η is multiplied by for weights and biases of each layer.

    w = v / √fan_in with v of unit variance is what the paper trains (the neural tangent
    parametrisation); Adam then takes steps of η / √fan_in in w.
    """
    return np.array([[1 / math.sqrt(fan_in), BIAS_RATE] for fan_in in sizes[:-1]])


def usual_epochs(n_rows: int) -> int:
    """How often a member goes through a table of so many rows where nothing else is asked for.

    Larger tables teach as much in fewer epochs: with 14,000 rows 43 do as well as 128.
    """
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, ROWS_IN_ALL // max(1, n_rows)))
