"""Workers that are killed, or the scheduler; Ctrl-C; workers that come. With real processes."""

import contextlib
import os
import signal
import threading
import time

import dask.array as da
import distributed
import numpy as np
import pytest

import bpcore
from bpcore.dask import DaskMLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)
PARAMETERS = {
    "hidden_layer_sizes": (100, 100), "random_state": 0, "batch_size": 100, "local_updates": 40,
    "max_iter": 6, "n_iter_no_change": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(3000, 20))
    y = np.sin(X[:, 0]) * X[:, 1]
    return da.from_array(X, chunks=(500, 20)), da.from_array(y, chunks=500)


@pytest.fixture(scope="module")
def workers(make_cluster):
    """A client of two worker processes, which come back when they are killed."""
    with make_cluster(2, processes=True) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def expected(data, make_cluster):
    """What a fit that nothing happens to leaves."""
    with make_cluster(1) as cluster, distributed.Client(cluster) as client:
        return DaskMLPRegressor(**PARAMETERS, client=client).fit(*data)


def _import():
    import bpcore.dask  # noqa: F401


def bits(est):
    return est.network_.parameters.tobytes(), est.loss_curve_


def pids(client):
    return client.run(os.getpid)


def tasks_of(client):
    """What the scheduler knows of, once it has heard of what was let go."""
    for _ in range(100):
        tasks = client.run_on_scheduler(lambda dask_scheduler: list(map(str, dask_scheduler.tasks)))
        if not tasks:
            break
        time.sleep(0.05)
    return tasks


def test_two_workers_killed_in_mid_round(workers, data, expected):
    killed = []

    def kill(est):
        if est.n_iter_ not in (2, 4):
            return
        pid = next(iter(pids(workers).values()))
        killed.append(pid)
        threading.Timer(0.03, os.kill, (pid, signal.SIGKILL)).start()

    est = DaskMLPRegressor(**PARAMETERS, client=workers, callback=kill).fit(*data)
    assert len(set(killed)) == 2
    assert bits(est) == bits(expected)
    assert workers.futures == {}
    workers.wait_for_workers(2)
    assert tasks_of(workers) == []


def test_a_worker_that_joins_is_used(make_cluster, data, expected):
    homes = []

    def join(est):
        if est.n_iter_ == 1:
            cluster.scale(2)
            client.wait_for_workers(2)
            time.sleep(1.1)  # the workers are looked at once a second
        held = client.run_on_scheduler(
            lambda dask_scheduler: [
                {worker.address for worker in task.who_has or ()}
                for key, task in dask_scheduler.tasks.items()
                if "-group-" in str(key)
            ]
        )
        homes.append(len(set().union(*held)))

    with make_cluster(1, processes=True) as cluster, distributed.Client(cluster) as client:
        est = DaskMLPRegressor(**PARAMETERS, client=client, callback=join).fit(*data)
        assert tasks_of(client) == []
    assert homes[0] == 1
    assert homes[-1] == 2
    assert bits(est) == bits(expected)


@pytest.mark.parametrize("who", ["workers", "scheduler"])
def test_nobody_left_is_an_error_and_leaves_a_checkpoint(who, workers, data, expected, tmp_path):
    """Which another cluster with other workers goes on from, to the same bits."""
    pytest.importorskip("safetensors")
    from distributed.deploy.subprocess import SubprocessCluster

    path = tmp_path / "checkpoint.safetensors"
    gone = []

    def end(est):
        if est.n_iter_ == 3:
            pid = {
                "workers": lambda: [
                    # a nanny would start its worker anew
                    pid
                    for nanny in (True, False)
                    for pid in client.run(os.getpid, nanny=nanny).values()
                ],
                "scheduler": lambda: [client.run_on_scheduler(os.getpid)],
            }[who]()
            for one in pid:
                os.kill(one, signal.SIGKILL)
            gone.append(time.monotonic())

    cluster = SubprocessCluster(
        n_workers=1, threads_per_worker=1, silence_logs=50,
        scheduler_kwargs={"dashboard": False},
    )  # fmt: skip
    client = distributed.Client(cluster, timeout=3)
    client.wait_for_workers(1, timeout=60)
    # which takes a busy machine longer than the fit is to wait
    client.run_on_scheduler(_import)
    client.run(_import)
    kind, words = {
        "workers": (TimeoutError, "no worker for 8 seconds"),
        "scheduler": (ConnectionError, "the scheduler"),
    }[who]
    try:
        est = DaskMLPRegressor(**PARAMETERS, client=client, callback=end, timeout=8.0)
        with pytest.raises(kind, match=words):
            est.fit(*data, checkpoint=path)
        waited = time.monotonic() - gone[0]
    finally:
        client.close(timeout=1)
        with contextlib.suppress(OSError):  # of a scheduler that is gone
            cluster.close(timeout=5)
        # or its end, which cannot be told to a scheduler that is gone, is complained of later on
        cluster.status = distributed.core.Status.closed
    assert waited < 60
    assert bpcore.load(path).n_iter_ == 3
    again = DaskMLPRegressor(**PARAMETERS, client=workers).fit(*data, resume=path)
    assert bits(again) == bits(expected)


