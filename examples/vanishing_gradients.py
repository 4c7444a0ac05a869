r"""
Vanishing gradients, and what helps
===================================

In a deep network of sigmoid units each layer multiplies the error by :math:`\sigma' \le 1/4`
on its way back, so that the first layers hardly learn. Rectified units with weights drawn to
match do not have that.
"""

import matplotlib.pyplot as plt

from bpcore import GradientFlowDisplay, GradientFlowRecorder, Network
from bpcore.datasets import load_digits, one_hot

digits = load_digits(enlarge=False)
X, Y = digits.X_train / 255, one_hot(digits.y_train)
sizes = (64, 30, 30, 30, 30, 10)


def gradients(activation, init, learning_rate):
    """Train, and draw the gradients of each layer on the way."""
    network = Network(sizes, activation, "sigmoid", init=init, random_state=0)
    recorder = GradientFlowRecorder(X[:200], Y[:200], network=network)
    network.fit(X, Y, epochs=20, batch_size=16, learning_rate=learning_rate, callback=recorder)
    first, last = recorder.delta[0][0].norm, recorder.delta[0][-1].norm
    print(f"{activation}: at the start |∂C/∂z| of layer 1 is {first / last:.4f} of layer 5's")
    display = GradientFlowDisplay.from_recorder(recorder)
    display.figure_.suptitle(f"{activation} in the hidden layers of {sizes}")


# %%
# Sigmoid units:

gradients("sigmoid", "glorot", 1.5)

# %%
# Rectified units:

gradients("relu", "he", 0.1)

plt.show()
