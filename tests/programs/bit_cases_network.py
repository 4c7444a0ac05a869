"""Cases of `bits_of.py`: a Network through each of its doors."""

from pathlib import Path

import numpy as np
import scipy.sparse
from bit_cases import FLOATS, Stop, blank, case, data, file_of

import bpcore
from bpcore import DivergenceError, Network, scaled

TIMES = {"seconds", "total_seconds", "examples_per_second"}
HIDDEN = (
    *("sigmoid", "tanh", "relu", "identity", "leaky_relu", "elu", "softplus", "gelu", "silu"),
    *("exponential", ("leaky_relu", 0.2), ("elu", 0.5)),
)
LOSSES = (
    ("quadratic", "sigmoid"), ("quadratic", "softmax"), ("squared_error", "identity"),
    ("absolute", "tanh"), ("huber", "identity"), (("huber", 0.3), "identity"),
    ("quantile", "identity"), (("quantile", (0.1, 0.5, 0.9)), "identity"),
    ("binary_cross_entropy", "sigmoid"), ("categorical_cross_entropy", "softmax"),
    (("categorical_cross_entropy", "clip"), "softmax"), ("poisson", "exponential"),
    ("poisson", "softplus"),
)  # fmt: skip
OPTIMIZERS = {
    "sgd": {},
    "momentum": {"optimizer": ("sgd", {"momentum": 0.9})},
    "nesterov": {"optimizer": ("sgd", {"momentum": 0.8, "nesterov": True})},
    "adam": {"optimizer": "adam"},
    "rmsprop": {"optimizer": "rmsprop"},
    "adagrad": {"optimizer": "adagrad"},
    "nadam": {"optimizer": "nadam"},
    "irprop-": {"optimizer": "irprop-", "batch_size": None, "epochs": 12},
}
WAYS = {
    "l2": {"l2": 0.1},
    "l1": {"l1": 0.05},
    "weight decay": {"weight_decay": 0.01},
    "clipped": {"clip_norm": 0.05},
    "clipped, l1, l2, decay": {
        "clip_norm": 0.1, "l1": 0.01, "l2": 0.1, "weight_decay": 0.01, "optimizer": "adam"
    },
    "l1, l2, rmsprop": {"l1": 0.01, "l2": 0.1, "optimizer": "rmsprop"},
    "cosine": {"schedule": "cosine", "optimizer": "adam"},
    "one cycle": {"schedule": {"kind": "one_cycle", "warmup": 1}, "optimizer": "nadam"},
    "steps": {"schedule": {"kind": "step", "every": 2, "factor": 0.5, "warmup": 1.5}},
    "in order": {"shuffle": False},
    "one by one": {"batch_size": 1, "learning_rate": 0.05},
    "all at once": {"batch_size": None, "optimizer": "adam"},
    "seed of its own": {"random_state": 11},
}  # fmt: skip


def untimed(history):
    return sorted((k, v) for k, v in history.to_dict().items() if k not in TIMES)


def end_of(network, X):
    """All that a fit leaves: θ, what it predicts, what it recorded."""
    return {
        "theta": network.parameters,
        "outputs": network.predict(X),
        "history": untimed(network.history_) if hasattr(network, "history_") else None,
    }


def fitted(sizes, X, Y, network=None, rows=None, **fit):
    """The end of a fit of a network with these arguments."""
    made = Network(sizes, **{"activation": "tanh", "random_state": 3, **(network or {})})
    made.fit(X, Y, **{"epochs": 4, "learning_rate": 0.02, **fit})
    return end_of(made, X[:rows])


# ---------------------------------------------------------------- fits of every kind

for dtype in FLOATS:
    for activation in HIDDEN:

        @case(f"activation {activation}, {dtype}", activation=activation, dtype=dtype)
        def _(activation, dtype):
            X, Y = data(150, 7, 2, dtype)
            arguments = {"activation": activation, "output_activation": "sigmoid", "dtype": dtype}
            return fitted((7, 9, 5, 2), X, Y, arguments)

    for loss, output in LOSSES:

        @case(f"loss {loss}, {output}, {dtype}", loss=loss, output=output, dtype=dtype)
        def _(loss, output, dtype):
            X, Y = data(150, 7, 3, dtype)
            Y = Y / Y.sum(axis=1, keepdims=True) if output == "softmax" else Y
            arguments = {"output_activation": output, "loss": loss, "dtype": dtype}
            return fitted((7, 9, 3), X, Y, arguments)

    for name, fit in {**OPTIMIZERS, **WAYS}.items():

        @case(f"fit, {name}, {dtype}", lower=name in ("momentum", "clipped"), dtype=dtype, fit=fit)
        def _(dtype, fit):
            X, Y = data(150, 20, 2, dtype)
            return fitted((20, 33, 17, 2), X, Y, {"dtype": dtype}, **fit)

    @case(f"dropout, {dtype}", dtype=dtype)
    def _(dtype):
        X, Y = data(300, 20, 2, dtype)
        return fitted((20, 40, 30, 2), X, Y, {"dtype": dtype, "dropout": (0.2, 0.5)})

    @case(f"weights, validation, {dtype}", dtype=dtype)
    def _(dtype):
        X, Y = data(300, 20, 2, dtype)
        weights = np.arange(300) % 4 / 2  # some are zero, and whole batches of them
        weights[:64] = 0
        validation = (X[:50], Y[:50], weights[50:100])
        ways = {"sample_weight": weights, "validation_data": validation, "metric": "r2"}
        return fitted((20, 33, 2), X, Y, {"dtype": dtype}, shuffle=False, **ways)


