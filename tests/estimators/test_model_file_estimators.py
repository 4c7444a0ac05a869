"""Model files of the estimators: labels, parameters, curves, and what partial_fit goes on from."""

import warnings
from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

import bpcore
from bpcore import MLPClassifier, MLPRegressor, ModelFileError, Network
from bpcore.estimators import sections
from bpcore.estimators.record import FitRecord, attributes_shown
from bpcore.estimators.state import State

pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import parts, put

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 3))
NUMBERS = RNG.random((60, 2))
THIRDS = np.arange(60) % 3


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def small(cls=MLPClassifier, **parameters):
    return cls(**{"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **parameters})


def same_value(one, other):
    if isinstance(one, np.ndarray) or (isinstance(one, list) and one and np.ndim(one[0])):
        if isinstance(one, list):
            assert len(one) == len(other)
            for a, b in zip(one, other, strict=True):
                same_value(a, b)
        else:
            assert one.dtype == other.dtype
            assert_array_equal(one, other)
    else:
        assert repr(one) == repr(other)


def same_estimators(one, other):
    """Every parameter and every attribute, and what they say about X."""
    assert type(one) is type(other)
    assert set(vars(one)) - {"_online"} == set(vars(other)) - {"_online"}
    assert set(vars(one._record)) == set(vars(other._record))
    for name, value in one.get_params().items():
        if not isinstance(value, np.random.RandomState):
            same_value(value, other.get_params()[name])
    public = [name for name in vars(one) if name.endswith("_")]
    shown = attributes_shown(State)
    recorded = [shown[key] for key in vars(one._record) if key in shown and key != "optimizer"]
    for name in [*public, *recorded]:
        same_value(getattr(one, name), getattr(other, name))
    assert_array_equal(one.predict(X), other.predict(X))
    assert one.predict(X).dtype == other.predict(X).dtype
    if hasattr(one, "predict_proba"):
        same_value(one.predict_proba(X), other.predict_proba(X))


LABELS = {
    "integers": np.array([7, -2, 300])[THIRDS],
    "small integers": np.array([7, 2, 3], dtype=np.uint8)[THIRDS],
    "strings": np.array(["no", "perhaps", "yes"])[THIRDS],
    "accents": np.array(["né", "日本", ""], dtype="<U30")[THIRDS],
    "objects": np.array(["no", "perhaps", "yes"], dtype=object)[THIRDS],
    "booleans": THIRDS == 0,
    "floats": np.array([1.0, -2.0, 5.0])[THIRDS],
    "two strings": np.array(["no", "yes"])[THIRDS % 2],
    "one": np.full(60, "all"),
    "indicators": NUMBERS > 0.5,
    "columns of integers": np.column_stack([THIRDS, THIRDS % 2]),
    "columns of strings": np.column_stack([np.array(["a", "b", "c"])[THIRDS]] * 2),
}


@pytest.mark.parametrize("loss", ["log_loss", "quadratic"])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_every_type_come_back(labels, loss, path):
    clf = small(loss=loss).fit(X, LABELS[labels])
    clf.save(path)
    same_estimators(clf, bpcore.load(path))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parameters", [
    {}, {"solver": "lbfgs"}, {"loss": "poisson"}, {"loss": "huber", "huber_delta": 0.3},
    {"early_stopping": True, "stop_on": "loss", "solver": "sgd"},
], ids=str)  # fmt: skip
def test_regressors_come_back(parameters, dtype, path):
    reg = small(MLPRegressor, **parameters).fit(X.astype(dtype), NUMBERS)
    reg.save(path)
    same_estimators(reg, bpcore.load(path))
    reg.fit(X.astype(dtype), NUMBERS[:, 0]).save(path)
    same_estimators(reg, bpcore.load(path))


def test_several_quantiles_come_back(path):
    reg = small(MLPRegressor, loss="quantile", quantile=np.array([0.1, 0.9]))
    reg.fit(X, NUMBERS[:, 0]).save(path)
    same_estimators(reg, bpcore.load(path))


