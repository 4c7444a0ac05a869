"""What comes from users, checked once a call, before any kernel sees it.

An array of float32, float64 or uint8 is passed on as it lies, whatever its strides; other
numbers are converted. Messages say what was wrong, where, and what was expected.
"""

from bpcore.checks.arrays import as_array, as_out, as_rows, as_slopes, as_targets, as_weights
from bpcore.checks.callbacks import as_callbacks
from bpcore.checks.images import as_image_shape, as_image_shape_or_none, as_labels, as_texts
from bpcore.checks.network import (
    as_activation,
    as_activations,
    as_clip_norm,
    as_costs,
    as_dropout,
    as_dtype,
    as_layer_sizes,
    as_loss,
    as_rate_factors,
    loss_in_words,
    loss_shown,
)
from bpcore.checks.numbers import as_integer, as_number
from bpcore.checks.tables import (
    check_finite,
    fault_of_frame,
    is_frame,
    names_of,
    refuse_dates,
    refuse_masked,
)

__all__ = [
    "as_activation",
    "as_activations",
    "as_array",
    "as_callbacks",
    "as_clip_norm",
    "as_costs",
    "as_dropout",
    "as_dtype",
    "as_image_shape",
    "as_image_shape_or_none",
    "as_integer",
    "as_labels",
    "as_layer_sizes",
    "as_loss",
    "as_number",
    "as_out",
    "as_rate_factors",
    "as_rows",
    "as_slopes",
    "as_targets",
    "as_texts",
    "as_weights",
    "check_finite",
    "fault_of_frame",
    "is_frame",
    "loss_in_words",
    "loss_shown",
    "names_of",
    "refuse_dates",
    "refuse_masked",
]
