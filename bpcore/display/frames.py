"""The pictures that a film of gradient descent is made of, and their words."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Frame", "Step", "formulas_of", "frames_of", "split", "words_of"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of gradient descent.

    Attributes
    ----------
    trace : Trace
        Of the examples, before the step.
    cost : float
        C before the step.
    theta : ndarray (n_parameters,)
        After it.
    """

    trace: Any
    cost: float
    theta: np.ndarray


class Frame(NamedTuple):
    """One picture: which step, which stage of it, and up to which layer."""

    step: int
    stage: str
    layer: int


def frames_of(n_steps: int, n_layers: int, detailed: int, every: int) -> Iterator[Frame]:
    """Stage by stage, then step by step, one in `every` and the last."""
    for step in range(n_steps):
        if step >= detailed:
            if (step - detailed + 1) % every == 0 or step == n_steps - 1:
                yield Frame(step, "whole", n_layers)
            continue
        for layer in range(1, n_layers + 1):
            yield Frame(step, "forward", layer)
        for layer in range(n_layers, -1, -1):
            yield Frame(step, "backward", layer)
        yield Frame(step, "update", n_layers)


def words_of(frame: Frame, n_examples: int, example: int) -> str:
    """What happens in this stage, to which of the examples."""
    alone = f" (example {example})" if n_examples > 1 else ""
    return {
        "forward": f"forward, layer {frame.layer}{alone}",
        "backward": f"backward, layer {frame.layer}{alone}",
        "update": f"update{f' by the mean of {n_examples:,} examples' if alone else ''}",
        "whole": f"forward, backward, update{alone.replace('(', '(units: ')}",
    }[frame.stage]


def formulas_of(
    frame: Frame, n_layers: int, learning_rate: float, n_examples: int, example: int
) -> tuple[str, str]:
    """What this stage computes, as mathematics: two lines.

    The way back is that of one example's cost C_i, where there are several; the update is by C.
    """
    cost = f"C_{{{example}}}" if n_examples > 1 else "C"
    layer, before, after = frame.layer, frame.layer - 1, frame.layer + 1
    if frame.stage == "forward":
        return (
            rf"$z^{{({layer})}} = w^{{({layer})}} a^{{({before})}} + b^{{({layer})}}$",
            rf"$a^{{({layer})}} = \sigma(z^{{({layer})}})$",
        )
    if frame.stage != "backward":
        mean = rf",\quad \nabla C = \frac{{1}}{{{n_examples}}}\,\Sigma_i\, \nabla C_i"
        return (
            rf"$\theta \leftarrow \theta - \eta\,\nabla C{mean if n_examples > 1 else ''}$",
            rf"$\eta = {learning_rate:g}$",
        )
    up = rf"\sigma'(z_j^{{({after})}})\,\partial {cost} / \partial a_j^{{({after})}}"
    back = (
        rf"$\partial {cost} / \partial a_k^{{({layer})}} = "
        rf"\Sigma_j\, w_{{jk}}^{{({after})}}\,{up}$"
    )
    if layer == n_layers:
        back = rf"$\partial {cost} / \partial a_j^{{({layer})}}$ from the cost"
    if layer == 0:
        return back, ""
    here = rf"\sigma'(z_j^{{({layer})}})\,\partial {cost} / \partial a_j^{{({layer})}}"
    weight = rf"\partial {cost} / \partial w_{{jk}}^{{({layer})}} = a_k^{{({before})}}\,{here}"
    return back, f"${weight}$"


def split(theta: np.ndarray, layer_sizes: tuple[int, ...]) -> list[np.ndarray]:
    """The weights of θ, by layer."""
    weights, start = [], 0
    for n_in, n_out in pairwise(layer_sizes):
        weights.append(theta[start : start + n_out * n_in].reshape(n_out, n_in))
        start += n_out * (n_in + 1)
    return weights
