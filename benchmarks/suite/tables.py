"""The results as Markdown."""

from suite import goals
from suite.goals import threads_in_words
from suite.peers import LABELS
from suite.tasks import SWEEPS, TRAINING, Task

COLUMNS = ("sklearn", "torch", "torch-fused", "torchscript", "jax", "onnx", "numpy")


def duration(seconds: float, digits: int = 3) -> str:
    """So many digits, with the unit that fits."""
    unit, size = next(
        (pair for pair in (("s", 1.0), ("ms", 1e-3)) if seconds >= pair[1]), ("µs", 1e-6)
    )
    value = seconds / size
    decimals = max(0, digits - (1 if value < 10 else 2 if value < 100 else 3))
    return f"{value:.{decimals}f} {unit}"


def count(number: float) -> str:
    """Rows a second: 1.23 M."""
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def times(ratio: float) -> str:
    """How many times as long: three digits, 12.3 ×."""
    return f"{ratio:.{2 if ratio < 10 else 1 if ratio < 100 else 0}f} ×"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first flush right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def entries_of(content: dict, kind: str, dtype: str | None = None, threads: int | None = None):
    """What was measured of a kind; workloads in their own order, whenever they were."""
    workloads = list(TRAINING)
    found = [
        entry
        for entry in content["measured"]
        if entry["kind"] == kind
        and dtype in (None, entry["dtype"])
        and threads in (None, entry["threads"])
    ]
    return sorted(found, key=lambda e: workloads.index(e["key"]) if e["key"] in workloads else 0)


def _groups(content: dict, kind: str) -> list[tuple[str, int]]:
    """(dtype, threads) of the kind's entries."""
    return sorted({(e["dtype"], e["threads"]) for e in entries_of(content, kind)})


def _others(entries: list[dict]) -> list[str]:
    return [name for name in COLUMNS if any(name in e["peers"] for e in entries)]


def _cells(entry: dict, names: list[str]) -> list[str]:
    cells = []
    for name in names:
        ratio = goals.ratio(entry, name)
        if name not in entry["peers"]:
            cells.append("wrong" if name in entry.get("wrong", {}) else "–")
        elif ratio is None:
            cells.append(duration(entry["peers"][name]["best"]))
        else:
            cells.append(f"{duration(entry['peers'][name]['best'])} ({times(ratio)})")
    return cells


def _own(entry: dict) -> str:
    if "bpcore" not in entry["peers"]:
        return "–"
    lap = entry["peers"]["bpcore"]
    return f"**{duration(lap['best'])}** ({duration(lap['median'])})"


# ---------------------------------------------------------------- sections


def heading(content: dict) -> str:
    """Where and how this was measured, and what to keep in mind."""
    facts = content["facts"]
    names = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    lines = [
        f"Measured {content['date']} with `{content['command']}` on {facts['processor']}, "
        f"{facts['processors']} processors, {facts['memory'] / 2**30:.0f} GB, {facts['system']}.",
        f"{names}" + (f"; sources {content['revision']}." if content.get("revision") else "."),
        f"Images: {content['images']}. Rounds in turns: {content['settings']['rounds']}, a turn "
        f"of about {content['settings']['seconds']:g} s.",
    ]
    for key, libraries in content["libraries"].items():
        pools = "; ".join(
            f"{p['internal_api']} {p['version'] or ''} {p['architecture'] or ''} "
            f"({p['file']}): {p['threads']}".replace("  ", " ")
            for p in libraries["pools"]
        )
        chosen = ", ".join(f"{name} {value}" for name, value in libraries["bpcore"].items())
        lines.append(f"With {key}: bpcore's {chosen}; pools and their threads: {pools}.")
    notes = list(content["notes"])
    loads = [e["load"] for e in content["measured"] if "load" in e]
    if loads and max(loads) > facts["processors"] + 0.5:
        notes.append(
            f"The machine was busy with other things (load up to {max(loads):.1f} on "
            f"{facts['processors']} processors): times are too long, and ratios uncertain."
        )
    return "\n\n".join([*(f"**{note}**" for note in notes), *lines])


def goals_table(content: dict) -> str:
    verdicts = goals.verdicts(content, LABELS)
    rows = [
        [v.goal, v.asked, v.found, v.word, _of_the_machine(v)]
        for v in verdicts
        if v.reached is not None
    ]
    left = sum(v.reached is None for v in verdicts)
    words = f"\n\nNot measured in this run: {left} of {len(verdicts)} goals." if left else ""
    asks = (
        "\n\nThe last column: the GFLOP/s that the goal comes to, given the peer's own time in "
        "this run, of those that the product of two 1024 × 1024 matrices reached in the same "
        "rounds."
    )
    return table(["Goal", "asked", "found", "", "asks of the machine"], rows) + asks + words


