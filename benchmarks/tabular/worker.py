"""One learner on one split of one table, in a process of its own: a line of JSON on stdout."""

import json
import os
import sys
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(learner: str, name: str, seed: int) -> None:
    """Fit, predict, print."""
    # here: the number of threads is told before NumPy is loaded
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -P leaves it out
    from data import errors, load, log_loss, split
    from learners import make

    warnings.simplefilter("ignore")
    table = load(name)
    X, X_test, y, y_test = split(table, seed)
    model = make(learner, X, table.is_regression)
    start, start_cpu = time.perf_counter(), time.process_time()
    model.fit(X, y)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    line = {
        "learner": learner, "table": name, "seed": seed,
        "error": errors(y_test, model.predict(X_test), table.is_regression),
        "seconds": seconds, "cpu_seconds": cpu_seconds, "rows": len(table.X),
        "columns": table.X.shape[1],
    }  # fmt: skip
    if not table.is_regression:
        line["log_loss"] = log_loss(y_test, model.predict_proba(X_test), model.classes_)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
