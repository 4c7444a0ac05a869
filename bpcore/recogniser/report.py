"""What the main job says and draws: the terminal report, the progress display, the picture.

Nothing here trains. matplotlib is an optional extra and is imported in `draw` alone.
"""

import argparse
import itertools
import math
import os
import re
import shutil
import textwrap
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from bpcore._core.threads import usable_processors
from bpcore._version import __version__
from bpcore.datasets import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from bpcore import History, Network

_WIDTH = 79
_TIE = "\N{NO-BREAK SPACE}"
_LABEL = 12
# Okabe and Ito's palette: told apart with any colour vision, and by lightness in grey.
_BLUE, _VERMILION = "#0072B2", "#D55E00"
_COLUMNS = 10
_SAMPLE_ROWS, _MISREAD_ROWS = 2, 3
_PLACE_HEIGHT = 1.4
_BLAS_NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}


@dataclass(frozen=True)
class GemmRate:
    """A measured rate of matrix products, and on what it was measured."""

    flops: float
    description: str


@dataclass(frozen=True)
class Outcome:
    """A trained network on its test images, with everything that the report derives from it."""

    data: Dataset
    network: "Network"
    history: "History"
    outputs: np.ndarray  # (n_test, n_classes): a^(L) of every test image
    gemm: GemmRate
    interrupted: bool = False

    @cached_property
    def guesses(self) -> np.ndarray:
        """The class of the largest output."""
        return np.asarray(self.outputs.argmax(axis=1))

    @cached_property
    def certainties(self) -> np.ndarray:
        """The output of the guessed class."""
        return np.asarray(self.outputs.max(axis=1))

    @cached_property
    def misread(self) -> np.ndarray:
        """Rows of the test images misread, the most certain first."""
        rows = np.flatnonzero(self.guesses != self.data.y_test)
        return rows[np.argsort(-self.certainties[rows], kind="stable")]

    @property
    def accuracy(self) -> float:
        """Share of the test images correct."""
        return float(np.mean(self.guesses == self.data.y_test))

    @property
    def best_epoch(self) -> int:
        """The first epoch, counted from 1, with the highest test accuracy."""
        return int(np.argmax(self.history.validation_score)) + 1

    @property
    def best_accuracy(self) -> float:
        """Test accuracy after the best epoch."""
        return float(self.history.validation_score[self.best_epoch - 1])

    @property
    def images_per_second(self) -> float:
        """Training images gone through in a second of training."""
        return float(self.history.examples_per_second)

    @property
    def threads(self) -> int:
        """The most threads that training may have used; fewer where there is little to share."""
        return self.network.n_threads or usable_processors()

    @property
    def flop_rate(self) -> float:
        """Floating-point operations a second of the training's matrix products."""
        return self.images_per_second * flops_per_image(self.network.layer_sizes)

    def confusions(self, most: int = 3) -> list[tuple[int, int, int]]:
        """The most frequent mistakes as (class, guess, how often)."""
        n = self.data.n_classes
        pairs = self.data.y_test[self.misread].astype(np.intp) * n + self.guesses[self.misread]
        counts = np.bincount(pairs, minlength=n * n)
        order = np.argsort(-counts, kind="stable")[:most]
        return [(int(p // n), int(p % n), int(counts[p])) for p in order if counts[p]]


def flops_per_image(layer_sizes: tuple[int, ...]) -> int:
    """Operations of the matrix products for one training image.

    Forward, weight gradient and delta take 2 a weight each; there is no delta below the first
    layer of weights.
    """
    products = [m * n for m, n in itertools.pairwise(layer_sizes)]
    return 6 * sum(products) - 2 * products[0]


def measure_gemm(dtype: str = "float32", n: int = 1024, repeats: int = 7) -> GemmRate:
    """The rate of NumPy's n x n matrix product on one thread, the best of `repeats`."""
    from threadpoolctl import threadpool_info, threadpool_limits

    rng = np.random.default_rng(0)
    a, b = (rng.random((n, n)).astype(dtype) for _ in range(2))
    product = np.empty_like(a)
    best = math.inf
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repeats + 1):  # the first warms up
            start = time.perf_counter()
            np.matmul(a, b, out=product)
            best = min(best, time.perf_counter() - start)
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # SciPy may bring a BLAS of its own; what was timed is NumPy's.
    pools.sort(key=lambda pool: "numpy" not in pool["filepath"])
    words = [f"NumPy, {n} x {n} {dtype}, one thread"]
    for pool in pools[:1]:
        name = _BLAS_NAMES.get(pool["internal_api"], pool["internal_api"])
        words.append(" ".join(filter(None, [name, pool["version"], pool.get("architecture")])))
    preset = [v for v in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if os.environ.get(v)]
    if preset:
        words.append(f"with {' and '.join(preset)} set in the environment")
    return GemmRate(2 * n**3 / best, ", ".join(words))


def entry(label: str, text: str) -> str:
    """One paragraph of the report: a label, and text wrapped beside it."""
    # "28 x 28" and "13,002 parameters" stay on one line.
    tied = re.sub(r"(?<=\d) (?=x \d)|(?<=x) (?=\d)|(?<=\d) (?=[a-z])", _TIE, text)
    return textwrap.fill(
        tied,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_TIE, " ")


def introduction(options: argparse.Namespace, data: Dataset, network: "Network") -> str:
    """What is about to be trained, in words."""
    height, width = data.image_shape
    n_train = f"{len(data.X_train):,}"
    if options.train:
        n_train = f"the first {options.train:,} of {n_train}"
    sizes = "-".join(map(str, network.layer_sizes))
    hidden = f"{options.activation} in hidden layers, " if network.n_layers > 1 else ""
    activation = "sigmoid" if options.activation == "sigmoid" else f"{hidden}sigmoid at the output"
    return "\n".join(
        [
            f"bpcore {__version__}: a handwriting recogniser, trained by backpropagation",
            "",
            entry(
                "Data",
                f"{data.name}: {n_train} training and {len(data.X_test):,} test images of "
                f"{height} x {width} pixels in [0, 1], {data.n_classes} classes. "
                + data.description,
            ),
            entry(
                "Network",
                f"{sizes}, {activation}, {network.n_parameters:,} parameters in "
                f"{network.dtype}, initial weights: {options.init}.",
            ),
            entry("Cost", "quadratic: (a - y)^2 summed over the outputs, mean over the images."),
            entry(
                "Training",
                f"stochastic gradient descent: {options.epochs:,} epochs, batches of "
                f"{options.batch_size:,}, learning rate {options.learning_rate:g}, "
                f"seed {options.seed}.",
            ),
            "",
        ]
    )


class Progress:
    """Cost and test accuracy after each epoch: a bar on a terminal, else a line an epoch.

    It is a callback of ``Network.fit`` and never asks it to stop.
    """

    def __init__(self, epochs: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.stream = stream
        self.on_terminal = stream.isatty()
        self.bar_is_open = False
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        self.full, self.empty = ("█", "░") if encoding.startswith("utf") else ("#", ".")

    def __call__(self, network: "Network", history: "History") -> None:
        """Show the epoch that has just ended."""
        done = len(history.cost)
        digits = len(str(self.epochs))
        head = f"epoch {done:>{digits}}/{self.epochs}"
        tail = f"cost {history.cost[-1]:.4f}   test {history.validation_score[-1]:7.2%}"
        if not self.on_terminal:
            print(f"{head}   {tail}", file=self.stream, flush=True)
            return
        columns = shutil.get_terminal_size().columns - 1  # a full line would wrap round
        width = min(30, columns - len(head) - len(tail) - 4)
        bar = ""
        if width >= 4:
            filled = width * done // self.epochs
            bar = self.full * filled + self.empty * (width - filled) + "  "
        line = f"{head}  {bar}{tail}"[:columns]
        print(f"\r{line:<{columns}}", end="", file=self.stream, flush=True)
        self.bar_is_open = True

    def close(self) -> None:
        """End the bar's line, so that what follows begins on its own."""
        if self.bar_is_open:
            print(file=self.stream, flush=True)
            self.bar_is_open = False


def _threads(most: int) -> str:
    return "one thread" if most == 1 else f"up to {most} threads"


def result_lines(outcome: Outcome, asked_epochs: int) -> list[str]:
    """The results in words, a paragraph each."""
    history, n_test = outcome.history, len(outcome.guesses)
    done = len(history.cost)
    lines = []
    if outcome.interrupted:
        lines.append(
            entry("Interrupted", f"after {done} of {asked_epochs} epochs; this was reached.")
        )
    wrong = len(outcome.misread)
    accuracy = f"{outcome.accuracy:.2%}: {n_test - wrong:,} of {n_test:,} images correct."
    if outcome.best_accuracy > outcome.accuracy:
        accuracy += f" The best was {outcome.best_accuracy:.2%}, after epoch {outcome.best_epoch}."
    lines.append(entry("Accuracy", accuracy))
    mistakes = ", ".join(
        f"{true} as {guess} ({count:,} {'time' if count == 1 else 'times'})"
        for true, guess, count in outcome.confusions()
    )
    if mistakes:
        lines.append(entry("Misread", f"{wrong:,}; most often {mistakes}."))
    lines.append(
        entry(
            "Speed",
            f"{outcome.images_per_second:,.0f} images/s: {done:,} "
            f"{'epoch' if done == 1 else 'epochs'} of {len(outcome.data.X_train):,} images in "
            f"{history.total_seconds:.2f} s, on {_threads(outcome.threads)}.",
        )
    )
    lines.append(
        entry(
            "Arithmetic",
            f"{outcome.flop_rate / 1e9:,.1f} GFLOP/s, {outcome.flop_rate / outcome.gemm.flops:.0%} "
            f"of the {outcome.gemm.flops / 1e9:,.0f} GFLOP/s that matrix products reach on this "
            f"machine ({outcome.gemm.description}).",
        )
    )
    return lines


def record(options: argparse.Namespace, outcome: Outcome) -> dict[str, Any]:
    """What --save-history writes."""
    data, network = outcome.data, outcome.network
    return {
        "bpcore": __version__,
        "data": {
            "name": data.name,
            "training_images": len(data.X_train),
            "test_images": len(data.X_test),
            "image_shape": list(data.image_shape),
            "classes": data.n_classes,
        },
        "network": {
            "layer_sizes": list(network.layer_sizes),
            "activation": options.activation,
            "output_activation": "sigmoid",
            "loss": "quadratic",
            "init": options.init,
            "dtype": options.dtype,
            "parameters": network.n_parameters,
        },
        "training": {
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "learning_rate": options.learning_rate,
            "seed": options.seed,
        },
        "history": outcome.history.to_dict(),
        "result": {
            "interrupted": outcome.interrupted,
            "test_accuracy": outcome.accuracy,
            "misread": len(outcome.misread),
            "best_epoch": outcome.best_epoch,
            "best_test_accuracy": outcome.best_accuracy,
            "images_per_second": outcome.images_per_second,
            "most_threads": outcome.threads,
            "gflops": outcome.flop_rate / 1e9,
            "gemm_gflops": outcome.gemm.flops / 1e9,
            "gemm": outcome.gemm.description,
        },
    }


def draw(outcome: Outcome, path: str | os.PathLike[str]) -> None:
    """Write the picture: the curves, some test images as read, and those misread.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    OSError
        The file cannot be written.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    data = outcome.data
    samples = np.arange(min(len(data.X_test), _SAMPLE_ROWS * _COLUMNS))
    mistakes = outcome.misread[: _MISREAD_ROWS * _COLUMNS]
    rows = [max(1, math.ceil(len(shown) / _COLUMNS)) for shown in (samples, mistakes)]
    with matplotlib.style.context(["default", {"font.size": 10, "axes.titlesize": 10.5}]):
        # Inches: the curves, then a title and rows of images, whose places are 0.8 wide.
        heights = [3.0, *(0.4 + 0.8 * _PLACE_HEIGHT * n for n in rows)]
        figure = Figure(figsize=(8, 0.4 + sum(heights)), dpi=150, layout="constrained")
        figure.suptitle(_picture_title(outcome), fontsize=12, fontweight="bold")
        parts = figure.subfigures(3, 1, height_ratios=heights, squeeze=False)
        curves, sample, misread = parts[:, 0]
        _draw_curves(curves, outcome)
        first = "The test image" if len(samples) == 1 else f"The first {len(samples)} test images"
        _draw_images(sample, outcome, samples, f"{first}: the guess, and its certainty in [0, 1]")
        _draw_images(misread, outcome, mistakes, _misread_title(outcome, len(mistakes)))
        figure.savefig(path, format="png")


def _picture_title(outcome: Outcome) -> str:
    sizes = "-".join(map(str, outcome.network.layer_sizes))
    title = f"{sizes} on {outcome.data.name}: {outcome.accuracy:.2%} of the test images correct"
    return textwrap.fill(title, 75)


def _misread_title(outcome: Outcome, n_shown: int) -> str:
    n_wrong, n_test = len(outcome.misread), len(outcome.guesses)
    if not n_wrong:
        return f"None of the {n_test:,} test images is misread"
    which = "" if n_shown == n_wrong else f"; here the {n_shown} most certain"
    return f"Misread: {n_wrong:,} of {n_test:,} test images{which} (digit read as guess, certainty)"


def _draw_curves(figure: "SubFigure", outcome: Outcome) -> None:
    history = outcome.history
    epochs = np.arange(1, len(history.cost) + 1)
    cost, accuracy = figure.subplots(1, 2)
    marker = "o" if len(epochs) <= 30 else None
    style: dict[str, Any] = {"marker": marker, "markersize": 3, "linewidth": 1.6}
    trained, tested = "training images, during the epoch", "test images, after it"
    cost.plot(epochs, history.cost, color=_BLUE, label=trained, **style)
    cost.plot(epochs, history.validation_cost, "--", color=_VERMILION, label=tested, **style)
    cost.legend(frameon=False, loc="upper right")
    highest = max(*history.cost, *history.validation_cost)
    cost.set(title="Cost", ylim=(0, 1.4 * highest or 1))  # the legend above the curves
    percent = 100 * np.asarray(history.validation_score)
    accuracy.plot(epochs, percent, color=_BLUE, **style)
    best = outcome.best_epoch
    accuracy.plot(best, percent[best - 1], "D", color=_VERMILION, markersize=6)
    accuracy.set(title=f"Test accuracy, % (◆ best: {percent[best - 1]:.2f}, epoch {best})")
    for axes in (cost, accuracy):
        _style_curve(axes, len(epochs))


def _style_curve(axes: "Axes", n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, n_epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_images(figure: "SubFigure", outcome: Outcome, rows: np.ndarray, title: str) -> None:
    # All images in one set of axes: a place is one unit wide and _PLACE_HEIGHT high.
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots()
    height, width = outcome.data.image_shape
    scale = 0.88 / max(height, width)
    for place, row in enumerate(rows):
        down, right = divmod(place, _COLUMNS)
        x, top = right + 0.5, _PLACE_HEIGHT * down + 0.4
        axes.imshow(
            outcome.data.X_test[row].reshape(height, width),
            extent=(x - scale * width / 2, x + scale * width / 2, top + scale * height, top),
            cmap="gray_r",
            vmin=0,
            vmax=255,
        )
        true, guess = int(outcome.data.y_test[row]), int(outcome.guesses[row])
        is_right = true == guess
        axes.text(
            x,
            top - 0.04,
            f"{guess if is_right else f'{true} as {guess}'}\n{outcome.certainties[row]:.2f}",
            ha="center",
            va="bottom",
            fontsize=9.5,
            linespacing=1.05,
            color="black" if is_right else _VERMILION,
            fontweight="normal" if is_right else "bold",
        )
    n_rows = max(1, math.ceil(len(rows) / _COLUMNS))
    axes.set(xlim=(0, _COLUMNS), ylim=(_PLACE_HEIGHT * n_rows, 0), aspect="equal")
    axes.set_axis_off()
