"""Clusters of threads and of processes, one for a file of tests."""

import contextlib
import gc
import time

import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not installed: bpcore[dask]")
dask = pytest.importorskip("dask", reason="Dask is not installed: bpcore[dask]")
pytest.importorskip("dask.array", reason="Dask is not installed: bpcore[dask]")
disable_gc_diagnosis = pytest.importorskip("distributed.gc").disable_gc_diagnosis


@contextlib.contextmanager
def cluster_of(n_workers, threads_per_worker=1, processes=False, **more):
    """A local cluster without a dashboard."""
    settings = {"dashboard_address": ":0", "silence_logs": 50, **more}
    # a busy machine takes longer to start a worker anew than a cluster waits for it
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"}):
        cluster = distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=threads_per_worker, processes=processes,
            **settings,
        )  # fmt: skip
        try:
            yield cluster
        finally:
            cluster.close(timeout=20)


def left(client):
    """The keys of the futures that a client holds, once it has heard of what was let go."""
    for _ in range(100):
        if not client.futures:
            break
        time.sleep(0.02)
    return list(client.futures)


@pytest.fixture(scope="session")
def make_cluster():
    """What starts a cluster, to be used in a ``with``."""
    return cluster_of


@pytest.fixture(scope="module")
def client():
    """A client of three workers, threads of this process."""
    with cluster_of(3) as cluster, distributed.Client(cluster) as one:
        yield one


@pytest.fixture(scope="module", autouse=True)
def collected_here():
    """What clusters leave is collected here.

    Python loses a Ctrl-C that falls into the end of a weak reference or into Dask's look at a
    collection; a test of another room would wait for its own in vain.
    """
    yield
    disable_gc_diagnosis(force=True)
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_left(request):
    """Every test of the shared cluster leaves no future behind."""
    yield
    if "client" in request.fixturenames:
        assert left(request.getfixturevalue("client")) == []
