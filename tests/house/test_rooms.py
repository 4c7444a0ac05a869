"""The rooms of the sources: what stands on what, and how large it may be.

The Python part's order is import-linter's (`make lint`), which does not see compiled modules.
"""

import ast
import re

# Of `_core`, in the order in which they are cimported.
CORE = [
    "types", "tuning", "rows", "activations", "losses", "schedules", "shuffle", "optimizers",
    "products", "testing", "sparse", "forward", "backward", "pool", "job", "plan", "workspace",
    "batch", "tangent", "sobolev", "asked", "update", "inspect", "normal", "evidence", "epoch",
    "parameters", "transposed", "small_batch", "engine", "training", "least_squares",
]  # fmt: skip
# Python files beside them: threads is the lowest of all.
PYTHON = {"threads", "config", "memory"}
# Headers: each may include those before it.
KERNELS = [
    "tuning.h", "clock.h", "elementary.h", "activation_loops.h", "activations.h", "sum_loops.h",
    "sums.h", "optimizer_loops.h", "optimizers.h", "pool.h", "isa.h", "prefetch.h", "copy.h",
    "gemm_tiles.h", "transpose_tiles.h", "sparse_tiles.h", "gemm_undef.h", "gemm_undef_level.h",
    "gemm_base.h", "gemm_avx2.h", "gemm_avx512.h", "gemm_paths.h", "gemm.h",
]  # fmt: skip

# Tiles and the doors to a product have as many parameters as BLAS's own.
PRODUCTS = re.compile(r"gemm|blas|own_|affine|sparse|bp_|adam|nadam|rmsprop")


def sources(tree, folder, *suffixes):
    """Every file of the folder with one of the suffixes, and its text."""
    for path in sorted((tree / folder).rglob("*")):
        if path.suffix in suffixes:
            yield path, path.read_text(encoding="utf-8")


def code_of(text):
    """A Cython source without strings and comments."""
    return re.sub(r'""".*?"""|"[^"\n]*"|#[^\n]*', "", text, flags=re.DOTALL)


def signatures(text):
    """(name, parameters) of every function of a Cython source."""
    found = re.finditer(r"^ *(?:cdef|def|cpdef)\b[^\n(=]*?(\w+)\(([^)]*)\)", text, re.MULTILINE)
    for match in found:
        inside = re.sub(r"\([^()]*\)", "", match.group(2))
        names = [part for part in inside.split(",") if part.strip() not in ("", "self", "*")]
        yield match.group(1), len(names)


def lengths(text):
    """(name, lines) of every function of a Cython source, its docstring left out."""
    parts = re.split(r"(?m)^(?= *(?:cdef|def|cpdef) [^\n=]*\()", text)
    for part in parts[1:]:
        lines = re.sub(r'""".*?"""', "", part, count=1, flags=re.DOTALL).rstrip().splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip())
        body = [lines[0]]
        for line in lines[1:]:
            if re.match(rf" {{0,{indent}}}(cdef class|class|@|# -|[A-Z_]+ =)", line):
                break
            body.append(line)
        yield re.search(r"(\w+)\(", lines[0]).group(1), len([line for line in body if line.strip()])


def test_compiled_modules_stand_on_those_before_them(source_tree):
    for path, text in sources(source_tree, "src/bpcore/_core", ".pyx", ".pxd"):
        if path.stem == "__init__":
            continue
        taken = re.findall(r"^ *from bpcore\._core\.(\w+) c?import", text, re.MULTILINE)
        for name in set(taken) - PYTHON - {path.stem}:
            assert CORE.index(name) < CORE.index(path.stem), f"{path.name} takes {name}"
        above = re.findall(r"^ *from (bpcore(?:\.\w+)?) c?import", text, re.MULTILINE)
        assert not set(above) - {"bpcore._core"}, f"{path.name} takes {above}"


def test_headers_and_their_doors_stand_on_those_before_them(source_tree):
    for path, text in sources(source_tree, "src/bpcore/kernels", ".h"):
        for name in re.findall(r'^# *include "(.*)"', text, re.MULTILINE):
            assert KERNELS.index(name) < KERNELS.index(path.name), f"{path.name} takes {name}"
    for path, text in sources(source_tree, "src/bpcore/kernels", ".pxd"):
        taken = re.findall(r"^from (bpcore\.\S+) cimport", text, re.MULTILINE)
        assert set(taken) <= {"bpcore._core.types"}, path.name


def test_every_source_has_its_place(source_tree):
    found = {path.stem for path, _ in sources(source_tree, "src/bpcore/_core", ".pyx", ".pxd")}
    assert found - {"__init__"} == set(CORE)
    assert {path.name for path, _ in sources(source_tree, "src/bpcore/kernels", ".h")} == set(
        KERNELS
    )


def test_the_face_is_for_users_and_the_recogniser(source_tree):
    for path, text in sources(source_tree, "bpcore", ".py"):
        if "recogniser" in path.parts:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                assert "bpcore" not in [name.name for name in node.names], path
            if isinstance(node, ast.ImportFrom) and node.module == "bpcore":
                rooms = [name.name for name in node.names]
                folder = source_tree / "bpcore"
                assert all((folder / name).is_dir() for name in rooms), f"{path}: {rooms}"


def test_files_and_functions_can_be_overlooked(source_tree):
    python, page = (".py", ".pyi"), (".js", ".css", ".html")
    for folder, suffixes in (("bpcore", python + page), ("src", (".pyx", ".pxd", ".h"))):
        for path, text in sources(source_tree, folder, *suffixes):
            assert text.count("\n") <= 400, path
    for path, text in sources(source_tree, "src", ".pyx", ".pxd"):
        for name, lines in lengths(text):
            assert lines <= 60, f"{path.name}: {name} has {lines} lines"
    for path, text in sources(source_tree, "bpcore", ".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                # parameters and docstrings of public methods are for users, and long
                first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
                lines = node.end_lineno - first.lineno + 1
                assert lines <= 60, f"{path.name}: {node.name} has {lines} lines"


def test_private_functions_have_few_parameters(source_tree):
    for path, text in sources(source_tree, "src/bpcore/_core", ".pyx"):
        for name, count in signatures(code_of(text)):
            public = name in ("__init__", "multiply")
            if public or PRODUCTS.search(name) or name in ("column_sums", "update", "gemm"):
                continue
            assert count <= 8, f"{path.name}: {name} has {count} parameters"


def test_the_preprocessor_and_the_element_type_keep_to_their_places(source_tree):
    for path, text in sources(source_tree, "src", ".h"):
        lines = len(re.findall(r"^ *#", text, re.MULTILINE))
        assert lines <= 45, f"{path.name} has {lines} lines for the preprocessor"
    # the kernels' doors, and what converts the caller's numbers
    for path, text in sources(source_tree, "src/bpcore/_core", ".pyx", ".pxd"):
        branches = len(re.findall(r"real_t is (?:float|double)", text))
        assert branches <= (2 if path.name == "rows.pyx" else 0), path.name
        assert not re.search(r"_f(?:32|64)\b", code_of(text)), path.name
