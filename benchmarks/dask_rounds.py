"""What a round of bpcore.dask costs.

    python -P benchmarks/dask_rounds.py [rounds] [updates] [fit] [model]

rounds: milliseconds beyond computing, of 784-100-10 with float32, two worker processes;
fit:    the same fit on Dask and by the plain estimator, on one and two processors;
updates: what local_updates does to rounds and quality;
model:  rounds of 1, 2, 4 and 8 worker processes beside the plan's formula.
"""

import argparse
import time
import warnings

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from bpcore import MLPClassifier
from bpcore.dask import DaskMLPClassifier

SIZES = (784, 100, 10)


def images(n, seed=0):
    """Random images, a fifth of the pixels not blank, and labels."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, SIZES[0]), dtype=np.float32)
    X[rng.random(X.shape) < 0.8] = 0
    return X, rng.integers(0, SIZES[-1], n)


def chunks(n_chunks, rows):
    """Dask arrays whose chunks are made on the workers."""
    parts = [dask.delayed(images, nout=2)(rows, k) for k in range(n_chunks)]
    X = da.concatenate([da.from_delayed(x, (rows, SIZES[0]), "float32") for x, _ in parts])
    return X, da.concatenate([da.from_delayed(y, (rows,), "int64") for _, y in parts])


def cluster(n_workers):
    """Worker processes with one thread each."""
    return LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    )


def seconds_of_rounds(data, rounds, **parameters):
    """Of each round but the first three."""
    at = []
    est = DaskMLPClassifier(
        SIZES[1:-1], max_iter=rounds, n_iter_no_change=10**6, random_state=0, tol=0,
        callback=lambda est: at.append(time.perf_counter()), **parameters,
    )  # fmt: skip
    est.fit(*data)
    return np.diff(at)[3:]


def measure_rounds():
    """Rounds with next to nothing to compute: what is left is Dask's."""
    print("784-100-10, float32, two worker processes; ms a round, median and least")
    with cluster(2) as workers, Client(workers):
        for n_chunks in (8, 64):
            data = chunks(n_chunks, 10)
            for solver, more in (
                ("sgd", {"momentum": 0.0, "local_updates": 2, "batch_size": 1}),
                ("adam", {"local_updates": 2, "batch_size": 1}),
                ("irprop-", {}),
            ):
                took = 1e3 * seconds_of_rounds(data, 60, solver=solver, **more)
                print(f"{n_chunks:3} chunks  {solver:8} {np.median(took):6.1f} {took.min():6.1f}")


def measure_fit(rows=60_000, rounds=6):
    """The same updates by the plain estimator on one thread, and on Dask by one and two workers."""
    n_chunks = 4
    parts = [images(rows, k) for k in range(n_chunks)]
    X, y = (np.concatenate(one) for one in zip(*parts, strict=True))
    passes = {"max_iter": rounds, "n_iter_no_change": 10**6, "tol": 0, "random_state": 0}
    plain = MLPClassifier(SIZES[1:-1], n_jobs=1, **passes | {"max_iter": rounds + 4})
    at = []
    plain.set_params(callback=lambda est: at.append(time.perf_counter())).fit(X, y)
    alone = np.median(np.diff(at)[3:])
    print(f"784-100-10, adam, batch 200, {n_chunks * rows:,} images a pass")
    print(f"MLPClassifier, one thread   {alone:6.2f} s a pass")
    del X, y
    for n_workers in (1, 2):
        with cluster(n_workers) as workers, Client(workers):
            took = seconds_of_rounds(
                chunks(n_chunks, rows), rounds + 3, local_updates="pass", batch_size=200
            )
        one = np.median(took)
        print(
            f"{n_workers} worker{'s' * (n_workers > 1)}   {one:6.2f} s a pass"
            f"   {one * n_workers / alone - 1:+.0%} over the plain fit on as many processors"
        )


def measure_model():
    """Rounds of many workers with nothing to compute, beside base + workers * per worker."""
    print("adam, 784-100-10, 2 chunks a worker, nothing to compute; ms a round")
    found = {}
    for n_workers in (1, 2, 4, 8):
        with cluster(n_workers) as workers, Client(workers):
            data = chunks(2 * n_workers, 10)
            took = 1e3 * seconds_of_rounds(data, 40, local_updates=2, batch_size=1)
        found[n_workers] = np.median(took)
    per_worker, base = np.polyfit(list(found), list(found.values()), 1)
    for n_workers, one in found.items():
        print(f"{n_workers} workers   {one:6.1f}   formula {base + per_worker * n_workers:6.1f}")
    print(f"base {base:.1f} ms, {per_worker:.1f} ms a worker (all on this machine's processors)")


def measure_updates(n_chunks=8, rows=8000):
    """What as many updates of each chunk come to, in rounds of few or of many."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_chunks * rows + 20_000, 10), dtype=np.float32)
    y = (X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3] * X[:, 4] > 0).astype(int)
    X, y, X_test, y_test = X[:-20_000], y[:-20_000], X[-20_000:], y[-20_000:]
    apart = np.argsort(X[:, 0], kind="stable")  # each chunk has another part of the inputs
    print(f"adam, {n_chunks} chunks of {rows} rows, batch 100; accuracy on a test set")
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False) as one, Client(one):
        for name, order in (("chunks alike", slice(None)), ("sorted by x0", apart)):
            data = [da.from_array(a[order], chunks=(rows, *a.shape[1:])) for a in (X, y)]
            # thirty passes, and eight where each update is a round
            for local, updates in ((1, 640), *((k, 2400) for k in (5, 20, 50, 100, 300))):
                est = DaskMLPClassifier(
                    (64,), local_updates=local, batch_size=100, learning_rate_init=0.003, tol=0,
                    max_iter=updates // local, random_state=0, n_iter_no_change=10**6,
                )  # fmt: skip
                start = time.perf_counter()
                est.fit(*data)
                print(f"{name}  local_updates={local:3}"
                      f"  {updates} updates in {est.n_iter_:3} rounds"
                      f" {time.perf_counter() - start:6.1f} s"
                      f"  {est.to_local().score(X_test, y_test):.4f}")  # fmt: skip


def main():
    """What is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["rounds", "updates", "fit", "model"])
    warnings.simplefilter("ignore")
    for what in parser.parse_args().what:
        {
            "rounds": measure_rounds, "updates": measure_updates, "fit": measure_fit,
            "model": measure_model,
        }[what]()  # fmt: skip


if __name__ == "__main__":
    main()
