"""What an estimator for tables is written to: model files, ONNX."""

import os

__all__ = ["Export"]


class Export:
    """The part of an estimator for tables that writes files."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a model file, which ``bpcore.load`` reads; see there.

        Parameters, the preparation, every network and the curves are kept; callbacks are not.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".safetensors". What is there is replaced, all at once.

        Raises
        ------
        NotFittedError
            If there has been no fit.
        TypeError
            If a parameter is what a file cannot hold, a function.
        ImportError
            If safetensors is not installed: ``pip install "bpcore[files]"``.
        OSError
            If the file cannot be written.
        """
        from bpcore.files.writer import write
        from bpcore.tabular.sections import describe_tabular

        write(path, *describe_tabular(self))

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write preparation and networks to one ONNX file, for ONNX Runtime and the like.

        Each column is an input of its own, (n, 1), by the name of the column ("x0", "x1", … where
        there are none): numbers as doubles, NaN where one is missing, categories as strings, ""
        where one is missing; but where the fit has seen empty texts in a column, "" is that
        category, and a warning says so. A classifier's outputs are "label" and "probabilities", a
        regressor's "prediction", as ``predict`` and ``predict_proba`` have them.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".onnx".

        Raises
        ------
        NotFittedError
            If there has been no fit.
        ImportError
            If onnx is not installed: ``pip install "bpcore[onnx]"``.
        ValueError
            If the labels are of a type that ONNX does not have, or y had several columns of
            classes.
        OSError
            If the file cannot be written.
        """
        from bpcore.files.onnx import write
        from bpcore.tabular.onnx import tabular_model

        write(path, tabular_model(self))
