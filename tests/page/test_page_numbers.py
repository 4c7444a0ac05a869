"""Every number on the page against the trace, and every explanation against the library's words."""

import numpy as np
import pytest
from formulas import ACTIVATIONS, LOSSES, OUTPUTS, pairs
from numpy.testing import assert_allclose

from bpcore import Network

N = 3


def targets_for(rng, network, X, loss):
    """Targets that the loss takes, on both sides of the outputs and none of them at a kink."""
    width = network.layer_sizes[-1]
    y = rng.uniform(0.1, 0.9, (N, width))
    if loss not in OUTPUTS:
        sides = np.array([[1.0], [-1.0], [1.0]]) * np.array([1.0, -1.0, -1.0])
        y = network.predict(X) + sides * y
    if loss == "categorical_cross_entropy":
        y /= y.sum(axis=1, keepdims=True)
        y[0] *= 1.5  # and one whose sum is not 1
    if loss == "poisson":
        y = rng.poisson(2.0, (N, width)).astype(float)
    return y


def problem(rng, output, loss, *, hidden=("tanh", "sigmoid"), dtype="float64"):
    """A network of four layers, three examples and their weights."""
    network = Network(
        (4, 5, 3, 3), list(hidden), output, loss, dtype=dtype, random_state=1, init="lecun"
    )
    network.set_parameters(network.parameters + rng.normal(0, 0.1, network.n_parameters))
    network.biases[-1][:2] += 3.0, -3.0  # outputs near 1 and 0, whose distance counts
    name = loss if isinstance(loss, str) else loss[0]
    X = rng.normal(size=(N, 4))
    return network, X, targets_for(rng, network, X, name)


# for each example (null: the mean) and layer: the two tables of the page, {column: [text, …]}
READ = """
a[0].flatMap((example) => {
  document.querySelector(`#examples [value="${example}"]`).click();
  document.querySelector("#numbers").open = true;
  return a[1].map(([letter, layer, j]) => {
    const form = document.querySelector("#place");
    Object.assign(form.layer, { value: layer });
    Object.assign(form.j, { value: j });
    form.letter.value = letter;
    form.layer.dispatchEvent(new Event("change", { bubbles: true }));
    bpcore.app.numbers.show(bpcore.app);  // "toggle" comes later than this
    const shown = [...document.querySelectorAll("#numbers .scroller:not([hidden]) table")];
    return shown.map((table) => {
      const rows = [...table.querySelectorAll("tbody tr")];
      const names = [...table.querySelectorAll("thead th")].slice(1);
      return Object.fromEntries(names.map((name, at) => [name.textContent,
        rows.map((row) => row.querySelectorAll("td")[at].textContent)]));
    });
  });
})
"""


def expected(trace, layer, unit, example):
    """The same of the trace: derivatives of C_i, or of C where example is None."""
    L = len(trace.layer_sizes) - 1

    def of(name, layer=layer):
        values = np.asarray(getattr(trace, name)[layer], dtype=float)
        if name.startswith("dC_"):
            return values.sum(axis=0) if example is None else values[example] / share
        return values[example]

    share = None if example is None else trace.shares[example]
    C = "C" if example is None else f"C_{example}"
    units = {f"∂{C}/∂a": of("dC_da")}
    if example is not None:
        units["a"] = of("a")
    if not layer:
        return [units]
    units |= {"b": trace.b[layer], f"∂{C}/∂z": of("dC_dz"), f"∂{C}/∂b": of("dC_dz")}
    gradient = trace.dC_dw[layer][unit]
    connections = {"w": trace.w[layer][unit]}
    if example is not None:
        before = of("a", layer - 1)
        units["z"] = of("z")
        if not (layer == L and trace.sigma[L] == "softmax"):
            units["σ'(z)"] = of("da_dz")
        connections |= {"a": before, "w a": trace.w[layer][unit] * before}
        gradient = of("dC_dz")[unit] * before
    connections[f"∂{C}/∂w"] = gradient
    return [units, connections]


def assert_same_numbers(page, trace, rtol):
    """Everything that the page has in its tables, for each example and for the mean."""
    sizes = trace.layer_sizes
    examples = [*range(N), None]
    places = [("w" if layer else "a", layer, size - 1) for layer, size in enumerate(sizes)]
    found = iter(page.run(READ, examples, places))
    for example in examples:
        for _, layer, unit in places:
            tables = expected(trace, layer, unit, example)
            for table, values in zip(next(found), tables, strict=True):
                assert set(table) == set(values)
                for name, column in table.items():
                    what = f"{name} of layer {layer}, example {example}"
                    numbers = list(map(float, column))
                    assert_allclose(numbers, values[name], rtol=rtol, atol=rtol / 10, err_msg=what)


