"""What test_faults.py does in processes of its own: little memory, fork, joblib's workers.

And what it shares with test_interrupts.py.
"""

import gc
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import bpcore


def problem(n=200, n_inputs=6):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, n_inputs)).astype(np.float32), rng.random((n, 2))


def fitted(seed, n_threads=None):
    """θ of a small fit, as bytes."""
    net = bpcore.Network((6, 20, 2), "tanh", random_state=seed, dropout=0.1, n_threads=n_threads)
    net.fit(*problem(), epochs=5, batch_size=16, learning_rate=0.1)
    return net.parameters.tobytes()


X, Y = problem()


def small(**arguments):
    return bpcore.Network((6, 20, 2), "tanh", **{"random_state": 0, **arguments})


def usable(network, **arguments):
    """It predicts, trains on and lets others in."""
    assert np.isfinite(network.parameters).all()
    assert network.predict(X).shape == (200, 2)
    assert network.fit(X, Y, epochs=2, **arguments).epochs == 2


# A few rows over and over: an epoch of a second or so that takes no memory, long enough for a
# signal on a busy machine.
MANY = 10**7
LONG = np.broadcast_to(X[:1], (MANY, 6)), np.broadcast_to(Y[:1], (MANY, 2))


def resident():
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def little_memory():
    """Every call that asks for more memory than there is, over and over, and what is left then."""
    import resource

    X, Y = problem()
    net = bpcore.Network((6, 20, 2), random_state=0)
    before = net.parameters.copy()
    expected = net.predict(X)
    # few numbers, broadcast: what these ask for is large, what they are given is not
    wide, wider = (bpcore.Network((n, 1000), random_state=0, n_threads=1) for n in (700, 9000))
    far = np.broadcast_to(np.zeros(6, dtype=np.float32), (2 * 10**7, 6))
    many = np.broadcast_to(np.zeros(700, dtype=np.float32), (20000, 700))
    targets = np.broadcast_to(np.zeros(1000, dtype=np.float32), (20000, 1000))
    folder = tempfile.mkdtemp()
    path = Path(folder, "wide.safetensors")
    # OpenBLAS takes a buffer when it is first called, and waits for ever where there is none
    for some in (99, 2000):
        wide.fit(many[:some], targets[:some], 1, None)
    wide.save(path)
    bpcore.load(path)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, resource.RLIM_INFINITY))
    calls = {
        "predict": lambda: net.predict(far),
        "fit": lambda: net.fit(far, np.broadcast_to(np.zeros(2), (2 * 10**7, 2)), 1, 32),
        "gradient": lambda: wide.gradient(many, targets),
        "per_sample_gradients": lambda: wide.per_sample_gradients(many, targets),
        "jacobian": lambda: wide.jacobian(many),
        "trace": lambda: wide.trace(many, targets),
        "optimizer": lambda: wider.fit(np.zeros((2, 9000)), targets[:2], 1, optimizer="adam"),
        "Network": lambda: bpcore.Network((2**14, 2**14)),
        "load": lambda: [bpcore.load(path) for _ in range(40)],
    }
    start = None
    for turn in range(8):
        for name, call in calls.items():
            try:
                call()
            except MemoryError:
                continue
            sys.exit(f"{name} took no more memory than there is")
        wider.save(Path(folder, "wider.safetensors"))  # takes no second copy of θ
        if turn == 3:
            start = resident()
    grown = resident() - start
    assert (net.parameters == before).all()
    np.testing.assert_array_equal(net.predict(X), expected)
    net.fit(X, Y, epochs=2)
    if grown > 4 * 2**20:
        sys.exit(f"{grown / 2**20:.1f} MB were not given back")
    print("fine")


def full_disk():
    """Files may not grow beyond 100 KB; every call that writes one meets that end."""
    import resource
    import signal

    X, Y = problem()
    folder = tempfile.mkdtemp()
    path = Path(folder, "x.safetensors")
    net = bpcore.Network((6, 300, 200, 2), random_state=0)
    reg = bpcore.MLPRegressor(hidden_layer_sizes=(300, 200), max_iter=2, random_state=0)
    warnings.simplefilter("ignore")
    reg.fit(X, Y)
    net.save(path)
    content = path.read_bytes()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, resource.RLIM_INFINITY))
    for name, call in {
        "save": lambda: net.save(path),
        "checkpoint": lambda: net.fit(X, Y, epochs=2, checkpoint=path),
        "an estimator's checkpoint": lambda: reg.fit(X, Y, checkpoint=path),
        "an estimator's save": lambda: reg.save(path),
        "to_c": lambda: net.to_c(path),
    }.items():
        try:
            call()
        except OSError:
            pass
        else:
            sys.exit(f"{name} said nothing")
        if path.read_bytes() != content or len(os.listdir(folder)) > 1:
            sys.exit(f"{name} left {os.listdir(folder)}")
    if net.history_.epochs != 1 or reg.n_iter_ != 1:
        sys.exit("what was reached before the disk was full is gone")
    print("fine")


def growth():
    """Thousands of fits, saves, loads and refusals; how much memory stays taken."""
    X, Y = problem(40)
    folder = tempfile.mkdtemp()
    path, bad, other = (Path(folder, f"{name}.safetensors") for name in ("x", "bad", "other"))
    clf = bpcore.MLPClassifier((5,), max_iter=2, tol=0, random_state=0)
    labels = np.arange(40) % 3

    def turn(i):
        net = bpcore.Network((6, 8, 2), "gelu", random_state=i, dropout=0.1)
        net.fit(X, Y, epochs=2, batch_size=16, optimizer="adam")
        net.gradient(X, Y)
        net.predict(X)
        net.trace(X, Y)
        if i % 50 == 0:
            net.save(path)
        if i % 2 == 0:
            bpcore.load(path)
            bad.write_bytes(path.read_bytes()[: -1 - i % 500])
            for call in (
                lambda: bpcore.load(bad),
                lambda: net.fit(X, Y, resume=path),
                lambda: net.fit(X[:, 1:], Y),
                lambda: net.fit(X * np.nan, Y),
                lambda: net.fit(X * 1e30, Y, optimizer="sgd", learning_rate=1e30),
            ):
                try:
                    call()
                except ValueError:
                    continue
                sys.exit("a call that cannot succeed has")
        if i % 50 == 25:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                clf.fit(X, labels).save(other)
            bpcore.load(other).predict(X)

    for i in range(300):
        turn(i)
    start = resident()
    for i in range(2000):
        turn(i)
    grown = resident() - start
    if grown > 3 * 2**20:
        sys.exit(f"2,000 fits left {grown / 2**20:.1f} MB behind")
    print("fine")


if __name__ == "__main__":
    {"little_memory": little_memory, "full_disk": full_disk, "growth": growth}[sys.argv[1]]()
