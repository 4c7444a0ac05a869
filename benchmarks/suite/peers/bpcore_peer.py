"""bpcore, through `Network`."""

from bpcore import Network


def _network(task, layers, threads):
    network = Network(
        task.sizes,
        activation=task.activation,
        output_activation=task.output,
        loss=task.loss,
        dtype=task.dtype,
        init="zeros",
        n_threads=threads,
    )
    network.set_parameters(weights=[w for w, _ in layers], biases=[b for _, b in layers])
    return network


class Trainer:
    def __init__(self, task, examples, layers, threads, shuffle=True):
        self.task, self.examples = task, examples
        self.network = _network(task, layers, threads)
        self.shuffle = shuffle and task.batch is not None
        self.one_row = (examples.X[0], examples.Y[0]) if len(examples.X) == 1 else None

    @staticmethod
    def trained(task):
        return task

    def run(self, epochs, tick=None):
        def callback(network, history):
            tick()

        self.network.fit(
            self.examples.X,
            self.examples.Y,
            epochs=epochs,
            batch_size=self.task.batch,
            learning_rate=self.task.learning_rate,
            optimizer=self.task.optimizer,
            shuffle=self.shuffle,
            random_state=0,
            callback=callback if tick else None,
        )

    def step(self):
        X, Y = self.one_row or (self.examples.X, self.examples.Y)
        self.network.step(X, Y, self.task.learning_rate)

    def layers(self):
        return list(zip(self.network.weights, self.network.biases, strict=True))


class Predictor:
    def __init__(self, task, layers, threads):
        self.network = _network(task, layers, threads)

    def bind(self, X):
        predict = self.network.predict
        return lambda: predict(X)

    @staticmethod
    def outputs(answer):
        return answer


class OutPredictor(Predictor):
    """A single row given as a vector, and the answer into the caller's array."""

    def bind(self, X):
        predict = self.network.predict
        x = X[0] if len(X) == 1 else X
        out = predict(x)
        return lambda: predict(x, out)

    @staticmethod
    def outputs(answer):
        return answer.reshape(-1, answer.shape[-1])
