"""What is shipped: the sdist and the wheel, and bpcore installed from them elsewhere.

The tests marked `packaging` build and install for minutes.  They are skipped, with the reason,
without the sources, a C compiler or a package index, and where BPCORE_TEST_PACKAGING is 0 (so
that the suite, run against the wheel that it has built, does not build another).
"""

import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import wheel_run
from shipping import modules, new_environment, pip, run, train

import bpcore

EXTENSION = sysconfig.get_config_var("EXT_SUFFIX")
BUILT = (".c", ".so", ".pyd", ".pyc", ".o")

builds = [pytest.mark.packaging, pytest.mark.slow]


# What needs no build.


def test_the_distribution_has_the_version_of_the_package():
    assert importlib.metadata.version("bpcore") == bpcore.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", bpcore.__version__)


@pytest.mark.skipif(not os.environ.get("BPCORE_SOURCE"), reason="for `make test`, which sets it")
def test_the_package_under_test_is_the_installed_one():
    source = Path(os.environ["BPCORE_SOURCE"], "bpcore").resolve()
    assert not Path(bpcore.__file__).resolve().is_relative_to(source)


def test_importing_the_package_loads_none_of_the_large_libraries():
    large = ("scipy.optimize", "scipy.sparse.linalg", "sklearn", "matplotlib", "pandas", "dask")
    code = f"import sys, bpcore; print([one for one in {large} if one in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_every_cython_source_is_built(source_tree):
    sources = {path.stem for path in (source_tree / "src" / "bpcore").rglob("*.pyx")}
    assert sources == set(modules(source_tree))


def test_every_compiled_module_has_a_stub(source_tree):
    stubs = {path.stem for path in (source_tree / "bpcore").rglob("*.pyi")}
    assert stubs == set(modules(source_tree))


def test_nothing_is_built_for_one_processor_or_with_unsafe_arithmetic(source_tree):
    forbidden = re.compile(r"-m(arch|cpu|tune|avx|fma|sse)|/arch:|fast-math|Ofast")
    files = [source_tree / name for name in ("setup.py", "pyproject.toml", "Makefile")]
    files += (source_tree / "src" / "bpcore").rglob("*.p[yx][xd]")
    # but for what is asked for with BPCORE_NATIVE=1, to be measured and not to be shipped
    asked_for = ('if NATIVE:\n        COMPILE += ["-march=native"]', "(``-march=native``)")
    found = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path.name == "setup.py":
            assert 'NATIVE = os.environ.get("BPCORE_NATIVE", "0") not in ("", "0")' in text
            for words in asked_for:
                assert text.count(words) == 1
                text = text.replace(words, "")
        if match := forbidden.search(text):
            found[path.name] = match.group()
    assert found == {}


def test_every_python_that_is_named_gets_a_wheel(source_tree):
    metadata = tomllib.loads((source_tree / "pyproject.toml").read_text(encoding="utf-8"))
    named = {
        text.rpartition(" ")[2]
        for text in metadata["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", text)
    }
    built = metadata["tool"]["cibuildwheel"]["build"].split()
    wheels = {re.fullmatch(r"cp3(\d+)-\*", one).expand(r"3.\1") for one in built}
    oldest = metadata["project"]["requires-python"].removeprefix(">=")
    assert named <= wheels
    assert min(wheels, key=lambda one: int(one[2:])) == oldest


def test_the_oldest_libraries_have_exact_versions(source_tree):
    found = wheel_run.oldest(source_tree)
    assert {re.match(r"[\w-]+", one).group() for one in found} >= {"numpy", "scipy", "scikit-learn"}
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", one) for one in found)


def test_an_unbuilt_tree_says_what_to_type(source_tree, tmp_path):
    built = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(source_tree / "bpcore", tmp_path / "bpcore", ignore=built)
    # -S: without site-packages, where an editable install would lend its compiled modules.
    command = [sys.executable, "-S", "-c", "import bpcore"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    last_line = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last_line.startswith("ImportError: ")
    assert "pip install" in last_line


# What is built once and looked at.


@pytest.fixture(scope="session")
def distributions(source_copy, tmp_path_factory):
    """(sdist, wheel), the wheel built from the sdist, both in environments of their own."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, source_copy, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="session")
def unpacked(distributions, tmp_path_factory):
    """The folder that the sdist unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(distributions[0]) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="session")
