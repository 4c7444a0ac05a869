"""How long does it take to ask a trained network?"""

from dataclasses import replace

from suite.tasks import PREDICTION_ROWS, PREDICTION_SIZES, prediction_task


def cases(settings):
    tasks = [prediction_task(s, n) for s in PREDICTION_SIZES for n in PREDICTION_ROWS]
    if settings.quick:
        return [(tasks[0], 1), (tasks[2], 1)]
    doubles = [replace(task, dtype="float64") for task in tasks[:3]]
    return [(task, n) for n in settings.threads for task in (*tasks, *doubles)]


def test_prediction(bench, case):
    names = bench.settings.some("bpcore", "sklearn", "torch", "jax", "onnx", "numpy")
    bench.measure("prediction", case, names)
