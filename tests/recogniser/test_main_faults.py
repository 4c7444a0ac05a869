"""The main job when something is wrong, when Ctrl-C ends it, and as a process."""

import json
import os
import signal
import subprocess
import sys

import pytest
from main_job import needs_matplotlib, png_size, words

from bpcore import Network
from bpcore.network import fit as network_fit
from bpcore.recogniser import cli as main_module
from bpcore.recogniser import report

pytestmark = pytest.mark.usefixtures("elsewhere")


# ---------------------------------------------------------------- what is wrong


def check_one_line(err, *expected):
    assert err.count("\n") == 1
    assert err.startswith("python -m bpcore: ")
    for text in expected:
        assert text in err


@pytest.mark.parametrize(
    "flags, expected",
    [
        ("--epochs 0", "--epochs: expected a whole number from 1, got '0'"),
        ("--epochs many", "--epochs: expected a whole number from 1, got 'many'"),
        ("--batch-size 0", "--batch-size: expected a whole number from 1"),
        ("--learning-rate -1", "--learning-rate: expected a positive number, got '-1'"),
        ("--learning-rate nan", "--learning-rate: expected a positive number, got 'nan'"),
        ("--learning-rate inf", "--learning-rate: expected a positive number"),
        ("--learning-rate fast", "--learning-rate: expected a positive number, got 'fast'"),
        ("--seed -1", "--seed: expected a whole number from 0, got '-1'"),
        ("--layers 784", "--layers: expected layer sizes with commas between"),
        ("--layers 784,0,10", "got '784,0,10'"),
        ("--layers 784,x,10", "got '784,x,10'"),
        (
            "--layers 64,16,10",
            "first layer has 64 units, expected 784, one for each of the 28 x 28",
        ),
        ("--layers 784,16,9", "last layer has 9 units, expected 10, one for each class"),
        ("--layers 784,99999999999,10", "99999999999 units"),
        ("--activation step", "activation must be one of sigmoid, tanh"),
        ("--init ones", "init must be one of normal, glorot"),
        ("--dtype float16", "--dtype: invalid choice: 'float16'"),
        ("--train 0", "--train: expected a whole number from 1"),
        ("--train 1438", "--train: 1,438 images, but scikit-learn's digits has 1,437"),
        ("--output none/x.png", "--output: there is no folder 'none'"),
        ("--output .", "--output: '.' is a folder"),
        ("--output x.jpg", "--output: the picture is a PNG"),
        ("--save-history none/x.json", "--save-history: there is no folder 'none'"),
        ("--page x.png", "--page: a browser opens the page by its name"),
        ("--page none/x.html", "--page: there is no folder 'none'"),
        ("--page x.html --save-history ./x.html", "two of them name the same file"),
        ("--digits --openml", "--openml: not allowed with argument --digits"),
        ("--mnist", "--mnist: expected one argument"),
        ("--epoch 3", "unrecognized arguments: --epoch 3"),
        ("more", "unrecognized arguments: more"),
    ],
)
def test_a_wrong_flag_is_one_line_and_exit_code_2(run, flags, expected):
    result = run(*flags.split())
    assert (result.code, result.out) == (2, "")
    check_one_line(result.err, expected, "--help")


def test_the_usual_picture_is_looked_at_beforehand_unless_there_is_none(run, small_mnist):
    os.mkdir("bpcore-digits.png")
    flags = ["--mnist", str(small_mnist), "--epochs", "1", "--quiet"]
    result = run(*flags)
    assert (result.code, result.out) == (2, "")
    check_one_line(result.err, "'bpcore-digits.png' is a folder, expected a file", "--no-picture")
    assert run(*flags, "--no-picture").code == 0


