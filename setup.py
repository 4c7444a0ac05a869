"""The compiled modules of bpcore: which there are, and how Cython and the C compiler make them.

Everything else about the package stands in pyproject.toml.  For hunting a defect in a kernel, the
environment may ask for another build, each in a folder of its own below build/:

``BPCORE_DEBUG=1``
    bounds checks and debug symbols;
``BPCORE_SANITIZE=address,undefined`` (or ``thread``)
    what gcc's ``-fsanitize`` takes; the program then needs their libraries (see the Makefile);
``BPCORE_COVERAGE=1``
    gcc counts which lines of the kernels run;
``BPCORE_NATIVE=1``
    all code for this very processor (``-march=native``), to see what a wheel for all leaves out.
"""

import os
import sys
from pathlib import Path

import Cython
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODULES = [
    "tuning",
    "rows",
    "activations",
    "losses",
    "schedules",
    "shuffle",
    "optimizers",
    "products",
    "testing",
    "sparse",
    "forward",
    "backward",
    "pool",
    "plan",
    "workspace",
    "batch",
    "tangent",
    "sobolev",
    "asked",
    "update",
    "inspect",
    "normal",
    "evidence",
    "epoch",
    "parameters",
    "transposed",
    "small_batch",
    "engine",
    "training",
    "least_squares",
]

# Named, not discovered: setuptools would find the Cython sources in src/ instead.
PACKAGES = [
    "bpcore",
    "bpcore._core",
    "bpcore.checks",
    "bpcore.dask",
    "bpcore.datasets",
    "bpcore.display",
    "bpcore.estimators",
    "bpcore.explain",
    "bpcore.files",
    "bpcore.functions",
    "bpcore.network",
    "bpcore.notebook",
    "bpcore.page",
    "bpcore.recogniser",
    "bpcore.tabular",
]

DEBUG = os.environ.get("BPCORE_DEBUG", "0") not in ("", "0")
COVERAGE = os.environ.get("BPCORE_COVERAGE", "0") not in ("", "0")
NATIVE = os.environ.get("BPCORE_NATIVE", "0") not in ("", "0")
SANITIZE = os.environ.get("BPCORE_SANITIZE", "")
BUILD = Path("build")
KINDS = {"debug": DEBUG, "coverage": COVERAGE, "native": NATIVE, "sanitize": SANITIZE}
for kind, chosen in KINDS.items():
    BUILD = BUILD / kind if chosen else BUILD

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": False,
}

if sys.platform == "win32":
    COMPILE = ["/Od", "/Zi"] if DEBUG else ["/O2"]
    LINK = ["/DEBUG"] if DEBUG else []
else:
    # errno and traps of libm calls are never read; without them loops become vector code.
    # No instruction set is named: one build runs on every processor of its architecture.
    COMPILE = ["-O1", "-g"] if DEBUG else ["-O3", "-g0"]
    COMPILE += ["-fno-math-errno", "-fno-trapping-math"]
    LINK = ["-Wl,-s"] if sys.platform == "linux" and str(BUILD) == "build" else []
    if SANITIZE:
        # -fno-wrapv: CPython's own flags hide signed overflow, which other compilers may not
        COMPILE += ["-O1", "-g", "-fno-wrapv", "-fno-omit-frame-pointer", "-DBPCORE_NO_CLONES"]
        COMPILE += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
        LINK += [f"-fsanitize={SANITIZE}"]
    if NATIVE:
        COMPILE += ["-march=native"]
    if COVERAGE:
        COMPILE += ["-O1", "--coverage", "-fprofile-update=atomic", "-DBPCORE_NO_CLONES"]
        LINK += ["--coverage"]


class BuildExtensions(build_ext):
    """Translates the Cython sources when modules are built, not whenever metadata are asked for."""

    def run(self) -> None:
        """Cython, then the C compiler."""
        # What neither compares: a build folder made with other settings is translated anew,
        # and what is translated anew is compiled anew.
        settings = [Cython.__version__, numpy.__version__, DIRECTIVES, COMPILE, LINK]
        record = BUILD / "settings.txt"
        unchanged = record.is_file() and record.read_text(encoding="utf-8") == repr(settings)
        translated = cythonize(
            self.extensions,
            include_path=["src"],
            build_dir=str(BUILD / "cython"),
            compiler_directives=DIRECTIVES,
            nthreads=2 if sys.platform == "linux" else 0,
            force=self.force or not unchanged,
        )
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(repr(settings), encoding="utf-8")
        super().run()


def extension(name: str) -> Extension:
    """The compiled module of src/bpcore/_core/<name>.pyx."""
    headers = [path for suffix in ("pxd", "h") for path in Path("src").rglob(f"*.{suffix}")]
    return Extension(
        f"bpcore._core.{name}",
        [f"src/bpcore/_core/{name}.pyx"],
        include_dirs=["src/bpcore/kernels", numpy.get_include()],
        depends=sorted(map(str, headers)),
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
    )


setup(
    packages=PACKAGES,
    package_dir={"bpcore": "bpcore"},
    package_data={
        "bpcore": ["py.typed"],
        "bpcore._core": ["*.pyi"],
        "bpcore.page": ["static/*.html", "static/*.css", "static/*.js"],
    },
    include_package_data=False,
    zip_safe=False,
    ext_modules=[extension(name) for name in MODULES],
    cmdclass={"build_ext": BuildExtensions},
    options={"build": {"build_base": str(BUILD)}, "build_ext": {"parallel": 2}},
)
