"""The estimators on Dask: beyond one machine, and beyond its memory.

>>> from bpcore.dask import DaskMLPClassifier, DaskMLPRegressor

``estimators`` are what users meet, ``partitions`` what they give, ``preparation`` and ``chunks``
make chunks of it on the workers, ``training`` has the rounds as the client sees them, ``rounds`` as
a worker does; ``groups`` and ``cluster`` talk to Dask.
"""

try:
    import dask.array  # noqa: F401
    import distributed  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(
        f'bpcore.dask needs Dask, but there is no {error.name}: pip install "bpcore[dask]"'
    ) from error

from bpcore.dask.estimators import DaskMLPClassifier, DaskMLPRegressor

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor"]
