"""Pictures of networks, of their training and of what backpropagation finds.

They follow scikit-learn's convention for displays: ``from_network``, ``from_estimator`` and the
like compute and draw; ``plot(ax=…)`` draws again elsewhere; axes and artists are kept as
attributes whose names end in an underscore. They need matplotlib: ``pip install "bpcore[demo]"``.
"""

from bpcore._display_animation import DescentAnimation
from bpcore._display_curves import TrainingCurveDisplay
from bpcore._display_descent import DescentDisplay
from bpcore._display_flow import GradientFlowDisplay
from bpcore._display_network import NetworkDisplay
from bpcore._display_predictions import PredictionsDisplay
from bpcore._display_recorders import GradientFlowRecorder, PathRecorder, ScoreRecorder
from bpcore._display_weights import WeightsDisplay

__all__ = [
    "DescentAnimation",
    "DescentDisplay",
    "GradientFlowDisplay",
    "GradientFlowRecorder",
    "NetworkDisplay",
    "PathRecorder",
    "PredictionsDisplay",
    "ScoreRecorder",
    "TrainingCurveDisplay",
    "WeightsDisplay",
]
