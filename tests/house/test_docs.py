"""The documentation: its code runs, and it covers the notation, the API and the gallery."""

import ast
import re
import runpy

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("distributed")

from pictures import close_figures

import bpcore
from bpcore import dask, datasets, display, estimators, exceptions, model_file, tabular

close = pytest.fixture(autouse=True)(close_figures)

TUTORIAL = ("chain", "layers", "descent", "recogniser", "curvature")
NOTEBOOKS = (
    "start",
    "tables",
    "inside",
    "dask",
    "differences-from-scikit-learn",
    *(f"tutorial/{name}" for name in TUTORIAL),
)

# Each formula of the notation, and the call that has to stand in the same section.
FORMULAS = {
    r"a^{(0)} = x": "t.a[l]",
    r"z^{(l)} = w^{(l)} a^{(l-1)} + b^{(l)}": "t.z[l]",
    r"a^{(l)} = \sigma(z^{(l)})": "t.a[l]",
    r"z^{(l)}_j = \sum_k w^{(l)}_{jk} a^{(l-1)}_k + b^{(l)}_j": "t.w[1], t.b[1]",
    r"\sigma'(z) = \sigma(z)\,(1 - \sigma(z))": "t.da_dz[l]",
    r"C_0 = (a^{(L)} - y)^2": "worked.cost(",
    r"C_k = \sum_j (a^{(L)}_j - y_j)^2": "t.costs[0]",
    r"C = \frac{1}{n} \sum_k C_k": "net.cost(X_train, Y_train)",
    r"C = \frac{1}{n} \sum_{k=0}^{n-1} C_k": "t.costs.mean()",
    r"\frac{\partial C}{\partial a^{(L)}} = 2 (a^{(L)} - y)": "t.dC_da[3]",
    r"= \sum_j w^{(l+1)}_{jk}\, \sigma'(z^{(l+1)}_j)\, \frac{\partial C}{\partial a^{(l+1)}_j}":
        "t.dC_da[1][0, k]",
    r"\delta^{(l)} = \frac{\partial C}{\partial z^{(l)}} = \sigma'(z^{(l)}) \cdot "
    r"\frac{\partial C}{\partial a^{(l)}}": "t.dC_dz[l]",
    r"\frac{\partial C}{\partial w^{(L)}} = \frac{\partial z^{(L)}}{\partial w^{(L)}}\, "
    r"\frac{\partial a^{(L)}}{\partial z^{(L)}}\, \frac{\partial C}{\partial a^{(L)}}":
        't.explain("w"',
    r"\frac{\partial C}{\partial w^{(l)}} = \delta^{(l)\mathsf{T}} a^{(l-1)}": "t.dC_dw[l]",
    r"\frac{\partial C}{\partial b^{(l)}} = \sum \delta^{(l)}": "t.dC_db[l]",
    r"\theta = (w^{(1)}, b^{(1)}, w^{(2)}, b^{(2)}, w^{(3)}, b^{(3)})": "net.parameters",
    r"\nabla C = \left(": "net.gradient(x, y).vector",
    r"\theta \leftarrow \theta - \eta\, \nabla C": "net.apply(",
    r"\theta^0": "random_state=0",
    r"\frac{1}{2} \sum (a - y)^2": 'loss="squared_error"',
    r"\frac{\alpha}{2\, n_{\text{batch}}} \sum w^2": "alpha=alpha",
    r"\frac{\partial C}{\partial \theta} = \sum_k J_k^{\mathsf{T}}": "net.backward(",
    r"J_k = \frac{\partial a^{(L)}_k}{\partial \theta}": "net.parameter_jacobian(",
    r"J^{\mathsf{T}} J\, p = -J^{\mathsf{T}} (a - y)": "np.linalg.solve(",
    r"(J^{\mathsf{T}} J + \mu)\, p = -J^{\mathsf{T}} (a - y)": '"lm"',
    r"\gamma = n - \alpha\, \mathrm{tr}\, H^{-1}": 'l2="evidence"',
    r"\sigma^2(x) = \frac{1}{\beta} + j\, H^{-1} j^{\mathsf{T}}": "return_std=True",
    r"H v = \frac{d}{d\varepsilon}": "net.hessian_product(",
    r"G v = \frac{1}{n} \sum_k": "net.gauss_newton_product(",
    r"\lambda \sum_{ji} \left(\frac{\partial a^{(L)}_j}{\partial a^{(0)}_i} - F_{ji}\right)^2":
        "dY_dX=F",
    r"v^{(l)} = \frac{\partial a^{(L)}_j}{\partial z^{(l)}}": "net.jacobian(",
}  # fmt: skip


