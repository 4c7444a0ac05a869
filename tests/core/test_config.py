"""show_config says what was chosen."""

import numpy as np
import pytest

import bpcore
from bpcore._core import activations, products


def test_dict_and_print_say_the_same(monkeypatch, capsys):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    config = bpcore.show_config(mode="dict")
    assert config["version"] == bpcore.__version__
    assert config["products"] == products.isa()
    assert config["elementwise"] == activations.vector_level()
    assert config["environment"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert config["threads"] >= 1
    assert bpcore.show_config() is None
    text = capsys.readouterr().out
    for word in (config["products"], config["elementwise"], "OPENBLAS_CORETYPE=Haswell"):
        assert word in text
    for library in config["blas"]:
        assert f"{library['name']} {library['version']}, core type" in text


def test_products_level_follows_the_choice():
    try:
        assert products.set_isa(2) == 2
        assert "baseline" in bpcore.show_config(mode="dict")["products"]
        # where AVX2 is asked for AVX-512 is not taken; a processor may have neither
        assert products.set_isa(3) in (2, 3)
    finally:
        products.set_isa()


def test_unknown_mode():
    with pytest.raises(ValueError, match="'stdout' or 'dict', got 'yaml'"):
        bpcore.show_config("yaml")


def test_blas_of_scipy_comes_first():
    np.ones((2, 2)) @ np.ones((2, 2))
    names = [library["file"] for library in bpcore.show_config(mode="dict")["blas"]]
    assert len(set(names)) == len(names)
