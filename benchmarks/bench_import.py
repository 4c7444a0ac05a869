"""What does `import bpcore` cost above what it cannot do without?"""

import subprocess
import sys
import time

from suite.client import environment
from suite.turns import in_turns

MODULES = ("numpy, scipy.linalg", "bpcore")


def importing(module, variables):
    def play(repeats):
        samples = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-P", "-c", f"import {module}"], check=True, env=variables
            )
            samples.append(time.perf_counter() - start)
        return samples

    return play


def test_import(bench):
    variables = environment(1, bench.settings.keep)
    players = {module: importing(module, variables) for module in MODULES}
    modules = in_turns(players, rounds=2 * bench.settings.rounds, seconds=0.0)
    bench.results.put("import", "import", "", 1, {"modules": modules})
