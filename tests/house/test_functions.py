"""The rows of bpcore.functions: the kernels' names, their numbers, and docstrings filled in."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr

import bpcore
from bpcore import Network
from bpcore._core import activations, losses, optimizers
from bpcore.estimators.parameters import ENGINE_NAMES, SKLEARN_NAMES, SOLVERS
from bpcore.functions import (
    ACTIVATIONS,
    ALIASES,
    HIDDEN,
    LOSSES,
    OPTIMIZERS,
    OPTIONS,
    enumerated,
    names_filled_in,
)

# ---------------------------------------------------------------- the kernels' tables


@pytest.mark.parametrize(
    ("rows", "kernels"),
    [
        (ACTIVATIONS, activations.ACTIVATIONS),
        (LOSSES, losses.LOSSES),
        (OPTIMIZERS, optimizers.OPTIMIZERS),
    ],
    ids=["activations", "losses", "optimizers"],
)
def test_the_names_are_the_kernels_names(rows, kernels):
    assert set(rows) == set(kernels)
    assert all(row.name == name for name, row in rows.items())


@pytest.mark.parametrize("name", HIDDEN)
def test_the_written_derivative_is_the_kernels(name):
    """da_dz as text, read as Python."""
    row = ACTIVATIONS[name]
    z = np.array([-2.0, -0.5, 0.3, 1.7])
    a, da_dz = activations.apply(name, z, row.default)
    formula = row.da_dz[0].replace("²", "**2")
    formula, _, where = formula.partition(", s = ")
    found = [
        evaluated(formula, where, a_i, z_i, row.default) for a_i, z_i in zip(a, z, strict=True)
    ]
    assert_allclose(found, da_dz, rtol=1e-12)


def evaluated(formula, where, a, z, p):
    names = {
        "a": a, "z": z, "p": p, "e": np.e,
        "Φ": ndtr,
        "φ": lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    }  # fmt: skip
    if where:
        names["s"] = eval(as_python(where), names)
    return eval(as_python(formula), names)


def as_python(formula):
    """With signs of multiplication and power: "@a (1 - @a)" is "a*(1 - a)"."""
    formula = formula.replace("@", "").replace("^", "**")
    return re.sub(r"(?<=[\w)]) (?=[(eazpsφΦ](?!lse))(?<!if )(?<!else )", "*", formula)


@pytest.mark.parametrize("name", LOSSES)
def test_the_cost_in_numpy_is_the_kernels(name):
    row = LOSSES[name]
    output = row.outputs[0] if row.outputs else "identity"
    rng = np.random.default_rng(0)
    network = Network((3, 4, 2), "tanh", output, name, dtype="float64", random_state=0)
    X, y = rng.normal(size=(6, 3)), rng.uniform(size=(6, 2))
    p = None if row.parameter is None else row.parameter.default
    assert_allclose(row.cost(network.predict(X), y, p).sum(axis=1).mean(), network.cost(X, y))


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_and_targets_are_those_that_a_network_takes(name):
    row = LOSSES[name]
    for output in ACTIVATIONS:
        if row.outputs is None or output in row.outputs:
            network = Network((2, 2), output_activation=output, loss=name)
        else:
            with pytest.raises(ValueError, match=f"the loss {name} takes the output activation"):
                Network((2, 2), output_activation=output, loss=name)
    network = Network((2, 2), loss=name)
    if row.targets is not None:
        least, most, words = row.targets
        assert network.cost([1.0, 2.0], [least, 0.5]) >= 0
        with pytest.raises(ValueError, match=words):
            network.cost([1.0, 2.0], [least - 0.1, 0.5])
        if most < np.inf:
            with pytest.raises(ValueError, match=words):
                network.cost([1.0, 2.0], [most + 0.1, 0.5])


@pytest.mark.parametrize("name", [name for name, row in LOSSES.items() if row.cancels_with])
def test_where_the_quotient_cancels_delta_is_a_minus_y(name):
    network = Network(
        (3, 2), output_activation=LOSSES[name].cancels_with, loss=name, dtype="float64",
        random_state=0,
    )  # fmt: skip
    y = [[0.25, 0.75]]
    trace = network.trace([[0.1, 0.2, 0.3]], y)
    assert_allclose(trace.dC_dz[1], trace.a[1] - y, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_reads_its_options_and_no_others(name):
    """Another value of an option that the row names changes the steps; of another one, nothing."""

    def steps(**options):
        optimizer = optimizers.Optimizer(name, 4, dtype="float64", learning_rate=0.1, **options)
        theta = np.array([1.0, -2.0, 3.0, 0.5])
        for _ in range(3):
            optimizer.update(theta, theta - 0.2)
        return theta

    other = {"momentum": 0.5, "nesterov": True, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1}
    assert set(other) == set(OPTIONS)
    base = {"momentum": 0.9} if "momentum" in OPTIMIZERS[name].options else {}
    for option, value in other.items():
        changed = not np.array_equal(steps(**base), steps(**{**base, option: value}))
        assert changed == (option in OPTIMIZERS[name].options), option


# ---------------------------------------------------------------- names elsewhere


def test_other_names_lead_to_rows():
    assert set(ALIASES.values()) <= set(ACTIVATIONS)
    assert not set(ALIASES) & set(ACTIVATIONS)
    assert all(ENGINE_NAMES[theirs] == ours for ours, theirs in SKLEARN_NAMES.items())
    assert set(OPTIMIZERS) < set(SOLVERS)


def test_every_name_is_in_the_docstrings_that_list_them():
    classes = (bpcore.MLPClassifier, bpcore.MLPRegressor)
    for name in HIDDEN:
        assert f'- "{name}": ' in Network.__doc__
        assert all(f"'{name}'" in cls.__doc__ for cls in classes)
    for name in LOSSES:
        assert f'- "{name}": ' in Network.__doc__
    for name, row in OPTIMIZERS.items():
        assert f'- "{name}": ' in Network.fit.__doc__
        assert re.search(rf"{row.learning_rate} for [\w, -]*{name}", Network.fit.__doc__)
        assert all(f"- '{name}': " in cls.__doc__ for cls in classes)
    for option in OPTIONS:
        assert option in Network.fit.__doc__
    assert not re.search(r"^ *<[a-z ]+>$", Network.__doc__ + Network.fit.__doc__, re.MULTILINE)


def test_lines_of_filled_docstrings_are_no_longer_than_a_line_of_source():
    docstrings = [Network.__doc__, Network.fit.__doc__, bpcore.MLPClassifier.__doc__]
    for line in "\n".join(docstrings).splitlines():
        assert len(line) <= 100, line


def test_a_list_takes_the_indent_of_its_place():
    def function():
        """Text.

        name
            What it is.

            <optimizers>
        """

    lines = names_filled_in(function).__doc__.splitlines()
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith('- "sgd"'))
    indent = lines[at].index("-")
    assert indent == lines[at - 2].index("What")
    assert all(line[indent] in "- " for line in lines[at:-1])


def test_without_docstrings_there_is_nothing_to_fill():
    code = "import bpcore; bpcore.Network((2, 1)); print(bpcore.Network.fit.__doc__)"
    done = subprocess.run(
        [sys.executable, "-P", "-OO", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout == "None\n"


def test_words():
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(["a", "b", "c"], "or") == "a, b or c"


def test_functions_import_nothing_of_the_package(source_tree):
    """They stand beside the compiled part, which they must not know."""
    for path in (source_tree / "bpcore" / "functions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            ours = [name for name in names if name.split(".")[0] == "bpcore"]
            assert all(name.startswith("bpcore.functions") for name in ours), path
