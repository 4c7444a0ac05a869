"""θ⁰: how the first weights are drawn."""

from typing import Any

import numpy as np

__all__ = ["INITS", "as_generator", "draw"]

# name: (distribution, whether fan_out counts, gain). The variance of a weight is gain / fan, with
# fan = fan_in, or (fan_in + fan_out) / 2
VARIANCE_SCALING = {
    "glorot": ("uniform", True, 1.0),
    "glorot_normal": ("normal", True, 1.0),
    "glorot_uniform": ("uniform", True, 1.0),
    "he": ("normal", False, 2.0),
    "he_normal": ("normal", False, 2.0),
    "he_uniform": ("uniform", False, 2.0),
    "lecun": ("normal", False, 1.0),
    "lecun_normal": ("normal", False, 1.0),
    "lecun_uniform": ("uniform", False, 1.0),
}
INITS = ("normal", *VARIANCE_SCALING, "zeros")


def as_generator(random_state: Any) -> np.random.Generator:
    """A NumPy Generator from None, an integer, a Generator or a RandomState."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.Generator(random_state._bit_generator)
    if isinstance(random_state, bool | np.bool_) or not (
        random_state is None or isinstance(random_state, int | np.integer)
    ):
        raise TypeError(
            "random_state must be None, an integer, a numpy Generator or RandomState, got "
            f"{random_state!r}"
        )
    if random_state is not None and random_state < 0:
        raise ValueError(f"random_state must not be negative, got {random_state}")
    return np.random.default_rng(random_state)


def draw(
    init: str,
    weights: tuple[np.ndarray, ...],
    biases: tuple[np.ndarray, ...],
    rng: np.random.Generator,
) -> None:
    """Fill the weights (n_l, n_{l-1}) and biases (n_l,) of every layer, in θ's order.

    References
    ----------
    X. Glorot and Y. Bengio, 2010, equations 12 and 16; K. He et al., 2015, equation 10;
    Y. LeCun et al., *Efficient BackProp*, 1998, equation 16; M. Nielsen, *Neural Networks and
    Deep Learning*, chapter 1 (all weights and biases from N(0, 1)).
    """
    if init not in INITS:
        raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
    if init == "zeros":
        for part in (*weights, *biases):
            part[:] = 0
        return
    for w, b in zip(weights, biases, strict=True):
        if init == "normal":
            w[:] = rng.standard_normal(w.shape)
            b[:] = rng.standard_normal(b.shape)
            continue
        distribution, both, gain = VARIANCE_SCALING[init]
        fan_out, fan_in = w.shape
        variance = gain / ((fan_in + fan_out) / 2 if both else fan_in)
        if distribution == "uniform":
            limit = np.sqrt(3 * variance)
            w[:] = rng.uniform(-limit, limit, w.shape)
        else:
            w[:] = np.sqrt(variance) * rng.standard_normal(w.shape)
        b[:] = 0
