"""Class weights, in fit and in partial_fit."""

import numpy as np
import pytest
from estimator_problems import DIGITS, LABELS, classifier
from sklearn.utils import compute_sample_weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# one batch, and no penalty that a sum of weights divides: sample weights then do the same
WHOLE = {"batch_size": 600, "alpha": 0.0}


@pytest.mark.parametrize("class_weight", ["balanced", {0: 5.0, 1: 0.5}])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weight_multiplies_the_sample_weights(class_weight, solver):
    """With all rows in one batch, where there is nothing for the weights to differ between."""
    y = (LABELS == 3).astype(int)
    more = np.random.RandomState(0).uniform(0.5, 2, 600)
    settings = {"solver": solver, **WHOLE}
    by_class = classifier(class_weight=class_weight, **settings).fit(DIGITS, y, more)
    by_row = classifier(**settings).fit(DIGITS, y, more * compute_sample_weight(class_weight, y))
    np.testing.assert_allclose(by_class.coefs_[0], by_row.coefs_[0], rtol=1e-7)


@pytest.mark.parametrize("batch_size", [1, 7, 600])
@pytest.mark.parametrize("partial", [False, True])
def test_a_class_weight_counts_the_same_in_every_batch(batch_size, partial):
    """One epoch of plain descent with a tiny rate moves along Σ over batches of
    Σ_k c_k ∇C_k / rows: c_k in proportion to its mean over all rows, in partial_fit as it is."""
    y = (LABELS == 3).astype(int)
    weights = {0: 0.5, 1: 4.0}
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": batch_size}
    settings |= {"learning_rate_init": 1e-7, "max_iter": 1, "shuffle": False}
    clf = classifier(class_weight=weights, **settings).initialize(64, [0, 1])
    network = clf.network_.astype("float64")
    gradients = network.per_sample_gradients(DIGITS, y.reshape(-1, 1))
    if partial:
        clf.partial_fit(DIGITS, y)
    else:
        clf.set_params(warm_start=True).fit(DIGITS, y)
    c = np.where(y == 1, 4.0, 0.5)
    if not partial:
        c = c / c.mean()
    n = np.full(600, batch_size)
    n[600 - 600 % batch_size :] = 600 % batch_size
    step = (c / n) @ gradients
    moved = (clf.network_.parameters - network.parameters) / -1e-7
    np.testing.assert_allclose(moved, step, rtol=1e-3, atol=1e-4 * np.abs(step).max())


def test_class_weight_matters_at_batch_size_1():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] + rng.normal(size=400) > 2.3).astype(int)
    recall = [
        classifier(class_weight=weight, max_iter=20, batch_size=1, random_state=0)
        .fit(X, y)
        .predict(X)[y == 1]
        .mean()
        for weight in (None, "balanced", {0: 1, 1: 30})
    ]
    assert recall[0] < 0.3
    assert min(recall[1:]) > 0.6


def test_sample_weight_keeps_the_numbers_of_sklearn_beside_class_weight():
    """Class weights that are all 1 change nothing, to the last bit but the mean's rounding."""
    more = np.random.RandomState(0).uniform(0.5, 2, 600)
    settings = {"batch_size": 50, "max_iter": 3}
    one = classifier(class_weight=dict.fromkeys(range(10), 1), **settings).fit(DIGITS, LABELS, more)
    other = classifier(**settings).fit(DIGITS, LABELS, more)
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-9, atol=1e-12)


def test_class_weight_evens_out_rare_classes():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(1000, 2))
    y = ((X[:, 0] + rng.normal(size=1000)) > 2.3).astype(int)
    recall = [
        classifier(class_weight=weight, max_iter=60).fit(X, y).predict(X)[y == 1].mean()
        for weight in (None, "balanced")
    ]
    assert recall[0] < 0.2
    assert recall[1] > 0.7


def test_class_weight_in_partial_fit():
    with pytest.raises(ValueError, match=r"'balanced' needs all of y at once.*a dict"):
        classifier(class_weight="balanced").partial_fit(DIGITS, LABELS, classes=range(10))
    with pytest.raises(ValueError, match="every row of y with a sample weight of zero"):
        classifier(class_weight={0: 0, 1: 0}).fit([[0.0], [1.0]], [0, 1])


def test_class_weight_of_labels_that_a_batch_lacks():
    """The classes are known: what a batch holds of them decides nothing."""
    weights = {label: 1.0 + label for label in range(10)}
    rare = LABELS < 3
    X, y = DIGITS[rare], LABELS[rare]
    one = classifier(class_weight=weights).partial_fit(X, y, classes=range(10))
    held = classifier(class_weight={0: 1.0, 1: 2.0, 2: 3.0})
    other = held.partial_fit(X, y, classes=range(10))
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])
    some = classifier(class_weight={9: 4}).partial_fit(X, y, classes=range(10))
    plain = classifier().partial_fit(X, y, classes=range(10))
    np.testing.assert_allclose(some.coefs_[0], plain.coefs_[0], rtol=1e-10)
    # as in fit, where a part of the data may lack a class too
    classifier(class_weight=weights, max_iter=1).fit(X, y)


