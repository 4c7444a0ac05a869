"""Writes the files of format_1_evidence/: what fits with evidence added to format 1.

    python -P make_format_1_evidence.py

A history with its estimates, a checkpoint with the state of lm, a regressor with its covariance. As
those of format_1/ they are written once, and not again with a later build.
"""

import json
from pathlib import Path

import numpy as np

from bpcore import MLPRegressor, Network

FOLDER = Path(__file__).with_name("format_1_evidence")
# Iterations of the fit that is to be resumed, and of the whole.
STOPPED, EPOCHS = 5, 20

# numbers from -1.5 to 1.5, the same on every machine: a checkpoint knows its data
_AT = np.arange(120)
X = ((_AT * _AT * 37 + _AT * 11) % 97 - 48).reshape(60, 2) / 32
Y = X[:, 0] * X[:, 1] + (_AT[:60] * _AT[:60] % 13 - 6) / 64


def network():
    """A new one."""
    return Network((2, 5, 1), "tanh", "identity", dtype="float64", random_state=0)


def told(history):
    """What a fit has come to."""
    names = ("l2", "effective_parameters", "noise_std")
    return {name: getattr(history, name)[-1] for name in names}


def main():
    """Write all of them."""
    FOLDER.mkdir()
    whole, half = network(), network()
    history = whole.fit(X, Y, epochs=EPOCHS, optimizer="lm", l2="evidence")
    whole.save(FOLDER / "network.safetensors")
    path = FOLDER / "checkpoint.safetensors"
    half.fit(X, Y, epochs=STOPPED, optimizer="lm", l2="evidence", checkpoint=path)
    reg = MLPRegressor(
        hidden_layer_sizes=(3,), activation="tanh", solver="lm", alpha="evidence", random_state=0
    ).fit(X, Y)
    reg.save(FOLDER / "regressor.safetensors")
    names = ("alpha_", "effective_parameters_", "noise_std_")
    expected = {
        "network": told(history),
        "regressor": {name: getattr(reg, name) for name in names},
        "predicted": [one.tolist() for one in reg.predict(X[:4], return_std=True)],
    }
    text = json.dumps(expected, indent=1) + "\n"
    (FOLDER / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
