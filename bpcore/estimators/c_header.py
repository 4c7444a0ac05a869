"""What a C header has of an estimator beside its network: scaled inputs, labels, probabilities."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from bpcore.estimators.targets import Labels, Multilabel, Multioutput
from bpcore.files.c_header import More

__all__ = ["more_of"]

_NUMBERS = """
static inline void {{name}}_predict(const {{real}} *x, {{real}} *{out})
{{{{
    {{name}}_forward(x, {out});
}}}}
"""

_PREDICT = """
#define {{NAME}}_CLASSES {n}

static inline int {{name}}_predict(const {{real}} *x, {{real}} *p)
{{{{
{code}}}}}
"""

_LABEL = """
static inline {type}{{name}}_label(int k)
{{{{
    static {type}const labels[{n}] = {{{{
        {labels}
    }}}};
    return labels[k];
}}}}
"""

_ONE_CLASS = """\
    (void)x;
    p[0] = 1.0;
    return 0;
"""

_TWO_CLASSES = """\
    {real} a[1];
    {name}_forward(x, a);
    p[0] = 1.0 - a[0];
    p[1] = a[0];
    return a[0] > 0.5;
"""

_MANY_CLASSES = """\
    int k, best = 0;
    {{name}}_forward(x, p);
    for (k = 1; k < {n}; k++) if (p[k] > p[best]) best = k;
{share}    return best;
"""

# logistic outputs that are all 0 leave every class equally probable
_SHARE = """\
    {{{{
        {{real}} sum = 0.0;
        for (k = 0; k < {n}; k++) sum += p[k];
        for (k = 0; k < {n}; k++) p[k] = sum > 0.0 ? p[k] / sum : 1.0 / {n}.0;
    }}}}
"""


def more_of(est: Any, network: Any, scaler: Any) -> More:
    """What ``write`` is to add to the network of an estimator."""
    targets = est._codec()
    inputs = list(_scalings(scaler, network.layer_sizes[0]))
    if isinstance(targets, Multioutput):
        raise ValueError(
            "to_c writes one column of labels, but y had several: write network_, whose outputs "
            "are those of all columns side by side"
        )
    if not isinstance(targets, Labels):
        out = "p" if isinstance(targets, Multilabel) else "y"
        what = "one probability a label" if out == "p" else "the estimates"
        return More(inputs, _ABOUT_NUMBERS.format(out=out, what=what), _NUMBERS.format(out=out))
    n = len(targets.classes)
    if n == 1:
        code = _ONE_CLASS
    elif targets.width == 1:
        code = _TWO_CLASSES
    else:
        share = "" if network.activations[-1] == "softmax" else _SHARE.format(n=n)
        code = _MANY_CLASSES.format(n=n, share=share)
    type_name, labels = _labels(targets.classes)
    return More(
        inputs,
        _ABOUT.format(type=type_name),
        _PREDICT.format(n=n, code=code),
        _LABEL.format(n=n, type=type_name, labels=",\n        ".join(labels)),
    )


_ABOUT_NUMBERS = """\
 * void {{name}}_predict(const {{real}} *x, {{real}} *{out});
 *     {out}: {what}, written.
 *
"""

_ABOUT = """\
 * int {{name}}_predict(const {{real}} *x, {{real}} *p);
 *     p: {{NAME}}_CLASSES probabilities, written; returns which class is the most probable.
 * {type}{{name}}_label(int k);
 *     Its label.
 *
"""


def _labels(classes: np.ndarray) -> tuple[str, list[str]]:
    """The type of labels in C, and they themselves."""
    labels = classes.tolist()
    if all(isinstance(one, str) for one in labels):
        if cut := [one for one in labels if "\0" in one]:
            raise ValueError(f"a text of C ends where a NUL character stands, as in {cut[0]!r}")
        return "const char *", [_text(one) for one in labels]
    if all(isinstance(one, int) and abs(one) < 2**31 for one in labels):
        return "long ", [str(int(one)) for one in labels]
    if all(isinstance(one, float) for one in labels):
        return "double ", [repr(one) for one in labels]
    raise ValueError(
        f"C has no type for the labels {labels[:5]!r}: use text, or integers below 2**31"
    )


def _text(label: str) -> str:
    """A string of C, what is not printable ASCII as octal bytes of UTF-8."""
    plain = set(range(32, 127)) - set(b'"\\\\?{}')
    return (
        '"'
        + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in label.encode())
        + '"'
    )


def _scalings(scaler: Any, n: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The steps of a scaler, or of a pipeline of scalers, for n inputs."""
    if scaler is None or (isinstance(scaler, str) and scaler == "passthrough"):
        return
    if isinstance(scaler, Pipeline):
        for _, step in scaler.steps:
            yield from _scalings(step, n)
        return
    known = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
    if type(scaler) not in known:
        raise TypeError(
            f"scaler must be one of {', '.join(one.__name__ for one in known)}, or a Pipeline of "
            f"them, got {type(scaler).__name__}: write the network alone, and scale x beforehand"
        )
    check_is_fitted(scaler)
    if scaler.n_features_in_ != n:
        raise ValueError(
            f"the scaler has {scaler.n_features_in_} features, but the network takes {n}"
        )
    if isinstance(scaler, MinMaxScaler):
        if scaler.clip:
            raise ValueError("a MinMaxScaler that clips is not written to C: use clip=False")
        yield "factor", scaler.scale_, scaler.min_
        return
    center = getattr(scaler, "mean_", getattr(scaler, "center_", None))
    if getattr(scaler, "with_mean", getattr(scaler, "with_centering", False)) is False:
        center = None
    scale = scaler.scale_
    yield (
        "shift",
        np.zeros(n) if center is None else np.asarray(center, dtype=np.float64),
        np.ones(n) if scale is None else np.asarray(scale, dtype=np.float64),
    )
