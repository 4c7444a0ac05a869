"""Files that the first build with evidence wrote: they load, and their fits go on."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bpcore

pytest.importorskip("safetensors", reason='model files need the extra "files"')

SCRIPT = Path(__file__).with_name("make_format_1_evidence.py")
SPEC = importlib.util.spec_from_file_location("make_format_1_evidence", SCRIPT)
made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(made)
EXPECTED = json.loads((made.FOLDER / "expected.json").read_text(encoding="utf-8"))


def test_a_network_with_its_history():
    network = bpcore.load(made.FOLDER / "network.safetensors")
    assert made.told(network.history_) == EXPECTED["network"]
    assert len(network.history_.l2) == made.EPOCHS


def test_a_checkpoint_to_go_on_from():
    network = made.network()
    options = {"epochs": made.EPOCHS, "optimizer": "lm", "l2": "evidence"}
    history = network.fit(made.X, made.Y, resume=made.FOLDER / "checkpoint.safetensors", **options)
    assert history.epochs == made.EPOCHS
    # another processor adds up in another order
    assert made.told(history) == pytest.approx(EXPECTED["network"], rel=1e-4)


def test_a_regressor_with_its_covariance():
    reg = bpcore.load(made.FOLDER / "regressor.safetensors")
    for name, value in EXPECTED["regressor"].items():
        assert getattr(reg, name) == value
    found = np.array(reg.predict(made.X[:4], return_std=True))
    assert_allclose(found, EXPECTED["predicted"], rtol=1e-9)
