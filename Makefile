# `make demo` and `make test` need only Python 3.11+ and make; both set up .venv first.
PYTHON ?= python3
VENV := .venv
GRADES := $(VENV)/.grades
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin
DEMO := demo_runs
SYSTEM_TORCH ?=
FUZZ_MINUTES ?= 60
LEDGER ?= .test_seconds.json
PART ?=

unexport PYTHONDONTWRITEBYTECODE  # else each of a thousand processes would compile this program again

.PHONY: demo wheel test fast nightly fuzz lint build docs redteam help

help:
	@echo "make demo   set up, prepare data, grade the submissions of examples/ and build the report; SYSTEM_TORCH=1"
	@echo "make test   set up, then the whole test suite with coverage"
	@echo "make fast   the tests that start no kernel, train nothing and take less than a third of a second, one minute"
	@echo "make wheel  build the wheel for students and that of the tasks in dist/, install them in a clean environment and try them"
	@echo "make nightly  what proves more and takes hours; one part: make nightly PART=ray"
	@echo "make redteam  attack noisy_labels with every hostile submission of tests/hostile"
	@echo "make fuzz   look for crashes with new random submissions, zips and frames; FUZZ_MINUTES=60"
	@echo "make lint   ruff, mypy, import layers, notebooks in step with their source"
	@echo "make build  generate the starter and solution notebooks"
	@echo "make docs   the pages of docs/ as a site that needs no network: site/index.html"

# What grading needs. SYSTEM_TORCH=1 uses the PyTorch of $(PYTHON), and then pins neither it nor its libraries.
$(GRADES): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
ifeq ($(SYSTEM_TORCH),)
	@echo "Setting up $(VENV): 113 packages, 6.2 GB on disk, of which PyTorch and its CUDA libraries are 32 packages and 5.8 GB."
	@echo "About 3.5 GB are downloaded; that takes 5 to 15 minutes. With PyTorch installed already: make $(MAKECMDGOALS) SYSTEM_TORCH=1"
	$(PYTHON) -m venv $(VENV) && rm -f $(VENV)/constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.[grade]'
else
	$(PYTHON) -m venv --system-site-packages $(VENV)
	@$(BIN)/python -c 'import torch, torchvision' 2>/dev/null || { \
	  echo "SYSTEM_TORCH=1: $(PYTHON) has no torch and torchvision that $(VENV) can see; install both for it, or run make without SYSTEM_TORCH"; exit 1; }
	@echo "Setting up $(VENV) with the PyTorch of $(PYTHON): about 80 packages, 0.5 GB on disk, 0.2 GB to download, 1 to 2 minutes."
	@grep -Ev '^(torch|torchvision|triton|nvidia[a-z0-9_-]*|cuda[a-z0-9_-]*)==' constraints.txt > $(VENV)/constraints.txt
	$(BIN)/python -m pip install -c $(VENV)/constraints.txt -e '.[grade]'
endif
	@touch $@

# What tests, linters and the site of docs/ need beside it.
$(STAMP): $(GRADES)
	@echo "Adding what the tests need to $(VENV): 98 packages, 0.8 GB on disk, 1 to 3 minutes."
	$(BIN)/python -m pip install -c $(firstword $(wildcard $(VENV)/constraints.txt) constraints.txt) -e '.[grade,serve,dev,crosscheck,metrics,ray,docs]'
	@touch $@

demo: $(GRADES)
	$(BIN)/grader doctor
	$(BIN)/grader prepare noisy_labels
	$(BIN)/grader grade noisy_labels examples/noisy_labels --out $(DEMO) --jobs 2 --repeats 3 --time-limit 40 --no-agreement
	$(BIN)/grader report $(DEMO)
	@echo "Open $(DEMO)/report/index.html in a browser: the leaderboard, and feedback for each submission."

# Both wheels, installed in a clean environment that borrows the dependencies of $(VENV).
wheel: $(STAMP)
	.ci/wheel $(BIN)/python

WORKERS := -n 3 --dist loadgroup

test: $(STAMP)
	$(BIN)/python -m pytest $(WORKERS) --cov --cov-report=term-missing:skip-covered --cov-fail-under=90 --ledger=$(LEDGER)

fast: $(STAMP)
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not long"

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

build: $(GRADES)
	$(BIN)/grader build

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

redteam: $(GRADES)
	$(BIN)/grader redteam noisy_labels
