# The commands that people type.  Needed: Python 3.11 or newer with venv, a C compiler, make.
#   make demo ARGS="--epochs 5"         make test ARGS="-m 'not slow'"  (a minute, no new builds)
#   make demo ARGS="--help"             make test PYTHON=python3.12 VENV=.venv312

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
ARGS ?=
FILES ?= 20000
KILLS ?= 100
SEED ?= 1

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
WHEEL = $(VENV)/wheel
SOURCES = setup.py pyproject.toml MANIFEST.in LICENSE $(wildcard README.md) \
    $(wildcard src/bpcore/*.pyx src/bpcore/*.pxd src/bpcore/*.h) \
    $(wildcard bpcore/*.py bpcore/*.pyi bpcore/py.typed)

.PHONY: help demo test fuzz kill bench bench-quick lint install develop clean

help:
	@echo "make demo      set up .venv and train the handwriting recogniser; ARGS=\"--help\" lists its options"
	@echo "make test      set up .venv and test the installed wheel; ARGS=\"-k words\" selects"
	@echo "make fuzz      damaged model and IDX files for the readers; FILES=20000 SEED=1"
	@echo "make kill      kill -9 a training that writes checkpoints, and resume it; KILLS=100"
	@echo "make lint      ruff, cython-lint, mypy, stubtest and codespell"
	@echo "make bench     bpcore and its peers side by side; ARGS=\"-k words\" selects, ARGS=--docs"
	@echo "               writes docs/performance.md; make bench-quick: the essentials, two minutes"
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
	find build/lib* -type f ! -name "*.so" -delete 2>/dev/null || true
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
	rm -rf build/check && mkdir -p build/check
	cp -R tests pyproject.toml build/check
	cd build/check && BPCORE_SOURCE="$(CURDIR)" $(abspath $(BIN))/python -m pytest \
	    -n $(WORKERS) --dist loadfile --no-loadscope-reorder -p no:benchmark \
	    --doctest-modules --pyargs tests/ bpcore $(ARGS)

# Some ten minutes; another SEED, other files.
fuzz: $(WHEEL)/with-test
	rm -rf build/fuzz && mkdir -p build/fuzz
	cp -R tests pyproject.toml build/fuzz
	cd build/fuzz && BPCORE_FUZZ_FILES=$(FILES) BPCORE_FUZZ_SEED=$(SEED) \
	    $(abspath $(BIN))/python -m pytest -p no:xdist -s tests/test_fuzz_files.py $(ARGS)

kill: $(WHEEL)/with-files
	$(BIN)/python -P tests/kill_run.py $(KILLS) $(SEED)

bench: $(WHEEL)/with-bench
	$(BIN)/python -P -m pytest -p no:xdist benchmarks $(ARGS)

bench-quick: $(WHEEL)/with-bench
	$(BIN)/python -P -m pytest -p no:xdist benchmarks --quick $(ARGS)

lint: $(WHEEL)/with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint src/bpcore
	$(BIN)/mypy
	cd $(WHEEL) && $(abspath $(BIN))/python -m mypy.stubtest --ignore-missing-stub \
	    --ignore-disjoint-bases --allowlist "$(CURDIR)/.ci/stubtest-allowlist" \
	    --mypy-config-file "$(CURDIR)/pyproject.toml" \
	    $(patsubst bpcore/%.pyi,bpcore.%,$(wildcard bpcore/*.pyi))
	$(BIN)/codespell

install: $(WHEEL)/with-test

develop:
	test -x .venv-develop/bin/python || $(PYTHON) -m venv .venv-develop
	.venv-develop/bin/python -m pip --quiet --quiet install --editable ".[test,lint,bench]"
	@echo "Now: source .venv-develop/bin/activate"

clean:
	rm -rf build dist *.egg-info .venv .venv-develop $(VENV) bpcore/*.so src/bpcore/*.c
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find bpcore tests benchmarks -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