def test_every_parameter_comes_back(path):
    """None at its default, so that none may be forgotten."""
    given = {
        "loss": "quadratic", "hidden_layer_sizes": [5, 4], "activation": ["relu", ("elu", 0.5)],
        "solver": "sgd", "alpha": 0.01, "batch_size": 20,
        "learning_rate": {"kind": "step", "every": 2, "factor": 0.5}, "learning_rate_init": 0.02,
        "power_t": 0.4, "max_iter": 4, "shuffle": False, "random_state": 3, "tol": 1e-3,
        "verbose": 1, "warm_start": True, "momentum": np.float64(0.8), "nesterovs_momentum": False,
        "early_stopping": True, "validation_fraction": 0.2, "beta_1": 0.8, "beta_2": 0.99,
        "epsilon": 1e-7, "n_iter_no_change": np.inf, "max_fun": 1000,
        "out_activation": "softmax", "dropout": (0.1, 0.2), "l1": 1e-3, "weight_decay": 0.02,
        "clip_norm": 5.0, "warmup": 1.5, "stop_on": "loss", "n_jobs": 2,
        "class_weight": {0: 1.0, 1: 2, 2: 0.5},
    }  # fmt: skip
    clf = MLPClassifier(**given)
    rest = {"callback"}
    defaults = MLPClassifier().get_params()
    assert {name for name in defaults if repr(clf.get_params()[name]) == repr(defaults[name])} <= (
        rest
    )
    clf.fit(X, THIRDS).save(path)
    loaded = bpcore.load(path)
    same_estimators(clf, loaded)
    assert {name: loaded.get_params()[name] for name in given} == given


def test_names_of_features_come_back(path):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["length", "größe", ""])
    clf = small().fit(table, THIRDS)
    clf.save(path)
    loaded = bpcore.load(path)
    assert_array_equal(loaded.feature_names_in_, clf.feature_names_in_)
    assert loaded.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(table.rename(columns={"length": "width"}))


KINDS = {
    "adam": {},
    "nadam": {"solver": "nadam", "learning_rate": {"kind": "cosine", "total": 9}},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0},
    "irprop-": {"solver": "irprop-"}, "dropout": {"dropout": 0.3, "solver": "rmsprop"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2},
    "by loss": {"early_stopping": True, "stop_on": "loss", "n_iter_no_change": 2, "tol": 0.1},
    "random state": {"random_state": np.random.RandomState(4)},
}  # fmt: skip


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fits_go_on_as_they_would_have(kind, cls, path):
    est = small(cls, **KINDS[kind])
    y = THIRDS if cls is MLPClassifier else NUMBERS
    known = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    for _ in range(4):
        est.partial_fit(X, y, **known)
    assert set(vars(est)) <= {*est.get_params(), *sections.KEPT, *sections.DERIVED}
    assert set(vars(est._record)) <= {one.name for one in fields(FitRecord)}
    est.save(path)
    loaded = bpcore.load(path)
    same_estimators(est, loaded)
    for one in (est, loaded):
        for _ in range(4):
            one.partial_fit(X, y)
    same_estimators(est, loaded)


def test_a_warm_start_goes_on_as_it_would_have(path):
    clf = small(warm_start=True, early_stopping=True).fit(X, THIRDS)
    clf.save(path)
    loaded = bpcore.load(path)
    same_estimators(clf.fit(X, THIRDS), loaded.fit(X, THIRDS))


def test_estimators_that_no_fit_has_seen(path):
    clf = small().initialize(3, classes=["a", "b", "c"])
    clf.coefs_[0] = np.ones((3, 4))
    clf.save(path)
    same_estimators(clf, bpcore.load(path))
    clf = MLPClassifier.from_network(Network((3, 4, 2), random_state=0), multilabel=True)
    clf.save(path)
    same_estimators(clf, bpcore.load(path))


def test_equal_fits_write_equal_files(path):
    """The network's own generator is in the file too; no fit of an estimator draws from it."""
    source = np.random.default_rng(0).bit_generator.state
    for make in (
        lambda: small(dropout=0.5).fit(X, THIRDS),
        lambda: small().partial_fit(X, THIRDS, classes=[0, 1, 2]),
        lambda: small().initialize(3, classes=[0, 1]),
    ):
        one, other = make(), make()
        one.save(path)
        written = path.read_bytes()
        other.save(path)
        assert path.read_bytes() == written
        assert one.network_._rng.bit_generator.state == source


def test_parameters_changed_after_the_fit(path):
    """The weights are those of the fit, the parameters those of the next."""
    clf = small().fit(X, THIRDS)
    clf.set_params(activation="tanh", hidden_layer_sizes=(7, 7), solver="lbfgs").save(path)
    same_estimators(clf, bpcore.load(path))


