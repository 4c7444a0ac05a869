"""Pictures of networks, of their training and of what backpropagation finds.

They follow scikit-learn's convention for displays: ``from_network``, ``from_estimator`` and the
like compute and draw; ``plot(ax=…)`` draws again elsewhere; axes and artists are kept as
attributes whose names end in an underscore. They need matplotlib: ``pip install "bpcore[demo]"``.
"""

from bpcore.display.animation import DescentAnimation
from bpcore.display.cost_curve import CostCurveDisplay
from bpcore.display.curves import TrainingCurveDisplay
from bpcore.display.descent import DescentDisplay
from bpcore.display.flow import GradientFlowDisplay
from bpcore.display.network import NetworkDisplay
from bpcore.display.predictions import PredictionsDisplay
from bpcore.display.recorders import GradientFlowRecorder, PathRecorder, ScoreRecorder
from bpcore.display.saturation import SaturationDisplay
from bpcore.display.weights import WeightsDisplay

__all__ = [
    "CostCurveDisplay",
    "DescentAnimation",
    "DescentDisplay",
    "GradientFlowDisplay",
    "GradientFlowRecorder",
    "NetworkDisplay",
    "PathRecorder",
    "PredictionsDisplay",
    "SaturationDisplay",
    "ScoreRecorder",
    "TrainingCurveDisplay",
    "WeightsDisplay",
]
