"""What is measured: networks, data, optimizer, batch, and the arithmetic that follows."""

from dataclasses import asdict, dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Task:
    """A network and how it learns.

    `batch` None: every step takes all rows. Where a step takes all rows, and where it is the
    whole fit that is asked about, `steps` epochs make one sample of the clock.
    """

    name: str
    sizes: tuple[int, ...]
    rows: int
    batch: int | None
    activation: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "quadratic"
    optimizer: str = "sgd"
    learning_rate: float = 1.0
    data: str = "images"
    dtype: str = "float32"
    steps: int = 1
    whole_fit: bool = False

    @property
    def weights(self) -> int:
        return sum(m * n for m, n in zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def parameters(self) -> int:
        return self.weights + sum(self.sizes[1:])

    @property
    def flops_a_row(self) -> int:
        """Forward, weight gradient and delta: 2 each a weight, but no delta for the inputs."""
        return 6 * self.weights - 2 * self.sizes[0] * self.sizes[1]

    @property
    def flops_of_an_answer(self) -> int:
        return 2 * self.weights

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def of(cls, entries: dict) -> "Task":
        return cls(**{**entries, "sizes": tuple(entries["sizes"])})


def softmax_task(name: str, sizes: tuple[int, ...], rows: int, batch: int, **more) -> Task:
    """ReLU, softmax, cross-entropy, Adam."""
    return Task(
        name,
        sizes,
        rows,
        batch,
        activation="relu",
        output="softmax",
        loss="categorical_cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        **more,
    )


def expm_task(rows: int, steps: int) -> Task:
    """The exponential of 2 x 2 matrices, as SimpleChains.jl's example learns it."""
    return Task(
        f"expm-{rows}",
        (4, 32, 16, 4),
        rows,
        None,
        activation="tanh",
        output="identity",
        loss="squared_error",
        optimizer="adam",
        learning_rate=1e-3,
        data="expm",
        steps=steps,
    )


def table_task(layers: str, batch: int, data: str = "table") -> Task:
    """A table of numbers: ReLU, one output or two, squared error, Adam."""
    return Task(
        f"table-{layers}",
        tuple(map(int, layers.split("-"))),
        20_000,
        batch,
        activation="relu",
        output="identity",
        loss="squared_error",
        optimizer="adam",
        learning_rate=1e-3,
        data=data,
    )


# Nielsen's own η is 3.0 for ½ Σ(a - y)²; without the ½ that is 1.5.
# "dense": inputs of which none is zero, where four of five pixels are. "table": 5 to 300 columns of
# numbers; of the 120 inputs of the last one 100 are ten categories, one of ten each.
TRAINING = {
    task.name: task
    for task in (
        Task("seed", (784, 16, 16, 10), 60_000, 32),
        Task("nielsen", (784, 30, 10), 60_000, 10, learning_rate=1.5),
        softmax_task("default", (784, 100, 10), 60_000, 200),
        softmax_task("wide", (784, 512, 512, 10), 60_000, 128),
        softmax_task("huge", (784, 2048, 2048, 10), 10_240, 512),
        expm_task(200, 1000),
        expm_task(10_000, 50),
        Task("seed-dense", (784, 16, 16, 10), 60_000, 32, data="noise", learning_rate=0.1),
        softmax_task("default-dense", (784, 100, 10), 60_000, 200, data="noise"),
        table_task("8-32-32-1", 256),
        table_task("12-100-1", 32),
        table_task("30-100-1", 200),
        table_task("30-64-64-1", 64),
        table_task("100-100-10", 200),
        table_task("50-128-128-128-1", 256),
        table_task("100-256-256-1", 128),
        table_task("14-256-256-256-2", 256),
        table_task("300-512-1", 256),
        table_task("120-128-128-1", 256, data="categories"),
    )
}

STEPS = {
    task.name: task
    for task in (
        Task("seed, one row", (784, 16, 16, 10), 1, None, learning_rate=0.1, steps=200),
        Task("seed, 32 rows", (784, 16, 16, 10), 32, None, learning_rate=0.1, steps=200),
    )
}

PREDICTION_SIZES = ((784, 16, 16, 10), (784, 512, 512, 10))
PREDICTION_ROWS = (1, 32, 2000)


def prediction_task(sizes: tuple[int, ...], rows: int) -> Task:
    name = "-".join(map(str, sizes)) + f", {rows} row" + "s" * (rows > 1)
    return Task(name, sizes, rows, None)


# ---------------------------------------------------------------- sweeps

# Of noise: no input is zero, and none of the FLOPs that are counted is left out.
# Rows are chosen for about this many FLOPs an epoch, so that every point takes a similar time.
_SWEEP_FLOPS = 8e9


def _sized(task: Task, least: int, most: int) -> Task:
    """The task with rows for about _SWEEP_FLOPS, in whole batches."""
    rows = int(_SWEEP_FLOPS / task.flops_a_row)
    rows = min(max(rows, least), most)
    return replace(task, rows=max(1, rows // task.batch) * task.batch)


def width_task(width: int) -> Task:
    task = softmax_task(f"width {width}", (784, width, width, 10), 0, 128, data="noise")
    return _sized(task, 1024, 60_000)


def depth_task(depth: int) -> Task:
    task = softmax_task(f"depth {depth}", (784, *[128] * depth, 10), 0, 128, data="noise")
    return _sized(task, 1024, 60_000)


def batch_task(batch: int) -> Task:
    rows = 4096 if batch < 16 else 16_384
    return softmax_task(f"batch {batch}", (784, 100, 10), rows, batch, data="noise")


def rows_task(rows: int) -> Task:
    return softmax_task(f"rows {rows}", (64, 64, 64, 10), rows, 128, data="noise")


def epochs_task(epochs: int) -> Task:
    return Task(
        f"epochs {epochs}", (784, 16, 16, 10), 6000, 32,
        learning_rate=0.1, data="noise", steps=epochs, whole_fit=True,
    )  # fmt: skip


SWEEPS = {
    "width": (width_task, (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)),
    "batch": (batch_task, (1, 4, 16, 64, 256, 1024, 4096)),
    "depth": (depth_task, (1, 2, 4, 8, 16)),
    "rows": (rows_task, (10**3, 10**4, 10**5, 10**6, 10**7)),
    "epochs": (epochs_task, (1, 10, 100)),
}


def initial_layers(task: Task, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """θ⁰ for every peer: [(w of shape (n_out, n_in), b)], uniform, as Glorot and Bengio do."""
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in zip(task.sizes, task.sizes[1:], strict=False):
        bound = np.sqrt(6 / (fan_in + fan_out))
        w = rng.uniform(-bound, bound, (fan_out, fan_in)).astype(task.dtype)
        layers.append((w, np.zeros(fan_out, task.dtype)))
    return layers