def test_a_file_that_may_not_be_written(run, tmp_path, monkeypatch):
    allowed = {tmp_path: False, tmp_path / "old.png": False, tmp_path / "mine.json": True}
    monkeypatch.setattr(os, "access", lambda path, mode: allowed[path])
    (tmp_path / "old.png").touch()
    (tmp_path / "mine.json").touch()
    for name in ("new.png", "old.png"):
        result = run("--save-history", tmp_path / "mine.json", "--output", tmp_path / name)
        assert result.code == 2
        check_one_line(result.err, "--output", f"{name}' may not be written")


def test_missing_and_damaged_data_are_one_line_and_exit_code_1(run, small_mnist, tmp_path):
    result = run("--mnist", tmp_path)
    assert (result.code, result.out) == (1, "")
    check_one_line(result.err, "no MNIST in", "train-images-idx3-ubyte")
    for path in small_mnist.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-1])
    result = run("--mnist", tmp_path)
    assert (result.code, result.out) == (1, "")
    check_one_line(result.err, "train-images-idx3-ubyte: truncated")


def test_a_failed_download_is_one_line_and_exit_code_1(run, monkeypatch):
    def load_openml_mnist():
        raise OSError("could not download MNIST\nfrom openml.org")

    monkeypatch.setattr(main_module, "load_openml_mnist", load_openml_mnist)
    result = run("--openml")
    assert result.code == 1
    check_one_line(result.err, "could not download MNIST from openml.org")


def test_divergence_is_one_line_and_exit_code_1(run, small_mnist):
    flags = "--activation identity --learning-rate 1e38 --epochs 3 --no-picture --quiet"
    result = run("--mnist", small_mnist, *flags.split())
    assert (result.code, result.out) == (1, "")
    check_one_line(result.err, "diverged in epoch 1")


def test_a_file_that_cannot_be_written_after_all(run, small_mnist, monkeypatch):
    def draw(outcome, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(main_module, "draw", draw)
    result = run("--mnist", small_mnist, "--epochs", 1)
    assert result.code == 1
    assert "Accuracy" in result.out
    check_one_line(result.err, "No space left on device", "bpcore-digits.png")


def test_too_little_memory(run, small_mnist, monkeypatch):
    def no_memory(*args, **options):
        raise MemoryError

    monkeypatch.setattr(main_module, "Network", no_memory)
    result = run("--mnist", small_mnist)
    assert result.code == 1
    check_one_line(result.err, "not enough memory")


# ---------------------------------------------------------------- Ctrl-C


def interrupt(*args, **options):
    raise KeyboardInterrupt


@needs_matplotlib
def test_ctrl_c_reports_and_draws_what_was_reached(run, small_mnist, monkeypatch, tmp_path):
    flags = ("--mnist", small_mnist, "--save-history")
    assert run(*flags, "whole.json", "--epochs", 2, "--no-picture").code == 0

    class Impatient(report.Progress):
        def __call__(self, network, history):
            super().__call__(network, history)
            if history.epochs == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "Progress", Impatient)
    result = run(*flags, "interrupted.json", "--epochs", 50)
    assert (result.code, result.err) == (0, "")
    out = words(result.out)
    assert "epoch 2/50" in out
    assert "epoch 3/50" not in out
    assert "Interrupted after 2 of 50 epochs" in out
    assert "2 epochs of 300 images" in out
    assert png_size(tmp_path / "bpcore-digits.png")[0] == 1200
    whole, interrupted = (
        json.loads((tmp_path / name).read_text(encoding="utf-8"))
        for name in ("whole.json", "interrupted.json")
    )
    assert interrupted["result"]["interrupted"] is True
    assert interrupted["history"]["stopped"] == "interrupt"
    assert interrupted["history"]["cost"] == whole["history"]["cost"]
    assert interrupted["result"]["test_accuracy"] == whole["result"]["test_accuracy"]


