"""Short jobs for a build of bpcore, and SHA-256 of what each of them gives; for `same_bits.py`.

Prints JSON: the build, and for each case its parts by name. Only what is public is used, so that
two builds may differ in all that is private, but for one door: the product loops of lower
instruction sets, a few cases of which are done as well, are asked for through it.
"""

import contextlib
import importlib
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

import bpcore

# after the standard library: -P has left out this folder
sys.path.append(str(Path(__file__).parent))
import bit_cases_estimators  # noqa: F401
import bit_cases_network  # noqa: F401
from bit_cases import AT_LOWER_LEVELS, CASES, digest


def isa_limited(level):
    """Let the product loops use no higher instruction set; returns the one taken."""
    for module, name in (("bpcore._core.products", "set_isa"), ("bpcore._blas", "choose_products")):
        try:
            return getattr(importlib.import_module(module), name)(level)
        except ModuleNotFoundError:
            continue
    return sys.exit(f"the door to lower instruction sets has moved: name it in {__file__}")


@contextlib.contextmanager
def blas_only():
    """Let BLAS do every product."""
    try:
        tuning = importlib.import_module("bpcore._core.tuning")
    except ModuleNotFoundError:  # a build from before that module
        choose_products = importlib.import_module("bpcore._blas").choose_products
        choose_products(most=0)
        yield
        choose_products()
        return
    with tuning.override(own_product_max_work=0, own_product_max_work_baseline=0):
        yield


def parts_of(name):
    try:
        return {part: digest(value) for part, value in CASES[name]().items()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main(words):
    chosen = [name for name in CASES if all(word in name for word in words)]
    found = {name: parts_of(name) for name in chosen}
    lower = [name for name in chosen if name in AT_LOWER_LEVELS]
    highest = isa_limited(4)
    for level in (3, 2):
        if isa_limited(level) == level < highest:
            found |= {f"{name}; level {level}": parts_of(name) for name in lower}
    isa_limited(4)
    with blas_only():
        found |= {f"{name}; BLAS only": parts_of(name) for name in lower}
    build = f"bpcore {bpcore.__version__} of {Path(bpcore.__file__).parent}"
    json.dump({"build": build, "cases": found}, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(sys.argv[1:])
        os.chdir("/")
