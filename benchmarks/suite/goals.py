"""The goals, and whether a run reached them.

Ratios are of best times, measured in turns in one process, with the same data, dtype and number
of threads: how many times bpcore's time the peer takes.
"""

from dataclasses import dataclass

from suite.tasks import Task

# (task, dtype, how many times as fast as JAX on one thread)
TABLES = (
    ("table-8-32-32-1", "float32", 1.6),
    ("table-12-100-1", "float32", 2.0),
    ("table-30-100-1", "float32", 1.6),
    ("table-30-100-1", "float64", 1.5),
    ("table-30-64-64-1", "float32", 1.5),
    ("table-100-100-10", "float32", 1.4),
    ("table-50-128-128-128-1", "float32", 1.15),
    ("table-50-128-128-128-1", "float64", 1.25),
    ("table-100-256-256-1", "float32", 1.1),
    ("table-14-256-256-256-2", "float32", 1.2),
    ("table-300-512-1", "float32", 1.05),
    ("table-120-128-128-1", "float32", 1.5),
)
# (kind, task, threads, peer, how many times as fast)
RATIOS = (
    ("training", "seed", 1, "jax", 4.0),
    ("training", "seed", 1, "sklearn", 10.0),
    ("training", "seed", 1, "torch", 15.0),
    ("training", "nielsen", 1, "jax", 4.0),
    ("training", "nielsen", 1, "sklearn", 20.0),
    ("training", "nielsen", 1, "torch", 25.0),
    ("training", "default", 1, "jax", 1.8),
    ("training", "default", 2, "jax", 2.5),
    ("training", "wide", 1, "jax", 1.3),
    ("training", "wide", 1, "torch", 2.8),
    ("training", "wide", 2, "jax", 1.7),
    ("training", "wide", 2, "torch", 4.0),
    ("training", "huge", 1, "jax", 1.2),
    ("training", "huge", 2, "jax", 1.3),
    ("training", "expm-200", 1, "jax", 2.5),
    ("training", "expm-10000", 1, "jax", 2.5),
    ("prediction", "784-16-16-10, 1 row", 1, "onnx", 3.0),
    ("prediction", "784-512-512-10, 1 row", 1, "onnx", 3.0),
    ("prediction", "784-16-16-10, 2000 rows", 1, "onnx", 1.3),
    ("prediction", "784-512-512-10, 2000 rows", 1, "onnx", 1.3),
)
# (task, how many times as fast as on one thread two are)
PAIRS = (
    ("default", 1.8),
    ("table-30-64-64-1", 1.6),
    ("table-100-100-10", 1.6),
    ("table-50-128-128-128-1", 1.6),
    ("table-100-256-256-1", 1.6),
    ("table-14-256-256-256-2", 1.6),
    ("table-300-512-1", 1.6),
    ("table-120-128-128-1", 1.6),
)
# (task, threads, share of the GEMM rate)
SHARES = (("wide", 1, 0.90), ("wide", 2, 0.90), ("huge", 1, 0.94), ("huge", 2, 0.94))
# Sweeps along which the time a FLOP must not rise, and what the clock is allowed.
STEADY = ("rows", "epochs", "depth", "width")
ALLOWANCE = 0.10


@dataclass(frozen=True)
class Verdict:
    """A goal in words, what was found, and whether that is enough (None: not measured)."""

    goal: str
    asked: str
    found: str
    reached: bool | None
    # What the goal asks of the machine in this run, where it is a rate, and what GEMM gives.
    asked_rate: float | None = None
    gemm_rate: float | None = None

    @property
    def word(self) -> str:
        return {True: "reached", False: "not reached", None: "not measured"}[self.reached]


def threads_in_words(threads: int) -> str:
    return f"{threads} thread" + "s" * (threads > 1)


def find(content: dict, kind: str, key: str, threads: int, dtype: str = "float32") -> dict | None:
    """The entry of a question, or None."""
    wanted = {"kind": kind, "key": key, "threads": threads, "dtype": dtype}
    for entry in content["measured"]:
        if all(entry[name] == value for name, value in wanted.items()):
            return entry
    return None


def ratio(entry: dict, peer: str) -> float | None:
    """How many times bpcore's best time the peer's best time is."""
    laps = entry.get("peers", {})
    if peer not in laps or "bpcore" not in laps:
        return None
    return laps[peer]["best"] / laps["bpcore"]["best"]


def gflops(entry: dict, peer: str = "bpcore") -> float:
    """GFLOP/s at the best time."""
    task = Task.of(entry["task"])
    flops = task.flops_of_an_answer if entry["kind"] == "prediction" else task.flops_a_row
    return task.rows * flops / entry["peers"][peer]["best"] / 1e9


