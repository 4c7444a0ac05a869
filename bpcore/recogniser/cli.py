"""The main job: ``python -m bpcore`` trains the handwriting recogniser and reports on it."""

import argparse
import dataclasses
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcore import DivergenceError, History, Network
from bpcore.datasets import Dataset, load_digits, load_mnist, load_openml_mnist, one_hot
from bpcore.recogniser.options import EPOCHS, PROGRAM, build_parser, complete, one_line
from bpcore.recogniser.outcome import Outcome, measure_gemm
from bpcore.recogniser.page import write_page
from bpcore.recogniser.picture import draw
from bpcore.recogniser.report import Progress, entry, introduction, record, result_lines

__all__ = ["main"]

_OK, _FAILED, _INTERRUPTED = 0, 1, 130


def _load(options: argparse.Namespace) -> tuple[Dataset, int]:
    """The data asked for, and the epochs that suit them."""
    if options.openml:
        with warnings.catch_warnings():  # scikit-learn warns at each retry; the error says it once
            warnings.simplefilter("ignore", UserWarning)
            return load_openml_mnist(), EPOCHS["mnist"]
    folder: str | None = options.mnist
    if folder is None and not options.digits:
        folder = os.environ.get("BPCORE_MNIST") or None
    if folder is not None:
        return load_mnist(os.path.expanduser(folder)), EPOCHS["mnist"]
    return load_digits(), EPOCHS["digits"]


def _pixels(images: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Bytes to [0, 1], in the network's dtype at once."""
    return np.asarray(np.divide(images, 255, dtype=dtype))


def _train(options: argparse.Namespace, data: Dataset, network: Network) -> Outcome:
    """Train as far as Ctrl-C lets it, and read the test images.

    Raises
    ------
    KeyboardInterrupt
        The first epoch was not completed.
    """
    X_train, X_test = (_pixels(X, network.dtype) for X in (data.X_train, data.X_test))
    Y_train, Y_test = (
        one_hot(y, data.n_classes, network.dtype) for y in (data.y_train, data.y_test)
    )
    gemm = measure_gemm(options.dtype)
    silent = options.quiet or sys.stdout is None
    progress = None if silent else Progress(options.epochs, sys.stdout)
    interrupted = False
    try:
        network.fit(
            X_train,
            Y_train,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            validation_data=(X_test, Y_test),
            metric="accuracy",
            random_state=options.seed,
            callback=progress,
        )
    except KeyboardInterrupt:
        if not hasattr(network, "history_"):
            raise
        interrupted = True
    finally:
        if progress is not None:
            progress.close()
    history = _whole_epochs(network.history_)
    if not history.cost:
        raise KeyboardInterrupt
    return Outcome(data, network, history, network.predict(X_test), gemm, interrupted)


def _whole_epochs(history: History) -> History:
    """Without the entries of an epoch that Ctrl-C ended before its last entry was made."""
    records = ("cost", "validation_cost", "validation_score", "learning_rate", "seconds")
    n = min(len(getattr(history, name)) for name in records)
    return dataclasses.replace(history, **{name: getattr(history, name)[:n] for name in records})


def _write_files(options: argparse.Namespace, outcome: Outcome) -> None:
    if options.save_history:
        text = json.dumps(record(options, outcome), indent=2, default=float)
        options.save_history.write_text(text + "\n", encoding="utf-8")
        print(entry("History", str(options.save_history)))
    if options.page:
        write_page(outcome, options.page, options.learning_rate)
        print(entry("Page", str(options.page)))
    if options.no_picture:
        return
    try:
        draw(outcome, options.output)
    except ModuleNotFoundError as error:
        print(entry("No picture", f'{error.name} is missing: pip install "bpcore[demo]"'))
    except KeyboardInterrupt:
        print(entry("No picture", "interrupted while drawing it"))
    else:
        print(entry("Picture", str(options.output)))


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    try:
        data, epochs = _load(options)
    except (OSError, ValueError) as error:
        return _fail(error)
    problem = complete(options, data, epochs)
    if problem:
        parser.error(problem)
    try:
        network = Network(
            options.layers,
            activation=options.activation,
            output_activation="sigmoid",
            loss="quadratic",
            dtype=options.dtype,
            init=options.init,
            random_state=options.seed,
        )
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    if not options.quiet:
        print(introduction(options, data, network), flush=True)
    if options.train:
        data = dataclasses.replace(
            data, X_train=data.X_train[: options.train], y_train=data.y_train[: options.train]
        )
    try:
        outcome = _train(options, data, network)
    except DivergenceError as error:
        return _fail(error)
    if not options.quiet:
        print()
    print("\n".join(result_lines(outcome, options.epochs)), flush=True)
    try:
        _write_files(options, outcome)
    except OSError as error:
        return _fail(error)
    return _OK


def _fail(error: object) -> int:
    print(f"{PROGRAM}: {one_line(error)}", file=sys.stderr)
    return _FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the main job with the flags in `argv`; returns the exit code.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        The flags; None takes them from the command line.

    Returns
    -------
    int
        0; 1 where data, training or a file failed; 130 where Ctrl-C left nothing to report.

    Raises
    ------
    SystemExit
        With code 2 for a wrong flag, 0 after ``--help`` and ``--version``.
    """
    parser = build_parser()
    options = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files hold any character
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(parser, options)
    except KeyboardInterrupt:
        print(f"\n{PROGRAM}: interrupted before there was anything to report", file=sys.stderr)
        return _INTERRUPTED
    except MemoryError:
        return _fail("not enough memory for this network and these data")
    except OSError as error:
        # Nobody reads any more, or the disk is full; without this the interpreter complains when it
        # flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED if isinstance(error, BrokenPipeError) else _fail(error)
