"""The libraries side by side, each behind the same two doors.

A module of this package has `Trainer`, `Predictor` or both:

    trainer = Trainer(task, examples, layers, threads, shuffle)
    trainer.run(epochs, tick)      epochs of training; tick() after each, where one is given
    trainer.step()                 one update with all rows, by the library's door for single steps
    trainer.layers()               [(w of shape (n_out, n_in), b)], as they are now
    Trainer.trained(task)          the task that it trains: the same, but where the library cannot

    predictor = Predictor(task, layers, threads)
    call = predictor.bind(X)       call() answers for X; everything done before is not timed
    predictor.outputs(call())      the answer as an ndarray
"""

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Peer:
    """A library, its module here, and what has to be installed for it."""

    name: str
    label: str
    modules: tuple[str, ...]
    distributions: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Distributions that are not installed."""
        pairs = zip(self.modules, self.distributions, strict=True)
        return tuple(name for module, name in pairs if importlib.util.find_spec(module) is None)

    def load(self) -> ModuleType:
        return importlib.import_module(f"suite.peers.{self.name}_peer")


ALL = {
    peer.name: peer
    for peer in (
        Peer("bpcore", "bpcore", ("bpcore",), ("bpcore",)),
        Peer("sklearn", "scikit-learn", ("sklearn",), ("scikit-learn",)),
        Peer("torch", "PyTorch", ("torch",), ("torch",)),
        Peer("jax", "JAX", ("jax", "jaxlib"), ("jax", "jaxlib")),
        Peer("onnx", "ONNX Runtime", ("onnx", "onnxruntime"), ("onnx", "onnxruntime")),
        Peer("numpy", "NumPy", ("numpy",), ("numpy",)),
    )
}
# Other ways to use the same library, measured beside the usual one: its module and class.
TRAINING_WAYS = {"torch-fused": ("torch", "FusedTrainer")}
PREDICTION_WAYS = {
    "bpcore-out": ("bpcore", "OutPredictor"),
    "torchscript": ("torch", "ScriptPredictor"),
}
LABELS = {name: peer.label for name, peer in ALL.items()} | {
    "bpcore-out": "bpcore, out=",
    "torch-fused": "PyTorch, fused Adam",
    "torchscript": "TorchScript",
}
TRAINERS = ("bpcore", "sklearn", "torch", "jax", "numpy")


def present(names: tuple[str, ...] | None = None) -> list[str]:
    """Those of the named peers (all, when None) that are installed."""
    return [name for name, peer in ALL.items() if name in (names or ALL) and not peer.missing]


def absent(names: tuple[str, ...] | None = None) -> dict[str, str]:
    """Those that are not, with the words to say about it."""
    return {
        name: f"{peer.label} is left out: {', '.join(peer.missing)} not installed "
        "(the extra bpcore[bench] installs it)"
        for name, peer in ALL.items()
        if name in (names or ALL) and peer.missing
    }


def trainer(name: str) -> type:
    """The class that trains with the named peer, or in the named way."""
    library, kind = TRAINING_WAYS.get(name, (name, "Trainer"))
    return getattr(ALL[library].load(), kind)


def predictor(name: str) -> type:
    """The class that asks the named peer, or in the named way."""
    library, kind = PREDICTION_WAYS.get(name, (name, "Predictor"))
    return getattr(ALL[library].load(), kind)
