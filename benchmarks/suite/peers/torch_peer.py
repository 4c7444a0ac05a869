"""PyTorch, eager: Linear layers, autograd, its own optimizers."""

import warnings
from dataclasses import replace
from typing import ClassVar

import torch
from torch import nn

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "identity": nn.Identity,
}


def _model(task, layers, threads):
    torch.set_num_threads(threads)
    parts = []
    for i, (w, b) in enumerate(layers):
        linear = nn.Linear(w.shape[1], w.shape[0], dtype=getattr(torch, task.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(w))
            linear.bias.copy_(torch.as_tensor(b))
        parts.append(linear)
        name = task.output if i == len(layers) - 1 else task.activation
        if name != "softmax":  # cross_entropy takes z
            parts.append(ACTIVATIONS[name]())
    return nn.Sequential(*parts)


def _loss(task):
    if task.loss == "categorical_cross_entropy":
        return nn.functional.cross_entropy
    scale = 1.0 if task.loss == "quadratic" else 0.5
    return lambda a, y: scale * (a - y).square().sum(dim=1).mean()


class Trainer:
    options: ClassVar[dict] = {}

    def __init__(self, task, examples, layers, threads, shuffle=True):
        self.task = task
        self.model = _model(task, layers, threads)
        self.loss = _loss(task)
        classes = task.output == "softmax"
        self.x = torch.from_numpy(examples.X)
        self.y = torch.from_numpy(examples.labels if classes else examples.Y)
        rule = torch.optim.Adam if task.optimizer == "adam" else torch.optim.SGD
        self.rule = rule(self.model.parameters(), lr=task.learning_rate, **self.options)
        self.shuffle = shuffle and task.batch is not None

    @staticmethod
    def trained(task):
        if task.optimizer == "adam":
            return replace(task, optimizer="textbook adam")
        return task

    def _update(self, x, y):
        self.rule.zero_grad()
        self.loss(self.model(x), y).backward()
        self.rule.step()

    def run(self, epochs, tick=None):
        n = len(self.x)
        batch = self.task.batch or n
        for _ in range(epochs):
            order = torch.randperm(n) if self.shuffle else None
            for start in range(0, n, batch):
                part = slice(start, start + batch)
                rows = part if order is None else order[part]
                self._update(self.x[rows], self.y[rows])
            if tick:
                tick()

    def step(self):
        self._update(self.x, self.y)

    def layers(self):
        linear = [part for part in self.model if isinstance(part, nn.Linear)]
        return [(p.weight.detach().numpy(), p.bias.detach().numpy()) for p in linear]


class FusedTrainer(Trainer):
    """The optimizer in one kernel, which PyTorch offers and does not choose by itself."""

    options: ClassVar[dict] = {"fused": True}


class Predictor:
    def __init__(self, task, layers, threads):
        self.model = _model(task, layers, threads).eval()

    def bind(self, X):
        x, model = torch.from_numpy(X), self.model

        def call():
            with torch.inference_mode():
                return model(x)

        return call

    @staticmethod
    def outputs(answer):
        return answer.numpy()


class ScriptPredictor(Predictor):
    """The same network traced and frozen."""

    def bind(self, X):
        x = torch.from_numpy(X)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated
            script = torch.jit.freeze(torch.jit.trace(self.model, x))

        def call():
            with torch.inference_mode():
                return script(x)

        return call
