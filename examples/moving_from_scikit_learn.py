"""
Moving over from scikit-learn
=============================

The import is all that changes: with the same data and ``random_state`` the two classifiers go
through the same epochs to the same weights. What bpcore adds is at hand then, as here the
gradients of its network.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import bpcore

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
settings = {
    "hidden_layer_sizes": (32, 16),
    "early_stopping": True,
    "n_iter_no_change": 20,
    "learning_rate_init": 0.002,
    "random_state": 0,
}
theirs = neural_network.MLPClassifier(**settings).fit(X, y)
ours = bpcore.MLPClassifier(**settings).fit(X, y)
apart = max(float(np.abs(a - b).max()) for a, b in zip(theirs.coefs_, ours.coefs_, strict=True))
print(f"epochs: {theirs.n_iter_} and {ours.n_iter_}; weights differ by {apart:.0e} at most")

# %%
# The two curves coincide. scikit-learn's, drawn wider, has no validation loss.

curves = bpcore.TrainingCurveDisplay.from_estimator({"scikit-learn": theirs, "bpcore": ours})
curves.cost_lines_[0].set_linewidth(5)
curves.score_lines_[0].set_linewidth(5)

# %%
# What scikit-learn's classifier does not have is ``network_``, the network inside, and with it
# every derivative. The gradients of the fitted classifier, by layer:

flow = bpcore.GradientFlowDisplay.from_estimator(ours, X[:300], y[:300])

plt.show()
