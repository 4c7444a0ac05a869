"""
Online learning from a stream
=============================

Examples come one at a time. Each is predicted first and then learned from, with one call of
``Network.step``. Halfway the world changes: from there on the digits are upside down.
"""

import matplotlib.pyplot as plt
import numpy as np

from bpcore import Network
from bpcore.datasets import load_digits, one_hot

digits = load_digits(enlarge=False)
rng = np.random.default_rng(0)
order = rng.integers(len(digits.X_train), size=12_000)
X = (digits.X_train[order] / 255).astype("float32")
X[6000:] = X[6000:, ::-1]
Y = one_hot(digits.y_train[order])

network = Network((64, 32, 10), "tanh", loss="categorical_cross_entropy", random_state=0)
right = np.empty(len(X))
for i, (x, y) in enumerate(zip(X, Y, strict=True)):
    right[i] = network.predict(x).argmax() == y.argmax()
    network.step(x, y, learning_rate=0.05)

print(f"right before the change: {right[5000:6000].mean():.1%}")
print(f"in the first 250 after it: {right[6000:6250].mean():.1%}")
print(f"at the end: {right[-1000:].mean():.1%}")

# %%
# The share of right guesses among the last 250, each guess made before its label was seen.

window = 250
share = np.convolve(right, np.full(window, 1 / window), mode="valid")
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
axes.plot(np.arange(window, len(X) + 1), 100 * share, color="#0072B2", linewidth=1.6)
axes.axvline(6000, color="#D55E00", linestyle="--", linewidth=1.6)
axes.text(6080, 4, "from here on upside down", color="#B04A00")
axes.set(
    xlabel="examples seen",
    ylabel=f"right, % of the last {window}",
    ylim=(0, 101),
    xlim=(0, len(X)),
    title="One example, one step",
)
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)

plt.show()