def test_a_batch_of_rows_without_weight_teaches_nothing():
    """As the rows of such a class do in fit; a stream may hold no others for a while."""
    zeros, others = (LABELS == 0), (LABELS > 0)
    clf = classifier(class_weight={0: 0}, solver="sgd", momentum=0, alpha=0)
    clf.partial_fit(DIGITS[others], LABELS[others], classes=range(10))
    before = clf.network_.parameters.copy()
    clf.partial_fit(DIGITS[zeros], LABELS[zeros])
    np.testing.assert_array_equal(clf.network_.parameters, before)
    assert clf.loss_ == 0
    clf.set_params(early_stopping=True).partial_fit(DIGITS[zeros], LABELS[zeros])
    np.testing.assert_array_equal(clf.network_.parameters, before)
    with pytest.raises(ValueError, match="non-zero"):
        clf.partial_fit(DIGITS, LABELS, np.zeros(len(LABELS)))


def test_class_weight_of_text_and_of_floats():
    """A label is looked up as it is, though it looks like a number or like another one."""
    at = (LABELS > 4).astype(int)
    more = np.where(at == 1, 3.0, 0.5)
    expected = classifier(**WHOLE).fit(DIGITS, at, more).coefs_[0]
    for labels in (np.array(["0", "1"]), np.array([1.0, 2.0]), np.array([False, True])):
        weights = dict(zip(labels.tolist(), [0.5, 3.0], strict=True))
        got = classifier(class_weight=weights, **WHOLE).fit(DIGITS, labels[at])
        np.testing.assert_allclose(got.coefs_[0], expected, rtol=1e-7)


def test_class_weight_of_several_columns():
    for Y in (np.c_[LABELS % 3, LABELS > 4], np.c_[LABELS % 2, LABELS > 4]):
        weights = [{0: 2.0}, {0: 0.5, 1: 3.0}]
        more = compute_sample_weight([{0: 2.0, 1: 1.0, 2: 1.0}, weights[1]], Y)
        one = classifier(class_weight=weights, **WHOLE).fit(DIGITS, Y)
        np.testing.assert_allclose(
            one.coefs_[0], classifier(**WHOLE).fit(DIGITS, Y, more).coefs_[0], rtol=1e-7
        )
        one = classifier(class_weight="balanced", **WHOLE).fit(DIGITS, Y)
        more = compute_sample_weight("balanced", Y)
        np.testing.assert_allclose(
            one.coefs_[0], classifier(**WHOLE).fit(DIGITS, Y, more).coefs_[0], rtol=1e-7
        )
    with pytest.raises(ValueError, match="2 columns: class_weight must be 'balanced' or a list"):
        classifier(class_weight={0: 2.0}).fit(DIGITS, Y)
    with pytest.raises(ValueError, match="lists 3 dicts, but y has 2 columns"):
        classifier(class_weight=[{}] * 3).fit(DIGITS, Y)
    with pytest.raises(ValueError, match="'balanced' needs all of y"):
        classifier(class_weight=["balanced", None]).partial_fit(DIGITS, Y)


@pytest.mark.parametrize(
    "weights, error, message",
    [
        ({0: -1}, ValueError, r"class_weight\[0\] must be at least 0 and finite, got -1"),
        ({3: np.nan}, ValueError, r"class_weight\[3\] must be .* finite, got nan"),
        ({0: 1, 9: np.inf}, ValueError, r"class_weight\[9\] must be .* finite, got inf"),
        ({0: "2"}, TypeError, r"class_weight\[0\] must be a number, got '2'"),
        ({0: None}, TypeError, r"class_weight\[0\] must be a number, got None"),
        ([{0: -1}], ValueError, r"class_weight\[0\]\[0\] must be at least 0"),
        ({"0": 2}, ValueError, r"names \['0'\], which are not among the classes \[0, 1, "),
        ({10: 2, 0: 1}, ValueError, r"names \[10\].*no weight for \[1, 2,"),
        ([[0, 1]], TypeError, r"class_weight\[0\] must be a dict"),
    ],
)
def test_class_weights_that_cannot_be(weights, error, message):
    for call in (
        lambda clf: clf.fit(DIGITS, LABELS),
        lambda clf: clf.partial_fit(DIGITS[:2], LABELS[:2], classes=range(10)),
    ):
        clf = classifier(class_weight=weights)
        with pytest.raises(error, match=message):
            call(clf)
        assert not hasattr(clf, "coefs_")
