"""What may be given: arrays, frames, delayed values, sparse, of unknown length; predictions."""

import copy
import pickle

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_iris

import bpcore
from bpcore import MLPClassifier, MLPRegressor
from bpcore.dask import DaskMLPClassifier, DaskMLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)
QUICK = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(y))
    return X[order], y[order]


@pytest.fixture(scope="module")
def local(iris):
    return MLPClassifier(**QUICK).fit(*iris)


def arrays(X, y):
    return da.from_array(X, chunks=(40, 3)), da.from_array(y, chunks=40)


def of_other_rows(X, y):
    return da.from_array(X, chunks=(40, 4)), da.from_array(y, chunks=60)


def of_unknown_length(X, y):
    def anew(one):
        parts = [dask.delayed(one[k : k + 50]) for k in range(0, 150, 50)]
        blocks = [da.from_delayed(part, (np.nan, *one.shape[1:]), one.dtype) for part in parts]
        return da.concatenate(blocks, allow_unknown_chunksizes=True)

    return anew(X), anew(y)


def sparse(X, y):
    return da.from_array(X, chunks=(40, 4)).map_blocks(scipy.sparse.csr_matrix), arrays(X, y)[1]


def frames(X, y):
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(X, columns=list("abcd"))
    return dd.from_pandas(frame, npartitions=4), dd.from_pandas(pd.Series(y), npartitions=4)


def lists(X, y):
    return [[dask.delayed(one[k : k + 50]) for k in range(0, 150, 50)] for one in (X, y)]


def pairs(X, y):
    return [[(dask.delayed(X[k : k + 50]), dask.delayed(y[k : k + 50])) for k in range(0, 150, 50)]]


def delayed_pairs(X, y):
    return [[dask.delayed((X[k : k + 50], y[k : k + 50])) for k in range(0, 150, 50)]]


@pytest.mark.parametrize(
    "form", [arrays, of_other_rows, of_unknown_length, sparse, frames, lists, pairs, delayed_pairs]
)
def test_every_form_of_data(form, client, iris, local):
    data = form(*iris)
    est = DaskMLPClassifier(**QUICK).fit(*data)
    assert est.n_features_in_ == 4
    assert est.classes_.tolist() == [0, 1, 2]
    assert np.allclose(est.coefs_[0], local.coefs_[0], atol=1e-9)
    if form is frames:
        assert est.feature_names_in_.tolist() == list("abcd")
    assert est.score(*data) == local.score(*iris)


@pytest.mark.parametrize("form", [arrays, of_unknown_length, sparse, frames, lists])
def test_predictions_are_lazy_and_the_local_ones(form, client, iris, local):
    X, y = form(*iris)
    est = DaskMLPClassifier(**QUICK).fit(X, y)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        there = getattr(est, method)(X)
        here = getattr(local, method)(iris[0])
        if form is lists:
            assert len(there) == 3
            found = np.concatenate(dask.compute(*there))
        else:
            assert dask.is_dask_collection(there)
            found = there.compute()
        if form is frames:
            assert (found.index == X.compute().index).all()
            if found.ndim == 2:
                assert found.columns.tolist() == [0, 1, 2]
        assert np.allclose(found, here, atol=1e-6)
    if form is arrays:
        assert est.predict(X).dtype == local.predict(iris[0]).dtype
        assert est.predict_proba(X).shape == (150, 3)


def test_a_partition_of_no_rows_is_predicted(client, iris, local):
    pd = pytest.importorskip("pandas")
    X, y = frames(*iris)
    est = DaskMLPClassifier(**QUICK).fit(X, y)
    some = X[X.a > X.a.max().compute() - 0.1]
    found = est.predict(some).compute()
    assert isinstance(found, pd.Series)
    assert 0 < len(found) < 10


def test_x_and_y_of_one_table_of_files(client, iris, tmp_path):
    """Dask reads few columns in fewer partitions than many."""
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    pytest.importorskip("pyarrow")
    for k in range(3):
        frame = pd.DataFrame(iris[0][k * 50 : k * 50 + 50], columns=list("abcd"))
        frame.assign(y=iris[1][k * 50 : k * 50 + 50]).to_parquet(tmp_path / f"{k}.parquet")
    table = dd.read_parquet(tmp_path)
    assert len(table["y"].to_delayed()) < len(table[list("abcd")].to_delayed())
    est = DaskMLPClassifier(**QUICK).fit(table[list("abcd")], table["y"])
    here = MLPClassifier(**QUICK).fit(*iris)
    assert np.allclose(est.coefs_[0], here.coefs_[0], atol=1e-9)


def test_words_and_several_columns_of_labels(client, iris):
    X, y = iris
    words = np.array(["setosa", "versicolor", "virginica"])[y]
    dX = arrays(X, y)[0]
    est = DaskMLPClassifier(**QUICK).fit(dX, da.from_array(words, chunks=40))
    assert est.predict(dX).compute().tolist() == est.to_local().predict(X).tolist()
    Y = np.column_stack([y, y % 2])
    dY = da.from_array(Y, chunks=(40, 2))
    est, here = DaskMLPClassifier(**QUICK).fit(dX, dY), MLPClassifier(**QUICK).fit(X, Y)
    assert [one.tolist() for one in est.classes_] == [[0, 1, 2], [0, 1]]
    assert est.predict(dX).compute().tolist() == here.predict(X).tolist()
    assert [one.compute().shape for one in est.predict_proba(dX)] == [(150, 3), (150, 2)]
    assert est.score(dX, dY) == here.score(X, Y)
    marks = np.column_stack([y == 0, y == 1])
    est = DaskMLPClassifier(**QUICK, class_weight="balanced")
    est.fit(dX, da.from_array(marks, chunks=(40, 2)))
    here = MLPClassifier(**QUICK, class_weight="balanced").fit(X, marks)
    assert np.allclose(est.coefs_[0], here.coefs_[0], atol=1e-9)
    assert est.predict(dX).compute().tolist() == here.predict(X).tolist()


