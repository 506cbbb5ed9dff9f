# Executable Documents. `make help` explains itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_PYTHON_DOWNLOADS := never
# pyenv shows only one interpreter unless it is told of the others; tox takes those it finds.
export PYENV_VERSION ?= $(shell pyenv versions --bare 2>/dev/null | grep -E '^3\.1[1-9]\.[0-9]+$$' | paste -sd: -)
ifeq ($(PYENV_VERSION),)
unexport PYENV_VERSION
endif

SERVICES ?= auto
PYTEST := $(BIN)/pytest --services=$(SERVICES)

##@ A stranger's two commands
.PHONY: scenarios
scenarios: $(VENV)/locked ## prove the documents' claims on the services to be had here, ending with the ledger
	$(PYTEST) scenarios/

.PHONY: help
help: ## this page
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Upkeep
.PHONY: lock
lock: $(UV) ## resolve requirements/*.txt anew from pyproject.toml, with hashes
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml --all-extras --group scenarios --group checks --group docs -o requirements/development.txt
	grep -A 200 '^uv==' requirements/development.txt | awk '/^    # via/ {exit} {print}' > requirements/uv.txt

# The standard library's venv and pip fetch uv by its hash; uv does the rest.
$(UV): requirements/uv.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	touch $@

$(VENV)/locked: $(UV) requirements/development.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/development.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@
