"""
Online learning from a stream
=============================

Examples come one at a time. Each is predicted first and then learned from, with one call of
``Network.step``, so that the share of right guesses is measured on what the network has never seen.
Halfway the world changes: from there on the digits are upside down.

The optimizer is an object of its own: Adam's means live on from step to step. Plain descent, which
remembers nothing, goes beside it.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import bpcore
from bpcore import MLPClassifier, Network, Optimizer
from bpcore.datasets import load_digits, one_hot

digits = load_digits(enlarge=False)
rng = np.random.default_rng(0)
order = rng.integers(len(digits.X_train), size=12_000)
X = (digits.X_train[order] / 255).astype("float32")
X[6000:] = X[6000:, ::-1]
Y = one_hot(digits.y_train[order])


def make_network():
    """One to begin with."""
    return Network((64, 32, 10), "tanh", loss="categorical_cross_entropy", random_state=0)


def follow(network, rows, **rule):
    """Guess each row, then learn from it; which guesses were right."""
    right = np.empty(len(rows))
    for i, k in enumerate(rows):
        right[i] = network.predict(X[k]).argmax() == Y[k].argmax()
        network.step(X[k], Y[k], **rule)
    return right


plain, network = make_network(), make_network()
adam = Optimizer("adam", learning_rate=0.004)
runs = {
    "gradient descent, η = 0.05": follow(plain, range(12_000), learning_rate=0.05),
    "Adam, η = 0.004": follow(network, range(12_000), optimizer=adam),
}
for name, right in runs.items():
    print(
        f"{name}: right before the change {right[5000:6000].mean():.1%}, in the first 250 after it "
        f"{right[6000:6250].mean():.1%}, at the end {right[-1000:].mean():.1%}"
    )
print(adam)

# %%
# A stream may be interrupted. ``save`` writes the optimizer beside the network, and the copy that
# comes back goes on as the first would have gone on, to the last bit.

first = make_network()
follow(first, range(3000), optimizer=Optimizer("adam", learning_rate=0.004))
with tempfile.TemporaryDirectory() as folder:
    first.save(Path(folder, "stream.safetensors"))
    copy = bpcore.load(Path(folder, "stream.safetensors"))
follow(first, range(3000, 12_000), optimizer=first.optimizer_)
follow(copy, range(3000, 12_000), optimizer=copy.optimizer_)
print("the same bits:", bool((copy.parameters == first.parameters).all()))
print("and those of the run without a break:", bool((copy.parameters == network.parameters).all()))

# %%
# The share of right guesses among the last 250, each guess made before its label was seen.

window = 250
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, right), color in zip(runs.items(), ("#0072B2", "#009E73"), strict=True):
    share = np.convolve(right, np.full(window, 1 / window), mode="valid")
    axes.plot(np.arange(window, len(X) + 1), 100 * share, color=color, linewidth=1.6, label=name)
axes.axvline(6000, color="#D55E00", linestyle="--", linewidth=1.6)
axes.text(6080, 4, "from here on upside down", color="#B04A00")
axes.set(
    xlabel="examples seen",
    ylabel=f"right, % of the last {window}",
    ylim=(0, 101),
    xlim=(0, len(X)),
    title="One example, one step",
)
axes.legend(loc="lower left", bbox_to_anchor=(0.05, 0.15))
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)

# %%
# The estimators do the same with ``partial_fit``, whose optimizer, dropout and schedule live on
# from call to call; rows may come in small batches. scikit-learn's order of the rows within a call
# is kept: an integer ``random_state`` begins it anew each time. A schedule with an end is told how
# many calls there will be, and warns when it has run out.

labels = Y.argmax(axis=1)
clf = MLPClassifier(
    hidden_layer_sizes=(32,), learning_rate_init=0.02,
    learning_rate={"kind": "cosine", "total": 375}, random_state=0,
)  # fmt: skip
right = 0
for start in range(0, 6000, 16):
    batch = slice(start, start + 16)
    if start:
        right += (clf.predict(X[batch]) == labels[batch]).sum()
    clf.partial_fit(X[batch], labels[batch], classes=range(10))
print(f"batches of 16, right before they were learned from: {right / (6000 - 16):.1%}")

plt.show()