def share(entry: dict, peer: str = "bpcore") -> float:
    """Of the GEMM rate measured in the same rounds."""
    return gflops(entry, peer) / entry["products"]["gflops"]


def points(content: dict, axis: str, threads: int, peer: str) -> list[tuple[int, float, float]]:
    """(value, GFLOP/s, GEMM rate) along a sweep, in order of the value."""
    found = []
    for entry in content["measured"]:
        if entry["kind"] != "scaling" or entry["threads"] != threads:
            continue
        name, _, value = entry["key"].rpartition(" ")
        if name == axis and peer in entry.get("peers", {}):
            found.append((int(value), gflops(entry, peer), entry["products"]["gflops"]))
    return sorted(found)


def worst_rise(content: dict, axis: str, threads: int) -> tuple[float, int, int] | None:
    """The largest rise of the time a FLOP from a smaller to a larger value, and where."""
    found = points(content, axis, threads, "bpcore")
    worst = None
    for i, (small, rate, _) in enumerate(found):
        for large, slower, _ in found[i + 1 :]:
            rise = rate / slower - 1
            if worst is None or rise > worst[0]:
                worst = (rise, small, large)
    return worst


def verdicts(content: dict, labels: dict[str, str]) -> list[Verdict]:
    """All goals, in the order in which they were set."""
    return [
        *_ratio_verdicts(content, labels),
        *_pair_verdicts(content),
        *_share_verdicts(content),
        *_memory_verdicts(content),
        *_steady_verdicts(content),
    ]


def _ratio_verdicts(content: dict, labels: dict[str, str]):
    images = [(kind, key, n, peer, "float32", least) for kind, key, n, peer, least in RATIOS]
    of_tables = [("training", key, 1, "jax", dtype, least) for key, dtype, least in TABLES]
    for kind, key, threads, peer, dtype, factor in images + of_tables:
        of_type = "" if dtype == "float32" else f", {dtype}"
        goal = f"{kind}: {key}{of_type}, {threads_in_words(threads)}, against {labels[peer]}"
        entry = find(content, kind, key, threads, dtype)
        found = ratio(entry, peer) if entry else None
        words = "" if found is None else f"{found:.3g} ×"
        reached = None if found is None else found >= factor
        rates = ()
        if found is not None:
            rates = factor * gflops(entry, peer), entry["products"]["gflops"]
        yield Verdict(goal, f"{factor:g} ×", words, reached, *rates)


def _pair_verdicts(content: dict):
    for key, least in PAIRS:
        one, two = (find(content, "training", key, threads) for threads in (1, 2))
        found = None
        if one and two and "bpcore" in one["peers"] and "bpcore" in two["peers"]:
            found = one["peers"]["bpcore"]["best"] / two["peers"]["bpcore"]["best"]
        words = "" if found is None else f"{found:.3g} ×"
        reached = None if found is None else found >= least
        yield Verdict(f"training: {key}, 2 threads against 1", f"{least:g} ×", words, reached)


def _share_verdicts(content: dict):
    for key, threads, least in SHARES:
        goal = f"training: {key}, {threads_in_words(threads)}, share of the GEMM rate"
        entry = find(content, "training", key, threads)
        if entry is None or "bpcore" not in entry["peers"]:
            yield Verdict(goal, f"{least:.0%}", "", None)
            continue
        found = share(entry)
        yield Verdict(goal, f"{least:.0%}", f"{found:.0%}", found >= least)


def _memory_verdicts(content: dict):
    for entry in content["measured"]:
        if entry["kind"] == "memory" and "bpcore" in entry["peers"]:
            found = entry["peers"]["bpcore"]
            yield Verdict(
                f"memory above the inputs: {entry['key']}, {entry['dtype']}",
                f"{found['bound'] / 1e6:.1f} MB",
                f"{found['peak'] / 1e6:.1f} MB",
                found["peak"] <= found["bound"],
            )


def _steady_verdicts(content: dict):
    for axis in STEADY:
        for threads in (1, 2):
            goal = f"time a FLOP with growing {axis}, {threads_in_words(threads)}"
            worst = worst_rise(content, axis, threads)
            if worst is None:
                yield Verdict(goal, "no rise", "", None)
                continue
            rise, small, large = worst
            words = f"{rise:+.0%} from {small:,} to {large:,}"
            yield Verdict(goal, f"no rise ({ALLOWANCE:.0%} allowed)", words, rise <= ALLOWANCE)
