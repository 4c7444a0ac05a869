"""Short jobs for a build of bpcore, and SHA-256 of what each of them gives; for `same_bits.py`.

Prints JSON: the build, and for each case its parts by name. Only what is public is used, so that
two builds may differ in all that is private, but for one door: the product loops of lower
instruction sets, a few cases of which are done as well, are asked for through it.
"""

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

# Where the choice of an instruction set has stood, (level, most multiplications); the first that is
# there is taken.
DOORS = (("bpcore._core.products", "set_isa"), ("bpcore._blas", "choose_products"))


def choose():
    """What sets the level of the product loops, by whatever name, and returns the level taken."""
    for module, name in DOORS:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    sys.exit(f"none of {DOORS} is there: name the door to lower levels in {__file__}")


def parts_of(name):
    try:
        return {part: digest(value) for part, value in CASES[name]().items()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main(words):
    chosen = [name for name in CASES if all(word in name for word in words)]
    found = {name: parts_of(name) for name in chosen}
    set_level = choose()
    highest = set_level()
    # 0 multiplications: every product is BLAS's
    for level, *most in ((3,), (2,), (highest, 0)):
        if set_level(level, *most) == level and (most or level < highest):
            text = "BLAS only" if most else f"level {level}"
            names = [name for name in chosen if name in AT_LOWER_LEVELS]
            found |= {f"{name}; {text}": parts_of(name) for name in names}
    set_level()
    build = f"bpcore {bpcore.__version__} of {Path(bpcore.__file__).parent}"
    json.dump({"build": build, "cases": found}, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(sys.argv[1:])
        os.chdir("/")
