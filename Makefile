# Everything a newcomer needs: `make demo` and `make test`, in either order, with only Python and make installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check fix docs bench peers lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 14)))' || \
	  { echo "trainload needs Python 3.11 to 3.14; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv) and try again."; exit 1; }

$(VENV)/.base: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing trainload into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.base
	@echo "Installing what the tests and checks need ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.docs: requirements-docs.txt $(VENV)/.base
	@$(PIP) --require-hashes -r requirements-docs.txt
	@touch $@

demo: $(VENV)/.base ## plan the bundled study `gigawatt` and say where its report is
	@$(BIN)/trainload run gigawatt --out studies/gigawatt --overwrite

test: $(VENV)/.dev ## run the test suite
	@$(BIN)/python -m pytest

test-all: $(VENV)/.dev ## run the slow tests too
	@$(BIN)/python -m pytest -m "slow or not slow"

check: $(VENV)/.dev ## format, lint, types, generated pages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python tools/document.py --check

fix: $(VENV)/.dev ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.docs ## build the documentation into site/
	@$(BIN)/python tools/document.py
	@$(BIN)/zensical build --clean --strict

bench: $(VENV)/.dev ## time the solvers on one problem each (CASES= ENGINES= REPS=)
	@$(BIN)/python benchmarks/run.py

peers: $(VENV)/.base ## state a case for PyPSA in its own environment and record its objective
	@test -x benchmarks/peers/.venv/bin/python || $(PYTHON) -m venv benchmarks/peers/.venv
	@benchmarks/peers/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/peers/requirements.txt
	@benchmarks/peers/.venv/bin/python benchmarks/peers/record_objectives.py

lock: ## compile the hash-locked requirements files (needs uv)
	@$(PYTHON) tools/lock.py

clean: ## remove the environment and what runs have made
	rm -rf $(VENV) studies site .pytest_cache .ruff_cache .mypy_cache .hypothesis
