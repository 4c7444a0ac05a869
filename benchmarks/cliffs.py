"""Where an estimator is slow: every method on many kinds of tables, beside scikit-learn's.

    python -P benchmarks/cliffs.py [--seconds 0.05] [--worst 25] [--only WORD …]

Each case names container, layout, type, rows × columns, outputs and method; both estimators are
fitted on such a table, and called in turns, on one thread; the least processor time counts. The
cases with the lowest ratio of scikit-learn's time to bpcore's are printed, and those below 2.
``--only`` takes cases whose names hold all the words. The whole grid takes some three minutes.
"""

import argparse
import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn import neural_network
from threadpoolctl import threadpool_limits

import bpcore

WORDS = 80  # entries in a row of the widest tables
FLOOR = 2.0


def table(rng: np.random.Generator, kind: str, dtype: str, n: int, columns: int) -> Any:
    """X of n rows."""
    if kind in ("csr", "csc"):
        entries = min(WORDS, max(1, columns // 10))
        at = np.sort(rng.integers(columns, size=(n, entries)), axis=1)
        starts = np.arange(0, n * entries + 1, entries)
        X = scipy.sparse.csr_matrix((rng.normal(size=at.size), at.ravel(), starts), (n, columns))
        X.sum_duplicates()
        return X.astype(dtype) if kind == "csr" else X.astype(dtype).tocsc()
    X = rng.normal(size=(n, columns)).astype(dtype)
    if kind == "F":
        return np.asfortranarray(X)
    if kind == "strided":
        return np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    if kind == "frame":
        return pd.DataFrame(X, columns=[f"x{k}" for k in range(columns)])
    return X.tolist() if kind == "list" else X


def targets(rng: np.random.Generator, outputs: str, n: int) -> tuple[str, np.ndarray]:
    """(the estimator's name, y); outputs: "3 classes", "3 labels" or "3 numbers"."""
    number, what = outputs.split()
    k = int(number)
    if what == "classes":
        return "MLPClassifier", np.concatenate([np.arange(k), rng.integers(k, size=n)])[:n]
    if what == "labels":
        return "MLPClassifier", rng.integers(2, size=(n, k))
    return "MLPRegressor", rng.normal(size=n if k == 1 else (n, k))


def cases() -> Iterator[tuple[str, str, int, int, str, str]]:
    """(container, dtype, rows, columns, outputs, method) of each case."""
    methods = ("predict", "predict_proba", "score", "partial_fit", "fit")
    common = ["3 classes", "1 numbers"]
    grids: list[tuple[Any, ...]] = [
        (["C", "F", "strided", "csr", "csc", "list", "frame"], ["float64"], [1, 100, 10_000], [20],
         common),
        (["C", "frame"], ["float32", "int64"], [1, 100, 10_000], [20], common),
        (["C"], ["float32", "float64"], [1, 100, 10_000], [5, 300], common),
        (["C"], ["float64"], [1, 1000], [2000], common),
        (["csr"], ["float32", "float64"], [1, 10, 100, 1000], [20_000], ["4 classes"]),
        (["C"], ["float64"], [1, 100, 3000], [50],
         ["2 classes", "500 classes", "1000 classes", "10 labels", "10 numbers", "500 numbers"]),
    ]  # fmt: skip
    for grid in grids:
        for kind, dtype, n, columns, outputs in itertools.product(*grid):
            for method in methods:
                if method == "predict_proba" and outputs.endswith("numbers"):
                    continue
                if method == "score" and n == 1 and outputs.endswith("numbers"):
                    continue  # R² of one row is no number
                yield kind, dtype, n, columns, outputs, method


def fitted(module: Any, name: str, X: Any, y: np.ndarray, outputs: str) -> Any:
    """An estimator that has seen one epoch of X and y, all classes among them."""
    est = getattr(module, name)(hidden_layer_sizes=(100,), max_iter=1, random_state=0)
    if module is bpcore:
        est.set_params(n_jobs=1)
    number, what = outputs.split()
    known = {"classes": np.arange(int(number))} if what != "numbers" else {}
    return est.partial_fit(X, y, **known)


def call_of(est: Any, method: str, X: Any, y: np.ndarray) -> Callable[[], Any]:
    """What is measured."""
    function = getattr(est, method)
    return (lambda: function(X)) if method.startswith("predict") else (lambda: function(X, y))


def in_turns(calls: list[Callable[[], Any]], seconds: float) -> list[float]:
    """The least processor time of each: so many seconds for each, and three calls at least."""
    best = [float("inf")] * len(calls)
    spent, turns = 0.0, 0
    for call in calls:
        call()
    while spent < seconds * len(calls) or turns < 3:
        for k, call in enumerate(calls):
            start = time.process_time()
            call()
            took = time.process_time() - start
            best[k] = min(best[k], took)
            spent += took
        turns += 1
    return best


def measured(case: tuple[str, str, int, int, str, str], seconds: float) -> tuple[float, float]:
    """(bpcore's, scikit-learn's) seconds for one call."""
    kind, dtype, n, columns, outputs, method = case
    rng = np.random.default_rng(0)
    X = table(rng, kind, dtype, n, columns)
    name, y = targets(rng, outputs, n)
    both = [fitted(module, name, X, y, outputs) for module in (bpcore, neural_network)]
    ours, theirs = in_turns([call_of(est, method, X, y) for est in both], seconds)
    return ours, theirs


def main() -> None:
    """Measure, and say where the ratio is low."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.05, help="for each case and library")
    parser.add_argument("--worst", type=int, default=25, help="how many cases to print")
    parser.add_argument("--only", nargs="*", default=[], help="words that a case's name has")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for case in cases():
        kind, dtype, n, columns, outputs, method = case
        name = f"{kind} {dtype} {n} x {columns}, {outputs}, {method}"
        if all(word in name for word in arguments.only):
            with threadpool_limits(1):
                ours, theirs = measured(case, arguments.seconds)
            found.append((theirs / ours, ours, theirs, name))
    found.sort()
    low = sum(ratio < FLOOR for ratio, *_ in found)
    print(f"{len(found)} cases, {low} of them below {FLOOR:g} x scikit-learn; the lowest:\n")
    print(" ratio      bpcore  scikit-learn  case")
    for ratio, ours, theirs, name in found[: max(arguments.worst, low)]:
        print(f"{ratio:6.2f}  {1e3 * ours:7.3f} ms    {1e3 * theirs:7.3f} ms  {name}")


if __name__ == "__main__":
    main()