def _of_the_machine(verdict: goals.Verdict) -> str:
    if verdict.asked_rate is None or verdict.gemm_rate is None:
        return ""
    share = verdict.asked_rate / verdict.gemm_rate
    return f"{verdict.asked_rate:.0f} of {verdict.gemm_rate:.0f}, {share:.0%}"


def training_tables(content: dict) -> str:
    parts = []
    for dtype, threads in _groups(content, "training"):
        entries = entries_of(content, "training", dtype, threads)
        names = _others(entries)
        header = ["Workload", "bpcore", "rows/s", "GFLOP/s", "of GEMM", "memory"]
        rows = []
        for entry in entries:
            task = Task.of(entry["task"])
            label = f"`{task.name}`" + ("" if task.batch else ", a step")
            if "bpcore" in entry["peers"]:
                rate = count(task.rows / entry["peers"]["bpcore"]["best"])
                figures = [rate, f"{goals.gflops(entry):.3g}", f"{goals.share(entry):.0%}"]
            else:
                figures = ["–"] * 3
            memory = goals.find(content, "memory", entry["key"], threads, dtype)
            peak = memory and memory["peers"].get("bpcore")
            figures.append(f"{peak['peak'] / 1e6:.0f} MB" if peak else "–")
            rows.append([label, _own(entry), *figures, *_cells(entry, names)])
        rates = [entry["products"]["gflops"] for entry in entries]
        parts.append(
            f"### Training, {dtype}, {threads_in_words(threads)}\n\n"
            "Time of an epoch, of a step where a step takes all rows; best, for bpcore also "
            "(median), for the others (how many times bpcore's). GEMM 1024 × 1024 in the same "
            f"rounds: {min(rates):.0f} to {max(rates):.0f} GFLOP/s. Memory above the inputs.\n\n"
            + table([*header, *(LABELS[name] for name in names)], rows)
            + _once_a_fit(entries)
        )
    return "\n\n".join(parts)


def _once_a_fit(entries: list[dict]) -> str:
    """What starting a fit takes on top of its epochs, of the first workload that says so."""
    for entry in entries:
        words = [
            f"{LABELS[name]} {duration(lap['once_a_fit'])}"
            for name, lap in entry["peers"].items()
            if "once_a_fit" in lap
        ]
        if words:
            return f"\n\nOnce a fit, on top of its epochs (`{entry['key']}`): {', '.join(words)}."
    return ""


def call_tables(content: dict, kind: str, title: str) -> str:
    """Tables of single steps and of predictions: time a call."""
    parts = []
    for dtype, threads in _groups(content, kind):
        entries = entries_of(content, kind, dtype, threads)
        names = _others(entries)
        ways = ["bpcore-out"] if kind == "prediction" else []
        header = ["", "bpcore", *(LABELS[way] for way in ways), "GFLOP/s"]
        rows = []
        for entry in entries:
            extra = [
                duration(entry["peers"][way]["best"]) if way in entry["peers"] else "–"
                for way in ways
            ]
            rate = f"{goals.gflops(entry):.3g}" if "bpcore" in entry["peers"] else "–"
            rows.append([entry["key"], _own(entry), *extra, rate, *_cells(entry, names)])
        parts.append(
            f"### {title}, {dtype}, {threads_in_words(threads)}\n\n"
            + table([*header, *(LABELS[name] for name in names)], rows)
        )
    return "\n\n".join(parts)


def memory_table(content: dict) -> str:
    entries = entries_of(content, "memory")
    if not entries:
        return ""
    names = [name for name in LABELS if any(name in e["peers"] for e in entries)]
    rows = []
    for entry in entries:
        first = next(iter(entry["peers"].values()))
        cells = [
            f"{entry['peers'][name]['peak'] / 1e6:.1f}" if name in entry["peers"] else "–"
            for name in names
        ]
        label = f"`{entry['key']}`, {entry['dtype']}, {threads_in_words(entry['threads'])}"
        rows.append([label, f"{first['inputs'] / 1e6:.1f}", f"{first['bound'] / 1e6:.1f}", *cells])
    return (
        "### Memory while training\n\nPeak above the inputs, MB; each in a process of its own. "
        "Goal: 3 × parameters, one batch's buffers, the order of the rows, 4 MB.\n\n"
        + table(["Workload", "inputs", "goal", *(LABELS[name] for name in names)], rows)
    )


