"""Thousands of damaged model files and IDX files: only the documented errors, no memory.

``make fuzz`` runs longer: BPCORE_FUZZ_FILES says how many files, BPCORE_FUZZ_SEED which ones.
"""

import functools
import os
import tracemalloc
import warnings

import fuzzing
import numpy as np
import pytest

import bpcore
from bpcore.datasets import load_idx

pytest.importorskip("safetensors", reason='model files need the extra "files"')

FILES = int(os.environ.get("BPCORE_FUZZ_FILES", "1000"))
SEED = int(os.environ.get("BPCORE_FUZZ_SEED", "0"))
# A fifth of the files in every run.
N_PARTS = 5
PARTS = pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, N_PARTS))]
)
# What a reader may take beside a multiple of the file's length: the models are tiny.
FREE_BYTES = 6_000_000


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return fuzzing.model_files(tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def measured():
    """Peak memory of a call, beyond what there was before."""
    tracemalloc.start()

    def measure(call, *args):
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        try:
            return call(*args)
        finally:
            measure.peak = tracemalloc.get_traced_memory()[1] - before

    yield measure
    tracemalloc.stop()


def attempt(call, documented, what):
    """(what the call returns, None) or (None, a documented error); another error is a failure."""
    try:
        return call(), None
    except documented as error:
        return None, error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of the Rust library is no Exception
        raise AssertionError(what) from error


def use(model, again):
    """What a program does with a model it has been given."""
    with warnings.catch_warnings():
        # numbers at the ends of the range are still numbers
        warnings.simplefilter("ignore")
        if isinstance(model, bpcore.Network):
            assert np.isfinite(model.parameters).all()
            model.predict(np.zeros((2, model.layer_sizes[0])))
            model._rng.random(3)
        else:
            assert np.isfinite(model.network_.parameters).all()
            model.predict(np.zeros((2, model.network_.layer_sizes[0])))
    model.save(again)
    bpcore.load(again)


@PARTS
def test_damaged_model_files(part, models, tmp_path, measured):
    rng = np.random.default_rng([SEED, 1, part])
    names, contents = list(models), list(models.values())
    path, again = tmp_path / "fuzzed.safetensors", tmp_path / "again.safetensors"
    refused = 0
    n = FILES // N_PARTS
    for i in range(n):
        at = int(rng.integers(len(names)))
        if rng.random() < 0.3:
            content = fuzzing.damaged(rng, contents[at], contents)
        else:
            content = fuzzing.rewritten(rng, contents[at])
        path.write_bytes(content)
        what = f"file {i} of seed {SEED}, part {part}, from {names[at]}, kept as {path}"
        model, error = attempt(lambda: measured(bpcore.load, path), bpcore.ModelFileError, what)
        assert measured.peak < 60 * len(content) + FREE_BYTES, what
        if error is None:
            attempt(lambda model=model: use(model, again), (), what)
        else:
            assert str(error).startswith(f"{path}: "), what
            refused += 1
    print(f"{n} model files, {refused} refused")
    assert n // 2 < refused < n


@PARTS
def test_damaged_checkpoints(part, models, tmp_path):
    rng = np.random.default_rng([SEED, 2, part])
    data = np.random.default_rng(0)
    X, Y = data.normal(size=(40, 3)).astype(np.float32), data.random((40, 2))
    net = bpcore.Network((3, 4, 2), "gelu", random_state=0)
    arguments = {"epochs": 3, "optimizer": "adam", "learning_rate": 0.01}
    before = net.parameters.copy()
    path = tmp_path / "fuzzed.safetensors"
    refused = 0
    n = FILES // 3 // N_PARTS
    for i in range(n):
        if rng.random() < 0.3:
            content = fuzzing.damaged(rng, models["adam"], list(models.values()))
        else:
            content = fuzzing.rewritten(rng, models["adam"])
        path.write_bytes(content)
        what = f"file {i} of seed {SEED}, part {part}, kept as {path}"
        state = net._rng.bit_generator.state
        _, error = attempt(lambda: net.fit(X, Y, resume=path, **arguments), ValueError, what)
        refused += error is not None
        if error is not None and not isinstance(error, bpcore.DivergenceError):
            assert str(path) in str(error), what
            np.testing.assert_array_equal(net.parameters, before, err_msg=what)
            assert net._rng.bit_generator.state == state, what
        net.parameters[:] = before
    print(f"{n} checkpoints, {refused} refused")
    assert n // 2 < refused < n


@PARTS
def test_damaged_checkpoints_of_an_estimator(part, models, tmp_path):
    rng = np.random.default_rng([SEED, 4, part])
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    labels = np.array(["a", "b", "c"])[np.arange(40) % 3]
    common = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0}
    path = tmp_path / "fuzzed.safetensors"
    refused = 0
    n = FILES // 3 // N_PARTS
    for i in range(n):
        if rng.random() < 0.3:
            content = fuzzing.damaged(rng, models["run"], list(models.values()))
        else:
            content = fuzzing.rewritten(rng, models["run"])
        path.write_bytes(content)
        what = f"file {i} of seed {SEED}, part {part}, kept as {path}"
        est = bpcore.MLPClassifier(early_stopping=True, **common)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = functools.partial(est.fit, X, labels, resume=path)
            _, error = attempt(call, ValueError, what)
        refused += error is not None
        if error is not None and not isinstance(error, bpcore.DivergenceError):
            assert str(path) in str(error), what
            assert not hasattr(est, "coefs_"), what
        else:
            assert np.isfinite(est.network_.parameters).all(), what
    print(f"{n} checkpoints of an estimator, {refused} refused")
    assert n // 2 < refused < n


@PARTS
def test_damaged_idx_files(part, tmp_path, measured):
    rng = np.random.default_rng([SEED, 3, part])
    contents = list(fuzzing.idx_files().values())
    path = tmp_path / "fuzzed.idx"
    refused = 0
    n = FILES // N_PARTS
    for i in range(n):
        content = contents[int(rng.integers(len(contents)))]
        for _ in range(int(rng.integers(1, 3))):
            content = fuzzing.damaged(rng, content or b"\0", contents)
        path.write_bytes(content)
        what = f"file {i} of seed {SEED}, part {part}, kept as {path}"
        array, error = attempt(lambda: measured(load_idx, path), ValueError, what)
        # gzip packs at most some 1,030 bytes into one
        most = 1100 * len(content) + 100
        assert measured.peak < most + FREE_BYTES, what
        if error is None:
            assert array.nbytes <= most, what
        else:
            assert str(path) in str(error), what
            refused += 1
    print(f"{n} IDX files, {refused} refused")
    assert n // 2 < refused < n
