"""No memory, a full disk, divergence, many threads, processes, forks."""

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import fault_jobs
import numpy as np
import pytest
from fault_jobs import LONG, MANY, X, Y, small, usable
from numpy.testing import assert_array_equal

from bpcore import DivergenceError, MLPClassifier, MLPRegressor, Network

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
WITH_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


# ---------------------------------------------------------------- memory


@LINUX
@pytest.mark.memory
@pytest.mark.slow
def test_without_memory_calls_fail_and_give_back_what_they_took():
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    job(fault_jobs.__file__, "little_memory")


@LINUX
@pytest.mark.memory
@pytest.mark.slow
def test_thousands_of_fits_and_loads_leave_nothing_behind():
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    job(fault_jobs.__file__, "growth")


def job(script, name):
    done = subprocess.run([sys.executable, script, name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout == "fine\n"


def test_a_network_beyond_all_memory():
    with pytest.raises(MemoryError):
        Network((2**26, 2**26))
    with pytest.raises(ValueError, match="beyond what can be addressed"):
        Network((2**30, 2**30))


@LINUX
def test_a_full_disk_is_an_os_error_and_the_file_that_was_there_stays():
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    job(fault_jobs.__file__, "full_disk")


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("optimizer", ["sgd", ("sgd", {"momentum": 0.9}), "adam"])
def test_divergence_is_seen_in_its_epoch(optimizer):
    network = Network((6, 2), "identity", random_state=0)
    kept = [network.parameters.copy()]

    def callback(net, history):
        kept.append(net.parameters.copy())

    with pytest.raises(DivergenceError, match="training diverged in epoch") as caught:
        network.fit(X * 1e4, Y, 10**4, 50, 1e18, optimizer=optimizer, callback=callback)
    epochs = network.history_.epochs
    assert f"in epoch {epochs + 1}:" in str(caught.value)
    assert len(kept) == epochs + 1
    assert network.history_.stopped == "diverged"
    assert np.isfinite(network.history_.cost).all()
    assert_array_equal(network.parameters, kept[-1])
    network.set_parameters(np.zeros(network.n_parameters))
    usable(network, learning_rate=0.01)


# ---------------------------------------------------------------- threads


def test_many_threads_predict_with_one_network():
    network = Network((6, 300, 2), "gelu", random_state=0)
    tables = [X[k:] for k in range(40)]
    expected = [network.predict(table) for table in tables]
    rows = [network.predict(X[k]) for k in range(40)]
    start = threading.Barrier(8)

    def work(offset):
        start.wait()
        for turn in range(3):
            for k in range(40):
                at = (k * 7 + offset * 5 + turn) % 40
                if not np.array_equal(network.predict(tables[at]), expected[at]):
                    return f"table {at} of thread {offset}"
                if not np.array_equal(network.predict(X[at]), rows[at]):
                    return f"row {at} of thread {offset}"
        return None

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [None] * 8


@pytest.mark.parametrize("n_threads", [1, 2])
def test_fits_in_threads_are_as_fits_one_after_another(n_threads):
    expected = [fault_jobs.fitted(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(lambda seed: fault_jobs.fitted(seed, n_threads), range(6)))
    assert got == expected


def test_a_fit_lets_other_threads_run():
    """The interpreter is free while an epoch runs: between two callbacks is little else."""
    count, counts, over = 0, [], threading.Event()

    def work():
        nonlocal count
        while not over.is_set():
            count += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        rows = [table[: MANY // 10] for table in LONG]
        small().fit(*rows, 3, None, 1e-4, shuffle=False, callback=lambda *_: counts.append(count))
    finally:
        over.set()
        thread.join()
    # a thread that holds the interpreter lets others in some hundred times a second only
    assert min(np.diff(counts)) > 1000


def test_one_network_in_two_fits_at_once():
    network, reference = small(), small()
    reference.fit(X, Y, 3)
    errors = []

    def second():
        for call in (
            lambda: network.fit(X, Y, 1),
            lambda: network.step(X, Y, 0.1),
            lambda: network.set_parameters(network.parameters * 2),
            lambda: network.apply(np.ones(network.n_parameters), 0.1),
        ):
            with pytest.raises(RuntimeError) as caught:
                call()
            errors.append(str(caught.value))

    def callback(net, history):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    network.fit(X, Y, 3, callback=callback)
    assert len(errors) == 12
    assert all("being trained" in error for error in errors)
    assert_array_equal(network.parameters, reference.parameters)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_one_estimator_in_two_fits_at_once(solver):
    arguments = {"hidden_layer_sizes": (5,), "solver": solver, "max_iter": 4, "random_state": 0}
    errors = []

    def second(est):
        for call in (est.fit, est.partial_fit) if solver == "adam" else (est.fit,):
            with pytest.raises(RuntimeError, match="being trained by another fit") as caught:
                call(X, Y)
            errors.append(caught.value)

    def callback(est):
        second(est)
        thread = threading.Thread(target=second, args=(est,))
        thread.start()
        thread.join()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = MLPRegressor(**arguments).fit(X, Y)
        est = MLPRegressor(callback=callback, **arguments).fit(X, Y)
        assert len(errors) == (16 if solver == "adam" else 8)
        assert est.loss_curve_ == reference.loss_curve_
        assert_array_equal(est.network_.parameters, reference.network_.parameters)
        est.set_params(callback=None).fit(X, Y)


# ---------------------------------------------------------------- processes


@pytest.mark.memory  # joblib ends a worker that has grown
def test_fits_in_joblibs_processes_are_as_fits_one_after_another():
    joblib = pytest.importorskip("joblib")
    expected = [fault_jobs.fitted(seed) for seed in range(4)]
    with warnings.catch_warnings():
        # of joblib's own making, where it starts its processes
        warnings.simplefilter("ignore", DeprecationWarning)
        got = joblib.Parallel(n_jobs=2)(
            joblib.delayed(fault_jobs.fitted)(seed) for seed in range(4)
        )
    assert got == expected


@pytest.mark.memory
def test_a_search_in_processes_finds_what_one_process_finds():
    from sklearn.model_selection import GridSearchCV

    labels = (Y[:, 0] > 0.5).astype(int)
    found = [
        GridSearchCV(
            MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0),
            {"alpha": [0.01, 1.0]}, cv=2, n_jobs=n_jobs,
        ).fit(X.astype(np.float64), labels)
        for n_jobs in (1, 2)
    ]  # fmt: skip
    one, two = (search.cv_results_["mean_test_score"] for search in found)
    assert_array_equal(one, two)
    assert_array_equal(found[0].predict(X), found[1].predict(X))


def child(queue, n_threads):
    queue.put(fault_jobs.fitted(3, n_threads))


@WITH_FORK
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_fork_after_fits_can_fit(n_threads):
    expected = fault_jobs.fitted(3)
    big = Network((60, 300, 300, 10), "tanh", random_state=0, n_threads=2)
    big.fit(np.ones((2000, 60)), np.ones((2000, 10)), 2, 1000, 1e-3)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue, n_threads))
    process.start()
    process.join(timeout=60)
    try:
        assert process.exitcode == 0
        assert queue.get() == expected
    finally:
        process.kill()
    assert fault_jobs.fitted(3) == expected


@WITH_FORK
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_from_a_callback_can_fit():
    """In the middle of a fit, its threads at rest."""
    exits = []

    def callback(net, history):
        process = multiprocessing.get_context("fork").Process(target=fault_jobs.fitted, args=(1,))
        process.start()
        process.join(timeout=60)
        exits.append(process.exitcode)
        process.kill()

    network = Network((60, 300, 10), "tanh", random_state=0, n_threads=2)
    network.fit(np.ones((2000, 60)), np.ones((2000, 10)), 2, 1000, 1e-3, callback=callback)
    assert exits == [0, 0]
