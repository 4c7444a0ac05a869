"""What cannot be trained on is refused before the training, by the partition's number."""

import subprocess
import sys
import textwrap

import dask
import dask.array as da
import distributed
import numpy as np
import pytest

from bpcore import DivergenceError
from bpcore.dask import DaskMLPClassifier, DaskMLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


@dask.delayed
def partition(kind, number):
    """The third of three partitions is of some kind."""
    rng = np.random.default_rng(number)
    X, y = rng.normal(size=(12, 3)), rng.integers(0, 3, 12)
    if number < 2:
        return X, y
    X[4, 1] = {"nan": np.nan, "infinite": np.inf}.get(kind, 0.0)
    if kind == "float32":
        X = X.astype(np.float32)
    return {
        "empty": (X[:0], y[:0]),
        "narrow": (X[:, :2], y),
        "text": (X, y.astype(str)),
        "short": (X, y[:-1]),
        "weights": (X, y, np.full(12, -1.0)),
        "columns": (X, np.column_stack([y, y])),
        "numbers": (X, rng.normal(size=12)),
    }.get(kind, (X, y))


@pytest.mark.parametrize(
    "kind, words",
    [
        ("empty", "it is empty"),
        ("nan", "NaN"),
        ("infinite", "infinity"),
        ("narrow", "X has 2 columns, but 3"),
        ("float32", "X is of float32, but float64"),
        ("text", "labels that are text, but numbers"),
        ("short", "inconsistent numbers of samples"),
        ("weights", "Negative values"),
        ("columns", "y has 2 columns, but 1"),
        ("numbers", "Unknown label type: continuous"),
    ],
)
def test_a_bad_partition_is_named(kind, words, client):
    seen = []
    est = DaskMLPClassifier(**QUICK, callback=seen.append)
    with pytest.raises(ValueError, match=rf"partition 2: (?s:.)*{words}"):
        est.fit([partition(kind, k) for k in range(3)])
    assert seen == []
    assert not hasattr(est, "coefs_")


def test_columns_in_another_order(client):
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(np.eye(6), columns=list(names)) for names in ("abcdef", "abcdfe")]
    data = [(dask.delayed(frame), dask.delayed(np.arange(6) % 2)) for frame in frames]
    with pytest.raises(ValueError, match=r"partition 1: X has the columns .*'f', 'e'.*partition 0"):
        DaskMLPClassifier(**QUICK).fit(data)
    est = DaskMLPClassifier(**QUICK).fit(data[:1])
    with pytest.raises(ValueError, match="partition 0 of validation_data: X has the columns"):
        est.fit(data[:1], validation_data=([one for one, _ in data[1:]], [y for _, y in data[1:]]))


def test_labels_that_the_fit_has_not_seen(client):
    X, y = np.eye(6), np.arange(6) % 2
    data = [(dask.delayed(X), dask.delayed(y))]
    strange = ([dask.delayed(X)] * 2, [dask.delayed(y), dask.delayed(y + 1)])
    with pytest.raises(ValueError, match=r"partition 1 of validation_data: .*classes not in"):
        DaskMLPClassifier(**QUICK).fit(data, validation_data=strange)
    est = DaskMLPClassifier(**QUICK, warm_start=True).fit(data)
    with pytest.raises(ValueError, match="warm_start can only be used"):
        est.fit([(dask.delayed(X), dask.delayed(y + 1))])
    assert est.classes_.tolist() == [0, 1]


def test_targets_out_of_range(client):
    data = [(dask.delayed(np.eye(4)), dask.delayed(np.full(4, y))) for y in (1.0, 2.0, -1.0)]
    with pytest.raises(ValueError, match=r"partition 2: .*y >= 0"):
        DaskMLPRegressor("poisson", hidden_layer_sizes=(4,)).fit(data)