def environment(distributions, tmp_path_factory):
    """The interpreter of an environment that has the wheel and what it requires, only."""
    folder = tmp_path_factory.mktemp("environment")
    python = new_environment(sys.executable, folder / "venv")
    pip(python, "install", distributions[1], cwd=folder)
    return python


class TestDistributions:
    pytestmark = builds

    def test_wheel_holds_the_package_and_nothing_else(self, distributions, source_tree):
        package = source_tree / "bpcore"
        expected = {
            path.relative_to(source_tree).as_posix()
            for path in package.rglob("*.py*")
            if path.suffix in (".py", ".pyi")
        }
        expected |= {f"bpcore/_core/{name}{EXTENSION}" for name in modules(source_tree)}
        expected.add("bpcore/py.typed")
        static = (package / "page" / "static").iterdir()
        expected |= {path.relative_to(source_tree).as_posix() for path in static}
        with zipfile.ZipFile(distributions[1]) as wheel:
            names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert names == expected

    def test_wheel_is_small(self, distributions):
        assert distributions[1].stat().st_size < 3_000_000

    def test_wheel_says_what_it_needs(self, distributions):
        with zipfile.ZipFile(distributions[1]) as wheel:
            folder = f"bpcore-{bpcore.__version__}.dist-info"
            metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
            licence = wheel.read(f"{folder}/licenses/LICENSE").decode()
        needed = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
        assert {re.match(r"[\w-]+", text).group() for text in needed} == {
            "numpy",
            "scikit-learn",
            "scipy",
            "threadpoolctl",
        }
        assert metadata["Version"] == bpcore.__version__
        assert metadata["Requires-Python"] == ">=3.11"
        assert metadata["License-Expression"] == "BSD-3-Clause"
        extras = {"bench", "dask", "demo", "docs", "files", "lint", "onnx", "oracle", "test"}
        extras.add("wheels")
        assert set(metadata.get_all("Provides-Extra")) == extras
        assert metadata.get_payload().startswith("# bpcore")
        assert "Redistribution and use in source and binary forms" in licence

    def test_sdist_holds_what_building_and_testing_take(self, unpacked, source_copy):
        held = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()}
        sources = {
            path.relative_to(source_copy).as_posix()
            for folder in ("src", "bpcore", "tests", "benchmarks")
            for path in (source_copy / folder).rglob("*")
            if path.suffix
            in (".pyx", ".pxd", ".h", ".py", ".pyi", ".typed", ".txt", ".safetensors", ".json")
        }
        sources |= {"setup.py", "pyproject.toml", "MANIFEST.in", "Makefile", ".ci/run"}
        sources |= {"LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
        sources |= {"tests/programs/pool_run.c", ".ci/valgrind.supp"}
        assert sources - held == set()
        assert {name for name in held if name.endswith(BUILT)} == {"tests/programs/pool_run.c"}


class TestInstalled:
    pytestmark = builds

    def test_wheel_trains_with_nothing_but_its_requirements(self, environment, tmp_path):
        version, file = train(environment, tmp_path)
        assert version == bpcore.__version__
        assert file.is_relative_to(environment.parents[1])

    def test_suite_passes_against_the_wheel_away_from_the_sources(
        self, environment, distributions, unpacked, tmp_path
    ):
        pip(environment, "install", f"{distributions[1]}[test]", cwd=tmp_path)
        shutil.copytree(unpacked / "tests", tmp_path / "tests")
        shutil.copy(unpacked / "pyproject.toml", tmp_path)
        options = ["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:benchmark"]
        options += ["-n", "2", "--dist", "worksteal"]
        alone = {"BPCORE_TEST_PACKAGING": "0", "BPCORE_SOURCE": ""}
        report = run(environment, "-m", "pytest", *options, "tests", cwd=tmp_path, **alone)
        passed = int(re.search(r"(\d+) passed", report).group(1))
        assert passed > 100
