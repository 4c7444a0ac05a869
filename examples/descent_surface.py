"""
The way downhill
================

The cost of the recogniser over a plane through its 13,002 parameters, and the path of training
on it. The plane is spanned by the path's two principal directions, in which it moves most.
"""

import matplotlib.pyplot as plt

from bpcore import DescentDisplay, Network, PathRecorder
from bpcore.datasets import load_digits, one_hot

digits = load_digits()
X, Y = digits.X_train / 255, one_hot(digits.y_train)
network = Network((784, 16, 16, 10), random_state=0)
recorder = PathRecorder(network)
network.fit(X, Y, epochs=25, batch_size=16, learning_rate=1.5, callback=recorder)
print(f"{len(recorder.path)} points in {network.n_parameters:,} dimensions")

display = DescentDisplay.from_network(network, X[:300], Y[:300], recorder, n_points=25)
display.ax_.set_title("The cost around the path of training, one point per epoch")

plt.show()