@pytest.mark.parametrize("more", [{}, {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}], ids=str)
def test_scores_of_a_regressor(more, client, iris):
    X, y = iris[0][:, :3], iris[0][:, 3]
    weights = np.linspace(0, 1, 150)
    data = [da.from_array(one, chunks=(40, *one.shape[1:])) for one in (X, y, weights)]
    est = DaskMLPRegressor(**QUICK, **more).fit(*data, validation_data=(*data,))
    here = MLPRegressor(**QUICK, **more).fit(X, y, weights, validation_data=(X, y, weights))
    assert est.score(*data) == pytest.approx(here.score(X, y, weights), abs=1e-9)
    assert est.validation_scores_ == pytest.approx(here.validation_scores_, abs=1e-9)
    assert est.validation_loss_curve_ == pytest.approx(here.validation_loss_curve_, rel=1e-9)
    assert np.allclose(est.predict(data[0]).compute(), here.predict(X), atol=1e-9)


def test_what_it_leaves_is_the_local_estimator_s(client, iris, tmp_path):
    data = arrays(*iris)
    est = DaskMLPClassifier(**QUICK, client=client).fit(*data)
    plain = est.to_local()
    assert type(plain) is MLPClassifier
    assert "client" not in vars(plain)
    plain.coefs_[0][:] = 0
    assert est.coefs_[0].any()
    read = pickle.loads(pickle.dumps(est))
    assert type(read) is MLPClassifier
    assert read.predict(iris[0]).tolist() == est.predict(iris[0]).tolist()
    pytest.importorskip("safetensors")
    est.save(tmp_path / "model")
    assert type(bpcore.load(tmp_path / "model")) is MLPClassifier
    for other in (copy.copy(est), copy.deepcopy(est)):
        assert type(other) is DaskMLPClassifier
        assert other.client is client
        assert other.predict(iris[0]).tolist() == est.predict(iris[0]).tolist()
    new = clone(est)
    assert new.client is client
    assert not hasattr(new, "coefs_")
    assert "client" in repr(new)
    with pytest.raises(AttributeError, match="partial_fit"):
        est.partial_fit  # noqa: B018
    assert not hasattr(est, "partial_fit")


def test_held_out_rows_are_stratified_and_not_trained_on(client, iris):
    """The classes stand in the held-out part as they do in the data; the rest is trained on."""
    X, y = iris
    keep = (y < 2) | (np.cumsum(y == 2) <= 20)
    data = arrays(X[keep], y[keep])
    est = DaskMLPClassifier(
        (8,), early_stopping=True, validation_fraction=0.25, max_iter=3, local_updates="pass",
        batch_size=10, random_state=0, stop_on="loss",
    ).fit(*data)  # fmt: skip
    n_held = 30
    assert est.t_ % 3 == 0
    # in updates of ten rows, of each of three chunks
    assert abs(est.t_ / 3 - (120 - n_held)) < 30
    assert len(est.validation_scores_) == est.n_iter_
    assert all(abs(one * n_held - round(one * n_held)) < 1e-9 for one in est.validation_scores_)
    assert est.best_validation_loss_ == min(est.validation_loss_curve_)


def test_a_warm_start_goes_on(client, iris):
    data = arrays(*iris)
    est = DaskMLPClassifier(**QUICK, warm_start=True).fit(*data)
    before, first = est.network_, est.loss_
    est.fit(*data)
    assert est.network_ is before
    assert est.loss_ < first
    assert len(est.loss_curve_) == 6


@pytest.mark.parametrize("updates", [1, 20])
def test_a_schedule_a_callback_and_a_record_by_round(updates, client, iris):
    seen = []
    est = DaskMLPClassifier(
        (8,), solver="sgd", learning_rate="invscaling", max_iter=20, local_updates=updates,
        random_state=0, callback=lambda e: seen.append(e.n_iter_) or len(seen) == 4, batch_size=10,
    ).fit(*arrays(*iris))  # fmt: skip
    assert seen == [1, 2, 3, 4]
    assert est.n_iter_ == len(est.loss_curve_) == 4
    assert est.t_ == 4 * updates * 40
    rate = est._record.optimizer.learning_rate
    assert rate == pytest.approx(0.001 / (est.t_ + 1) ** 0.5)


def test_the_mean_of_the_chunks_is_what_a_round_leaves(client, iris):
    """Local SGD, by hand: each chunk alone from the common weights, averaged by rows."""
    X, y = iris
    parameters = {"solver": "sgd", "shuffle": False, "batch_size": 10, "max_iter": 1}
    est = DaskMLPClassifier((8,), local_updates=4, random_state=0, **parameters)
    est.fit(*arrays(X, y))
    start = DaskMLPClassifier((8,), local_updates=4, random_state=0, learning_rate_init=1e-300,
                              **parameters).fit(*arrays(X, y)).to_local()  # fmt: skip
    theta = 0
    for k in range(0, 150, 40):
        rows = np.arange(k, min(k + 40, 150))
        rows = np.resize(rows, 40)  # the last chunk goes on from its beginning
        one = copy.deepcopy(start).set_params(warm_start=True, learning_rate_init=0.001)
        # every class in every call, and no weight for those rows
        weights = np.r_[np.ones(40), np.zeros(150)]
        one.fit(np.r_[X[rows], X], np.r_[y[rows], y], weights)
        theta = theta + (min(k + 40, 150) - k) / 150 * one.network_.parameters
    assert np.allclose(est.network_.parameters, theta, atol=1e-12)
