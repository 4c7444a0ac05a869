"""Multilayer perceptrons trained by backpropagation, in compiled code.

``Network`` is the network of the textbook, every term of the chain rule at hand;
``MLPClassifier`` and ``MLPRegressor`` take the place of scikit-learn's.
"""

import importlib
from typing import TYPE_CHECKING, Any

try:
    importlib.import_module("bpcore._core.engine")
except ModuleNotFoundError as error:
    if error.name != "bpcore._core.engine":
        raise
    raise ImportError(
        "bpcore's compiled modules are not built. You are probably in the source tree: type "
        "`pip install .` there and run Python from another folder, or `pip install -e .` to "
        "work on the sources in place."
    ) from error

from bpcore._version import __version__ as __version__
from bpcore.checks.scaled import scaled
from bpcore.exceptions import DivergenceError, ModelFileError
from bpcore.history import History
from bpcore.network import Network, Optimizer
from bpcore.network.gradient import Gradient
from bpcore.network.numerical import NumericalGradient
from bpcore.network.saturation import Saturation
from bpcore.network.trace import Trace
from bpcore.notebook import Table

if TYPE_CHECKING:
    from bpcore import datasets as datasets
    from bpcore._core.config import show_config
    from bpcore.display import (
        CostCurveDisplay,
        DescentAnimation,
        DescentDisplay,
        GradientFlowDisplay,
        GradientFlowRecorder,
        NetworkDisplay,
        PathRecorder,
        PredictionsDisplay,
        SaturationDisplay,
        ScoreRecorder,
        TrainingCurveDisplay,
        WeightsDisplay,
    )
    from bpcore.estimators import MLPClassifier, MLPRegressor
    from bpcore.estimators.converter import register_skl2onnx
    from bpcore.explain.render import Explanation
    from bpcore.model_file import load
    from bpcore.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "CostCurveDisplay",
    "DescentAnimation",
    "DescentDisplay",
    "DivergenceError",
    "Explanation",
    "Gradient",
    "GradientFlowDisplay",
    "GradientFlowRecorder",
    "History",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "NetworkDisplay",
    "NumericalGradient",
    "Optimizer",
    "PathRecorder",
    "PredictionsDisplay",
    "Saturation",
    "SaturationDisplay",
    "ScoreRecorder",
    "Table",
    "TabularClassifier",
    "TabularRegressor",
    "Trace",
    "TrainingCurveDisplay",
    "WeightsDisplay",
    "datasets",
    "load",
    "register_skl2onnx",
    "scaled",
    "show_config",
]

# Loaded when first asked for: they bring scikit-learn or safetensors with them.
_LATER = {
    "CostCurveDisplay": "bpcore.display",
    "DescentAnimation": "bpcore.display",
    "DescentDisplay": "bpcore.display",
    "Explanation": "bpcore.explain.render",
    "GradientFlowDisplay": "bpcore.display",
    "GradientFlowRecorder": "bpcore.display",
    "MLPClassifier": "bpcore.estimators",
    "MLPRegressor": "bpcore.estimators",
    "NetworkDisplay": "bpcore.display",
    "PathRecorder": "bpcore.display",
    "PredictionsDisplay": "bpcore.display",
    "SaturationDisplay": "bpcore.display",
    "ScoreRecorder": "bpcore.display",
    "TabularClassifier": "bpcore.tabular",
    "TabularRegressor": "bpcore.tabular",
    "TrainingCurveDisplay": "bpcore.display",
    "WeightsDisplay": "bpcore.display",
    "dask": "bpcore.dask",
    "datasets": "bpcore.datasets",
    "load": "bpcore.model_file",
    "register_skl2onnx": "bpcore.estimators.converter",
    "show_config": "bpcore._core.config",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'bpcore' has no attribute {name!r}")
    module = importlib.import_module(_LATER[name])
    value = module if module.__name__ == f"bpcore.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
