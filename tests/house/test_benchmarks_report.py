"""The benchmarks' reports: goals, tables, pictures, the documentation's page."""

import json

import benchmark_modules
import pytest

goals, machine, peers, plots, report, tables, tasks = benchmark_modules.load(
    "goals", "machine", "peers", "plots", "report", "tables", "tasks"
)
SIGMOID = tasks.Task("tiny sigmoid", (784, 5, 10), 60, 4)


def entry(kind, key, threads=1, task=SIGMOID, dtype="float32", **seconds):
    laps = {n: {"best": s, "median": 1.1 * s, "turns": []} for n, s in seconds.items()}
    return {
        "kind": kind,
        "key": key,
        "dtype": dtype,
        "threads": threads,
        "task": task.as_dict(),
        "peers": laps,
        "products": {"gflops": 100.0, "median_gflops": 90.0},
        "same": {name: {"difference": 1e-7, "loss": task.loss} for name in seconds},
        "wrong": {},
        "load": 0.1,
    }


@pytest.fixture
def content():
    """Results of a run that never was."""
    seed, wide = tasks.TRAINING["seed"], tasks.TRAINING["wide"]
    predicted = tasks.prediction_task((784, 16, 16, 10), 1)
    points = [
        entry("scaling", f"width {width}", task=tasks.width_task(width), bpcore=s, jax=2 * s)
        for width, s in ((16, 0.1), (64, 0.1), (256, 0.1))
    ]
    left_out = {"kind": "scaling", "key": "rows 10000000", "dtype": "float32", "threads": 1}
    left_out |= {"task": tasks.rows_task(10**7).as_dict(), "left_out": "needs 9.0 GB"}
    remembered = entry("memory", "seed", task=seed)
    remembered["peers"] = {"bpcore": {"peak": 2_000_000, "inputs": 190_560_000, "bound": 5e6}}
    sklearn = entry("training", "nielsen", task=tasks.TRAINING["nielsen"], bpcore=0.04, sklearn=0.9)
    sklearn["same"]["sklearn"]["loss"] = "binary_cross_entropy"
    sklearn["wrong"]["torch"] = "reached the cost 3"
    sklearn["peers"]["bpcore"]["once_a_fit"] = 0.012
    pool = {"internal_api": "openblas", "version": "0.3.30", "architecture": "Zen", "threads": 1}
    libraries = {"pools": [{**pool, "file": "libblas.so"}], "bpcore": {"products": "AVX2"}}
    return {
        "date": "2026-01-01 00:00",
        "command": "make bench",
        "revision": None,
        "images": "generated images",
        "settings": {"rounds": 3, "seconds": 0.5},
        "notes": ["OPENBLAS_CORETYPE=Haswell was preset here, and was unset for these figures."],
        "absent": {"jax": peers.absent().get("jax", "JAX is left out: jax not installed")},
        "facts": {**machine.facts(), "load": 0.0},
        "libraries": {"1 thread": libraries},
        "measured": [
            entry("training", "seed", task=seed, bpcore=0.02, jax=0.1, sklearn=0.1, numpy=0.5),
            entry("training", "wide", threads=2, task=wide, bpcore=0.5, jax=0.6),
            sklearn,
            entry("prediction", predicted.name, task=predicted, bpcore=2e-6, onnx=8e-6),
            remembered,
            *points,
            left_out,
        ],
    }


def by_goal(content):
    return {verdict.goal: verdict for verdict in goals.verdicts(content, peers.LABELS)}


def test_goals_are_told_reached_or_not(content):
    found = by_goal(content)
    assert found["training: seed, 1 thread, against JAX"].word == "reached"
    assert found["training: seed, 1 thread, against JAX"].found == "5 ×"
    assert found["training: seed, 1 thread, against scikit-learn"].word == "not reached"
    assert found["training: seed, 1 thread, against PyTorch"].word == "not measured"
    # twice as fast as bpcore was, of 100 GFLOP/s
    asked = found["training: seed, 1 thread, against scikit-learn"]
    seed = tasks.TRAINING["seed"]
    assert asked.asked_rate == pytest.approx(2 * 60_000 * seed.flops_a_row / 0.02 / 1e9)
    assert asked.gemm_rate == 100
    assert found["training: wide, 2 threads, against JAX"].word == "not reached"
    one_row = "prediction: 784-16-16-10, 1 row, 1 thread, against ONNX Runtime"
    assert found[one_row].word == "reached"
    assert found["memory above the inputs: seed, float32"].word == "reached"
    # 60,000 rows x 3.2 MFLOP in half a second, of 100 GFLOP/s
    share = 60_000 * tasks.TRAINING["wide"].flops_a_row / 0.5 / 1e9 / 100
    words = f"{share:.0%}"
    assert found["training: wide, 2 threads, share of the GEMM rate"].found == words


