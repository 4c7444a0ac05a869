"""Fits of estimators that stop at a checkpoint and go on: the same bits as one that never did."""

import warnings

import numpy as np
import pytest

import bpcore
from bpcore import MLPClassifier, MLPRegressor, ModelFileError

pytest.importorskip("safetensors", reason="checkpoints are safetensors files")
from model_files import parts, put

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RECORDS = (
    *("loss_curve_", "validation_scores_", "validation_loss_curve_", "best_loss_", "loss_"),
    *("best_validation_score_", "best_validation_loss_", "n_iter_", "t_", "stopped_early_"),
    "_no_improvement_count",
)
KINDS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5,
        "n_iter_no_change": 1, "tol": 1e-2,
    },
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adam": {},
    "adam, early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "adam, stop on loss": {
        "early_stopping": True, "stop_on": "loss", "n_iter_no_change": 3, "learning_rate_init": 0.1,
    },
    "adam, dropout, float32": {"dropout": 0.2},
    "adamw, cosine": {"solver": "adamw", "learning_rate": "cosine", "warmup": 1},
    "nadam, no shuffle": {"solver": "nadam", "shuffle": False, "early_stopping": True},
    "whole batches": {"batch_size": 90},
}  # fmt: skip


class Killed(Exception):
    """What ends a part of a run in these tests."""


@pytest.fixture
def data(rng):
    X = rng.normal(size=(90, 4))
    return X, np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")


def ends(est):
    """Everything that two equal runs must agree on, as bits."""
    parts = [est.network_.parameters.tobytes(), est._optimizer.t, est._optimizer.learning_rate]
    parts += [slot.tobytes() for slot in est._optimizer.slots]
    return parts + [repr(getattr(est, name, "absent")) for name in RECORDS]


def classifier(kind, **more):
    options = {"max_iter": 14, "hidden_layer_sizes": (7,), "batch_size": 16, "random_state": 3}
    return MLPClassifier(**options | KINDS[kind] | more)


def killed_after(n_epochs):
    def callback(est):
        if est.n_iter_ > n_epochs:
            raise Killed

    return callback


def as_wanted(kind, X):
    return X.astype(np.float32) if "float32" in kind else X


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_fit_ends_with_the_same_bits(kind, data, tmp_path):
    X, y = as_wanted(kind, data[0]), data[1]
    path = tmp_path / "run"
    whole = classifier(kind).fit(X, y)
    with pytest.raises(Killed):
        classifier(kind, callback=killed_after(2)).fit(X, y, checkpoint=path)
    with pytest.raises(Killed):
        classifier(kind, callback=killed_after(4)).fit(X, y, checkpoint=path, resume=path)
    resumed = classifier(kind).fit(X, y, resume=path)
    assert whole.n_iter_ > 4
    assert ends(resumed) == ends(whole)
    assert (resumed.predict(X) == whole.predict(X)).all()


@pytest.mark.parametrize("kind", ["adam", "adam, stop on loss"])
def test_writing_checkpoints_changes_nothing_and_an_ended_run_stays_ended(kind, data, tmp_path):
    path = tmp_path / "run"
    whole = classifier(kind, max_iter=60).fit(*data)
    watched = classifier(kind, max_iter=60).fit(*data, checkpoint=path, checkpoint_every=7)
    again = classifier(kind, max_iter=60).fit(*data, resume=path)
    assert ends(watched) == ends(whole)
    assert ends(again) == ends(whole)
    assert whole.stopped_early_ == (kind == "adam, stop on loss")


def test_a_run_may_be_given_more_epochs(data, tmp_path):
    path = tmp_path / "run"
    classifier("adam", max_iter=5).fit(*data, checkpoint=path)
    longer = classifier("adam", max_iter=9).fit(*data, resume=path)
    assert ends(longer) == ends(classifier("adam", max_iter=9).fit(*data))
    with pytest.raises(ValueError, match="5 epochs behind it, but max_iter is 4"):
        classifier("adam", max_iter=4).fit(*data, resume=path)


def test_a_schedule_over_max_iter_keeps_it(data, tmp_path):
    classifier("adamw, cosine", max_iter=5).fit(*data, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="of another fit: optimizer's schedule was"):
        classifier("adamw, cosine", max_iter=9).fit(*data, resume=tmp_path / "run")


def test_equal_parameters_of_other_types_are_the_same(data, tmp_path):
    def fit(**files):
        return classifier("adam", **parameters).fit(*data, **files)

    parameters = {"hidden_layer_sizes": (7, 3), "activation": ["tanh", ("elu", 0.5)]}
    whole = fit()
    fit(checkpoint=tmp_path / "run", checkpoint_every=3)
    parameters = {
        "hidden_layer_sizes": np.array([7, 3]), "activation": ("tanh", ("elu", np.float64(0.5))),
        "alpha": np.float64(1e-4), "batch_size": np.int64(16),
    }  # fmt: skip
    assert ends(fit(resume=tmp_path / "run")) == ends(whole)


