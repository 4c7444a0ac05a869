"""The result does not depend on how many threads share the work."""

import multiprocessing
import os
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import threadpoolctl
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from thread_work import SETTINGS, Started, everything, share_all_work
from tuned import own_products_up_to, tune

from bpcore import MLPClassifier, Network
from bpcore._core import threads
from bpcore._core.threads import threads_for

started = pytest.fixture(share_all_work)


# the wide network is made to go astray
@pytest.mark.filterwarnings("ignore:the network has learned nothing")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_bitwise_the_same_for_any_number_of_threads(started, setting, dtype):
    one = everything(1, *SETTINGS[setting], dtype)
    assert started.count() == 0
    for n_threads in (2, 3, 4, 8):
        started.again()
        assert everything(n_threads, *SETTINGS[setting], dtype) == one
        assert started.count() == 6 * (n_threads - 1)  # 3 epochs, predict, cost, gradient


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"], ids=["in place", "gathered"])
def test_each_thread_has_rows_of_its_own_in_the_buffers(started, order, dtype):
    """What is asked of every row is bitwise the same, also where inputs have to be gathered."""
    rng = np.random.default_rng(0)
    X = rng.random((1200, 90)).astype(dtype)
    Y = rng.random((1200, 5)).astype(dtype)

    def look(X, n_threads):
        network = Network(
            (90, 60, 40, 5),
            ["gelu", "tanh"],
            "silu",
            "huber",
            random_state=0,
            dtype=dtype,
            n_threads=n_threads,
        )
        return (
            network.predict(X).tobytes(),
            network.jacobian(X).tobytes(),
            network.per_sample_gradients(X[:300], Y[:300]).tobytes(),
        )

    one = look(X, 1)
    assert started.count() == 0
    X = np.asarray(X, order=order)
    assert look(X, 1) == one
    for n_threads in (2, 4):
        for _ in range(3):
            started.again()
            assert look(X, n_threads) == one
            assert started.count() == 3 * (n_threads - 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_are_gathered_to_rows_of_each_thread(started, dtype):
    """Little but gathering: threads that share a place are there at the same time."""
    X = np.asfortranarray(np.random.default_rng(0).random((20_000, 100)).astype(dtype))
    one, many = (
        Network((100, 2, 1), "tanh", random_state=0, dtype=dtype, n_threads=n) for n in (1, 4)
    )
    expected = one.predict(X), one.jacobian(X)
    for _ in range(10):
        assert_array_equal(many.predict(X), expected[0])
        assert_array_equal(many.jacobian(X), expected[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_epochs_that_share_their_threads(started, dtype):
    """Without a callback the threads stay for as many epochs as the engine does in one call."""
    rng = np.random.default_rng(0)
    X, Y = rng.random((500, 7)).astype(dtype), rng.random((500, 3)).astype(dtype)

    def fit(n_threads):
        network = Network((7, 9, 3), "tanh", random_state=0, dtype=dtype, n_threads=n_threads)
        history = network.fit(X, Y, 300, None, 0.01, optimizer="adam")
        return network.parameters.tobytes(), tuple(history.cost)

    one = fit(1)
    assert started.count() == 0
    for n_threads in (2, 3, 8):
        started.again()
        assert fit(n_threads) == one
        assert n_threads - 1 <= started.count() < 300 * (n_threads - 1)


def test_as_many_threads_as_the_work_is_worth(started):
    """2 operations a parameter and row forward, 6 with the gradient, 2 for each row of a Jacobian;
    in a batch, and in the call, which may go through many epochs."""
    n, epochs = 100, 40
    network = Network((9, 10, 1), "tanh", random_state=0, n_threads=8)
    X, Y = np.ones((n, 9)), np.ones((n, 1))
    once = 2 * network.n_parameters * n

    def count(call, *arguments):
        started.again()
        call(*arguments)
        return started.count() + 1

    tune(parallel_batch_operations=once / 2.5, parallel_call_operations=1)
    assert count(network.predict, X) == 2
    assert count(network.cost, X, Y) == 2
    assert count(network.jacobian, X) == 5  # forward, and back for its one output
    assert count(network.gradient, X, Y) == 7
    assert count(network.fit, X, Y, 1, n) == 7
    assert count(network.fit, X, Y, 1, n // 2) == 3
    tune(parallel_batch_operations=1, parallel_call_operations=3 * epochs * once / 5.5)
    tune(seconds_in_engine=60)
    assert count(network.fit, X, Y, 1, n) == 1
    assert count(network.fit, X, Y, epochs, n) == 5


def test_threads_are_not_started_for_small_work():
    started = Started()
    network = Network((4, 8, 2), random_state=0, n_threads=8)
    X, Y = np.ones((100, 4)), np.ones((100, 2))
    network.fit(X, Y, 2)
    network.predict(X)
    assert network.cost(X, Y) > 0
    assert started.count() == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how much is too much differs")
def test_without_threads_to_be_had_one_does_the_same(started):
    expected = everything(4, *SETTINGS["recogniser"], "float32")
    started.again()
    before = threading.stack_size(2**47)  # as much as a process can address
    try:
        assert everything(4, *SETTINGS["recogniser"], "float32") == expected
    finally:
        threading.stack_size(before)
    assert started.count() == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="asks Linux for the threads")
def test_no_thread_outlives_its_call(started):
    """A helper's last act is to say that it is gone; the system needs a little longer."""
    before = set(os.listdir("/proc/self/task"))
    everything(8, *SETTINGS["recogniser"], "float32")
    until = time.monotonic() + 30
    while set(os.listdir("/proc/self/task")) - before and time.monotonic() < until:
        time.sleep(0.01)
    assert started.count() == 42
    assert not set(os.listdir("/proc/self/task")) - before


def fit_in_a_child(queue):
    queue.put(everything(2, *SETTINGS["recogniser"], "float32")[0])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_after_a_threaded_fit(started):
    expected = everything(2, *SETTINGS["recogniser"], "float32")[0]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=fit_in_a_child, args=(queue,))
    child.start()
    assert queue.get(timeout=120) == expected
    child.join(timeout=60)
    assert child.exitcode == 0


def test_fits_in_parallel_threads_are_those_of_one_after_another():
    X = np.random.default_rng(0).random((500, 20))
    Y = np.random.default_rng(1).random((500, 3))
    networks = [Network((20, 30, 3), random_state=seed) for seed in range(6)]
    alone = [Network((20, 30, 3), random_state=seed) for seed in range(6)]
    for network in alone:
        network.fit(X, Y, 5)
    threads = [threading.Thread(target=network.fit, args=(X, Y, 5)) for network in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for network, other in zip(networks, alone, strict=True):
        assert_array_equal(network.parameters, other.parameters)


def blas_threads():
    return [
        library["num_threads"]
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]


def test_blas_is_held_at_one_thread_and_put_back():
    """For a whole fit, where a product of it goes to BLAS."""
    seen = []
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        network = Network((3, 4, 2), random_state=0)
        for most in (1e9, 0):
            own_products_up_to(most)
            network.fit(
                np.ones((9, 3)), np.ones((9, 2)), 1, callback=lambda *_: seen.append(blas_threads())
            )
            assert blas_threads() == before
        with pytest.raises(ZeroDivisionError):
            network.fit(np.ones((9, 3)), np.ones((9, 2)), 1, callback=lambda *_: 1 // 0)
        assert blas_threads() == before
    assert seen[0] == before
    assert set(seen[1]) == {1}


def test_blas_is_held_at_one_thread_for_a_step():
    seen = []

    def squares(a, y):
        seen.extend(blas_threads())
        return ((a - y) ** 2).sum(axis=1), 2 * (a - y)

    own_products_up_to(0)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        network = Network((3, 4, 2), "tanh", "identity", squares, random_state=0)
        network.step(np.ones((9, 3)), np.ones((9, 2)), 0.1)
        assert blas_threads() == before
    assert set(seen) == {1}


def test_overlapping_limits_end_where_they_began():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = threads.one_blas_thread(), threads.one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before


@pytest.mark.parametrize(
    "variable, most", [("1", 1), ("3,2", 3), ("", 10**6), ("none", 10**6), ("0", 10**6)]
)
def test_usable_processors(monkeypatch, variable, most):
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16))
    else:
        monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert threads.usable_processors() == min(16, most)


def test_n_threads_is_checked_and_kept():
    import copy
    import pickle

    network = Network((3, 4, 2), n_threads=3)
    assert network.n_threads == 3
    assert pickle.loads(pickle.dumps(network)).n_threads == 3
    assert copy.deepcopy(network).n_threads == 3
    network.n_threads = None
    assert network.n_threads is None
    for wrong, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)):
        with pytest.raises(error, match="n_threads"):
            network.n_threads = wrong
        with pytest.raises(error, match="n_threads"):
            Network((3, 4, 2), n_threads=wrong)
    assert network.n_threads is None


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_estimators_share_work_among_n_jobs_threads(started, solver):
    X, y = np.random.default_rng(0).random((90, 6)), np.arange(90) % 3
    found = {}
    for n_jobs in (1, 2, 3):
        started.again()
        clf = MLPClassifier((8,), solver=solver, max_iter=3, random_state=0, n_jobs=n_jobs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, y)
        assert clf.network_.n_threads == n_jobs
        assert bool(started.count()) == (n_jobs > 1)
        started.again()
        answer = clf.predict_proba(X).tobytes()
        assert bool(started.count()) == (n_jobs > 1)
        found[n_jobs] = (clf.network_.parameters.tobytes(), answer)
    assert found[1] == found[2] == found[3]
    started.again()
    clf.set_params(n_jobs=1).predict(X)
    assert started.count() == 0


def test_n_jobs_counts_as_joblib_does(monkeypatch):
    monkeypatch.setattr("bpcore._core.threads.usable_processors", lambda: 4)
    counts = {None: None, 1: 1, 7: 7, -1: 4, -2: 3, -9: 1}
    assert {n_jobs: threads_for(n_jobs) for n_jobs in counts} == counts
    for wrong in (0, "two", 1.5):
        with pytest.raises(ValueError, match="'n_jobs' parameter"):
            MLPClassifier(n_jobs=wrong).fit([[0.0], [1.0]], [0, 1])
