"""The same networks in PyTorch's words: an oracle for every derivative, in float64."""

import functools

import numpy as np
import pytest
from formulas import FACTS

torch = pytest.importorskip(
    "torch", reason="PyTorch, the oracle of these tests, is not installed (extra: oracle)"
)
F = torch.nn.functional

ACTIVATIONS = {
    **{name: functools.partial(facts.torch, torch) for name, facts in FACTS.items()},
    "softmax": lambda z, p: torch.softmax(z, dim=1),
}


def _pinball(z, a, y, q):
    r = y - a
    q = torch.as_tensor(q, dtype=torch.float64)
    return torch.maximum(q * r, (q - 1) * r).sum(1)


# (z, a, y, parameter) -> the cost of each example, in PyTorch's own words where it has them
LOSSES = {
    "quadratic": lambda z, a, y, p: F.mse_loss(a, y, reduction="none").sum(1),
    "squared_error": lambda z, a, y, p: 0.5 * F.mse_loss(a, y, reduction="none").sum(1),
    "absolute": lambda z, a, y, p: F.l1_loss(a, y, reduction="none").sum(1),
    "huber": lambda z, a, y, p: F.huber_loss(a, y, reduction="none", delta=p).sum(1),
    "quantile": _pinball,
    "binary_cross_entropy": lambda z, a, y, p: F.binary_cross_entropy_with_logits(
        z, y, reduction="none"
    ).sum(1),
    "categorical_cross_entropy": lambda z, a, y, p: -(y * F.log_softmax(z, dim=1)).sum(1),
    # half the deviance: PyTorch's Poisson loss and the part that does not depend on a
    "poisson": lambda z, a, y, p: (
        F.poisson_nll_loss(a, y, log_input=False, eps=0, reduction="none") + torch.xlogy(y, y) - y
    ).sum(1),
}


class Oracle:
    """The same network on PyTorch tensors that ask for derivatives."""

    def __init__(self, reference):
        self.reference = reference
        self.parameters = [
            torch.tensor(np.array(part), requires_grad=True)
            for pair in zip(reference.weights, reference.biases, strict=True)
            for part in pair
        ]

    def forward(self, X):
        z = a = X
        for layer, (name, p) in enumerate(self.reference.activations):
            z = F.linear(a, self.parameters[2 * layer], self.parameters[2 * layer + 1])
            a = ACTIVATIONS[name](z, p)
        return z, a

    def costs(self, X, Y):
        name, p = self.reference.loss
        return LOSSES[name](*self.forward(X), Y, p)

    def slope_costs(self, X, slopes):
        """Σ (∂a_j/∂x_k - F_jk)² of each example, F's NaN left out."""
        a, total = self.forward(X)[1], 0
        for j in range(a.shape[1]):
            (J,) = torch.autograd.grad(a[:, j].sum(), X, create_graph=True)
            total = total + torch.nan_to_num(J - torch.tensor(slopes[:, j])).square().sum(1)
        return total

    def gradient(self, X, Y, s=None, slopes=None, factor=1.0):
        """(cost, ∇C, ∂C/∂a^(0)); with slopes F of a cost that knows ∂a^(L)/∂a^(0)."""
        X = torch.tensor(X, requires_grad=True)
        costs = self.costs(X, torch.tensor(Y))
        if slopes is not None:
            costs = costs + factor * self.slope_costs(X, slopes)
        s = torch.ones(len(X), dtype=torch.float64) if s is None else torch.tensor(s)
        cost = (s * costs).sum() / s.sum()
        *parts, inputs = torch.autograd.grad(cost, [*self.parameters, X])
        return cost.item(), torch.cat([p.ravel() for p in parts]).numpy(), inputs.numpy()
