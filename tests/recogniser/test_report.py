"""The report: the progress display, what is derived from a run, its words and its picture."""

import io
import math

import numpy as np
import pytest
from main_job import GEMM, needs_matplotlib, png_size, words

import bpcore
from bpcore import Network
from bpcore.datasets import Dataset
from bpcore.recogniser import outcome as outcomes
from bpcore.recogniser import picture, report

# ---------------------------------------------------------------- the progress display


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def history_of(scores):
    costs = [1 / (1 + epoch) for epoch in range(len(scores))]
    n = len(scores)
    return bpcore.History(
        n_examples=10,
        cost=costs,
        validation_cost=costs,
        validation_score=scores,
        learning_rate=[0.5] * n,
        seconds=[0.25] * n,
    )


def test_a_terminal_sees_a_bar(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    progress = report.Progress(4, stream)
    for done in (1, 2, 4):
        assert not progress(None, history_of([0.5, 0.75, 0.875, 1.0][:done]))
    progress.close()
    progress.close()
    _, first, second, last = stream.getvalue().split("\r")
    assert first.startswith("epoch 1/4  " + "█" * 7 + "░" * 23 + "  cost 1.0000   test  50.00%")
    assert second.startswith("epoch 2/4  " + "█" * 15 + "░" * 15 + "  cost 0.5000   test  75.00%")
    assert last.startswith("epoch 4/4  " + "█" * 30 + "  cost 0.2500   test 100.00%")
    assert {len(line) for line in (first, second)} == {79}
    assert last.endswith("\n")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("columns", [20, 40, 50, 200])
def test_the_bar_keeps_to_one_line(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    report.Progress(30, stream)(None, history_of([0.5] * 10))
    line = stream.getvalue().lstrip("\r")
    assert len(line) == columns - 1
    assert line.startswith("epoch 10/30")


def test_a_terminal_without_unicode_sees_ascii(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    stream.encoding = "cp1252"
    report.Progress(2, stream)(None, history_of([0.5]))
    assert "#" * 15 + "." * 15 in stream.getvalue()
    assert stream.getvalue().isascii()


def test_a_file_sees_a_line_an_epoch():
    stream = io.StringIO()
    progress = report.Progress(10, stream)
    progress(None, history_of([0.5]))
    progress(None, history_of([0.5, 0.8125]))
    progress.close()
    assert stream.getvalue() == (
        "epoch  1/10   cost 1.0000   test  50.00%\nepoch  2/10   cost 0.5000   test  81.25%\n"
    )


# ---------------------------------------------------------------- what is derived


def outcome_of(labels, outputs, scores=(0.5,), **options):
    n, width = outputs.shape
    pixels = np.arange(n * 6, dtype=np.uint8).reshape(n, 6)
    data = Dataset(pixels, labels, pixels, labels, "squares", (2, 3))
    network = Network((6, 4, width), random_state=0)
    return outcomes.Outcome(data, network, history_of(list(scores)), outputs, GEMM, **options)


def outputs_of(guesses, certainties, width):
    outputs = np.full((len(guesses), width), 0.01)
    outputs[np.arange(len(guesses)), guesses] = certainties
    return outputs


def test_flops_of_the_source_s_network():
    # 12,960 weights, of which 784 x 16 = 12,544 have no delta below them.
    assert outcomes.flops_per_image((784, 16, 16, 10)) == 6 * 12_960 - 2 * 12_544
    assert outcomes.flops_per_image((5, 3)) == 4 * 15


def test_outcome():
    labels = np.array([0, 1, 2, 2, 1, 2], np.uint8)
    guesses, certainties = [0, 2, 1, 1, 2, 0], [0.9, 0.5, 0.3, 0.8, 0.6, 0.8]
    outcome = outcome_of(labels, outputs_of(guesses, certainties, 3), [0.1, 0.4, 0.2, 0.4])
    assert outcome.guesses.tolist() == guesses
    assert outcome.certainties.tolist() == certainties
    assert outcome.misread.tolist() == [3, 5, 4, 1, 2]  # the most certain first
    assert outcome.accuracy == pytest.approx(1 / 6)
    assert (outcome.best_epoch, outcome.best_accuracy) == (2, 0.4)
    assert outcome.confusions() == [(1, 2, 2), (2, 1, 2), (2, 0, 1)]
    assert outcome.confusions(most=1) == [(1, 2, 2)]
    assert outcome.images_per_second == pytest.approx(10 / 0.25)
    assert outcome.flop_rate == pytest.approx(40 * (6 * (24 + 12) - 2 * 24))


def test_results_in_words():
    labels = np.array([0, 1, 1, 2], np.uint8)
    outputs = outputs_of([0, 2, 2, 2], [0.9, 0.5, 0.8, 0.7], 3)
    outcome = outcome_of(labels, outputs, [0.25, 0.75, 0.5], interrupted=True)
    outcome.network.n_threads = 3
    lines = [words(line) for line in report.result_lines(outcome, asked_epochs=9)]
    assert lines[:4] == [
        "Interrupted after 3 of 9 epochs; this was reached.",
        "Accuracy 50.00%: 2 of 4 images correct. The best was 75.00%, after epoch 2.",
        "Misread 2; most often 1 as 2 (2 times).",
        "Speed 40 images/s: 3 epochs of 4 images in 0.75 s, on up to 3 threads.",
    ]
    outcome.network.n_threads = 1
    assert "0.75 s, on one thread." in words(report.result_lines(outcome, 9)[3])
    assert lines[4].startswith("Arithmetic 0.0 GFLOP/s, 0% of the 100 GFLOP/s")


def test_the_best_epoch_is_named_only_where_it_is_not_the_last():
    labels = np.arange(10)
    outputs = outputs_of([0] * 10, [0.9] * 10, 10)
    lines = report.result_lines(outcome_of(labels, outputs, [0.1, 0.1]), 2)
    assert words(lines[0]) == "Accuracy 10.00%: 1 of 10 images correct."
    perfect = outcome_of(labels, outputs_of(labels, [0.9] * 10, 10), [1.0])
    assert not any("Misread" in line for line in report.result_lines(perfect, 1))


@needs_matplotlib
@pytest.mark.parametrize(
    "n_images, n_epochs, right",
    [(1, 1, True), (1, 1, False), (25, 40, True), (75, 200, False)],
)
def test_the_picture_of_any_outcome(tmp_path, n_images, n_epochs, right):
    labels = np.arange(n_images) % 10
    guesses = labels if right else (labels + 1) % 10
    outputs = outputs_of(guesses, [0.9] * n_images, 10)
    picture.draw(outcome_of(labels, outputs, [0.5] * n_epochs), tmp_path / "x.png")
    width, height = png_size(tmp_path / "x.png")
    image_rows = min(2, math.ceil(n_images / 10))
    image_rows += 1 if right else min(3, math.ceil(n_images / 10))
    assert width == 1200
    assert height == pytest.approx(150 * (0.4 + 3 + 2 * 0.4 + 0.8 * 1.4 * image_rows), abs=1)


@needs_matplotlib
def test_the_picture_keeps_out_of_the_user_s_style(tmp_path):
    import matplotlib

    outcome = outcome_of(np.array([0, 1]), outputs_of([0, 1], [0.9, 0.8], 2))
    before = dict(matplotlib.rcParams)
    picture.draw(outcome, tmp_path / "x.png")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "figure.facecolor": "black"}):
        picture.draw(outcome, tmp_path / "y.png")
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()


def test_the_gemm_rate_is_measured_on_one_thread_and_says_on_what(monkeypatch):
    from threadpoolctl import threadpool_info

    def threads():
        return [pool["num_threads"] for pool in threadpool_info()]

    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    before = threads()
    rate = outcomes.measure_gemm("float64", n=64, repeats=2)
    assert threads() == before
    assert 0 < rate.flops < 1e14
    assert rate.description.startswith("NumPy, 64 x 64 float64, one thread")
    assert rate.description.endswith("with OPENBLAS_CORETYPE set in the environment")
