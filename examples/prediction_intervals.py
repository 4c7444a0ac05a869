"""
Prediction intervals
====================

An interval instead of a number: the quantile loss makes a network estimate quantiles. One with
three outputs learns the 5 %, 50 % and 95 % quantile of noisy data at once, so that nine of ten
new observations should lie between the outer two.
"""

import matplotlib.pyplot as plt
import numpy as np

from bpcore import Network

rng = np.random.default_rng(0)
X = rng.uniform(0, 1, (1500, 1))
noise = rng.normal(size=1500) * (0.05 + 0.3 * X[:, 0])
y = np.sin(7 * X[:, 0]) + noise
network = Network(
    (1, 24, 24, 3), "tanh", "identity", ("quantile", [0.05, 0.5, 0.95]), random_state=0
)
network.fit(
    X[:1000],
    np.column_stack([y[:1000]] * 3),
    epochs=300,
    optimizer="adam",
    learning_rate=0.01,
    schedule="cosine",
)
low, middle, high = network.predict(X[1000:]).T
inside = float(((low <= y[1000:]) & (y[1000:] <= high)).mean())
print(f"new observations inside the interval: {inside:.1%} (90 % asked for)")

# %%
# The noise grows with x, and so does the interval.

grid = np.linspace(0, 1, 200)[:, None]
low, middle, high = network.predict(grid).T
figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
axes.scatter(X[1000:], y[1000:], s=9, color="0.55", linewidths=0, label="new observations")
axes.fill_between(grid[:, 0], low, high, color="#0072B2", alpha=0.25, label="5 % to 95 % quantile")
axes.plot(grid, middle, color="#D55E00", linewidth=2, label="median")
axes.set(xlabel="x", ylabel="y", title=f"{inside:.1%} of 500 new observations lie inside")
axes.legend(loc="lower left", framealpha=0.85, edgecolor="none")
axes.spines[["top", "right"]].set_visible(False)

plt.show()
