"""The first weights of a member: units that spread over the data from the start."""

import numpy as np

from bpcore.network import Network

__all__ = ["draw"]

# As many rows tell the spread of a unit well enough.
_ROWS = 1024


def draw(network: Network, X: np.ndarray, rng: np.random.Generator) -> None:
    """Draw θ⁰ so that every hidden unit has z of variance 1 over the rows, and 0 at one of them.

    Weights are N(0, 1), divided by the standard deviation of their z; each bias puts the unit's
    hyperplane through a row drawn for it. The last layer is N(0, 1 / fan_in), its biases 0. (After
    Holzmüller et al. 2024, appendix A; their biases are drawn in another way.)
    """
    rows = rng.choice(len(X), min(len(X), _ROWS), replace=False)
    a = X[np.sort(rows)]
    *hidden, _ = network.activations
    for activation, w, b in zip(hidden, network.weights, network.biases, strict=False):
        w[:] = rng.standard_normal(w.shape)
        spread = _through(w, np.zeros_like(b), a, "identity").std(axis=0)
        w /= np.where(spread > 1e-6, spread, np.sqrt(w.shape[1]))[:, None]
        z = _through(w, np.zeros_like(b), a, "identity")
        b[:] = -z[rng.integers(len(a), size=len(b)), np.arange(len(b))]
        a = _through(w, b, a, activation)
    w = network.weights[-1]
    w[:] = rng.standard_normal(w.shape) / np.sqrt(w.shape[1])
    network.biases[-1][:] = 0


def _through(w: np.ndarray, b: np.ndarray, a: np.ndarray, activation: str) -> np.ndarray:
    """σ(a wᵀ + b), by the engine, whose bits do not depend on threads."""
    layer = Network(w.shape[::-1], output_activation=activation, init="zeros", random_state=0)
    layer.n_threads = 1
    layer.weights[0][:], layer.biases[0][:] = w, b
    return layer.predict(a)