def assert_same_words(page, trace, rng):
    """Explanations of a place of every kind, letter by letter."""
    sizes = trace.layer_sizes
    asked, ours = [], []
    for example in (*range(N), None):
        for letter in "wbaz":
            for layer in range(letter != "a", len(sizes)):
                units = {"j": int(rng.integers(sizes[layer]))}
                if letter == "w":
                    units["k"] = int(rng.integers(sizes[layer - 1]))
                asked.append([{"letter": letter, "layer": layer, **units}, example])
                ours.append(str(trace.explain(letter, layer=layer, example=example, **units)))
    theirs = page.run("a[0].map((one) => bpcore.explain(bpcore.app.trace, ...one).text)", asked)
    # how to ask the library for one example is not said on the page
    ours = [one.replace("\nexplain(…, example=i) takes one example apart.", "") for one in ours]
    assert theirs == ours
    asked = [(layer, int(rng.integers(size)), i) for layer, size in enumerate(sizes)
             for i in range(N)]  # fmt: skip
    theirs = page.run("a[0].map((one) => bpcore.why(bpcore.app.trace, ...one).text)", asked)
    assert theirs == [
        str(trace.explain_activation(layer=layer, j=j, example=i)) for layer, j, i in asked
    ]


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "softmax"])
def test_activations(name, opened, rng):
    """Each in hidden layers and at the output, with its parameter where it takes one."""
    sigma = (name, 0.3) if name in ("leaky_relu", "elu") else name
    network, X, Y = problem(rng, sigma, "quadratic", hidden=(sigma, sigma))
    trace = network.trace(X, Y, sample_weight=[1.0, 2.5, 0.5])
    page = opened(trace)
    assert_same_numbers(page, trace, 1e-8)
    assert_same_words(page, trace, rng)
    assert_allclose(page.run("bpcore.app.trace.cost"), trace.cost, rtol=1e-13)


CASES = [
    *((loss, "tanh") for loss in LOSSES if loss not in OUTPUTS),
    *((loss, output) for loss, outputs in OUTPUTS.items() for output in outputs),
    ("quadratic", "softmax"),
    ("huber", "softmax"),
    (("huber", 0.2), "sigmoid"),
    (("quantile", [0.1, 0.5, 0.8]), "identity"),
    (("binary_cross_entropy", "clip"), "sigmoid"),
    (("categorical_cross_entropy", "clip"), "softmax"),
]


@pytest.mark.parametrize("loss, output", CASES, ids=str)
def test_losses(loss, output, opened, rng):
    network, X, Y = problem(rng, output, loss)
    trace = network.trace(X, Y)
    page = opened(trace)
    assert_same_numbers(page, trace, 1e-8)
    assert_same_words(page, trace, rng)
    costs = page.run("bpcore.app.trace.examples.map((one) => one.cost)")
    assert_allclose(costs, trace.costs, rtol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("output, loss", pairs())
def test_every_pair_of_output_and_loss(output, loss, opened, rng):
    network, X, Y = problem(rng, output, loss, hidden=("mish", "gelu"))
    trace = network.trace(X, Y)
    assert_same_numbers(opened(trace), trace, 1e-8)


def test_a_float32_network_within_its_rounding(opened, rng):
    network, X, Y = problem(rng, "sigmoid", "quadratic", dtype="float32")
    trace = network.trace(X, Y)
    page = opened(trace)
    assert_same_numbers(page, trace, 1e-6)


def test_a_chain_has_no_indices(opened):
    network = Network((1, 1, 1, 1), dtype="float64", random_state=0)
    network.set_parameters([0.9, 0.1, -1.2, 0.3, 1.1, 0.2])
    trace = network.trace([[0.5]], [[1.0]])
    page = opened(trace)
    for letter in "wbaz":
        for layer in range(letter != "a", 4):
            place = {"letter": letter, "layer": layer, "j": 0, "k": 0}
            theirs = page.run("bpcore.explain(bpcore.app.trace, a[0], 0).text", place)
            assert theirs == str(trace.explain(letter, layer=layer))
    assert page.run("document.querySelector('#examples').hidden")


def test_what_is_printed_is_what_is_told(opened, rng):
    """The mathematics that one sees has the numbers of the text, line by line."""
    network, X, Y = problem(rng, "sigmoid", "quadratic")
    trace = network.trace(X, Y)
    page = opened(trace)
    page.look(1)
    page.place("w", 2, 1, 3)
    told = str(trace.explain("w", layer=2, j=1, k=3, example=1))
    lines = page.run(
        "[...document.querySelectorAll('#explanation .line')].map((line) =>"
        " line.lastChild.textContent)"
    )
    plain = str.maketrans({"−": "-", "′": "'", "∑": "Σ"})
    results = [line.split("= ")[-1].split("≈ ")[-1] for line in told.splitlines()
               if ("= " in line or "≈ " in line) and "L =" not in line]  # fmt: skip
    assert len(lines) == len(results)
    numeric = [
        (seen.translate(plain), said) for seen, said in zip(lines, results, strict=True)
        if not any(c.isalpha() or c in "Σ∂σ" for c in said)
    ]  # fmt: skip
    assert len(numeric) >= 8
    for seen, said in numeric:
        assert seen.replace(" ", "") == said.replace(" ", "")


def test_numbers_are_written_as_c_writes_them(opened):
    network = Network((1, 1), dtype="float64", init="zeros")
    page = opened(network.trace([[1.0]], [[1.0]]))
    # halves that are exact in binary, the switch to exponents, all lengths of mantissas
    values = [0.5, 2.5, 3.5, 0.28125, 1.03125, 12345.0, 123450.0, 1e-4, 9.99995e-5, 99995.0,
              0.00012345, 1e22, 1.5e-7, -0.125, 1 / 3, 2e300, 5e-324, -7.0]  # fmt: skip
    values += np.random.default_rng(0).normal(size=200).tolist()
    values += (np.random.default_rng(1).integers(-4000, 4000, 300) / 64).tolist()
    for digits in (1, 2, 3, 4, 9, 17):
        found = page.run("a[0].map((v) => bpcore.general(v, a[1]))", values, digits)
        assert found == [f"{value:.{digits}g}" for value in values]
