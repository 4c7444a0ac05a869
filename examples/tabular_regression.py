"""
Tabular regression: diabetes
============================

How far diabetes progresses within a year, from ten measurements (scikit-learn's data set):
predicted against true, for patients that the network has not seen.
"""

import matplotlib.pyplot as plt
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpcore import MLPRegressor, PredictionsDisplay

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
regressor = MLPRegressor(
    hidden_layer_sizes=(16,),
    activation="tanh",
    solver="lbfgs",
    alpha=10.0,
    max_iter=500,
    random_state=0,
)
model = TransformedTargetRegressor(
    make_pipeline(StandardScaler(), regressor), transformer=StandardScaler()
).fit(X_train, y_train)
print(f"R² on test patients: {model.score(X_test, y_test):.3f}")

# %%
# Each point is a patient; the nearer to the line, the better.

display = PredictionsDisplay.from_estimator(model, X_test, y_test)

plt.show()