# ---------------------------------------------------------------- inputs of every kind

INPUTS = {
    "blank pixels": lambda X: X / 255,
    "blank pixels, CSR": lambda X: scipy.sparse.csr_matrix(X / 255),
    "blank bytes": lambda X: scaled(X.astype(np.uint8)),
    "unscaled bytes": lambda X: X.astype(np.uint8)[:, ::-1],
}
for dtype in FLOATS:
    for name, table in INPUTS.items():
        for fit in ({}, {"optimizer": "adam"}, {"batch_size": None, "clip_norm": 0.1}):

            @case(f"{name}, {dtype}, {fit}", lower=not fit, table=table, dtype=dtype, fit=fit)
            def _(table, dtype, fit):
                X, Y = blank(520, 200, 4, dtype)
                return fitted((200, 30, 4), table(X), Y, {"dtype": dtype}, **fit)


@case("narrow CSR", lower=True)
def _():
    X, Y = blank(300, 30, 3)
    return fitted((30, 9, 3), scipy.sparse.csr_matrix(X / 99), Y)


@case("inputs of the other type, in Fortran's order")
def _():
    X, Y = data(300, 90, 3, "float64")
    return fitted((90, 9, 3), np.asfortranarray(X), np.asfortranarray(Y))


@case("lists of integers")
def _():
    X, Y = blank(60, 5, 3)
    return fitted((5, 9, 3), X.astype(int).tolist(), (Y > 0.5).tolist())


# ---------------------------------------------------------------- work that threads share

# No product of them is so large that BLAS has it, but on the lowest level one of "wide": that is
# what the cases of BLAS only are for.
SHARED = {
    "dense": ((300, 128, 64, 10), 900, 300, {"optimizer": "adam"}),
    "blank": ((300, 128, 64, 10), 900, 300, {"optimizer": ("sgd", {"momentum": 0.9})}),
    "penalised": ((300, 128, 64, 10), 900, 300, {"clip_norm": 0.1, "l2": 0.1}),
    "all rows": ((64, 64, 64, 10), 5000, None, {"l1": 0.1}),
    "wide": ((784, 1500, 10), 300, 100, {"epochs": 2}),
}
for threads in (1, 2, 3):
    for name, (sizes, n, batch_size, fit) in SHARED.items():
        for dtype in FLOATS[: 1 if name == "wide" else 2]:

            @case(
                f"threads {threads}, {name}, {dtype}",
                lower=threads == 2 and name in ("dense", "wide") and dtype == "float32",
                blanks=name == "blank", sizes=sizes, n=n, dtype=dtype,
                network={"dtype": dtype, "n_threads": threads, "dropout": 0.1 * (len(sizes) > 3)},
                fit={"batch_size": batch_size, **fit},
            )  # fmt: skip
            def _(blanks, sizes, n, dtype, network, fit):
                X, Y = (blank if blanks else data)(n, sizes[0], sizes[-1], dtype)
                return fitted(sizes, X / 20, Y, network, **{"epochs": 3, **fit})


# ---------------------------------------------------------------- other doors of a network

