"""The options of ``python -m bpcore``: what there is, what --help says, what is refused."""

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from bpcore._version import __version__
from bpcore.datasets import Dataset
from bpcore.functions import HIDDEN
from bpcore.network.initialisation import INITS

__all__ = ["EPOCHS", "PROGRAM", "build_parser", "complete", "one_line"]

PROGRAM = "python -m bpcore"

# The small digits are forty times fewer than MNIST's, and take more epochs.
EPOCHS = {"digits": 150, "mnist": 30}
_HIDDEN = (16, 16)
_BATCH_SIZE = 32
_LEARNING_RATE = 0.5
_INIT = "glorot"
_PICTURE = Path("bpcore-digits.png")

_DESCRIPTION = """\
Train a multilayer perceptron to read handwritten digits, by gradient descent and
backpropagation, and report on it: cost and accuracy by epoch, speed, and a picture.

Without options: 784-16-16-10, sigmoid, quadratic cost, on the 1,797 digits that
scikit-learn carries.
"""

_EXAMPLES = """\
examples:
  python -m bpcore
      the small digits, a second's work
  python -m bpcore --mnist ~/data/mnist
      MNIST from the four IDX files (plain or .gz) in that folder
  python -m bpcore --page digits.html
      and a page for a browser: where the derivative of any weight comes from
  python -m bpcore --layers 784,100,10 --activation relu --learning-rate 0.2
      another network
  python -m bpcore --mnist ~/data/mnist --layers 784,30,10 --epochs 30 --batch-size 10 \\
      --learning-rate 1.5 --init normal --train 50000
      the first network of Nielsen's "Neural Networks and Deep Learning": his learning
      rate of 3.0 is 1.5 here, where the cost has no factor 1/2

Ctrl-C ends the training and reports what was reached so far.
"""


class _Parser(argparse.ArgumentParser):
    """Errors are one line; the usage is a --help away."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)} (--help explains the options)\n")


def one_line(message: object) -> str:
    """A message without its line breaks."""
    return " ".join(str(message).split())


def _whole_number(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
        return number

    return parse


def _positive_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (0 < number < math.inf):
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return number


def _layer_sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) if size.strip().isdecimal() else 0 for size in text.split(","))
    if len(sizes) < 2 or min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"expected layer sizes with commas between, as in 784,16,16,10, got {text!r}"
        )
    return sizes


def _picture_path(text: str) -> Path:
    path = _writable_file(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(
            f"the picture is a PNG, expected a name that ends in .png, got {text!r}"
        )
    return path


def _page_path(text: str) -> Path:
    path = _writable_file(text)
    if path.suffix.lower() not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(
            f"a browser opens the page by its name, expected one that ends in .html, got {text!r}"
        )
    return path


def _writable_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, expected a file")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {os.fspath(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} may not be written")
    return path


def build_parser() -> argparse.ArgumentParser:
    """The parser of every option."""
    parser = _Parser(
        prog=PROGRAM,
        usage="%(prog)s [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_data_options(parser)
    _add_network_options(parser)
    _add_training_options(parser)
    _add_output_options(parser)
    return parser


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--digits",
        action="store_true",
        help="scikit-learn's digits, enlarged from 8 x 8 to 28 x 28 (default, unless the "
        "environment variable BPCORE_MNIST names a folder)",
    )
    source.add_argument(
        "--mnist",
        metavar="DIR",
        help="MNIST from its four IDX files in DIR (default: the value of BPCORE_MNIST)",
    )
    source.add_argument(
        "--openml", action="store_true", help="MNIST from openml.org, downloaded by scikit-learn"
    )
    group.add_argument(
        "--train",
        metavar="N",
        type=_whole_number(1),
        help="train on the first N training images (default: all of them)",
    )


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--layers",
        metavar="SIZES",
        type=_layer_sizes,
        help="units of each layer, from the pixels of an image to the number of classes "
        "(default: 784,16,16,10)",
    )
    group.add_argument(
        "--activation",
        metavar="NAME",
        default="sigmoid",
        help=f"of the hidden layers: {', '.join(HIDDEN)}; the output stays sigmoid "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--init",
        metavar="NAME",
        default=_INIT,
        help=f"how the initial weights are drawn: {', '.join(INITS)}; normal is N(0, 1) for "
        "weights and biases (default: %(default)s)",
    )
    group.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default="float32",
        help="of parameters and arithmetic (default: %(default)s)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--epochs",
        metavar="N",
        type=_whole_number(1),
        help="times to go through the training images (default: "
        f"{EPOCHS['digits']} on the small digits, {EPOCHS['mnist']} on MNIST)",
    )
    group.add_argument(
        "--batch-size",
        metavar="N",
        type=_whole_number(1),
        default=_BATCH_SIZE,
        help="images a step of gradient descent (default: %(default)s)",
    )
    group.add_argument(
        "--learning-rate",
        metavar="RATE",
        type=_positive_number,
        default=_LEARNING_RATE,
        help="eta in theta - eta grad C (default: %(default)g)",
    )
    group.add_argument(
        "--seed",
        metavar="N",
        type=_whole_number(0),
        default=0,
        help="draws the initial weights and the order of the images (default: %(default)s)",
    )


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--output",
        metavar="FILE",
        type=_picture_path,
        default=_PICTURE,
        help="PNG to draw (default: %(default)s)",
    )
    group.add_argument("--no-picture", action="store_true", help="draw nothing")
    group.add_argument(
        "--page",
        metavar="FILE",
        type=_page_path,
        help="write a page for a browser on which the backward pass of ten test images, misread "
        "ones first, can be stepped through and touched",
    )
    group.add_argument(
        "--save-history",
        metavar="FILE",
        type=_writable_file,
        help="write settings, the record of each epoch and results as JSON",
    )
    group.add_argument(
        "--quiet", action="store_true", help="the results only: no settings, no progress"
    )
    group.add_argument(
        "--version", action="version", version=f"bpcore {__version__}", help="print it and exit"
    )
    group.add_argument("-h", "--help", action="help", help="print this and exit")


def complete(options: argparse.Namespace, data: Dataset, epochs: int) -> str | None:
    """Fill in what depends on the data; returns what is wrong with the flags, if anything."""
    n_pixels, n_classes = data.X_train.shape[1], data.n_classes
    options.epochs = options.epochs or epochs
    options.layers = options.layers or (n_pixels, *_HIDDEN, n_classes)
    height, width = data.image_shape
    if options.layers[0] != n_pixels:
        return (
            f"argument --layers: the first layer has {options.layers[0]} units, expected "
            f"{n_pixels}, one for each of the {height} x {width} pixels of {data.name}"
        )
    if options.layers[-1] != n_classes:
        return (
            f"argument --layers: the last layer has {options.layers[-1]} units, expected "
            f"{n_classes}, one for each class of {data.name}"
        )
    if options.train and options.train > len(data.X_train):
        return (
            f"argument --train: {options.train:,} images, but {data.name} has "
            f"{len(data.X_train):,} for training"
        )
    if not options.no_picture and options.output is _PICTURE:  # which no flag has checked
        try:
            _picture_path(str(_PICTURE))
        except argparse.ArgumentTypeError as error:
            return f"{error}: give another --output, or --no-picture"
    picture = None if options.no_picture else options.output
    files = [path.resolve() for path in (picture, options.page, options.save_history) if path]
    if len(set(files)) < len(files):
        return "--output, --page and --save-history: two of them name the same file"
    return None
