"""A gradient with targets for derivatives: beside one without, PyTorch's, and larger microbatches.

    python -P benchmarks/derivatives.py --rows 2000

Times in milliseconds, each the least of 15 in turns, on one thread. `whole` has the microbatches of
a gradient without derivatives. PyTorch, where it is installed, differentiates twice
(`create_graph=True`).
"""

import argparse
import time

import numpy as np

from bpcore import Network
from bpcore._core import tuning

SHAPES = ((2, 16, 16, 1), (9, 64, 64, 1), (90, 64, 64, 1), (3, 32, 32, 5), (200, 256, 256, 1))


def by_torch(network, X, Y, F):
    """A call that gives ∇C by double backward; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    x, y, slopes = (torch.from_numpy(part) for part in (X, Y, F))
    x.requires_grad_()
    pairs = list(zip(network.weights, network.biases, strict=True))
    parameters = [torch.tensor(part, requires_grad=True) for pair in pairs for part in pair]

    def gradient():
        a = x
        for layer in range(len(pairs)):
            a = torch.nn.functional.linear(a, *parameters[2 * layer : 2 * layer + 2])
            a = torch.tanh(a) if layer < len(pairs) - 1 else a
        cost = ((a - y) ** 2).sum(1)
        for j in range(a.shape[1]):
            (J,) = torch.autograd.grad(a[:, j].sum(), x, create_graph=True)
            cost = cost + ((J - slopes[:, j]) ** 2).sum(1)
        return torch.autograd.grad(cost.mean(), parameters)

    return gradient


def least(calls, repeats=15):
    """The least time of each call in ms, all of them in turns."""
    times = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - begun))
    return {name: min(some) for name, some in times.items()}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    rows = parser.parse_args().rows
    rng = np.random.default_rng(0)
    print(f"{'':24s}{'plain':>10s}{'derivatives':>13s}{'whole':>10s}{'PyTorch':>10s}")
    for dtype in ("float32", "float64"):
        for sizes in SHAPES:
            network = Network(sizes, "tanh", "identity", dtype=dtype, random_state=0, n_threads=1)
            shapes = ((sizes[0],), (sizes[-1],), (sizes[-1], sizes[0]))
            X, Y, F = (rng.normal(size=(rows, *shape)).astype(dtype) for shape in shapes)

            def whole(network=network, X=X, Y=Y, F=F):
                with tuning.override(slopes_bytes=tuning.NUMBERS["microbatch_bytes"][0]):
                    network.gradient(X, Y, dY_dX=F)

            calls = {
                "plain": lambda net=network, X=X, Y=Y: net.gradient(X, Y),
                "derivatives": lambda net=network, X=X, Y=Y, F=F: net.gradient(X, Y, dY_dX=F),
                "whole": whole,
            }
            if (torch := by_torch(network, X, Y, F)) is not None:
                calls["PyTorch"] = torch
            found = least(calls)
            line = f"{'-'.join(map(str, sizes)):14s}{dtype:10s}{found['plain']:10.2f}"
            print(line + f"{found['derivatives']:13.2f}{found['whole']:10.2f}", end="")
            print(f"{found['PyTorch']:10.2f}" if "PyTorch" in found else "", flush=True)


if __name__ == "__main__":
    main()
