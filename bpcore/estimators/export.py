"""What an estimator is written to: model files, ONNX."""

import os

__all__ = ["Export"]


class Export:
    """The part of an estimator that writes files."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a model file, which ``bpcore.load`` reads; see there.

        Parameters, classes, names of features, weights, loss curves, and the optimizer for
        ``partial_fit`` are kept; callbacks and requests for metadata are not.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".safetensors". What is there is replaced, all at once.

        Raises
        ------
        NotFittedError
            If there has been no fit.
        TypeError
            If a parameter is what a file cannot hold, a function; or the labels are not numbers
            and strings.
        ImportError
            If safetensors is not installed: ``pip install "bpcore[files]"``.
        OSError
            If the file cannot be written.
        """
        from bpcore.estimators.sections import describe_estimator
        from bpcore.files.writer import write

        write(path, *describe_estimator(self))

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the predictions to an ONNX file, for ONNX Runtime and the like.

        Its input is "X", float32. A classifier's outputs are "label" and "probabilities"
        ("probabilities_0", … for several columns of labels), a regressor's "prediction"; each
        as ``predict`` and ``predict_proba`` have it, computed in float32.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".onnx".

        Raises
        ------
        ImportError
            If onnx is not installed: ``pip install "bpcore[onnx]"``.
        ValueError
            If the labels are of a type that ONNX does not have, or the weights not finite.
        OSError
            If the file cannot be written.
        """
        from bpcore.estimators.onnx import estimator_model
        from bpcore.files.onnx import write

        write(path, estimator_model(self))