def test_regression_with_weights_and_validation_data(data, tmp_path):
    X, y, weights = data[0], data[0] @ [[1, 2], [0, 1], [2, 0], [0, 0]], np.linspace(0, 1, 90)
    path = tmp_path / "run"
    options = {"hidden_layer_sizes": 5, "max_iter": 8, "random_state": 0, "loss": "huber"}
    given = {"sample_weight": weights, "validation_data": (X[:20], y[:20], weights[:20])}
    whole = MLPRegressor(**options).fit(X, y, **given)
    part = MLPRegressor(**options, callback=killed_after(3))
    with pytest.raises(Killed):
        part.fit(X, y, **given, checkpoint=path, checkpoint_every=2)
    assert bpcore.load(path).n_iter_ == 2
    assert ends(MLPRegressor(**options).fit(X, y, **given, resume=path)) == ends(whole)


def test_random_states_go_on(data, tmp_path):
    """One of the caller's is left where an undisturbed fit leaves it; without one, any run."""
    path = tmp_path / "run"
    mine, other = np.random.RandomState(5), np.random.RandomState(77)
    kind = "adam, early stopping"
    whole = classifier(kind, random_state=mine).fit(*data)
    part = classifier(kind, random_state=np.random.RandomState(5), callback=killed_after(2))
    with pytest.raises(Killed):
        part.fit(*data, checkpoint=path)
    resumed = classifier(kind, random_state=other).fit(*data, resume=path)
    assert ends(resumed) == ends(whole)
    assert other.randint(2**31) == mine.randint(2**31)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    resumed = classifier(kind, random_state=None).fit(*data, resume=path)
    assert ends(resumed) == ends(whole)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_a_checkpoint_is_a_model_file(data, tmp_path):
    classifier("adam", max_iter=3).fit(*data, checkpoint=tmp_path / "run")
    loaded = bpcore.load(tmp_path / "run")
    whole = classifier("adam", max_iter=3).fit(*data)
    assert isinstance(loaded, MLPClassifier)
    assert (loaded.predict_proba(data[0]) == whole.predict_proba(data[0])).all()


@pytest.mark.parametrize(
    "change, named",
    [
        ({"alpha": 0.1}, "alpha"),
        ({"hidden_layer_sizes": (8,)}, "layer_sizes"),
        ({"solver": "sgd"}, "solver"),
        ({"batch_size": 17}, "batch_size"),
        ({"early_stopping": True}, "early_stopping"),
        ({"shuffle": False}, "shuffle"),
        ({"rows": 80}, "n_rows"),
        ({"scale": 2.0}, "data"),
        ({"dtype": np.float32}, "dtype was 'float64' there and is 'float32' here"),
        ({"learning_rate": "cosine"}, "learning_rate"),
    ],
)
def test_another_fit_is_refused_and_nothing_has_changed(change, named, data, tmp_path):
    X, y = data
    classifier("adam", max_iter=3).fit(X, y, checkpoint=tmp_path / "run")
    change = dict(change)
    X = (X * change.pop("scale", 1.0)).astype(change.pop("dtype", X.dtype))
    n = change.pop("rows", 90)
    est = classifier("adam").set_params(**change)
    with pytest.raises(ValueError, match=f"of another fit: .*{named}"):
        est.fit(X[:n], y[:n], resume=tmp_path / "run")
    assert not hasattr(est, "coefs_")


