"""
Gradient descent as a film
==========================

A network of 13 parameters learns exclusive or: the first step stage by stage (forward, backward,
update), then a picture after every fourth step. Press ▶ below the picture to play it.
"""

import matplotlib.pyplot as plt
import numpy as np

from bpcore import DescentAnimation, Network

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([0, 1, 1, 0])
network = Network((2, 3, 1), "tanh", "sigmoid", random_state=2)
film = DescentAnimation.from_network(
    network, X, y, n_steps=25, learning_rate=4.0, detailed=1, every=4, example=1
)
print(f"cost {film.steps[0].cost:.4f} → {film.steps[-1].cost:.4f}, {len(film.frames)} pictures")

# %%
# ``film.save("film.gif")`` writes it to a file, as does ``film.save("film.mp4")`` where ffmpeg is
# installed.

animation = film.animation()

plt.show()