def test_goals_of_tables_and_of_two_threads(content):
    name = "table-100-256-256-1"
    task = tasks.TRAINING[name]
    for threads, seconds in ((1, 0.2), (2, 0.1)):
        content["measured"].append(
            entry("training", name, threads=threads, task=task, bpcore=seconds, jax=0.21)
        )
    found = by_goal(content)
    assert found[f"training: {name}, 1 thread, against JAX"].word == "not reached"
    assert found[f"training: {name}, 2 threads against 1"].found == "2 ×"
    assert found[f"training: {name}, 2 threads against 1"].word == "reached"
    assert found["training: default, 2 threads against 1"].word == "not measured"
    of_doubles = "training: table-30-100-1, float64, 1 thread, against JAX"
    assert found[of_doubles].word == "not measured"


def test_rising_time_a_flop_is_found(content):
    assert by_goal(content)["time a FLOP with growing width, 1 thread"].word == "reached"
    slow = tasks.width_task(1024)
    rate = goals.points(content, "width", 1, "bpcore")[-1][1]
    seconds = slow.rows * slow.flops_a_row / rate / 1e9
    content["measured"].append(entry("scaling", "width 1024", task=slow, bpcore=1.5 * seconds))
    best = max(rate for _, rate, _ in goals.points(content, "width", 1, "bpcore")[:-1])
    rise, _, large = goals.worst_rise(content, "width", 1)
    assert rise == pytest.approx(1.5 * best / rate - 1)
    assert large == 1024
    assert by_goal(content)["time a FLOP with growing width, 1 thread"].word == "not reached"


def test_report_has_its_figures(content):
    text = tables.report(content)
    for words in (
        "**OPENBLAS_CORETYPE=Haswell was preset here",
        "| `seed` | **20.0 ms** (22.0 ms) | 3 M | 158 | 158% | 2 MB | 100 ms (5.00 ×) | "
        "100 ms (5.00 ×) | 500 ms (25.0 ×) |",
        "| 784-16-16-10, 1 row | **2.00 µs** (2.20 µs) | – |",
        "| `seed`, float32, 1 thread | 190.6 | 5.0 | 2.0 |",
        "| 10,000,000 | 1 | left out: needs 9.0 GB |",
        "scikit-learn trains nielsen with binary_cross_entropy",
        "PyTorch, nielsen, float32: reached the cost 3",
        "| 10 × | 5 × | not reached | 316 of 100, 316% |",
        "Once a fit, on top of its epochs (`nielsen`): bpcore 12.0 ms.",
        "openblas 0.3.30 Zen (libblas.so): 1",
    ):
        assert words in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    widths = [line.count("|") for line in lines]
    for line, width, before in zip(lines[1:], widths[1:], widths, strict=False):
        assert width == before or "---" not in line, line


def test_a_busy_machine_is_told(content):
    assert "busy" not in tables.heading(content)
    content["measured"][0]["load"] = content["facts"]["processors"] + 3.0
    assert "busy" in tables.heading(content)


@pytest.mark.parametrize(
    "seconds, words",
    [
        (12.345, "12.3 s"),
        (1.0, "1.00 s"),
        (0.0567, "56.7 ms"),
        (0.123456, "123 ms"),
        (2.6e-6, "2.60 µs"),
        (3e-8, "0.03 µs"),
    ],
)
def test_durations(seconds, words):
    assert tables.duration(seconds) == words


def test_pictures_are_drawn(content, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    paths = plots.draw(content, tmp_path)
    assert [path.name for path in paths] == ["performance.png", "scaling.png"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5000
    assert plots.draw({**content, "measured": []}, tmp_path) == []


def test_docs_are_written_between_their_marks(content, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    results = tmp_path / "results.json"
    results.write_text(json.dumps(content), encoding="utf-8")
    docs = tmp_path / "docs"
    docs.mkdir()
    page = docs / "performance.md"
    page.write_text(f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n", encoding="utf-8")
    for _ in range(2):
        report.write_docs(results, docs)
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"Before.\n{report.BEGIN}\n\n")
        assert text.endswith(f"\n\n{report.END}\nAfter.\n")
        assert text.count("### Goals") == 1
        assert "old" not in text
    assert {path.name for path in docs.iterdir()} == {
        "performance.md",
        "performance.json",
        "performance.png",
        "scaling.png",
    }
    with pytest.raises(ValueError, match="expected one line"):
        report.between_marks("no marks", "text")


def test_the_documentation_has_the_marks(source_tree):
    text = (source_tree / "docs" / "performance.md").read_text(encoding="utf-8")
    assert report.between_marks(text, "new").count("new") >= 1
