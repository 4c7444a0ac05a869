"""From the columns of a table to the inputs of a network, and what is remembered for that.

Numbers are centred at their median, divided by the distance of their quartiles and clipped
smoothly; categories become columns of zeros and ones. scikit-learn's transformers look at the
training data; what they find is kept as plain arrays, so that one row is prepared in microseconds,
and files and ONNX hold nothing else.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from bpcore.tabular.columns import (
    CATEGORY,
    NUMBER,
    categories_of,
    columns_of,
    kind_of,
    names_for,
    numbers_of,
    plain_numbers_of,
)

__all__ = ["Category", "Number", "Preparation"]

# Where the smooth clipping bends: |x| stays below this.
CLIP = 3.0
# Numbers that are farther from the center count as so far: their squares stay finite.
LARGEST = 1e100
# Of a column of more categories the rare ones share an input.
MOST_CATEGORIES = 256

_WHOLE = re.compile(r"-?\d+\.0")


@dataclass
class Number:
    """A column of numbers: z = (x - center) · factor, z / √(1 + (z/3)²), 0 where x is missing.

    Attributes
    ----------
    center, factor : float
    marks_missing : bool
        Whether a second input is 1 where x is missing.
    """

    center: float
    factor: float
    marks_missing: bool

    @property
    def width(self) -> int:
        """How many inputs it makes."""
        return 1 + self.marks_missing

    @classmethod
    def of(cls, values: np.ndarray) -> "Number | None":
        """What to do with a column; None for one that says nothing, having one value."""
        known = values[~np.isnan(values)]
        marks = len(known) < len(values)
        if not len(known) or (known[0] == known).all():
            # whether a value is there may still say something
            return cls(0.0, 0.0, True) if marks and len(known) else None
        with np.errstate(over="ignore", divide="ignore"):
            low, center, high = np.percentile(known, (25, 50, 75))
            spread = high - low
            if spread == 0:
                spread = (known.max() - known.min()) / 2
            factor = 1 / spread
            if not np.isfinite([center, factor]).all():
                # numbers near the limits of double precision, far apart or all but equal
                center = np.median(known / 4) * 4
                factor = min(1 / np.abs(known).max(), np.finfo(np.float64).max)
        return cls(float(center), float(factor), marks)


class Category:
    """A column of categories: an input of 0 and 1 for each, or one of ±1 where there are two.

    Parameters
    ----------
    texts : list of str or None
        The categories; None: missing.
    inputs : list of int
        Which input is 1 for each of them; of two categories that share one, 0 makes it -1.
    width : int
        How many inputs there are.

    Attributes
    ----------
    rows : ndarray of shape (n_categories + 1, width), float32
        The inputs of each category; the last row, zeros, is for all that training has not seen.
    """

    def __init__(self, texts: list[str | None], inputs: list[int], width: int) -> None:
        self.texts, self.inputs, self.width = texts, inputs, width
        self.places: dict[str | None, int] = {text: k for k, text in enumerate(texts)}
        for k, text in enumerate(texts):
            # 1.0 comes as "1", whose text was "1.0" once, and is where texts are numbers
            if text is not None and _WHOLE.fullmatch(text):
                self.places.setdefault(text[:-2], k)
        if width == 1:
            rows = np.array(inputs, dtype=np.float32).reshape(-1, 1) * 2 - 1
        else:
            rows = np.zeros((len(texts), width), dtype=np.float32)
            rows[np.arange(len(texts)), inputs] = 1
        self.rows = np.vstack([rows, np.zeros((1, width), dtype=np.float32)])

    @classmethod
    def of(cls, texts: list[str | None]) -> "Category | None":
        """What to do with a column; None for one that has one category."""
        found = set(texts)
        if len(found) < 2:
            return None
        known: list[Any] = sorted(one for one in found if one is not None)
        known += [None] * (None in found)
        encoder = OneHotEncoder(
            max_categories=MOST_CATEGORIES, sparse_output=False, dtype=np.float32,
            drop="if_binary" if len(known) == 2 else None,
        )  # fmt: skip
        encoder.fit(np.array(texts, dtype=object).reshape(-1, 1))
        rows = encoder.transform(np.array(known, dtype=object).reshape(-1, 1))
        width = rows.shape[1]
        inputs = rows[:, 0] if width == 1 else rows.argmax(axis=1)
        return cls(known, inputs.astype(int).tolist(), width)

    def __call__(self, texts: list[str | None]) -> np.ndarray:
        """(n, width) inputs."""
        unseen = len(self.texts)
        return self.rows[[self.places.get(text, unseen) for text in texts]]


@dataclass
class Preparation:
    """How a table becomes inputs.

    Attributes
    ----------
    kinds : list of str
        "number" or "category", for each column.
    columns : list of Number, Category or None
        None: the column is left out.
    """

    kinds: list[str] = field(default_factory=list)
    columns: list[Number | Category | None] = field(default_factory=list)

    @classmethod
    def of(cls, X: Any) -> tuple["Preparation", np.ndarray]:
        """Look at training data; returns its inputs as well.

        Raises
        ------
        ValueError, TypeError
            If a column cannot be used; the message names it and says what to do.
        """
        one = cls()
        for column, name in zip(columns_of(X), names_for(X), strict=True):
            kind = kind_of(column, name)
            one.kinds.append(kind)
            if kind == NUMBER:
                one.columns.append(Number.of(numbers_of(column, name)))
            else:
                texts = categories_of(column, name)
                _refuse_free_text(texts, name)
                one.columns.append(Category.of(texts))
        one.look_up()
        return one, one(X)

    def look_up(self) -> None:
        """What all numbers of a row need, side by side."""
        numbers = [one for one in self.columns if isinstance(one, Number)]
        self._center = np.array([one.center for one in numbers])
        self._factor = np.array([one.factor for one in numbers])
        self._marked = np.array([one.marks_missing for one in numbers], dtype=bool)

    @property
    def width(self) -> int:
        """How many inputs there are; a table that says nothing makes one, of zeros."""
        return max(1, sum(one.width for one in self.columns if one is not None))

    def __call__(self, X: Any) -> np.ndarray:
        """(n, width) inputs, float32: the numbers, which of them are missing, the categories."""
        n = X.shape[0]
        numbers, parts = self._read(X)
        inputs = np.zeros((n, self.width), dtype=np.float32)
        end = 0
        if numbers is not None and numbers.shape[1]:
            missing = np.isnan(numbers)
            with np.errstate(over="ignore", invalid="ignore"):
                z = (numbers - self._center) * self._factor
                z = np.clip(z, -LARGEST, LARGEST)
                z /= np.sqrt(1 + (z / CLIP) ** 2)
            z[missing] = 0
            end = z.shape[1]
            inputs[:, :end] = z
            if self._marked.any():
                start, end = end, end + int(self._marked.sum())
                inputs[:, start:end] = missing[:, self._marked]
        for part in parts:
            start, end = end, end + part.shape[1]
            inputs[:, start:end] = part
        return inputs

    def _read(self, X: Any) -> tuple[np.ndarray | None, list[np.ndarray]]:
        """(n, numbers) float64, NaN where missing, and the inputs of each category."""
        used = [k for k, one in enumerate(self.columns) if one is not None]
        numbers = None if CATEGORY in self.kinds else plain_numbers_of(X)
        if numbers is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                is_finite = np.isfinite(numbers.sum())  # one that is not makes this so
            if not is_finite and np.isinf(numbers).any():
                for k, name in enumerate(names_for(X)):
                    numbers_of(numbers[:, k], name)
            return numbers[:, used] if len(used) < numbers.shape[1] else numbers, []
        found: list[np.ndarray] = []
        parts: list[np.ndarray] = []
        names, columns = names_for(X), columns_of(X)
        for k in used:
            rule = self.columns[k]
            if isinstance(rule, Category):
                parts.append(rule(categories_of(columns[k], names[k])))
            else:
                found.append(numbers_of(columns[k], names[k]))
        return (np.column_stack(found) if found else None), parts


def _refuse_free_text(texts: list[str | None], name: str) -> None:
    """Refuse a column of texts that hardly ever come back."""
    n = len(texts)
    different = len(set(texts))
    if n >= 100 and different > 0.5 * n:
        example = next(one for one in texts if one is not None)
        raise ValueError(
            f"{name} holds free text or names ({different:,} different in {n:,} rows, {example!r} "
            "say): drop it, or turn it into numbers, with sklearn's TfidfVectorizer for instance"
        )
