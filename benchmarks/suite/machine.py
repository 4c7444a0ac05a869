"""Where the figures come from: processor, memory, libraries, settings."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

# Settings that make OpenBLAS slower than it is; a machine may have them preset.
OPENBLAS_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_DISTRIBUTIONS = (
    "bpcore",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "jax",
    "jaxlib",
    "onnxruntime",
    "threadpoolctl",
)


def processor() -> str:
    """Model and the vector instructions that matter, as Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    sets = [name for name in ("avx2", "fma", "avx512f", "avx512_bf16") if name in flags]
    model = facts.get("model name", platform.machine())
    family = f"family {facts['cpu family']} model {facts['model']}" if "model" in facts else ""
    return ", ".join(part for part in (model, family, " ".join(sets)) if part)


def cpus(threads: int) -> list[int] | None:
    """So many processors that this process may use, one a core first; None: there are fewer."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < threads:
        return None
    seen, first, others = set(), [], []
    for cpu in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = path.read_text(encoding="utf-8").strip() if path.is_file() else str(cpu)
        (others if core in seen else first).append(cpu)
        seen.add(core)
    return (first + others)[:threads]


def _meminfo(key: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/meminfo has no {key}")


def available_memory() -> int:
    """Bytes that can be had without swapping."""
    return _meminfo("MemAvailable")


def load() -> float:
    """Processes that want to run, averaged over a minute."""
    return round(os.getloadavg()[0], 2)


def versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "bpcore" not in found:
        import bpcore

        found["bpcore"] = bpcore.__version__
    return found


def revision(folder: Path) -> str | None:
    """The commit of the sources beside the suite, with + where files have changed since."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def libraries() -> dict:
    """BLAS and thread pools of this process, and what bpcore has chosen."""
    from threadpoolctl import threadpool_info

    from bpcore import show_config

    pools = []
    for pool in threadpool_info():
        entry = {key: pool.get(key) for key in ("internal_api", "version", "architecture")}
        entry |= {"threads": pool["num_threads"], "file": Path(pool["filepath"]).name}
        pools.append(entry)
    config = show_config(mode="dict") or {}
    chosen = {name: config[name] for name in ("elementwise", "products", "threads")}
    return {"pools": pools, "processors": sorted(os.sched_getaffinity(0)), "bpcore": chosen}


def facts() -> dict:
    """Everything that does not depend on a worker."""
    return {
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory": _meminfo("MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "versions": versions(),
        "load": load(),
    }
