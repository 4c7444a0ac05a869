"""bpcore.dask beside Spark's MultilayerPerceptronClassifier and dask-ml's Incremental.

    python -P benchmarks/dask_peers.py [spark] [incremental] [--iterations 25]

Spark trains 784-100-10 (sigmoid, softmax) by L-BFGS on local[2]; with the library of BLAS that
--blas names its native one, and blocks of 1,024 rows, which are faster than its default of 128
(10,000 are not). Both take 20,000 images as doubles, in the memory of the workers, and are measured
after a first fit that warms them up; bpcore.dask then takes them as float32 too.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
import pandas as pd
from distributed import Client, wait

from bpcore.dask import DaskMLPClassifier

sys.path.insert(0, str(Path(__file__).parent))  # which -P leaves out
from dask_rounds import SIZES, cluster, images

ROWS = 20_000


def blobs(n=ROWS):
    """Images that can be told apart: noise about one of ten."""
    X, y = images(n)
    X += 0.5 * images(10, seed=99)[0][y]
    return X, y


def spark(iterations, blas):
    """Seconds of Spark's fit, and of the same by bpcore.dask."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import SparkSession

    X, y = blobs()
    options = f"-Ddev.ludovic.netlib.blas.nativeLibPath={blas}" if blas else ""
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "6g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.driver.extraJavaOptions", options)
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    name = session.sparkContext._jvm.dev.ludovic.netlib.blas.BLAS.getInstance()
    print(f"Spark's BLAS: {name.getClass().getName()}")
    table = pd.DataFrame({"label": y.astype(float), "pixels": list(X.astype(float))})
    frame = session.createDataFrame(table).select(
        "label", array_to_vector("pixels").alias("features")
    )
    frame = frame.repartition(2).cache()
    frame.count()
    for k in (2, iterations):
        model = MultilayerPerceptronClassifier(
            layers=list(SIZES), maxIter=k, solver="l-bfgs", tol=1e-12, seed=0, blockSize=1024
        )
        start = time.perf_counter()
        fitted = model.fit(frame)
        theirs = time.perf_counter() - start
    history = fitted.summary().objectiveHistory
    print(f"Spark        {theirs:6.2f} s for {len(history) - 1} iterations, loss {history[-1]:.4f}")
    session.stop()
    with cluster(2) as workers, Client(workers) as client:
        for dtype in ("float64", "float32"):
            data = client.persist([
                da.from_array(X.astype(dtype), chunks=(ROWS // 2, -1)),
                da.from_array(y, chunks=ROWS // 2),
            ])  # fmt: skip
            wait(data)
            for k in (2, iterations):
                est = DaskMLPClassifier(
                    SIZES[1:-1], "logistic", solver="lbfgs", max_iter=k, tol=0, alpha=0,
                    random_state=0,
                )  # fmt: skip
                start = time.perf_counter()
                est.fit(*data)
                ours = time.perf_counter() - start
            print(
                f"bpcore.dask  {ours:6.2f} s for {est.n_iter_} iterations, loss {est.loss_:.4f}"
                f"   ({theirs / ours:.1f} x, {dtype})"
            )


def incremental(passes=3):
    """dask-ml's Incremental around scikit-learn's MLPClassifier, chunk after chunk."""
    from dask_ml.wrappers import Incremental
    from sklearn.neural_network import MLPClassifier

    X, y = blobs(3 * ROWS)
    with cluster(2) as workers, Client(workers):
        data = da.from_array(X, chunks=(ROWS // 2, -1)), da.from_array(y, chunks=ROWS // 2)
        theirs = Incremental(MLPClassifier(SIZES[1:-1], random_state=0), random_state=0)
        start = time.perf_counter()
        for _ in range(passes):
            theirs.partial_fit(*data, classes=np.arange(10))
        took = time.perf_counter() - start
        print(
            f"dask-ml's Incremental  {took:6.2f} s for {passes} passes, "
            f"accuracy {theirs.score(*data):.3f}"
        )
        ours = DaskMLPClassifier(SIZES[1:-1], local_updates="pass", max_iter=passes, random_state=0)
        start = time.perf_counter()
        ours.fit(*data)
        mine = time.perf_counter() - start
        print(
            f"bpcore.dask            {mine:6.2f} s for {passes} passes, "
            f"accuracy {ours.score(*data):.3f}   ({took / mine:.1f} x)"
        )


def main():
    """What is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["spark", "incremental"])
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--blas", default="")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if "spark" in given.what:
        spark(given.iterations, given.blas)
    if "incremental" in given.what:
        incremental()


if __name__ == "__main__":
    main()
