"""The attributes that fits fill: when they are there, whose they are, what a failed call leaves."""

import copy
import pickle
from itertools import product

import numpy as np
import pytest

from bpcore import MLPClassifier, MLPRegressor
from bpcore.estimators.record import FitRecord, Shown, attributes_shown
from bpcore.estimators.state import State

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.linspace(-1, 1, 40).reshape(20, 2)
Y = X[:, 0] + X[:, 1] ** 2
NAMES = sorted(attributes_shown(State).values())


def small(**parameters):
    return MLPRegressor(**{"hidden_layer_sizes": 3, "max_iter": 3, "random_state": 0, **parameters})


def there(est):
    return {name for name in NAMES if hasattr(est, name)}


def state(est):
    """Every attribute, the lists as they are now."""
    return {name: repr(getattr(est, name, "absent")) for name in NAMES if name != "_optimizer"}


def test_every_shown_entry_is_one_of_the_record():
    shown = attributes_shown(State)
    assert set(shown) < set(FitRecord.__annotations__)
    assert all(isinstance(vars(State)[name], Shown) for name in shown.values())
    assert MLPRegressor.loss_curve_ is State.loss_curve_


@pytest.mark.parametrize("name", NAMES)
def test_before_a_fit_there_is_none(name):
    est = small()
    assert not hasattr(est, name)
    with pytest.raises(AttributeError, match=f"'MLPRegressor' object has no attribute '{name}'"):
        getattr(est, name)
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        delattr(est, name)
    assert set(vars(est)) == set(est.get_params())


def test_which_are_there_after_what():
    always = {
        *("n_iter_", "t_", "_no_improvement_count", "loss_curve_", "best_loss_"),
        *("validation_scores_", "validation_loss_curve_"),
        *("best_validation_score_", "best_validation_loss_"),
    }
    lbfgs = small(solver="lbfgs").fit(X, Y)
    assert there(small().initialize(2)) == always
    assert there(lbfgs) == always | {"loss_"}
    assert there(small().fit(X, Y)) == always | {"loss_", "stopped_early_", "_optimizer"}
    everything = small(early_stopping=True, dropout=0.5).partial_fit(X, Y)
    of_evidence = {"alpha_", "effective_parameters_", "noise_std_"}
    assert there(everything) == set(NAMES) - of_evidence
    assert there(small(solver="lm", alpha="evidence").fit(X, Y)) == (
        always | {"loss_", "stopped_early_", "_optimizer"} | of_evidence
    )
    # of the last fit of a stochastic solver
    assert there(small().fit(X, Y).set_params(solver="lbfgs").fit(X, Y)) == (
        always | {"loss_", "stopped_early_"}
    )


def test_they_can_be_written_and_deleted():
    est = small()
    est.loss_curve_ = curve = [1.0]
    assert est.loss_curve_ is curve
    assert there(est) == {"loss_curve_"}
    est.fit(X, Y).best_loss_ = 0.5
    assert est.best_loss_ == 0.5
    del est.best_loss_
    assert not hasattr(est, "best_loss_")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_counts_its_own_epochs(duplicate):
    est = small().fit(X, Y)
    other = duplicate(est)
    assert state(other) == state(est)
    other.partial_fit(X, Y)
    assert (est.n_iter_, other.n_iter_) == (3, 1)
    assert (est.t_, other.t_) == (60, 80)
    assert (len(est.loss_curve_), len(other.loss_curve_)) == (3, 4)


def test_pickles_hold_them():
    est = small(early_stopping=True, validation_fraction=0.2).fit(X, Y)
    other = pickle.loads(pickle.dumps(est))
    assert state(other) == state(est)
    assert state(other.partial_fit(X, Y)) == state(est.partial_fit(X, Y))


WRONG = {
    "data": (lambda est: est.fit(X, Y[:-1]), "inconsistent numbers"),
    "columns": (lambda est: est.set_params(warm_start=True).fit(X[:, :1], Y), "features"),
    "validation": (
        lambda est: est.partial_fit(X, Y, validation_data=(X, Y[:-1])), "validation_data: ",
    ),
    "afterwards": (lambda est: est.set_params(learning_rate={"kind": "up"}).fit(X, Y), "'up'"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fitted"),
    [("columns", True), *product(("data", "validation", "afterwards"), (False, True))],
)
def test_a_call_that_cannot_train_leaves_them(name, fitted):
    call, message = WRONG[name]
    est = small(early_stopping=True)
    if fitted:
        est.partial_fit(X, Y)
    before, record = state(est), vars(est).get("_record")
    with pytest.raises(ValueError, match=message):
        call(est)
    assert state(est) == before
    assert vars(est).get("_record") is record
    assert hasattr(est, "coefs_") == fitted


def test_weights_set_by_hand_are_gone_on_from():
    """As scikit-learn's own tests do it."""
    est = MLPClassifier(3, max_iter=1)
    est.coefs_, est.intercepts_ = [np.ones((2, 3)), np.ones((3, 1))], [np.zeros(3), np.zeros(1)]
    est.n_iter_, est.t_, est.loss_curve_ = 0, 7, []
    est._no_improvement_count, est.best_loss_ = 0, np.inf
    est.partial_fit(X, Y > 0, classes=[False, True])
    assert (est.n_iter_, est.t_, len(est.loss_curve_)) == (1, 27, 1)
