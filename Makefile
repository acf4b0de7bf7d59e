# `make demo` and `make test` need only Python 3.11+ and make; both set up .venv first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin
DEMO := demo_runs
FUZZ_MINUTES ?= 60
LEDGER ?= .test_seconds.json
PART ?=

.PHONY: demo test fast nightly fuzz lint build docs redteam help

help:
	@echo "make demo   set up, prepare data, grade the submissions of examples/ and print the table"
	@echo "make test   set up, then the whole test suite with coverage"
	@echo "make fast   the tests that start no kernel and train nothing, under a minute"
	@echo "make nightly  what proves more and takes hours; one part: make nightly PART=ray"
	@echo "make redteam  attack noisy_labels with every hostile submission of tests/hostile"
	@echo "make fuzz   look for crashes with new random submissions, zips and frames; FUZZ_MINUTES=60"
	@echo "make lint   ruff, mypy, import layers, notebooks in step with their source"
	@echo "make build  generate the starter and solution notebooks"
	@echo "make docs   the pages of docs/ as a site that needs no network: site/index.html"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,crosscheck,ray,docs]'
	@touch $@

demo: $(STAMP)
	$(BIN)/grader doctor
	$(BIN)/grader prepare noisy_labels
	$(BIN)/grader grade noisy_labels examples/noisy_labels --out $(DEMO) --jobs 2 --time-limit 100
	@echo "Open an executed notebook, for example:"
	@ls $(DEMO)/runs/colab_saved/*/repeat-0/executed.ipynb $(DEMO)/runs/exception/*/repeat-0/executed.ipynb

WORKERS := -n 2 --dist loadgroup

test: $(STAMP)
	$(BIN)/python -m pytest $(WORKERS) --cov --cov-report=term-missing:skip-covered --cov-fail-under=90 --ledger $(LEDGER)

fast: $(STAMP)
	$(BIN)/python -m pytest $(WORKERS) -m "not slow"

nightly: $(STAMP)
	$(BIN)/python tests/nightly.py $(PART)

fuzz: $(STAMP)
	@end=$$(($$(date +%s) + 60 * $(FUZZ_MINUTES))); \
	while [ $$(date +%s) -lt $$end ]; do \
	  $(BIN)/python -m pytest -q -x --durations=0 --durations-min=60 --hypothesis-profile=hour tests/fuzz || { \
	    echo "Stopped. What fails, as small as could be, is above, and its bytes are in tests/fuzz/crashes:"; \
	    ls tests/fuzz/crashes/found.* 2>/dev/null; exit 1; }; \
	done

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/grader build --check

build: $(STAMP)
	$(BIN)/grader build

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

redteam: $(STAMP)
	$(BIN)/grader redteam noisy_labels
