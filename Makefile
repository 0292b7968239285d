# make run      the whole stack on this machine, at http://localhost:3233
# make test     the tests
# make coverage the tests again, counting the branches of chalicelib that they take
# make check    format, lint, types, architecture, and the package that would deploy
# make format   put the code into its one format
# make bench    measure, and compare with what others take
# make admin    look after runs and lists, here or at STAGE: make admin ARGS=help
# make backup   copy the data to the file TO, also while the stack runs
# make restore  put the copy FROM in place of the data
# make repair   rebuild the lists of projects and workflows from their objects
# make clean    remove what these make, all but .data
#
# make package  .chalice/build/STAGE: what deploys to STAGE (dev or prod)
# make deploy   bring STAGE to AWS; WEB=folder puts a web client there too
# make destroy  take STAGE away; it asks for CONFIRM=STAGE
# make test-deployed   package, deploy to an emulator of AWS, and test there
# make cost     write docs/cost.md anew
#
# The first of them makes .venv, which takes Python 3.11 or newer and a network; the first
# package takes a network too.
# Settings pass through: make run TAVERN_PORT=3300, make run BACKEND=moto.

STAGE ?= dev
BUILD := .chalice/build
BIN := .venv/bin
# Tests of one file share what is costly to start.
PARALLEL := --numprocesses=auto --maxprocesses=4 --dist=loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
.PHONY: help run test coverage test-deployed check format bench cost
.PHONY: admin backup restore repair package deploy destroy clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# exec, so that a signal for make's child is one for the stack
run: .venv/installed
	@exec $(BIN)/python -m infra.local

test: .venv/installed
	@$(BIN)/pytest --quiet $(PARALLEL)

# Apart, since counting takes half as long again.
coverage: .venv/installed
	@$(BIN)/pytest --quiet $(PARALLEL) --cov --cov-report=term --cov-fail-under=90

test-deployed: .venv/installed .venv/emulator/installed
	@$(BIN)/pytest --quiet -m emulated --timeout=240 tests/end_to_end

check: .venv/installed
	@$(BIN)/ruff format --quiet --check --diff .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m infra.package $(BUILD) dev prod
	@$(BIN)/cfn-lint $(BUILD)/dev/sam.json $(BUILD)/prod/sam.json

format: .venv/installed
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

bench: .venv/installed
	@$(BIN)/python -m benchmarks

cost: .venv/installed
	@$(BIN)/python -m infra.cost

admin: .venv/installed
	@$(BIN)/python -m infra.admin $(if $(filter command,$(origin STAGE)),--stage '$(STAGE)') $(ARGS)

backup: .venv/installed
	@$(BIN)/python -m infra.local.backup $(if $(TO),'$(TO)')

restore: .venv/installed
	@$(BIN)/python -m infra.local.restore $(if $(FROM),'$(FROM)')

repair: .venv/installed
	@$(BIN)/python -m infra.admin repair

package: .venv/installed
	@$(BIN)/python -m infra.package $(BUILD) $(STAGE)

deploy: package
	@$(BIN)/python -m infra.deploy up $(STAGE) --built $(BUILD) $(if $(WEB),--web '$(WEB)') \
	  $(foreach parameter,$(PARAMETERS),--parameter '$(parameter)')

destroy: .venv/installed
	@$(BIN)/python -m infra.deploy down $(STAGE) --confirm '$(CONFIRM)'

clean:
	@rm -rf .venv $(BUILD) .coverage htmlcov .hypothesis
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find app.py chalicelib infra tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.venv/installed: requirements.txt requirements-dev.txt constraints.txt
	@for python in $(or $(PYTHON),python3.11 python3); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Installing into .venv" >&2; $$python -m venv .venv; exit; \
	  fi; \
	done; \
	echo "Python 3.11 or newer is needed, and there is none: install it," \
	  "or say where it is with make PYTHON=/path/to/python3.11" >&2; exit 1
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Inside .venv, since it is part of what is installed; apart, since it pins another SDK.
.venv/emulator/installed: requirements-emulator.txt .venv/installed
	@$(BIN)/python -m venv .venv/emulator
	@.venv/emulator/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-emulator.txt
	@touch $@