def test_what_is_no_collection(client):
    X, y = da.ones((10, 2), chunks=(5, 2)), da.zeros(10, chunks=5)
    est = DaskMLPRegressor(hidden_layer_sizes=(2,))
    for arguments, kind, words in (
        ((np.ones((10, 2)), y), TypeError, "from_array"),
        ((X, np.zeros(10)), TypeError, "y must be a Dask array"),
        ((X,), ValueError, "there is no y"),
        ((X, y[:9]), ValueError, "X has 10 rows, but y has 9"),
        ((X, y, da.zeros(10, chunks=5)), ValueError, "weights add up to 0"),
        ((X[:, :, None], y), ValueError, "one or two dimensions"),
        (([dask.delayed(1)] * 2, [dask.delayed(1)]), ValueError, "2 partitions, but y has 1"),
    ):
        with pytest.raises(kind, match=words):
            est.fit(*arguments)
    with pytest.raises(TypeError, match="validation_data must be"):
        est.fit(X, y, validation_data=X)
    with pytest.raises(ValueError, match="'local_updates' parameter"):
        est.set_params(local_updates=0).fit(X, y)


def test_the_client(client):
    X, y = da.ones((10, 2), chunks=(5, 2)), da.zeros(10, chunks=5)
    closed = distributed.Client(client.cluster, set_as_default=False)
    closed.close()
    with pytest.raises(ValueError, match="the client is closed"):
        DaskMLPRegressor(client=closed).fit(X, y)
    with pytest.raises(ValueError, match="'client' parameter"):
        DaskMLPRegressor(client="tcp://here").fit(X, y)


def test_divergence_keeps_the_last_finite_weights(client):
    X, y = da.ones((10, 2), chunks=(5, 2)) * 1e100, da.ones(10, chunks=5) * 1e100
    for updates in (1, 3):
        est = DaskMLPRegressor(
            hidden_layer_sizes=(2,), solver="sgd", learning_rate_init=1e100, max_iter=5,
            local_updates=updates, random_state=0,
        )  # fmt: skip
        with pytest.raises(DivergenceError, match="diverged in epoch"):
            est.fit(X, y)
        assert np.isfinite(est.network_.parameters).all()


def test_a_checkpoint_of_another_fit(client, tmp_path):
    pytest.importorskip("safetensors")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)

    def data(rows):
        return da.from_array(X, chunks=(rows, 2)), da.from_array(y, chunks=rows)

    path = tmp_path / "checkpoint"
    fit = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    DaskMLPRegressor(**fit).fit(*data(10), checkpoint=path)
    with pytest.raises(ValueError, match="is of another fit: data was"):
        DaskMLPRegressor(**fit).fit(*data(20), resume=path)
    with pytest.raises(ValueError, match="local_updates was 50 there and is 7 here"):
        DaskMLPRegressor(**fit, local_updates=7).fit(*data(10), resume=path)
    with pytest.raises(ValueError, match="L-BFGS keeps its state inside SciPy"):
        DaskMLPRegressor(**fit, solver="lbfgs").fit(*data(10), checkpoint=path)


def test_without_dask_the_package_is_whole():
    """And importing bpcore.dask says what to install."""
    program = """
        import sys
        sys.modules["dask"] = sys.modules["distributed"] = None
        import bpcore, bpcore.estimators
        bpcore.MLPRegressor(max_iter=1)
        try:
            import bpcore.dask
        except ImportError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 'pip install "bpcore[dask]"' in done.stdout


def test_what_takes_all_rows_in_one_memory(client):
    X, y = da.ones((30, 3), chunks=(10, 3)), da.ones(30, chunks=10)
    with pytest.raises(ValueError, match="lm' takes all rows in one memory: take 'lbfgs'"):
        DaskMLPRegressor(**QUICK, solver="lm", alpha="evidence").fit(X, y)
    reg = DaskMLPRegressor(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="no fit of Dask collections finds"):
        reg.predict(X, return_std=True)
    assert reg.predict(X).compute().shape == (30,)