def test_ctrl_c_in_mid_round(workers, data):
    """What runs is cancelled, nothing is left, and the next fit is not disturbed."""
    main = threading.main_thread().ident

    def interrupt(est):
        if est.n_iter_ == 2:
            threading.Timer(0.03, signal.pthread_kill, (main, signal.SIGINT)).start()

    est = DaskMLPRegressor(
        **PARAMETERS | {"max_iter": 10_000, "local_updates": 200},
        client=workers,
        callback=interrupt,
    )
    with pytest.warns(UserWarning, match="interrupted by user"):
        est.fit(*data)
    assert 2 <= est.n_iter_ < 100
    assert workers.futures == {}
    assert tasks_of(workers) == []
    est.set_params(callback=None, max_iter=1, local_updates=1).fit(*data)


def test_an_exception_leaves_nothing(workers, data):
    def fail(est):
        raise RuntimeError("no more")

    before = DaskMLPRegressor(**PARAMETERS, client=workers, callback=fail)
    with pytest.raises(RuntimeError, match="no more"):
        before.fit(*data)
    assert workers.futures == {}
    assert tasks_of(workers) == []
    assert "_cluster" not in vars(before)


def test_a_round_leaves_nothing_behind(workers, data):
    """Between two rounds there are the tasks of the chunks, and of the round before."""
    counts = []

    def tasks():
        return workers.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))

    def count(est):
        # what is let go of reaches the scheduler a little later: the least of some looks
        least = tasks()
        for _ in range(10):
            time.sleep(0.005)
            least = min(least, tasks())
        counts.append(least)

    DaskMLPRegressor(
        **PARAMETERS | {"local_updates": 1, "max_iter": 40}, client=workers, callback=count
    ).fit(*data)
    # one task left a round would be some thirty; how many of the last round are still there varies
    assert min(counts[-5:]) <= max(counts[5:10])


def test_messages_of_others_stay(workers, data):
    """Dask's log of recent messages loses ours, of which each has θ and slots, and no other."""

    def kept(dask_scheduler=None):
        streams = dask_scheduler.stream_comms.values()
        return str([list(stream.recent_message_log) for stream in streams])

    assert workers.submit(_import, key="somebody-else").result() is None
    counts = []

    def count(est):
        counts.append(workers.run_on_scheduler(kept).count("'key': 'bpcore-round"))

    DaskMLPRegressor(
        **PARAMETERS | {"local_updates": 2, "max_iter": 60}, client=workers, callback=count
    ).fit(*data)
    assert 0 < max(counts) < 60
    left = workers.run_on_scheduler(kept)
    assert "'key': 'somebody-else'" in left
    mine = str(list(workers.scheduler_comm.recent_message_log))
    # what lets go of them may come after, and has their names only
    assert left.count("'key': 'bpcore-round") == 0
    assert mine.count("bpcore-round") < 10
    assert "somebody-else" in mine


def _resident(dask_scheduler=None):
    import psutil

    return psutil.Process().memory_info().rss


@pytest.mark.slow
@pytest.mark.memory
def test_memory_is_flat_over_a_thousand_rounds(workers, data):
    """Of the client, in whose process the scheduler is: θ and slots are 0.3 MB a worker."""
    sizes = []

    def measure(est):
        if est.n_iter_ in (300, 1000):
            sizes.append(_resident())

    DaskMLPRegressor(
        **PARAMETERS | {"local_updates": 2, "max_iter": 1000, "n_iter_no_change": 2000},
        client=workers, callback=measure,
    ).fit(*data)  # fmt: skip
    assert sizes[1] - sizes[0] < 12 * 2**20
