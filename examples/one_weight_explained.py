r"""
One weight explained
====================

Backpropagation's chain
:math:`\frac{\partial C}{\partial w} = \frac{\partial z}{\partial w}\,
\frac{\partial a}{\partial z}\,\frac{\partial C}{\partial a}`
with the numbers of a real image that the recogniser misreads, each of them compared with a
numerical derivative, and a picture of how the error flows back through the whole network.
"""

import matplotlib.pyplot as plt
import numpy as np

from bpcore import Network, NetworkDisplay
from bpcore.datasets import load_digits, one_hot

digits = load_digits()
network = Network((784, 16, 16, 10), random_state=0)
network.fit(
    digits.X_train / 255, one_hot(digits.y_train), epochs=25, batch_size=16, learning_rate=1.5
)

X, Y = digits.X_test / 255, one_hot(digits.y_test)
guesses = network.predict(X).argmax(axis=1)
row = int(np.flatnonzero(guesses != digits.y_test)[0])
print(f"Test image {row} is a {digits.y_test[row]}, read as {guesses[row]}.")

# %%
# The weight of the last hidden layer that the cost answers to most. In a terminal its
# explanation is text:

trace = network.trace(X[row], Y[row])
j, k = np.unravel_index(np.abs(trace.dC_dw[2]).argmax(), trace.dC_dw[2].shape)
explanation = trace.explain("w", layer=2, j=int(j), k=int(k), most=4)
print(explanation)

# %%
# In a notebook, and here, it is mathematics:

explanation

# %%
# Each partial derivative beside a numerical one, the network nudged in float64. The largest
# relative difference by term:

for term, error in trace.check("w", layer=2, j=int(j), k=int(k)).items():
    print(f"{term:<6} {error:.0e}")

# %%
# The whole network: units coloured by ∂C/∂a, connections by ∂C/∂w. Blue: more of it would lower the
# cost; orange: less of it would. In the image, orange pixels are those where less ink would help;
# the dashed line is the outline of the digit.

display = NetworkDisplay.from_trace(trace)
display.ax_.set_title(
    f"Backward: a {digits.y_test[row]} read as {guesses[row]}, and what would correct it"
)

plt.show()
