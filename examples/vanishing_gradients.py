r"""
Vanishing gradients, and what helps
===================================

On its way back through a deep network, the error is multiplied in each layer by the weights and
by :math:`\sigma'`. For the sigmoid :math:`\sigma' \le 1/4`, so that little of the error reaches
the first layers, and they hardly learn. Rectified linear units (:math:`\sigma' = 1` wherever they
are active), with initial weights drawn to suit them, do not have this problem.
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
# Sigmoid units. In the upper pictures each layer has a line, on a logarithmic scale: at the
# beginning the norm of each layer is several times smaller than that of the layer after it.

gradients("sigmoid", "glorot", 1.5)

# %%
# Rectified linear units. The lines stay close together; about half of the units are off for each
# example, which the shares beneath the boxes count.

gradients("relu", "he", 0.1)

plt.show()
