"""What the main job says: settings, progress, results in words, and the record of a run."""

import argparse
import re
import shutil
import textwrap
from typing import Any, TextIO

from bpcore import History, Network
from bpcore._version import __version__
from bpcore.datasets import Dataset
from bpcore.recogniser.outcome import Outcome

__all__ = ["Progress", "entry", "introduction", "record", "result_lines"]

_WIDTH = 79
_TIE = "\N{NO-BREAK SPACE}"
_LABEL = 12


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


def introduction(options: argparse.Namespace, data: Dataset, network: Network) -> str:
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

    def __call__(self, network: Network, history: History) -> None:
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