for dtype in FLOATS:
    for sizes in ((5, 7, 3), (784, 16, 16, 10), (60, 300, 301, 10), (40, 20)):

        @case(f"predict {sizes}, {dtype}", lower=len(sizes) == 4, sizes=sizes, dtype=dtype)
        def _(sizes, dtype):
            network = Network(sizes, "silu", "softmax", dtype=dtype, random_state=0, n_threads=2)
            X, _ = data(3000, sizes[0], sizes[-1], dtype)
            out = np.empty((7, sizes[-1]), dtype)
            return {
                "one": [network.predict(X[i]) for i in range(3)] + [network.predict(X[:1])],
                "few": [network.predict(X[:n]) for n in (2, 7, 31, 65, 255)],
                "out": network.forward(X[:7], out=out),
                "many": [network.predict(X[:n]) for n in (256, 3000)],
                "apart": network.predict(X[:400:3]),
                "sparse": network.predict(scipy.sparse.csr_matrix(np.maximum(X[:300], 1))),
            }

        @case(f"step {sizes}, {dtype}", lower=len(sizes) == 4, sizes=sizes, dtype=dtype)
        def _(sizes, dtype):
            network = Network(sizes, "elu", dtype=dtype, random_state=0, n_threads=2)
            X, Y = data(2500, sizes[0], sizes[-1], dtype)
            X /= 8
            costs = [network.step(X[i], Y[i], 0.02) for i in range(9)]
            costs += [network.step(X[:n], Y[:n], 0.02) for n in (1, 2, 8, 31, 255, 256, 700, 2500)]
            costs += [network.step(X[:9:2], Y[:9:2], 0.02, sample_weight=[1, 2, 0, 1, 1])]
            return {**end_of(network, X[:9]), "costs": costs}

    for sizes in ((6, 9, 8, 3), (90, 70, 10)):
        for n in (1, 40, 700):

            @case(
                f"derivatives {sizes}, {n}, {dtype}", lower=n == 40, sizes=sizes, n=n, dtype=dtype
            )
            def _(sizes, n, dtype):
                network = Network(
                    sizes, "gelu", "softmax", "categorical_cross_entropy", dtype=dtype,
                    random_state=0, n_threads=3,
                )  # fmt: skip
                X, Y = data(n, sizes[0], sizes[-1], dtype)
                Y /= Y.sum(axis=1, keepdims=True)
                weights = np.arange(n) % 3 + 1.0
                g, t = network.gradient(X, Y, weights), network.trace(X, Y, weights)
                parts = {
                    "cost": [network.cost(X, Y), network.cost(X, Y, weights), g.cost, t.cost],
                    "score": [network.score(X, Y, metric) for metric in ("auto", "cost")],
                    "gradient": [g.vector, g.inputs],
                    "trace": [
                        *(t.a, t.z, t.da_dz, t.dC_da, t.dC_dz),
                        *(t.dC_dw, t.dC_db, t.costs, t.shares),
                    ],
                    "per sample": network.per_sample_gradients(X[:50], Y[:50]),
                    "jacobian": network.jacobian(X[:50]),
                    "text": str(t.explain("w", layer=1, j=1, k=2, example=0)),
                }
                network.apply(g, 0.3)
                return {**parts, "theta": network.parameters}


@case("first parameters")
def _():
    kinds = (
        *("normal", "glorot", "glorot_normal", "he", "he_uniform", "lecun", "lecun_uniform"),
        "zeros",
    )
    return {kind: Network((5, 4, 3), init=kind, random_state=1).parameters for kind in kinds}


@case("differences")
def _():
    X, Y = data(3, 4, 2, "float64")
    return {"largest": Network((4, 3, 2), random_state=0).check_gradient(X, Y)}


@case("a fit that diverges")
def _():
    X, Y = data(100, 4, 2)
    network = Network((4, 2), "identity", random_state=0)
    try:
        network.fit(X, Y, epochs=500, learning_rate=30.0)
    except DivergenceError:
        return end_of(network, X)
    raise AssertionError("the fit did not diverge")


# ---------------------------------------------------------------- files


def stop_after(n):
    """A callback of a network; what a checkpoint holds is then the same in every run."""

    def callback(network, history):
        history.seconds[:] = [0.0] * history.epochs
        if history.epochs > n:
            raise Stop

    return callback


for dtype in FLOATS:

    @case(f"model files, {dtype}", dtype=dtype)
    def _(dtype):
        X, Y = data(90, 4, 2, dtype)
        network = Network((4, 6, 5, 2), ["tanh", ("elu", 0.5)], "softmax", dtype=dtype, dropout=0.2,
                          random_state=2)  # fmt: skip
        network.fit(X, Y, epochs=3, callback=stop_after(9))
        path = Path("model")
        network.save(path)
        file = file_of(path)
        loaded = bpcore.load(path)
        loaded.fit(X, Y, epochs=3)
        network.to_c(path)
        return {"file": file, **end_of(loaded, X), "C": path.read_bytes()}

    for name in ("nesterov", "adam", "rmsprop", "adagrad", "nadam", "irprop-"):

        @case(f"resumed, {name}, {dtype}", dtype=dtype, fit=OPTIMIZERS[name])
        def _(dtype, fit):
            X, Y = data(90, 4, 2, dtype)
            make = {"activation": "tanh", "dtype": dtype, "dropout": 0.2, "random_state": 2}
            path = Path("checkpoint")
            arguments = {"schedule": "cosine", "clip_norm": 1.0, **fit, "epochs": 8}
            try:
                Network((4, 6, 2), **make).fit(X, Y, checkpoint=path, callback=stop_after(3),
                                               **arguments)  # fmt: skip
            except Stop:
                file = file_of(path)
            resumed = Network((4, 6, 2), **make)
            resumed.fit(X, Y, resume=path, **arguments)
            return {"file": file, **end_of(resumed, X)}