def text_of(source_tree, page):
    return (source_tree / "docs" / f"{page}.md").read_text(encoding="utf-8")


def cells_of(text):
    return re.findall(r"^```\{code-cell\}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_stands_beside_its_call(formula, source_tree):
    sections = []
    for page in TUTORIAL:
        # of a document: between two headings, lines put together
        sections += re.split(r"^## ", text_of(source_tree, f"tutorial/{page}"), flags=re.MULTILINE)
    having = [section for section in sections if formula in re.sub(r"\s+", " ", section)]
    assert having
    assert any(FORMULAS[formula] in "".join(cells_of(section)) for section in having)


def test_every_page_with_cells_is_tested(source_tree):
    folder = source_tree / "docs"
    with_cells = {
        str(path.relative_to(folder).with_suffix("").as_posix())
        for path in folder.rglob("*.md")
        if "{code-cell}" in path.read_text(encoding="utf-8")
    }
    assert with_cells == set(NOTEBOOKS)


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_the_cells_run(page, source_tree, tmp_path, monkeypatch):
    if page in ("start", "tables", "inside", "dask"):
        pytest.importorskip("safetensors")
    if page == "tables":
        pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    cells = cells_of(text_of(source_tree, page))
    assert len(cells) >= (1 if page.startswith("differences") else 5)
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"{page}, cell {number}", "exec"), namespace)
    assert list(tmp_path.iterdir()) == []


def shown(code, namespace, capsys):
    """What an interactive interpreter would print for a block of code."""
    body = ast.parse(code).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "README.md", "exec"), namespace)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "README.md", "eval"), namespace)
        if value is not None:
            print(repr(value))
    return capsys.readouterr().out


def test_the_code_of_the_readme_does_what_it_says(source_tree, capsys):
    text = (source_tree / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == text.count("```python") == 2
    number = re.compile(r"(?<![\w(^])-?\d+\.\d+(?:e-?\d+)?")
    namespace = {}
    for code, said in blocks:
        printed = shown(code, namespace, capsys)
        assert number.sub("#", printed).split() == number.sub("#", said).split()
        # float32, trained on other processors
        expected = [float(x) for x in number.findall(said)]
        assert len(expected) >= 4
        found = [float(x) for x in number.findall(printed)]
        assert found == pytest.approx(expected, rel=0.02, abs=0.011)


def test_the_code_of_the_first_page_runs(source_tree, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```$", text_of(source_tree, "index"), re.DOTALL | re.M)
    assert "σ'(z_9^(2))" in shown(code, {}, capsys)


def test_everything_public_is_in_the_reference(source_tree):
    pages = "".join(p.read_text(encoding="utf-8") for p in (source_tree / "docs/api").glob("*.md"))
    described = {
        name.rpartition(".")[2]
        for name in re.findall(r"^\.\. auto(?:class|function|exception):: (\S+)", pages, re.M)
    }
    public = set(bpcore.__all__) - {"datasets"}
    for module in (dask, datasets, display, estimators, exceptions, model_file, tabular):
        public |= set(module.__all__)
    assert described == public


def test_the_gallery_has_every_script(source_tree):
    order = runpy.run_path(str(source_tree / "docs" / "gallery_order.py"))["ORDER"]
    scripts = {path.stem for path in (source_tree / "examples").glob("*.py")}
    assert sorted(order) == sorted(scripts - {"scikit_learn_side_by_side"})
