"""What the tests of the main job share."""

import importlib.util
import os
import struct
from types import SimpleNamespace

import pytest

from bpcore.datasets import load_digits
from bpcore.recogniser import cli as main_module
from bpcore.recogniser import outcome

REAL_MNIST = os.environ.get("BPCORE_MNIST")
needs_mnist = pytest.mark.skipif(
    not REAL_MNIST, reason="BPCORE_MNIST does not name a directory with MNIST's IDX files"
)
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="the picture needs matplotlib, the extra bpcore[demo]",
)
GEMM = outcome.GemmRate(1e11, "a rate fixed by the test")


def write_small_mnist(folder):
    """Real digits, 8 x 8, in MNIST's four files: 300 for training, 100 for testing."""
    digits = load_digits(enlarge=False)
    for stem, X, y in (
        ("train", digits.X_train[:300], digits.y_train[:300]),
        ("t10k", digits.X_test[:100], digits.y_test[:100]),
    ):
        head = struct.pack(">IIII", 0x0803, len(X), 8, 8)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(head + X.tobytes())
        head = struct.pack(">II", 0x0801, len(y))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(head + y.tobytes())
    return folder


def keep_apart(monkeypatch, folder):
    """An empty working folder, no data set by the environment, and no time spent on the GEMM."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("BPCORE_MNIST", raising=False)
    monkeypatch.setattr(main_module, "measure_gemm", lambda dtype: GEMM)


def run_main(capsys, *argv):
    """Run the main job in this process: its exit code, stdout and stderr."""
    try:
        code = main_module.main([str(argument) for argument in argv])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return SimpleNamespace(code=code, out=out, err=err)


def words(text):
    """The text with each run of white space as one space."""
    return " ".join(text.split())


def png_size(path):
    """(width, height) of a whole PNG file."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[-8:-4] == b"IEND"
    return struct.unpack(">II", content[16:24])
