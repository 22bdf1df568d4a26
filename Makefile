# Bình Chọn. `make help` lists what there is; PYTHON chooses the interpreter that the environment is made with.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.PHONY: help run test check bench rehearse chaos lock clean install

## help: what can be made
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do printf 'make %-8s %s\n' "$$name" "$$text"; done

## run: set everything up and serve the demo contest on http://127.0.0.1:8000
run: install
	@exec $(BIN)/binhchon up

## test: run all tests, on real Valkey and PostgreSQL
test: install
	@exec $(BIN)/python -m pytest

## check: lint, format, types and import contracts
check: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

## bench: what a durable vote costs, beside what it is to be compared with (7 minutes; FULL=1, PROVINCE=1: more)
bench: install
	@exec $(BIN)/python -m loadtests.bench $(if $(FULL),--full) $(if $(PROVINCE),--province)

## rehearse: the spike before a campaign, ĐẠT or KHÔNG ĐẠT (4 minutes); URL=… TOKENS=… for an installation elsewhere, ARGS="--help"
rehearse: install
	@exec $(BIN)/python -m loadtests.rehearsal $(if $(URL),--url "$(URL)") $(if $(TOKENS),--tokens "$(TOKENS)") $(ARGS)

## chaos: faults under load, each checked, and docs/reliability.md (30 minutes); SEED=… repeats a run, FAULT=… one test, SOAK=30m goes on
chaos: install
	@exec $(BIN)/python -m tests.chaos $(if $(SEED),--seed "$(SEED)") $(if $(FAULT),--fault "$(FAULT)") $(if $(SOAK),--soak "$(SOAK)")

## install: create .venv and install the locked dependencies (only when they have changed)
install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml package.json package-lock.json .npmrc
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Bình Chọn needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1 || true). Set it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv or ensurepip. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo "Creating .venv …"; "$(PYTHON)" -m venv --clear .venv; }
	@echo "Installing the locked dependencies (about a minute the first time) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-build-isolation --no-deps -e .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --loglevel=error >/dev/null
	@touch $(STAMP)

## lock: choose the newest dependencies again and write requirements.lock and package-lock.json
lock: install
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --universal \
	  --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm update --loglevel=error --package-lock-only

## clean: remove the environment and caches; the data in .data stays
clean:
	@rm -rf .venv node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