def test_ctrl_c_inside_an_epoch_drops_its_unfinished_entries(run, small_mnist, monkeypatch):
    class Stopped(Network):
        def fit(self, X, Y, **options):
            super().fit(X, Y, **options)
            self.history_.cost.append(0.5)  # the third epoch's validation never came
            raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "Network", Stopped)
    flags = ("--mnist", small_mnist, "--epochs", 2, "--no-picture", "--save-history", "h.json")
    assert run(*flags).code == 0
    with open("h.json", encoding="utf-8") as file:
        got = json.load(file)
    assert got["result"]["interrupted"] is True
    assert [len(v) for v in got["history"].values() if isinstance(v, list)] == [2] * 5


@pytest.mark.parametrize("stage", ["load_mnist", "measure_gemm", "Network.fit", "the first epoch"])
def test_ctrl_c_before_the_first_epoch_has_ended_is_exit_code_130(
    run, small_mnist, monkeypatch, stage
):
    if stage == "Network.fit":
        monkeypatch.setattr(Network, "fit", interrupt)
    elif stage == "the first epoch":
        monkeypatch.setattr(network_fit, "epochs", interrupt)
    else:
        monkeypatch.setattr(main_module, stage, interrupt)
    result = run("--mnist", small_mnist, "--quiet")
    assert (result.code, result.out) == (130, "")
    assert words(result.err) == (
        "python -m bpcore: interrupted before there was anything to report"
    )


def test_ctrl_c_while_drawing_keeps_the_report(run, small_mnist, monkeypatch):
    monkeypatch.setattr(main_module, "draw", interrupt)
    result = run("--mnist", small_mnist, "--epochs", 1)
    assert (result.code, result.err) == (0, "")
    assert "Accuracy" in result.out
    assert "No picture  interrupted while drawing it" in result.out


# ---------------------------------------------------------------- as a process


def command(*argv):
    return [sys.executable, "-m", "bpcore", *map(str, argv)]


def test_python_m_bpcore(small_mnist, tmp_path):
    flags = ("--mnist", small_mnist, "--epochs", 2, "--no-picture", "--save-history", "h.json")
    done = subprocess.run(
        command(*flags), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "one thread" in words(done.stdout)
    result = json.loads((tmp_path / "h.json").read_text(encoding="utf-8"))["result"]
    assert 0.1 < result["gemm_gflops"] < 1e5


# A process started in the background may have been told to ignore Ctrl-C.
LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("bpcore", run_name="__main__", alter_sys=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is not sent this way on Windows")
def test_sigint_ends_the_process_with_a_report(small_mnist, tmp_path):
    flags = ["--mnist", str(small_mnist), "--epochs", "10000000", "--no-picture"]
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, *flags],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith("epoch") and int(line.split()[1].split("/")[0]) >= 3:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "of 10000000 epochs" in out
    assert out.index("Interrupted") < out.index("Accuracy") < out.index("Arithmetic")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise on Windows")
def test_a_reader_that_goes_away_is_no_traceback(small_mnist, tmp_path):
    with subprocess.Popen(
        command("--mnist", small_mnist, "--epochs", 100_000, "--no-picture"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=120) == 1
    assert err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full, of Linux")
@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=str)
def test_a_full_disk_is_one_line(quiet, small_mnist, tmp_path):
    flags = ("--mnist", small_mnist, "--epochs", 1, "--no-picture", *quiet)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(*flags), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True,
            check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 1
    check_one_line(done.stderr, "No space left on device")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_no_output_and_one_that_lacks_letters(small_mnist, tmp_path):
    flags = command(
        "--mnist", small_mnist, "--epochs", 1, "--no-picture", "--save-history", "é.json"
    )
    for ending, settings in (
        (">&-", {}),
        ("> out", {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    ):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {ending}', "sh", *flags], cwd=tmp_path, capture_output=True,
            text=True, check=False, timeout=120, env={**os.environ, **settings},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "é.json").exists()
        (tmp_path / "é.json").unlink()
    assert "\\xe9.json" in (tmp_path / "out").read_text(encoding="ascii")
