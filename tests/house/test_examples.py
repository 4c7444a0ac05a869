"""The gallery's scripts: each runs, says something, and shows its pictures."""

import ast
import os
import runpy
import subprocess
import sys

import pytest

pytest.importorskip("matplotlib")

import matplotlib.pyplot as plt
from pictures import assert_readable, close_figures

close = pytest.fixture(autouse=True)(close_figures)

FIGURES = {
    "backward_pass_page": 1,
    "descent_film": 1,
    "descent_surface": 1,
    "moving_from_scikit_learn": 2,
    "one_weight_explained": 1,
    "pendulum_control": 1,
    "potential_forces": 1,
    "online_learning": 1,
    "prediction_intervals": 1,
    "recogniser": 4,
    "tabular_classification": 2,
    "tabular_regression": 1,
    "vanishing_gradients": 2,
}
SAYS = {
    "backward_pass_page": "C = (0.66 - 1)² = 0.1156",
    "descent_film": "12 pictures",
    "descent_surface": "26 points in 13,002 dimensions",
    "moving_from_scikit_learn": "epochs: ",
    "one_weight_explained": "∂C/∂w of the weight from unit ",
    "online_learning": "without a break: True",
    "pendulum_control": "from all 20 starts",
    "potential_forces": "with their forces: energies off by ",
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
    assert scripts == {*FIGURES, "scikit_learn_side_by_side"}
    assert set(FIGURES) == set(SAYS)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_example(name, folder, tmp_path, capsys, monkeypatch):
    """It prints, and shows its pictures at the end: readable at 800 pixels; and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    shows = []
    monkeypatch.setattr(plt, "show", lambda: shows.append(plt.get_fignums()))
    names = runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")
    assert SAYS[name] in capsys.readouterr().out
    assert len(shows) == 1
    assert len(shows[0]) == FIGURES[name]
    for number in shows[0]:
        figure = plt.figure(number)
        width, height = figure.get_size_inches() * 100
        assert 600 <= width <= 800
        assert 300 <= height <= 800
        assert_readable(figure)
    assert list(tmp_path.iterdir()) == []
    if "animation" in names:
        names["animation"]._draw_was_started = True  # it is not played here


@pytest.mark.parametrize("name", FIGURES)
def test_its_head_is_a_title_and_a_text(name, folder):
    module = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
    title, line, blank, *text = ast.get_docstring(module).splitlines()
    assert line == "=" * len(title)
    assert (blank, bool(text)) == ("", True)


@pytest.mark.slow
def test_as_a_script(folder, tmp_path):
    """In an interpreter of its own, with warnings as errors but for that of a missing screen."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:FigureCanvasAgg is non-interactive",
         folder / "tabular_regression.py"],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(SAYS["tabular_regression"])
