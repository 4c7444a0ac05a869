"""What an estimator is written to: model files, ONNX, C."""

import os
from typing import Any

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
        as ``predict`` and ``predict_proba`` have it, computed in float32. Standard deviations
        (``predict(X, return_std=True)``) are not in it.

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

    def to_c(
        self,
        path: str | os.PathLike[str],
        name: str = "model",
        *,
        scaler: Any = None,
        dtype: Any = "float32",
    ) -> None:
        """Write the predictions to a C header that needs nothing but <math.h>.

        Of a regressor it defines ``void model_predict(const float *x, float *y)``, of a classifier
        ``int model_predict(const float *x, float *p)``, which writes ``predict_proba`` and returns
        which of ``classes_`` is the most probable; ``model_label`` gives its label. Of multilabel
        targets p are the probabilities of the labels, and nothing is returned. In C99 or C++, for
        one example; the sizes are macros, and ``model_forward`` is there as in ``Network.to_c``.
        Standard deviations (``predict(X, return_std=True)``) are not computed.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".h".
        name : str, default="model"
            What the names in it begin with; a C identifier.
        scaler : fitted scaler, Pipeline of such, or None
            scikit-learn's StandardScaler, MinMaxScaler, MaxAbsScaler or RobustScaler, through which
            X went before the fit: the header takes x as it was before them.
        dtype : {"float32", "float64"}, default="float32"
            What it computes in: ``float`` or ``double``.

        Raises
        ------
        NotFittedError
            If the estimator or a scaler is not fitted.
        TypeError
            If the scaler is another one.
        ValueError
            If the name or the dtype is none of these, the scaler does not fit, or a parameter is
            not finite in that dtype; or if there are several columns of labels.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from bpcore import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> pipe = make_pipeline(
        ...     StandardScaler(), MLPClassifier((8,), learning_rate_init=0.1, random_state=0)
        ... ).fit(*load_iris(return_X_y=True))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "iris.h")
        ...     pipe[-1].to_c(path, "iris", scaler=pipe[:-1])
        ...     [line for line in path.read_text().splitlines() if "int iris_predict" in line]
        [' * int iris_predict(const float *x, float *p);', 'static inline int iris_predict(const \
float *x, float *p)']
        """
        from bpcore.estimators.c_header import more_of
        from bpcore.files.c_header import write
        from bpcore.network.export import layers_of

        network = self.network_  # type: ignore[attr-defined]
        write(path, layers_of(network), name, dtype, more_of(self, network, scaler))
