"""Small regressions by Levenberg-Marquardt, SciPy's, L-BFGS and Adam: time and error over seeds.

    python -P benchmarks/least_squares.py --seeds 100
    python -P benchmarks/least_squares.py --seeds 100 --noise 0.1 --units 20

SciPy's ``least_squares(method="lm")``, which is MINPACK's, gets residuals and Jacobians from the
same compiled network. Adam has a cosine schedule and batches of 32. "lm, evidence" finds its
penalty from the data. Every cell has the medians over the seeds that draw θ⁰, in float64 on one
thread, the methods in turns: the root mean square error, of targets of variance 1, and the time.
The error is that on the rows themselves, which says how far down a method has come; with
``--noise``, in the targets that are learned, it is that on fresh rows without any.
"""

import argparse
import time

import numpy as np
from scipy.optimize import least_squares

from bpcore import Network


def pendulum(rng):
    """The acceleration of a damped pendulum with a motor."""
    angle, speed, torque = rng.uniform(-1, 1, (3, 300)) * [[np.pi], [3], [1]]
    return np.column_stack([angle, speed, torque]), -np.sin(angle) - 0.1 * speed + torque


def friedman(rng):
    """Friedman's first function (1991), without noise."""
    X = rng.uniform(size=(200, 5))
    wave = 10 * np.sin(np.pi * X[:, 0] * X[:, 1])
    return X, wave + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]


def friedman_3(rng):
    """Friedman's third, the phase of a circuit."""
    X = rng.uniform(size=(200, 4)) * [100, 520 * np.pi, 1, 10] + [0, 40 * np.pi, 0, 1]
    inductance = X[:, 1] * X[:, 2] - 1 / (X[:, 1] * X[:, 3])
    return X, np.arctan(inductance / np.maximum(X[:, 0], 1e-3))


def gauss(rng):
    """Two peaks on a decay, as NIST's Gauss1 has them."""
    x = np.linspace(1, 250, 250)
    peaks = 100 * np.exp(-(((x - 67) / 23) ** 2)) + 72 * np.exp(-(((x - 179) / 18) ** 2))
    return x[:, None], 99 * np.exp(-0.01 * x) + peaks


def thurber(rng):
    """NIST's Thurber: a quotient of polynomials."""
    x = np.linspace(-3, 2.2, 100)
    return x[:, None], (1288 + 1491 * x + 583 * x**2 + 75 * x**3) / (
        1 + 0.97 * x + 0.4 * x**2 + 0.05 * x**3
    )


def sinc(rng):
    """sin r / r of two inputs."""
    X = rng.uniform(-8, 8, (400, 2))
    return X, np.sinc(np.hypot(*X.T) / np.pi)


def arm(rng):
    """Where a robot's arm of two links ends: two outputs."""
    q = rng.uniform(-np.pi / 2, np.pi / 2, (250, 2))
    both = q.sum(axis=1)
    return q, np.column_stack([np.cos(q[:, 0]) + np.cos(both), np.sin(q[:, 0]) + np.sin(both)])


def exponential(rng):
    """The first row of e^A for matrices of two by two."""
    from scipy.linalg import expm

    A = rng.uniform(-1, 1, (250, 4))
    return A, np.array([expm(a.reshape(2, 2))[0] for a in A])


def van_der_pol(rng):
    """The derivative of an oscillator's state."""
    x = rng.uniform(-2.5, 2.5, (250, 2))
    return x, np.column_stack([x[:, 1], (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0]])


def himmelblau(rng):
    """Himmelblau's function."""
    x, y = rng.uniform(-4, 4, (2, 300))
    return np.column_stack([x, y]), (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def antoine(rng):
    """Vapour pressures by Antoine's equation, over two substances' constants."""
    t, b = rng.uniform(280, 380, 200), rng.uniform(1200, 1700, 200)
    return np.column_stack([t, b]), 10 ** (8 - b / (t - 40)) / 100


PROBLEMS = (
    pendulum, friedman, friedman_3, gauss, thurber, sinc, arm, exponential, van_der_pol,
    himmelblau, antoine,
)  # fmt: skip


def by_scipy(network, X, Y, iterations):
    """MINPACK on the network's residuals and Jacobian."""
    theta = network.parameters
    start = theta.copy()

    def residuals(t):
        theta[:] = t
        return (network.predict(X) - Y).ravel()

    def jacobian(t):
        theta[:] = t
        return network.parameter_jacobian(X).reshape(-1, len(t))

    found = least_squares(residuals, start, jacobian, method="lm", max_nfev=iterations)
    theta[:] = found.x


METHODS = {
    "lm": lambda net, X, Y: net.fit(X, Y, epochs=100, optimizer="lm"),
    "lm, evidence": lambda net, X, Y: net.fit(X, Y, epochs=300, optimizer="lm", l2="evidence"),
    "lm, 1000": lambda net, X, Y: net.fit(X, Y, epochs=1000, optimizer="lm"),
    "SciPy lm": lambda net, X, Y: by_scipy(net, X, Y, 100),
    "SciPy lm, 1000": lambda net, X, Y: by_scipy(net, X, Y, 1000),
    "lbfgs": lambda net, X, Y: net.fit(X, Y, epochs=300, optimizer="lbfgs"),
    "adam": lambda net, X, Y: net.fit(
        X, Y, epochs=300, optimizer="adam", learning_rate=0.01, schedule="cosine"
    ),
}


def prepared(problem, noise):
    """(X, Y) to learn and (X, Y) to judge by, scaled by the former."""
    tables = []
    for seed in (0, 1) if noise else (0,):
        X, Y = problem(np.random.default_rng(seed))
        tables.append((X, Y.reshape(len(X), -1)))
    (x_mean, x_std), (y_mean, y_std) = [(one.mean(0), one.std(0)) for one in tables[0]]
    tables = [((X - x_mean) / x_std, (Y - y_mean) / y_std) for X, Y in tables]
    X, Y = tables[0]
    return (X, Y + noise * np.random.default_rng(2).normal(size=Y.shape)), tables[-1]


def measured(problem, methods, options):
    """Method -> (median error, median milliseconds)."""
    (X, Y), (fresh, exact) = prepared(problem, options.noise)
    found = {name: [] for name in methods}
    for seed in range(options.seeds):
        for name in methods:
            network = Network(
                (X.shape[1], options.units, Y.shape[1]), "tanh", "identity", dtype="float64",
                random_state=seed, n_threads=1,
            )  # fmt: skip
            begun = time.perf_counter()
            METHODS[name](network, X, Y)
            seconds = time.perf_counter() - begun
            found[name].append((np.sqrt(network.cost(fresh, exact) / Y.shape[1]), 1e3 * seconds))
    return {name: np.median(numbers, axis=0) for name, numbers in found.items()}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--noise", type=float, default=0.0, help="its standard deviation")
    parser.add_argument("--units", type=int, default=8)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--only", nargs="*", choices=[one.__name__ for one in PROBLEMS])
    options = parser.parse_args()
    print("| |", " | ".join(options.methods), "|")
    print("|" + "---|" * (1 + len(options.methods)))
    for problem in PROBLEMS:
        if options.only and problem.__name__ not in options.only:
            continue
        cells = measured(problem, options.methods, options)
        words = (f"{error:.2g}, {time:.1f} ms" for error, time in cells.values())
        print(f"| {problem.__name__} |", " | ".join(words), "|", flush=True)


if __name__ == "__main__":
    main()
