"""
A potential, learned from energies and forces
=============================================

A simulation that computes an energy has its derivatives by the coordinates too: the forces. In two
dimensions that is three numbers an example in the place of one, in a molecule of N atoms 3N + 1.
The network gets both, ``fit(X, energy, dY_dX=...)``, and the cost knows what is wrong with its own
derivatives. The surface is Müller and Brown's (1979), on which methods that look for the paths of
chemical reactions are tried: three valleys, and two passes between them.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from bpcore import Network

rng = np.random.default_rng(0)


def potential(X):
    """Energies, over 100, and their derivatives by x and y: minus the forces."""
    dx, dy = X[:, :1] - [1, 0, -0.5, -1], X[:, 1:] - [0, 0.5, 1.5, 1]
    a, b, c = np.array([[-1, -1, -6.5, 0.7], [0, 0, 11, 0.6], [-10, -10, -6.5, 0.7]])
    terms = [-2, -1, -1.7, 0.15] * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
    slope = [terms * (2 * a * dx + b * dy), terms * (b * dx + 2 * c * dy)]
    return terms.sum(axis=1), np.sum(slope, axis=2).T


def sample(n):
    """Points of the plane where the energy is not too high."""
    X = rng.uniform([-1.5, -0.3], [1.2, 2.0], size=(10 * n, 2))
    return X[potential(X)[0] < 1][:n]


# %%
# **Sixty points**, and 4,000 others that tell how good the fit is between them.

X, new = sample(60), sample(4000)
energy, slope = potential(X)
new_energy, new_slope = potential(new)
networks = {}
for name, given in (
    ("energies alone", {}),
    ("with their forces", {"dY_dX": slope, "derivative_weight": 0.1}),
):
    net = Network((2, 16, 16, 1), "tanh", "identity", dtype="float64", random_state=0)
    history = net.fit(X, energy, epochs=100, optimizer="lm", **given)
    of_energy = np.sqrt(np.mean((net.predict(new)[:, 0] - new_energy) ** 2))
    of_slope = np.sqrt(np.mean((net.jacobian(new)[:, 0] - new_slope) ** 2))
    networks[name] = net
    print(f"{name}: energies off by {of_energy:.1e}, forces by {of_slope:.1e}", end="; ")
    print(f"{history.epochs} iterations in {history.total_seconds:.2f} s")

# %%
# **Without that** one may ask the network at two points beside each example, for every coordinate,
# and teach it their difference. The gradient is then nearly the same, but it takes 2 n_0 + 1 rows
# in the place of one.

step = 1e-4
sides = [(sign, sign * step * axis) for axis in np.eye(2) for sign in (1, -1)]
rows = np.concatenate([X, *(X + move for _, move in sides)])


def by_differences(net):
    """∇C by central differences of the outputs in the place of their derivatives."""
    a = net.predict(rows).reshape(5, len(X))
    wrong = (a[1::2] - a[2::2]) / (2 * step) - slope.T
    of_sides = np.repeat(0.1 * 2 * wrong / (2 * step), 2, axis=0) * [[s] for s, _ in sides]
    dC_da = np.concatenate([[2 * (a[0] - energy)], of_sides]) / len(X)
    return net.backward(rows, dC_da.reshape(-1, 1)).vector


def seconds(call):
    """The least of 50 calls, and what the last one gave."""
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - begun)
    return min(times), found


net = Network((2, 16, 16, 1), "tanh", "identity", dtype="float64", random_state=0)
exact_time, exact = seconds(
    lambda: net.gradient(X, energy, dY_dX=slope, derivative_weight=0.1).vector
)
difference_time, difference = seconds(lambda: by_differences(net))
error = np.abs(difference - exact).max() / np.abs(exact).max()
print(
    f"a gradient: {1e6 * exact_time:.0f} µs; by differences {1e6 * difference_time:.0f} µs,",
    end=" ",
)
print(f"with a relative error of {error:.0e}")

# %%
# The surface, and by how much either network misses it. White: higher than what was sampled.

x, y = np.meshgrid(np.linspace(-1.5, 1.2, 120), np.linspace(-0.3, 2.0, 120))
grid = np.column_stack([x.ravel(), y.ravel()])
height = potential(grid)[0]
height[height > 1] = np.nan
figure, (left, *right) = plt.subplots(
    1, 3, figsize=(8, 3.6), layout="constrained", sharex=True, sharey=True
)
left.contourf(x, y, height.reshape(x.shape), 12, cmap="cividis")
left.set_title("energy")
left.set_ylabel("y")
for panel, (name, net) in zip(right, networks.items(), strict=True):
    error = np.abs(net.predict(grid)[:, 0] - height).reshape(x.shape)
    drawn = panel.pcolormesh(x, y, error, norm=LogNorm(1e-4, 1), cmap="magma_r")
    panel.set_title(name)
for panel in (left, *right):
    panel.plot(*X.T, "o", color="white", markeredgecolor="0.3", markersize=3.5)
    panel.set_xlabel("x")
figure.colorbar(drawn, ax=right, label="error")
plt.show()
