"""The gallery's scripts: each runs, says something, and writes its pictures."""

import importlib.util
import os
import runpy
import struct
import subprocess
import sys

import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

PICTURES = {
    "descent_film": ["descent_film.gif", "descent_film.png"],
    "descent_surface": ["descent_surface.png"],
    "moving_from_scikit_learn": [
        "moving_from_scikit_learn.png",
        "moving_from_scikit_learn_gradients.png",
    ],
    "one_weight_explained": ["one_weight_explained.png"],
    "online_learning": ["online_learning.png"],
    "prediction_intervals": ["prediction_intervals.png"],
    "recogniser": [
        "recogniser_forward.png",
        "recogniser_predictions.png",
        "recogniser_training.png",
        "recogniser_weights.png",
    ],
    "tabular_classification": [
        "tabular_classification_network.png",
        "tabular_classification_training.png",
    ],
    "tabular_regression": ["tabular_regression.png"],
    "vanishing_gradients": ["vanishing_gradients_relu.png", "vanishing_gradients_sigmoid.png"],
}
SAYS = {
    "descent_film": "12 pictures",
    "descent_surface": "26 points in 13,002 dimensions",
    "moving_from_scikit_learn": "epochs: ",
    "one_weight_explained": "∂C/∂w of the weight from unit ",
    "online_learning": "right before the change: 9",
    "prediction_intervals": "(90 % asked for)",
    "recogniser": "correct on test images: 9",
    "tabular_classification": "correct on test tumours: 9",
    "tabular_regression": "R² on test patients: 0.",
    "vanishing_gradients": "sigmoid: at the start |∂C/∂z| of layer 1 is 0.0",
}


@pytest.fixture
def folder(source_tree):
    return source_tree / "examples"


def test_every_script_is_tested(folder):
    scripts = {path.stem for path in folder.glob("*.py")}
    assert scripts == {*PICTURES, "scikit_learn_side_by_side"}
    assert set(PICTURES) == set(SAYS)


def test_side_by_side(folder, capsys, monkeypatch):
    """The one without pictures: both libraries come to the same loss."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    monkeypatch.setattr(sys, "argv", ["scikit_learn_side_by_side.py", "--epochs", "1"])
    runpy.run_path(str(folder / "scikit_learn_side_by_side.py"), run_name="__main__")
    _, head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["scikit-learn", "bpcore", "ratio", "loss", "of", "both"]
    assert len(rows) == 3
    for row in rows:
        theirs, ours = row.split()[-2:]
        assert float(theirs) == pytest.approx(float(ours), abs=2e-6)


@pytest.mark.parametrize("name", PICTURES)
def test_example(name, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(f"example_{name}", folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    title, blank, *text = module.__doc__.splitlines()
    assert title.endswith(".")
    assert (blank, bool(text)) == ("", True)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    try:
        module.main(pictures)
    finally:
        matplotlib.pyplot.close("all")
    assert SAYS[name] in capsys.readouterr().out
    assert sorted(path.name for path in pictures.iterdir()) == PICTURES[name]
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
    for path in pictures.glob("*.png"):
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", head[16:])
        assert 600 <= width <= 800
        assert 300 <= height <= 800


def test_as_a_script(folder, tmp_path):
    """In an interpreter of its own, with warnings as errors, into the folder given."""
    (tmp_path / "there").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", folder / "tabular_regression.py", "there"],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "there" / "tabular_regression.png").is_file()


def test_without_a_folder_it_writes_here(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tabular_regression.py"])
    runpy.run_path(str(folder / "tabular_regression.py"), run_name="__main__")
    assert [path.name for path in tmp_path.iterdir()] == ["tabular_regression.png"]
