"""The results as two pictures: everyone side by side, and how the rates grow."""

from pathlib import Path

from suite import goals, tables
from suite.goals import threads_in_words
from suite.peers import LABELS
from suite.tasks import SWEEPS

# Okabe and Ito's colours, told apart by everyone; markers for print.
LOOKS = {
    "bpcore": ("#d55e00", "D"),
    "bpcore-out": ("#f0a060", "d"),
    "jax": ("#0072b2", "o"),
    "torch": ("#cc79a7", "s"),
    "torch-fused": ("#a8437e", "P"),
    "torchscript": ("#e3b5cf", "s"),
    "sklearn": ("#009e73", "^"),
    "onnx": ("#56b4e9", "v"),
    "numpy": ("#777777", "X"),
}


def _figure(rows: int, columns: int, width: float, height: float):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _legend(figure, names) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=LOOKS[n][0], marker=LOOKS[n][1], linestyle="", label=LABELS[n])
        for n in LOOKS
        if n in names
    ]
    # Nine names in one line are wider than the picture.
    columns = min(len(handles), int(figure.get_figwidth() / 1.7))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)


def _plain(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _dots(axes, entries: list[dict], title: str) -> None:
    """One line a workload, one dot a peer, the time on a logarithmic axis."""
    for y, entry in enumerate(entries):
        laps = entry["peers"]
        times = {name: laps[name]["best"] for name in laps}
        if times:
            ends = [min(times.values()), max(times.values())]
            axes.plot(ends, [y, y], color="#bbbbbb", linewidth=1, zorder=1)
        for name, seconds in times.items():
            colour, marker = LOOKS[name]
            size = 52 if name == "bpcore" else 34
            axes.scatter(seconds, y, s=size, color=colour, marker=marker, zorder=2 + (size > 50))
    axes.set_yticks(range(len(entries)), [entry["key"] for entry in entries])
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda seconds, _: tables.duration(seconds, digits=1))
    axes.set_title(title, loc="left", fontsize=10)
    _plain(axes)


def _panels(content: dict) -> list[tuple[list[dict], str]]:
    """float32, which is what most people train with; the tables have the rest."""
    panels = []
    for kind, title in (
        ("training", "An epoch (expm: a step)"),
        ("steps", "A single step"),
        ("prediction", "A prediction"),
    ):
        found = tables.entries_of(content, kind, "float32")
        for threads in sorted({e["threads"] for e in found}):
            entries = [e for e in found if e["threads"] == threads]
            panels.append((entries, f"{title}, {threads_in_words(threads)}"))
    return panels


def side_by_side(content: dict, path: Path) -> bool:
    """Write the picture of all times; False where there are none."""
    panels = _panels(content)
    if not panels:
        return False
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    starts = range(0, len(panels), columns)
    lines = [max(len(p[0]) for p in panels[i : i + columns]) for i in starts]
    height = sum(0.95 + 0.27 * n for n in lines) + 0.4
    figure, grid = _figure(rows, columns, 5.4 * columns, height)
    flat = list(grid.flat)
    grid[0, 0].get_gridspec().set_height_ratios([0.8 + 0.27 * n for n in lines])
    for axes, (entries, title) in zip(flat, panels, strict=False):
        _dots(axes, entries, title)
    for axes in flat[len(panels) :]:
        axes.set_visible(False)
    _legend(figure, {name for entries, _ in panels for e in entries for name in e["peers"]})
    figure.savefig(path, dpi=130)
    return True


def _sweep(axes, content: dict, axis: str, threads: int) -> set[str]:
    """GFLOP/s against the value, a line a peer; the GEMM rate above them."""
    seen = set()
    for name, (colour, marker) in LOOKS.items():
        found = goals.points(content, axis, threads, name)
        if not found:
            continue
        seen.add(name)
        values, rates, limits = zip(*found, strict=True)
        width = 2.2 if name == "bpcore" else 1.2
        axes.plot(values, rates, color=colour, marker=marker, markersize=4, linewidth=width)
        if name == "bpcore":
            axes.plot(values, limits, color="#222222", linestyle=":", linewidth=1)
            axes.annotate(
                "GEMM", (values[0], limits[0]), (0, 3), textcoords="offset points", fontsize=8
            )
    axes.set_xscale("log", base=10 if axis in ("rows", "epochs") else 2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(axis)
    _plain(axes)
    return seen


def scaling(content: dict, path: Path) -> bool:
    """Write the picture of the sweeps; False where there are none."""
    entries = [e for e in content["measured"] if e["kind"] == "scaling" and "peers" in e]
    names = {e["key"].rpartition(" ")[0] for e in entries}
    axes_names = [axis for axis in SWEEPS if axis in names]
    threads = sorted({e["threads"] for e in entries})
    if not axes_names:
        return False
    figure, grid = _figure(
        len(threads), len(axes_names), 2.9 * len(axes_names) + 0.5, 2.5 * len(threads) + 0.6
    )
    seen = set()
    for line, n in zip(grid, threads, strict=True):
        for axes, axis in zip(line, axes_names, strict=True):
            seen |= _sweep(axes, content, axis, n)
        line[0].set_ylabel(f"GFLOP/s, {threads_in_words(n)}")
    _legend(figure, seen)
    figure.savefig(path, dpi=130)
    return True


def draw(content: dict, folder: Path) -> list[Path]:
    """Both pictures, as far as there is something to show."""
    paths = {"performance.png": side_by_side, "scaling.png": scaling}
    return [folder / name for name, write in paths.items() if write(content, folder / name)]
