"""
Tabular classification: tumours
===============================

Breast tumours, benign or malignant, from 30 measurements (scikit-learn's data set): a pipeline
with bpcore's ``MLPClassifier``, its training with early stopping, and one tumour on its way
through the network.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpcore import MLPClassifier, NetworkDisplay, TrainingCurveDisplay

data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target_names[data.target], stratify=data.target, random_state=0
)
classifier = MLPClassifier(
    hidden_layer_sizes=(16,),
    activation="tanh",
    early_stopping=True,
    alpha=1.0,
    batch_size=32,
    learning_rate_init=0.002,
    n_iter_no_change=20,
    random_state=0,
)
model = make_pipeline(StandardScaler(), classifier).fit(X_train, y_train)
print(f"correct on test tumours: {model.score(X_test, y_test):.2%}")

# %%
# The loss, and the accuracy on the tenth of the rows that early stopping holds out.

curves = TrainingCurveDisplay.from_estimator(classifier)

# %%
# One tumour of the test part, scaled as the pipeline scales it, and what the network makes of it:
# units are coloured by activation, connections by weight. Of the 30 inputs the first and the last
# are drawn.

scaled = model[0].transform(X_test[:1])
display = NetworkDisplay.from_estimator(classifier, scaled)
display.ax_.set_title(f"A tumour that is {y_test[0]}, and the chance that it is malignant")

plt.show()

# sphinx_gallery_thumbnail_number = 2
