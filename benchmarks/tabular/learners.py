"""The learners that are compared, each with its defaults, on one thread."""

import importlib.util
from collections.abc import Callable
from typing import Any

import pandas as pd

__all__ = ["LEARNERS", "is_there", "make"]


def _texts(X: pd.DataFrame) -> list[str]:
    return [name for name in X if X[name].dtype.kind not in "iufb"]


def _encoded(model: Any, X: pd.DataFrame) -> Any:
    """Behind what scikit-learn's guide puts before a network."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = _texts(X)
    numbers = [name for name in X if name not in texts]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    )
    return make_pipeline(columns, model)


def _scikit_learn(X: pd.DataFrame, is_regression: bool) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    if not is_regression:
        return _encoded(MLPClassifier(random_state=0), X)
    model = _encoded(MLPRegressor(random_state=0), X)
    return TransformedTargetRegressor(model, transformer=StandardScaler())


class _Prepared:
    """A model whose frames are prepared by a function."""

    def __init__(self, model: Any, prepare: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        self.model, self.prepare = model, prepare

    def fit(self, X: pd.DataFrame, y: Any) -> "_Prepared":
        self.model.fit(self.prepare(X), y)
        self.classes_ = getattr(self.model, "classes_", None)
        return self

    def predict(self, X: pd.DataFrame) -> Any:
        return self.model.predict(self.prepare(X)).reshape(-1)

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.model.predict_proba(self.prepare(X))


def _categories(X: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Texts as pandas' categories, of those that training has seen."""
    known = {name: pd.CategoricalDtype(sorted(X[name].dropna().unique())) for name in _texts(X)}
    return lambda frame: frame.astype(known)


def _lightgbm(X: pd.DataFrame, is_regression: bool) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if is_regression else LGBMClassifier
    return _Prepared(kind(n_jobs=1, random_state=0, verbose=-1), _categories(X))


def _catboost(X: pd.DataFrame, is_regression: bool) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    texts = _texts(X)
    kind = CatBoostRegressor if is_regression else CatBoostClassifier
    model = kind(
        thread_count=1, random_seed=0, verbose=0, cat_features=texts, allow_writing_files=False
    )
    return _Prepared(model, lambda frame: frame.fillna(dict.fromkeys(texts, "missing")))


def _realmlp(X: pd.DataFrame, is_regression: bool) -> Any:
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    texts = _texts(X)
    kind = RealMLP_TD_S_Regressor if is_regression else RealMLP_TD_S_Classifier
    middle = X.median(numeric_only=True)

    def prepare(frame: pd.DataFrame) -> pd.DataFrame:
        # it takes no missing numbers
        frame = frame.fillna(middle)
        return frame.assign(**{name: frame[name].astype("category") for name in texts})

    return _Prepared(kind(n_threads=1, random_state=0, device="cpu"), prepare)


def _bpcore(X: pd.DataFrame, is_regression: bool) -> Any:
    from bpcore import TabularClassifier, TabularRegressor

    return (TabularRegressor if is_regression else TabularClassifier)(n_jobs=1, random_state=0)


def _bpcore_one(X: pd.DataFrame, is_regression: bool) -> Any:
    return _bpcore(X, is_regression).set_params(n_members=1)


# name: (what makes it, for X and whether y is numbers)
LEARNERS: dict[str, Callable[[pd.DataFrame, bool], Any]] = {
    "scikit-learn MLP": _scikit_learn,
    "LightGBM": _lightgbm,
    "CatBoost": _catboost,
    "RealMLP_TD_S": _realmlp,
    "bpcore, one member": _bpcore_one,
    "bpcore": _bpcore,
}


# the package that a learner needs, by the beginning of its name
_PACKAGES = {"LightGBM": "lightgbm", "CatBoost": "catboost", "RealMLP": "pytabkit"}


def is_there(name: str) -> bool:
    """Whether this interpreter has what the learner needs."""
    needed = next((package for start, package in _PACKAGES.items() if name.startswith(start)), "")
    package = needed or ("bpcore" if name.startswith("bpcore") else "sklearn")
    return importlib.util.find_spec(package) is not None


def make(name: str, X: pd.DataFrame, is_regression: bool) -> Any:
    """A learner for such a table, not fitted."""
    return LEARNERS[name](X, is_regression)
