r"""
A page one can touch
====================

The backward pass as a page for a browser: one file, opened by a double click, on which one steps
forward and back, asks of any weight where its derivative comes from, nudges it, and goes down the
gradient. First the chain of the textbook, one unit a layer, with the cost
:math:`(0.66 - 1)^2`; then the recogniser with 13,002 parameters and a digit that it gets wrong.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from bpcore import CostCurveDisplay, Network
from bpcore.datasets import load_digits, one_hot

folder = Path(tempfile.mkdtemp())
# sphinx_gallery_start_ignore
folder = Path(os.environ.get("BPCORE_PAGES") or folder)
# sphinx_gallery_end_ignore

# %%
# One unit a layer: the biases are chosen so that the activations are 0.37, 0.48 and, where it
# should be 1, 0.66.

x, activations, weights = 0.9, [0.37, 0.48, 0.66], [-1.2, 0.8, 1.5]
chain = Network((1, 1, 1, 1), dtype="float64")
before = [x, *activations[:-1]]
for layer, (w, a, a_before) in enumerate(zip(weights, activations, before, strict=True)):
    chain.weights[layer][:] = w
    chain.biases[layer][:] = np.log(a / (1 - a)) - w * a_before
trace = chain.trace([[x]], [[1.0]])
print(f"C = ({trace.a[3].item():.2f} - 1)² = {trace.cost:.4f}")

# %%
# Its terms as a table, and the derivative of the first weight as the page shows it: a product from
# the weight to the cost.

trace.table()

# %%

trace.explain("w", layer=1)

# %%
# Each derivative beside a difference of the cost.

chain.numerical_gradient([[x]], [[1.0]])

# %%
# The cost as a function of that weight: its slope is the derivative, and a step of gradient descent
# goes the other way.

curve = CostCurveDisplay.from_network(chain, [[x]], [[1.0]], layer=3, learning_rate=4.0)

# %%
# The page. It has all of this, for every weight, and computes it anew when one is nudged.

trace.to_html(folder / "chain.html", title="One unit a layer", learning_rate=4.0)

# %%
# The recogniser, and a digit that it gets wrong.

digits = load_digits()
network = Network((784, 16, 16, 10), random_state=0)
network.fit(
    digits.X_train / 255, one_hot(digits.y_train), epochs=25, batch_size=16, learning_rate=1.5
)
X, Y = digits.X_test / 255, one_hot(digits.y_test)
guesses = network.predict(X).argmax(axis=1)
wrong = np.flatnonzero(guesses != digits.y_test)
rows = np.concatenate([wrong[:5], np.flatnonzero(guesses == digits.y_test)[:5]])

# %%
# Why did it answer what it answered? The forward pass, by the largest terms of the guess.

network.trace(X[wrong[0]], Y[wrong[0]]).explain_activation(most=4)

# %%
# And the page: ten images, the way back of each, and the mean over them.

network.to_html(
    folder / "digits.html",
    X[rows],
    Y[rows],
    title="A handwriting recogniser, and what would correct it",
    names=range(10),
    captions=[
        f"a {digits.y_test[row]}"
        + (f" read as {guesses[row]}" if guesses[row] != digits.y_test[row] else "")
        for row in rows
    ],
    learning_rate=1.5,
)
for page in sorted(folder.glob("*.html")):
    print(f"{page.name}: {page.stat().st_size / 1000:.0f} KB")

plt.show()