def scaling_tables(content: dict) -> str:
    parts = []
    for axis in SWEEPS:
        entries = [e for e in entries_of(content, "scaling") if e["key"].startswith(axis + " ")]
        if not entries:
            continue
        entries.sort(key=lambda e: (e["threads"], int(e["key"].rpartition(" ")[2])))
        names = _others([e for e in entries if "peers" in e])
        rows = []
        for entry in entries:
            label = [f"{int(entry['key'].split()[-1]):,}", str(entry["threads"])]
            if "left_out" in entry:
                rows.append([*label, f"left out: {entry['left_out']}", *[""] * (2 + len(names))])
            elif "bpcore" in entry["peers"]:
                rate, part = goals.gflops(entry), goals.share(entry)
                figures = [_own(entry), f"{rate:.3g}", f"{part:.0%}"]
                rows.append([*label, *figures, *_cells(entry, names)])
        header = [axis, "threads", "bpcore", "GFLOP/s", "of GEMM"]
        parts.append(
            f"### Growing {axis}\n\n{_sweep_words(axis)}\n\n"
            + table([*header, *(LABELS[name] for name in names)], rows)
        )
    return "\n\n".join(parts)


def _sweep_words(axis: str) -> str:
    return {
        "width": "784-width-width-10, ReLU, softmax, Adam, batch 128.",
        "batch": "784-100-10, ReLU, softmax, Adam.",
        "depth": "784, then so many layers of 128, then 10; ReLU, softmax, Adam, batch 128.",
        "rows": "64-64-64-10, ReLU, softmax, Adam, batch 128, shuffled.",
        "epochs": "784-16-16-10, sigmoid, quadratic, SGD, 6,000 rows, batch 32: time an epoch of "
        "a whole `fit` of so many, all checks included.",
    }[axis]


def import_table(content: dict) -> str:
    parts = []
    for entry in entries_of(content, "import"):
        rows = [
            [f"`import {name}`", duration(lap["best"]), duration(lap["median"])]
            for name, lap in entry["modules"].items()
        ]
        parts.append("### Import\n\n" + table(["a new process with", "best", "median"], rows))
    return "\n\n".join(parts)


def sameness_table(content: dict) -> str:
    """What the check before the clock found, by peer."""
    worst: dict[str, tuple[float, str]] = {}
    remarks = set()
    wrong = []
    for entry in content["measured"]:
        for name, found in entry.get("same", {}).items():
            where = f"{entry['kind']} {entry['key']}, {entry['dtype']}"
            worst[name] = max(worst.get(name, (0.0, "")), (found["difference"], where))
            if found.get("loss", entry["task"]["loss"]) != entry["task"]["loss"]:
                remarks.add(f"{LABELS[name]} trains {entry['key']} with {found['loss']}")
            if name not in entry.get("wrong", {}) and "difference_in_float64" in found:
                remarks.add(
                    f"{LABELS[name]}, {entry['key']}: {found['difference']:.1e} apart in float32, "
                    f"{found['difference_in_float64']:.1e} in float64"
                )
        for name, words in entry.get("wrong", {}).items():
            wrong.append(f"{LABELS[name]}, {entry['key']}, {entry['dtype']}: {words}")
    if not worst:
        return ""
    rows = [[LABELS[n], f"{difference:.1e}", where] for n, (difference, where) in worst.items()]
    notes = [f"- {line}" for line in (*wrong, *sorted(remarks))]
    return (
        "### The same thing learned\n\nBefore the clock starts: relative difference of the cost "
        "after 20 updates from a float64 NumPy run of the same θ⁰ and batches (of predictions: "
        "largest absolute difference); the worst of each peer. Above 1e-4 a peer is not timed, "
        "unless in float64 it differs by less than 1e-9: then it is rounding.\n\n"
        + table(["", "difference", "where"], rows)
        + ("\n\n" + "\n".join(notes) if notes else "")
    )


def report(content: dict, pictures: bool = True) -> str:
    """All of it."""
    timed = [e for e in content["measured"] if e["kind"] in ("training", "steps", "prediction")]
    parts = [
        heading(content),
        "### Goals\n\n" + goals_table(content),
        "![Training and prediction](performance.png)" if pictures and timed else "",
        training_tables(content),
        call_tables(content, "steps", "Single steps"),
        call_tables(content, "prediction", "Prediction, a call"),
        memory_table(content),
        "![Scaling](scaling.png)" if pictures and entries_of(content, "scaling") else "",
        scaling_tables(content),
        import_table(content),
        sameness_table(content),
        "\n".join(f"- {words}." for words in content.get("absent", {}).values()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
