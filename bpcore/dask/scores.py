"""Scores that are put together from tallies of parts of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.stats import _weighted_percentile

from bpcore.dask.chunks import Loaded, load

__all__ = ["Accuracy", "Pinball", "RSquared", "tally_of_part", "targets_of_part"]


def _weights(weights: Any, n: int) -> np.ndarray:
    return np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)


@dataclass
class Accuracy:
    """The share of rows that are right.

    Attributes
    ----------
    targets : Labels, Multilabel, Multioutput, or None
        Tells which outputs are right; None: labels are, that are equal.
    """

    targets: Any = None

    def tally(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> tuple[float, float]:
        """(Σ s_k of the rows that are right, Σ s_k)."""
        if self.targets is not None:
            right = self.targets.right(a, Y)
        else:
            right = np.asarray(a == Y)
            if right.ndim == 2:
                right = right.all(axis=1)
        s = _weights(weights, len(Y))
        return float(s @ right), float(s.sum())

    def score(self, tallies: Sequence[tuple[float, float]]) -> float:
        """The accuracy over all parts."""
        right, whole = np.sum(tallies, axis=0)
        return float(right / whole)


@dataclass
class RSquared:
    """R², the mean of the outputs'."""

    def tally(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> tuple[float, int, Any, Any, Any]:
        """(Σ s_k, n, mean of y, Σ s_k (y - mean)², Σ s_k (y - a)²)."""
        y = np.asarray(Y, dtype=np.float64).reshape(len(Y), -1)
        a = np.asarray(a, dtype=np.float64).reshape(y.shape)
        s = _weights(weights, len(y))
        total = float(s.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            mean = s @ y / (total or 1.0)
            return total, len(y), mean, s @ (y - mean) ** 2, s @ (y - a) ** 2

    def score(self, tallies: Sequence[tuple[float, int, Any, Any, Any]]) -> float:
        """R² over all parts, as ``sklearn.metrics.r2_score`` has it.

        The squares about the common mean are put together from those about the parts' (T. Chan,
        G. Golub and R. LeVeque, *Algorithms for computing the sample variance*, The American
        Statistician 37, 1983).
        """
        n = sum(rows for _, rows, *_ in tallies)
        weighty = [one for one in tallies if one[0] > 0]
        if not weighty:
            return float("nan")
        total, _, mean, about_mean, residual = weighty[0]
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, _, part_mean, squares, part_residual in weighty[1:]:
                whole = total + weight
                between = part_mean - mean
                about_mean = about_mean + squares + between**2 * (total * weight / whole)
                mean = mean + between * (weight / whole)
                residual = residual + part_residual
                total = whole
            if n < 2 or not np.isfinite(residual).all():
                return float("nan")
            one_value = about_mean == 0
            scores = 1 - residual / np.where(one_value, 1.0, about_mean)
        scores[one_value] = np.where(residual[one_value] == 0, 1.0, 0.0)
        return float(scores.mean())


@dataclass
class Pinball:
    """The mean over several quantiles of D², the share of the pinball loss that is explained.

    Attributes
    ----------
    quantiles : list of float
    constants : list of float
        The same quantiles of y itself, as estimates for all rows.
    """

    quantiles: list[float]
    constants: list[float]

    @classmethod
    def of(cls, quantiles: list[float], parts: list[tuple[np.ndarray, Any]]) -> "Pinball":
        """From the y, and the weights or None, of each part."""
        y = np.concatenate([one for one, _ in parts]).astype(np.float64)
        s = np.concatenate([_weights(weights, len(one)) for one, weights in parts])
        constants = [
            float(_weighted_percentile(y, s, percentile_rank=100 * q, average=True))
            for q in quantiles
        ]
        return cls(quantiles, constants)

    def tally(self, a: np.ndarray, Y: np.ndarray, weights: Any) -> np.ndarray:
        """(2, n_quantiles): the losses of the estimates and of the constants, times Σ s_k."""
        y = np.asarray(Y, dtype=np.float64).reshape(len(Y), -1)[:, 0]
        s = _weights(weights, len(y))
        if not np.isfinite(a).all():
            return np.full((2, len(self.quantiles)), np.nan)
        if s.sum() == 0:
            return np.zeros((2, len(self.quantiles)))

        def losses(estimates: Any) -> list[Any]:
            pairs = zip(estimates, self.quantiles, strict=True)
            return [mean_pinball_loss(y, one, sample_weight=s, alpha=q) for one, q in pairs]

        constants = [np.full(len(y), one) for one in self.constants]
        return np.array([losses(a.T), losses(constants)]) * s.sum()

    def score(self, tallies: Sequence[np.ndarray]) -> float:
        """The score over all parts."""
        explained, whole = np.sum(tallies, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(whole == 0, np.where(explained == 0, 1.0, 0.0), 1 - explained / whole)
        return float(scores.mean())


# ---------------------------------------------------------------- of predictions, on a worker


def targets_of_part(what: str, local: Any, X: Any, y: Any, weights: Any) -> Any:
    """(y, weights or None) of a partition."""
    part = _loaded(what, local, X, y, weights)
    return part.y, part.weights


def tally_of_part(what: str, local: Any, scorer: Any, X: Any, y: Any, weights: Any) -> Any:
    """The tally of what an estimator predicts for a partition."""
    part = _loaded(what, local, X, y, weights)
    return scorer.tally(local.predict(X[0] if y is None else X), part.y, part.weights)


def _loaded(what: str, local: Any, X: Any, y: Any, weights: Any) -> Loaded:
    return load(what, type(local)(**local.get_params(deep=False)), X, y, weights)
