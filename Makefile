# Kubarium. `make run` opens the console on sample-cluster/, `make test` runs the tests; both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check bench shots record clean help

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.ok  ## open the console on sample-cluster/
	@$(BIN)/kubarium sample-cluster

test: $(VENV)/.ok  ## run the tests
	@$(BIN)/pytest

check: $(VENV)/.ok  ## what CI runs: style, types, import contracts, file sizes, tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest

bench: $(VENV)/.ok  ## measure speed and size, print JSON
	@$(BIN)/python -m tests.bench

shots: $(VENV)/.ok  ## make pictures of every screen in all sizes and colours, the README's among them
	@$(BIN)/python -m tests.shots

# What is built from pyproject.toml (the schema distilled by the build hook included) is up to date when .ok is newer.
$(VENV)/.ok: pyproject.toml constraints.txt hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Kubarium needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once, about half a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; \
	  then VIRTUAL_ENV=$(VENV) uv pip install -q -c constraints.txt -e '.[dev]'; \
	  else PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install -q -c constraints.txt -e '.[dev]'; fi
	@$(BIN)/python -m compileall -q engine store tui  # else the first start would compile them: seconds
	@touch $@

record: $(VENV)/.ok  ## play the first thirty seconds and make their animated pictures anew
	@$(BIN)/python -m tests.record

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache engine/api/data/schema-*.zst
