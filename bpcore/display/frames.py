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
    frame: Frame,
    n_layers: int,
    learning_rate: float,
    n_examples: int,
    example: int,
    is_softmax: bool,
) -> tuple[str, str]:
    """What this stage computes, as mathematics: two lines.

    The way back is that of one example's cost C_i, where there are several; the update is by C.
    is_softmax: whether the outputs are bound to each other, so that ∂C/∂z_j is a sum.
    """
    cost = f"C_{{{example}}}" if n_examples > 1 else "C"
    layer, before, after = frame.layer, frame.layer - 1, frame.layer + 1
    bound = n_layers if is_softmax else -1
    if frame.stage == "forward":
        sigma = r"\mathrm{softmax}" if layer == bound else r"\sigma"
        return (
            rf"$z^{{({layer})}} = w^{{({layer})}} a^{{({before})}} + b^{{({layer})}}$",
            rf"$a^{{({layer})}} = {sigma}(z^{{({layer})}})$",
        )
    if frame.stage != "backward":
        mean = rf",\quad \nabla C = \frac{{1}}{{{n_examples}}}\,\Sigma_i\, \nabla C_i"
        return (
            rf"$\theta \leftarrow \theta - \eta\,\nabla C{mean if n_examples > 1 else ''}$",
            rf"$\eta = {learning_rate:g}$",
        )

    def by(letter: str, unit: str, level: int) -> str:
        return rf"\partial {cost} / \partial {letter}_{unit}^{{({level})}}"

    def delta(level: int) -> str:
        if level == bound:
            return by("z", "j", level)
        return rf"\sigma'(z_j^{{({level})}})\,{by('a', 'j', level)}"

    back = rf"${by('a', 'k', layer)} = \Sigma_j\, w_{{jk}}^{{({after})}}\,{delta(after)}$"
    if layer == n_layers:
        back = f"${by('a', 'j', layer)}$ from the cost"
    if layer == bound:
        slope = rf"\partial a_i^{{({layer})}} / \partial z_j^{{({layer})}}"
        sum_ = rf"\Sigma_i\, {slope} \cdot {by('a', 'i', layer)}"
        back += rf", ${by('z', 'j', layer)} = {sum_}$"
    if layer == 0:
        return back, ""
    return back, f"${by('w', '{jk}', layer)} = a_k^{{({before})}}\\,{delta(layer)}$"


def split(theta: np.ndarray, layer_sizes: tuple[int, ...]) -> list[np.ndarray]:
    """The weights of θ, by layer."""
    weights, start = [], 0
    for n_in, n_out in pairwise(layer_sizes):
        weights.append(theta[start : start + n_out * n_in].reshape(n_out, n_in))
        start += n_out * (n_in + 1)
    return weights