def test_what_cannot_be_resumed_is_said_before_anything_happens(data, tmp_path):
    path = tmp_path / "run"
    network = bpcore.Network((4, 7, 1), random_state=0)
    network.fit(data[0], data[0][:, 0], epochs=1, checkpoint=path)
    with pytest.raises(ModelFileError, match="no checkpoint of an estimator"):
        classifier("adam").fit(*data, resume=path)
    classifier("adam").fit(*data).save(path)
    with pytest.raises(ModelFileError, match="no checkpoint of an estimator"):
        classifier("adam").fit(*data, resume=path)
    classifier("adam").fit(*data, checkpoint=path)
    with pytest.raises(ModelFileError, match="a checkpoint of an MLPClassifier"):
        network.fit(data[0], data[0][:, 0], epochs=1, resume=path)
    for argument in ("checkpoint", "resume"):
        with pytest.raises(ValueError, match="L-BFGS"):
            MLPClassifier(solver="lbfgs").fit(*data, **{argument: path})
        warm = classifier("adam", warm_start=True).fit(*data)
        with pytest.raises(ValueError, match="warm start"):
            warm.fit(*data, **{argument: path})
    with pytest.raises(FileNotFoundError):
        classifier("adam").fit(*data, resume=tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        classifier("adam").fit(*data, checkpoint=tmp_path / "none" / "run")
    with pytest.raises(ValueError, match="checkpoint_every"):
        classifier("adam").fit(*data, checkpoint_every=0)

    class Mine(MLPClassifier):
        pass

    with pytest.raises(TypeError, match="no class of your own"):
        Mine().fit(*data, checkpoint=path)


def attribute(name, value):
    return lambda sections, tensors: sections["estimator"]["attributes"].update({name: value})


EDITS = {
    "random": (lambda s, t: s["training"].update(random=1), "random is not the state"),
    "before": (lambda s, t: s["training"].update(random_before=None), "random_before is not"),
    "finished": (lambda s, t: s["training"].update(finished=1), "finished must be true or false"),
    "names": (
        lambda s, t: s["training"].update(arguments={"dict": [[1, 2]]}),
        "arguments must be a dict of names",
    ),
    "no argument": (lambda s, t: s["training"].pop("arguments"), "expected an object with the"),
    "best": (lambda s, t: t["best_parameters"].fill(np.nan), "best_parameters holds NaN"),
    "weights": (lambda s, t: t["weights.1"].fill(np.inf), "weights.1 holds NaN or infinity"),
    "order": (lambda s, t: t["order"].fill(2**62), "not those of the training rows"),
    "curve": (attribute("loss_curve_", [1.0]), "loss_curve_ has not one entry an epoch"),
    "no curve": (attribute("loss_curve_", None), "loss_curve_ must be a list of floats"),
    "no scores": (attribute("validation_scores_", None), "of another kind of fit"),
    "epochs": (attribute("n_iter_", 0), "no epoch has ended"),
    "examples": (attribute("t_", 10**400), "t_ is beyond what can be counted"),
    "count": (
        lambda s, t: s["estimator"]["attributes"].pop("_no_improvement_count"),
        "_no_improvement_count is missing",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_damaged_checkpoint_is_refused(name, data, tmp_path):
    path = tmp_path / "run"
    kind = "adam, early stopping"
    classifier(kind, max_iter=3).fit(*data, checkpoint=path)
    sections, tensors = parts(path)
    edit, message = EDITS[name]
    edit(sections, tensors)
    put(path, sections, tensors)
    est = classifier(kind)
    with pytest.raises(ModelFileError) as caught:
        est.fit(*data, resume=path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert not hasattr(est, "coefs_")


def test_interrupted_and_resumed(data, tmp_path):
    path = tmp_path / "run"

    def interrupt(est):
        if est.n_iter_ == 3:
            raise KeyboardInterrupt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier("adam", callback=interrupt).fit(*data, checkpoint=path)
    assert ends(classifier("adam").fit(*data, resume=path)) == ends(classifier("adam").fit(*data))


def test_a_random_state_that_no_file_can_hold(data, tmp_path):
    """It is refused before anything is drawn from it."""
    path = tmp_path / "run"
    classifier("adam", max_iter=3).fit(*data, checkpoint=path)
    written = path.read_bytes()
    for files in ({"checkpoint": path}, {"resume": path}):
        source = np.random.PCG64(3)
        est = classifier("adam", random_state=np.random.RandomState(source))
        with pytest.raises(TypeError, match="a RandomState of PCG64, expected MT19937"):
            est.fit(*data, **files)
        assert source.state == np.random.PCG64(3).state
        assert not hasattr(est, "coefs_")
        assert est.fit(*data).n_iter_ == 14
    assert path.read_bytes() == written


@pytest.mark.parametrize("kind", ["adam, early stopping", "adam, stop on loss"])
def test_a_checkpoint_loads_with_the_weights_that_the_fit_leaves(kind, data, tmp_path):
    path = tmp_path / "x"
    last = []
    clf = classifier(kind, callback=lambda est: last.append(est.network_.parameters.copy()))
    clf.fit(*data, checkpoint=path)
    loaded = bpcore.load(path)
    assert not np.array_equal(clf.network_.parameters, last[-1])  # those of an earlier epoch
    np.testing.assert_array_equal(loaded.network_.parameters, clf.network_.parameters)
    np.testing.assert_array_equal(loaded.predict(data[0]), clf.predict(data[0]))
    for one in (clf.set_params(callback=None), loaded):
        one.partial_fit(*data)
    np.testing.assert_array_equal(loaded.network_.parameters, clf.network_.parameters)
