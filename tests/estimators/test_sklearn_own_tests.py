"""scikit-learn's own tests of its multilayer perceptrons, run with bpcore's in their place.

The file is read from the installed scikit-learn; only the two names are put in its place.
"""

import importlib.util
from pathlib import Path

import pytest
import sklearn.neural_network

import bpcore

# Tests that are left out, each with its reason.
LEFT_OUT = {
    "test_gradient": "calls the private method _loss_grad_lbfgs with lists of buffers; "
    "test_estimators.py checks the same gradient through network_",
    "test_early_stopping_stratified": "expects a class with too few rows to be called 'True', the "
    "text of its encoded rows; test_estimators.py expects the label",
    "test_mlp_partial_fit_after_fit": "expects partial_fit to refuse early_stopping=True, which "
    "bpcore supports",
}

# the project turns warnings into errors; scikit-learn's tests let some through
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def _load():
    """The test module, executed while scikit-learn's two names stand for bpcore's classes."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    spec = importlib.util.spec_from_file_location("sklearn_test_mlp", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLPClassifier", "MLPRegressor"):
            patch.setattr(sklearn.neural_network, name, getattr(bpcore, name))
        spec.loader.exec_module(module)
    return module


_MODULE = _load()
_TESTS = {name: test for name, test in vars(_MODULE).items() if name.startswith("test_")}
globals().update({name: test for name, test in _TESTS.items() if name not in LEFT_OUT})


@pytest.fixture
def global_random_seed():
    """scikit-learn's conftest has it: the seed that its test suite runs with by default."""
    return 42


def test_the_classes_are_ours():
    assert _MODULE.MLPClassifier is bpcore.MLPClassifier
    assert _MODULE.MLPRegressor is bpcore.MLPRegressor
    assert sklearn.neural_network.MLPClassifier is not bpcore.MLPClassifier


def test_what_is_left_out_exists():
    assert set(LEFT_OUT) < set(_TESTS)
    assert len(_TESTS) > 40
