"""How long Ctrl-C waits for an answer: the longest of some, at random moments of an epoch.

    python interrupt_run.py [UNITS ...]

``make interrupt`` measures the networks below, ARGS="784 3000 10" one of these layers. SIGINT
comes while compiled code runs; the time ends where fit has raised KeyboardInterrupt and the
network has predicted a row. More than 0.2 s are a failure. A step of the weights that has begun
is finished, but where it takes longer than a tenth of a second, in networks of tens of millions of
weights: there some weights may have made a step that others have not.
"""

import os
import random
import signal
import sys
import threading
import time

import numpy as np

from bpcore import Network

SECONDS = 0.2
TIMES = 6
NETWORKS = [
    ((784, 16, 16, 10), 32, "sgd"),
    ((784, 16, 16, 10), None, "sgd"),
    ((784, 100, 10), 200, "adam"),
    ((64, 1000, 1000, 10), 1, "sgd"),
    ((784, 2000, 2000, 10), 5000, "adam"),
    ((4000, 4000, 10), 256, "sgd"),
    ((8000, 8000, 10), 256, "sgd"),
]


def answered_after(network, X, Y, batch_size, optimizer, moment):
    """Seconds from the signal to a usable network.

    moment: when the signal is sent, in epochs after the first.
    """
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    def callback(network, history):
        if history.epochs == 1:
            threading.Timer(moment * history.seconds[0], interrupt).start()

    try:
        network.fit(
            X, Y, 4, batch_size, 1e-6, optimizer=optimizer, shuffle=False, callback=callback
        )
    except KeyboardInterrupt:
        network.predict(X[0])
        seconds = time.perf_counter() - sent[0]
    else:
        sys.exit("four epochs were over before the signal came")
    assert network.history_.stopped == "interrupt"
    assert np.isfinite(network.parameters).all()
    return seconds


def main(*units):
    # a job in the background is started without SIGINT
    signal.signal(signal.SIGINT, signal.default_int_handler)
    networks = [(tuple(map(int, units)), 256, "sgd")] if units else NETWORKS
    dice = random.Random(0)
    slow = 0
    for sizes, batch_size, optimizer in networks:
        network = Network(sizes, "relu", random_state=0)
        # a second or so each epoch, of one row seen again and again
        n = max(batch_size or 1, 2 * 10**10 // network.n_parameters)
        X = np.broadcast_to(np.linspace(0, 1, sizes[0], dtype=np.float32), (n, sizes[0]))
        Y = np.broadcast_to(np.zeros(sizes[-1], dtype=np.float32), (n, sizes[-1]))
        arguments = network, X, Y, batch_size, optimizer
        longest = max(answered_after(*arguments, dice.uniform(0.1, 0.9)) for _ in range(TIMES))
        slow += longest > SECONDS
        name = "-".join(map(str, sizes))
        print(f"{name}, {optimizer}, batch_size {batch_size}: {longest:.3f} s", flush=True)
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
