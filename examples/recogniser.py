"""
A handwriting recogniser, seen from all sides
=============================================

The network of the textbook, 784-16-16-10 with sigmoid units and 13,002 parameters, learns
scikit-learn's 1,797 digits, enlarged to 28 x 28 pixels. The pictures show its training, one
image on its way through it, what its first layer looks for, and what it misreads.
"""

import matplotlib.pyplot as plt

from bpcore import (
    Network,
    NetworkDisplay,
    PredictionsDisplay,
    ScoreRecorder,
    TrainingCurveDisplay,
    WeightsDisplay,
)
from bpcore.datasets import load_digits, one_hot

digits = load_digits()
X_train, X_test = digits.X_train / 255, digits.X_test / 255
Y_train, Y_test = one_hot(digits.y_train), one_hot(digits.y_test)

network = Network((784, 16, 16, 10), random_state=0)
before = network.parameters.copy()
training_score = ScoreRecorder(X_train, Y_train)
network.fit(
    X_train,
    Y_train,
    epochs=25,
    batch_size=16,
    learning_rate=1.5,
    validation_data=(X_test, Y_test),
    callback=training_score,
)
print(network)
print(f"correct on test images: {network.score(X_test, Y_test):.2%}")

# %%
# Cost and accuracy by epoch, on the training images and, as validation data, on the test images,
# which the network has not learned from.

curves = TrainingCurveDisplay.from_network(
    network, training_scores=training_score, score_name="accuracy"
)

# %%
# Forward. One test image, and the activations that it causes, layer by layer; a connection is
# coloured by its weight.

forward = NetworkDisplay.from_network(network, X_test[0])
forward.ax_.set_title("Forward: activations of one image")

# %%
# What each unit of the first layer looks for: its 784 weights as an image, before training and
# after it.

weights = WeightsDisplay.from_network(network, before=before)

# %%
# Guesses and their certainty, and the images that are misread.

predictions = PredictionsDisplay.from_network(network, X_test, Y_test)

plt.show()

# sphinx_gallery_thumbnail_number = 2
