"""Trains with checkpoints, is killed at random moments, resumes, and ends as if nothing had been.

    python kill_run.py [kills [seed]]

``make kill`` runs it a hundred times and test_resume.py a few. Each part of the run is a process
of its own (a fork), killed by SIGKILL after a random time, training or writing. Then the
checkpoint must be whole and no older than the one before. The end of each run is compared, bit
by bit, with a run that nobody disturbed.
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

import bpcore

EPOCHS = 25


def train(path):
    """One part of a run, from the checkpoint if there is one; adam's slots make the file large."""
    rng = np.random.default_rng(0)
    X, Y = rng.random((300, 40)), rng.random((300, 5))
    net = bpcore.Network((40, 150, 100, 5), "relu", random_state=1, dropout=0.1, dtype="float64")
    return net, net.fit(
        X,
        Y,
        epochs=EPOCHS,
        batch_size=100,
        optimizer="adam",
        schedule={"kind": "cosine", "warmup": 2},
        validation_data=(X[:50], Y[:50]),
        checkpoint=path,
        resume=path if path.exists() else None,
    )


def killed_after(seconds, path):
    """Train in a process that is killed after so long; whether it was."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            train(path)
            status = 0
        os._exit(status)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise SystemExit("a part of the run failed without being killed")
    return False


def end_of(path):
    """What must be the same at the end: tensors, history without times, random state."""
    net = bpcore.load(path)
    record = {k: v for k, v in net.history_.to_dict().items() if "second" not in k}
    tensors = {name: one.tobytes() for name, one in sorted(load_file(path).items())}
    return tensors, record, net._rng.bit_generator.state


def partials(path):
    """What writers of this file have not finished."""
    return set(path.parent.glob(f".{path.name}.*.partial"))


def run_to_end(path, kills, dice, longest):
    """A whole run in parts, at most so many killed; returns (kills, writes that were cut off)."""
    reached = done = cut_off = 0
    while reached < EPOCHS:
        before = partials(path)
        if done == kills:
            train(path)
        elif killed_after(dice.uniform(0, longest), path):
            done += 1
            cut_off += bool(partials(path) - before)
        epochs = bpcore.load(path).history_.epochs if path.exists() else 0
        if epochs < reached:
            raise SystemExit(f"the checkpoint went back from epoch {reached} to {epochs}")
        reached = epochs
    return done, cut_off


def main(kills=100, seed=0):
    """Kill so often; returns (runs, writes that were cut off)."""
    dice = random.Random(seed)
    runs = done = cut_off = 0
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder, "reference.safetensors")
        started = time.perf_counter()
        train(reference)
        longest = (time.perf_counter() - started) / 5
        expected = end_of(reference)
        while done < kills:
            path = Path(folder, f"run{runs}.safetensors")
            counts = run_to_end(path, kills - done, dice, longest)
            runs, done, cut_off = runs + 1, done + counts[0], cut_off + counts[1]
            if end_of(path) != expected:
                raise SystemExit("a run that was killed and resumed ended differently")
            if len(partials(path)) > 1:
                raise SystemExit(f"parts of files were left behind: {partials(path)}")
    print(
        f"{done} kills, {cut_off} of them in the middle of a write, in {runs} runs: no checkpoint "
        "lost or damaged, every end the same"
    )
    return runs, cut_off


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