# ---------------------------------------------------------------- refusals


def test_what_a_file_cannot_hold(path):
    clf = small(callback=lambda est: False).fit(X, THIRDS)
    with pytest.raises(TypeError, match=r"set_params\(callback=None\)"):
        clf.save(path)
    clf.set_params(callback=None, alpha=-1.0)
    with pytest.raises(ValueError, match="alpha"):
        clf.save(path)
    with pytest.raises(NotFittedError):
        small().save(path)

    class Mine(MLPClassifier):
        pass

    with pytest.raises(TypeError, match="no class of your own"):
        small(Mine).fit(X, THIRDS).save(path)
    assert not path.exists()


def estimator(**changes):
    return lambda sections, tensors: sections["estimator"].update(changes)


def part(name, **changes):
    return lambda sections, tensors: sections["estimator"][name].update(changes)


NAMES = {"array": ["object", [2], ["a", "b"]]}
EDITS = {
    "unknown parameter": (part("parameters", colour="red"), "unexpected keyword argument 'colour'"),
    "bad parameter": (part("parameters", alpha=-1.0), "'alpha' parameter .* must be"),
    "code": (part("parameters", callback="os.system"), "'callback' parameter .* must be"),
    "unknown attribute": (part("attributes", predict=1), "'predict' is no attribute that a file"),
    "private attribute": (part("attributes", _network=1), "'_network' is no attribute"),
    "columns": (part("attributes", n_features_in_=4), "n_features_in_ is 4, but its network"),
    "count": (part("attributes", n_iter_="3"), "n_iter_ must be an integer"),
    "curve": (part("attributes", loss_curve_=[1.0, "x"]), "loss_curve_ must be a list of floats"),
    "loss": (part("attributes", loss_=[1.0]), "loss_ must be a float"),
    "flag": (part("attributes", stopped_early_=1.5), "stopped_early_ must be true or false"),
    "names": (part("attributes", feature_names_in_=NAMES), "must be an array of 3 strings"),
    "classes": (part("targets", classes=NAMES), "targets take 1 outputs, its network has 3"),
    "no classes": (part("targets", classes=[1]), "classes must be an array of one dimension"),
    "numbers": (part("targets", kind="Numbers"), "'Numbers' is no kind of targets of an MLPCla"),
    "labels": (part("targets", kind="Multilabel", n_labels=10**12), "as many labels as outputs"),
    "blueprint": (part("blueprint", draw_for="relu"), "draw_for must be a tuple"),
    "blueprint's": (part("blueprint", other=1), "unexpected keyword argument 'other'"),
    "rate": (part("rate", initial="fast"), "initial must be a float"),
    "no rate": (estimator(rate=None), "an optimizer and the rule for its rate belong together"),
    "best": (estimator(best="yes"), "best must be null, true or false"),
    "no best": (estimator(best=True), "missing: best_parameters"),
    "sections": (estimator(more=1), "expected an object with the entries"),
    "parameters": (estimator(parameters=[1]), "expected an object of names and values"),
    "slots": (lambda s, t: s["optimizer"].update(slots=1), "not described: optimizer.1"),
    "time": (lambda s, t: s["optimizer"].update(t=2**62), "t is beyond what can be counted"),
    "product": (lambda s, t: s["optimizer"].update(mu_product=2.0), "mu_product must lie between"),
    "optimizer": (lambda s, t: s["optimizer"].update(name="sgd", momentum=0.5), "sgd has 1 slots"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_file_that_does_not_fit_itself_is_refused(name, path):
    small().fit(X, THIRDS).save(path)
    sections, tensors = parts(path)
    edit, message = EDITS[name]
    edit(sections, tensors)
    put(path, sections, tensors)
    with pytest.raises(ModelFileError, match=message) as caught:
        bpcore.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_loading_a_network_brings_no_scikit_learn(path):
    """Only estimators need it, and it takes long to import."""
    import subprocess
    import sys

    Network((3, 2)).save(path)
    code = f"import sys, bpcore; bpcore.load({str(path)!r}); print('sklearn' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None
    )
    assert done.stdout == "False\n"


def test_curves_may_hold_any_number(path):
    clf = small().fit(X, THIRDS)
    clf.loss_curve_[1:] = [float("nan"), float("inf")]
    clf.best_loss_ = float("-inf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.save(path)
        same_estimators(clf, bpcore.load(path))
