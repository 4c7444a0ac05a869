"""A frame with every kind of column, as somebody reads it from a file."""

import numpy as np
import pandas as pd

__all__ = ["raw_frame", "raw_labels", "raw_numbers"]

N = 240


def raw_frame(n: int = N) -> pd.DataFrame:
    """Numbers, booleans, texts, categories, nullable types, what is missing, constant, double."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 10, n),
            "children": rng.integers(0, 4, n),
            "income": 10 ** rng.uniform(3, 6, n),
            "town": rng.choice(["Rome", "Oslo", "Bern", "Lima"], n),
            "grade": pd.Categorical(rng.choice([1, 2, 3], n)),
            "member": rng.random(n) > 0.5,
            "visits": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "agreed": pd.array(rng.random(n) > 0.3, dtype="boolean"),
            "source": rng.choice(["web", "shop"], n),
            "version": 3,
            "country": "IT",
        }
    )
    frame["height again"] = frame["height"]
    for name, step in (("height", 7), ("town", 9), ("visits", 5), ("agreed", 11), ("grade", 13)):
        frame.loc[::step, name] = None
    frame["age"] = [
        None if k % 17 == 0 else int(one) for k, one in enumerate(rng.integers(9, 99, n))
    ]
    frame["age"] = frame["age"].astype(object)
    return frame


def raw_labels(frame: pd.DataFrame) -> np.ndarray:
    """Three classes that the columns tell."""
    far = frame["town"].isin(["Oslo", "Lima"]).to_numpy()
    rich = (frame["income"] > 30_000).to_numpy()
    return np.where(far & rich, "gold", np.where(rich, "silver", "iron")).astype(object)


def raw_numbers(frame: pd.DataFrame) -> np.ndarray:
    """A number that the columns tell."""
    far = frame["town"].isin(["Oslo", "Lima"]).to_numpy()
    return 1000.0 + 50 * far + 10 * frame["children"].to_numpy()
