"""scikit-learn, through MLPClassifier and MLPRegressor.

They know no squared error of sigmoid outputs. Where the task asks for that, they train sigmoid
outputs with log loss, which is the same work but for one product an output; the table says so.
"""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

NAMES = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu", "identity": "identity"}


class _Ticking(list):
    """A loss curve that tells when an epoch has been added."""

    tick = None

    def append(self, loss):
        super().append(loss)
        if self.tick:
            self.tick()


class Trainer:
    def __init__(self, task, examples, layers, threads, shuffle=True):
        self.task, self.X = self.trained(task), examples.X
        regression = task.loss == "squared_error"
        softmax = task.output == "softmax"
        self.y = examples.labels if softmax else examples.Y
        if regression and self.y.shape[1] == 1:
            self.y = self.y.ravel()
        if not (regression or softmax):
            self.y = examples.Y.astype(np.int64)  # several labels a row
        kind = MLPRegressor if regression else MLPClassifier
        self.estimator = kind(
            hidden_layer_sizes=task.sizes[1:-1],
            activation=NAMES[task.activation],
            solver=task.optimizer,
            alpha=0.0,
            batch_size=task.batch or len(self.X),
            learning_rate_init=task.learning_rate,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=shuffle and task.batch is not None,
            random_state=0,
            tol=0.0,
            warm_start=True,
        )
        self._place(layers)

    @staticmethod
    def trained(task):
        if task.loss == "quadratic":
            return replace(task, loss="binary_cross_entropy")
        return task

    def _place(self, layers):
        """θ⁰ into an estimator that has just come to know its shapes."""
        first = self.X[:1], self.y[:1]
        if self.task.output == "softmax":  # it has to meet every class once
            rows = np.unique(self.y, return_index=True)[1]
            first = self.X[rows], self.y[rows]
        self._fit(first, 1)
        for part, (w, _) in zip(self.estimator.coefs_, layers, strict=True):
            part[:] = w.T
        for part, (_, b) in zip(self.estimator.intercepts_, layers, strict=True):
            part[:] = b
        self.estimator.loss_curve_ = self.curve = _Ticking()

    def _fit(self, rows, epochs):
        # with a warm start the epochs without improvement are counted from fit to fit
        self.estimator.set_params(max_iter=epochs, n_iter_no_change=np.inf)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged, that batches are clipped
            self.estimator.fit(*rows)

    def run(self, epochs, tick=None):
        self.curve.tick = tick
        self._fit((self.X, self.y), epochs)
        self.curve.tick = None

    def step(self):
        self.estimator.partial_fit(self.X, self.y)

    def layers(self):
        pairs = zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True)
        return [(w.T, b) for w, b in pairs]


class Predictor:
    def __init__(self, task, layers, threads):
        from suite.data import Examples

        X = np.zeros((1, task.sizes[0]), task.dtype)
        Y = np.eye(1, task.sizes[-1], dtype=task.dtype)
        trainer = Trainer(replace(task, rows=1), Examples(X, Y), layers, threads)
        self.estimator = trainer.estimator

    def bind(self, X):
        answer = self.estimator.predict_proba
        return lambda: answer(X)

    @staticmethod
    def outputs(answer):
        return answer
