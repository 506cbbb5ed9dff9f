# Executable Documents. `make help` explains itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first that is new enough: a machine may have no python3, or an older one by that name.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
  $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done || true)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_PYTHON_DOWNLOADS := never
# A machine behind a proxy with a certificate of its own has that in its store; uv and requests bring their own stores.
CERTIFICATES := $(firstword $(wildcard $(SSL_CERT_FILE) /etc/ssl/certs/ca-certificates.crt \
  /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))
ifneq ($(CERTIFICATES),)
export UV_SYSTEM_CERTS ?= true
export REQUESTS_CA_BUNDLE ?= $(CERTIFICATES)
endif
# pyenv shows only one interpreter unless it is given the others' names; tox takes those it finds.
PYENV_VERSION ?= $(shell pyenv versions --bare 2>/dev/null | grep -E '^3\.1[1-3]\.[0-9]+$$' | paste -sd: -)
ifneq ($(strip $(PYENV_VERSION)),)
export PYENV_VERSION
endif

# A read-only home has no place for uv's cache.
ifeq ($(UV_CACHE_DIR)$(shell mkdir -p "$${XDG_CACHE_HOME:-$$HOME/.cache}/uv" 2>/dev/null && echo writable),)
export UV_CACHE_DIR := $(VENV)/cache
endif

SERVICES ?= auto
# The documents that need nothing beyond the environment and few processes, in the order of their cost.
LIGHT := exponents factoring_quadratics peace_score service_discovery foreign_partitions table_summarization
# Those whose services are small: PostgreSQL and ZooKeeper.
SMALL := $(LIGHT) customer_sharding
BEGUN := $(shell date +%s)
MOST_MINUTES := 75
PYTEST := $(BIN)/pytest
# Runs a step and says how long it took.
step = @printf '\n=== %s\n' '$(1)'; since=$$SECONDS; $(2); printf '=== %s: %d min %02d s\n' '$(1)' $$(((SECONDS - since) / 60)) $$(((SECONDS - since) % 60))

##@ A stranger's two commands
.PHONY: scenarios
scenarios: $(VENV)/locked ## prove the documents' claims with the services that run without Docker, ending with the ledger; QUICK=1: the light documents
	@$(if $(QUICK),EXECUTABLE_DOCUMENTS_QUICK=1) $(PYTEST) $(if $(QUICK),$(LIGHT:%=scenarios/%),scenarios/) --services=embedded
ifdef QUICK
	@echo 'make scenarios, without QUICK, proves the other documents, too.'
endif

# What only waits or computes for itself runs two at a time, roughly the longest first; each prints when it has ended.
# Four at a time on two cores took no less time. The scenarios of documents that hardly compare times are among these
# steps, but not the data platform's: they alone keep two cores busy, and beside others Kafka took twelve seconds to
# answer. What starts a platform once more (its sabotage, its services' own tests) is left to `make soak`, as
# Python 3.12 is between 3.11 and 3.13.
APART := customer_sharding service_discovery cloud_migrations package_index sphinx_documentation
ALONE := $(filter-out realtime_data_platform $(APART),$(patsubst scenarios/%/claims.toml,%,$(wildcard scenarios/*/claims.toml)))
ASIDE := scenarios-apart services-light machinery tox-py313 sabotage-light sabotage-heavy installation mutants-changed tox-py311 tox-types
AT_ONCE ?= 2
.PHONY: test
test: $(VENV)/locked ## what CI runs: lint, types, the machinery's tests, sabotage, gate, scenarios (in containers where there is Docker)
	$(call step,lint,$(BIN)/tox -q run -e lint)
	@$(MAKE) --no-print-directory --jobs=$(AT_ONCE) --output-sync=recurse $(ASIDE:%=aside-%)
	$(call step,benchmarks: the gate,$(MAKE) --no-print-directory gate)
	$(call step,scenarios of the data platform,$(MAKE) --no-print-directory scenarios-platform)
	$(call step,scenarios of documents that compare times,$(PYTEST) $(ALONE:%=scenarios/%) --services=$(SERVICES) --claims-strict)
	@took=$$((($$(date +%s) - $(BEGUN)) / 60)); ((took <= $(MOST_MINUTES))) || \
	  { printf 'make test took %d minutes; it may take %d\n' $$took $(MOST_MINUTES) >&2; exit 1; }

.PHONY: $(ASIDE:%=aside-%)
$(ASIDE:%=aside-%): aside-%:
	$(call step,$*,$(MAKE) --no-print-directory $*)

.PHONY: scenarios-platform scenarios-apart
scenarios-platform: $(VENV)/locked
	@$(PYTEST) scenarios/realtime_data_platform --services=$(SERVICES) --claims-strict
scenarios-apart: $(VENV)/locked
	@$(PYTEST) $(APART:%=scenarios/%) --services=$(SERVICES) --claims-strict

PLATFORM_LIFE := fixtures/tests/services/test_life_of_the_platform.py
.PHONY: services services-light services-platform
services: services-light services-platform ## the services' own tests, in both modes
services-light: $(VENV)/locked
	@$(PYTEST) -q fixtures/tests/services fixtures/tests/images --ignore=$(PLATFORM_LIFE)
services-platform: $(VENV)/locked
	@$(PYTEST) -q $(PLATFORM_LIFE)

.PHONY: installation
installation: $(VENV)/locked ## each extra in an environment of its own, and the first command on machines that lack something
	@$(PYTEST) -q fixtures/tests/installation

# The tests of the libraries, by the folders of reference/.
LIBRARIES := $(filter-out %__pycache__,$(wildcard $(patsubst reference/%/,fixtures/tests/%,$(wildcard reference/*/))))
.PHONY: libraries machinery
libraries:
	@$(PYTEST) -q $(LIBRARIES) --services=embedded

machinery: $(VENV)/locked ## the tests of everything but the libraries and the services, on this Python
	@$(PYTEST) -q fixtures/tests $(LIBRARIES:%=--ignore=%) --ignore=fixtures/tests/services --ignore=fixtures/tests/images \
	  --ignore=fixtures/tests/installation --services=embedded

tox-%: $(VENV)/locked
	@$(BIN)/tox -q run -e $* --skip-missing-interpreters=true

.PHONY: help
help: ## this page
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Services
.PHONY: images
images: $(VENV)/locked ## build the images of the services, from packages alone (needs a Docker engine)
	@$(BIN)/python -m fixtures.images build

.PHONY: up
up: $(VENV)/locked ## start a document's services as processes (SERVICES=docker: in containers) and leave them running: make up SCENARIO=service_discovery
	@$(BIN)/python -m fixtures.services up "$(SCENARIO)" --services=$(if $(filter file,$(origin SERVICES)),embedded,$(SERVICES))

.PHONY: down
down: $(VENV)/locked ## end the services that were left running
	@$(BIN)/python -m fixtures.services down

##@ The ledger
.PHONY: claims
claims: $(VENV)/locked ## every claim of every document
	@$(BIN)/python -m fixtures.claims list

.PHONY: ledger-diff
ledger-diff: $(VENV)/locked ## what the last run says differently from the published one
	@$(BIN)/python -m fixtures.claims ledger-diff

.PHONY: publish
publish: $(VENV)/locked ## publish the last run (complete, with Docker, on a clean tree) to results/
	@$(BIN)/python -m fixtures.claims publish
	@$(BIN)/python -m benchmarks plot
	@$(BIN)/cog -r README.md docs/index.md docs/figures.md docs/using.md

.PHONY: sabotage sabotage-light sabotage-heavy sabotage-platform
sabotage: sabotage-light sabotage-heavy sabotage-platform ## give each test of an erratum the other way: each must go red, as its marker says
sabotage-light: $(VENV)/locked
	@$(PYTEST) $(SMALL:%=scenarios/%) --services=embedded --sabotage -q
sabotage-heavy: $(VENV)/locked
	@$(PYTEST) scenarios/ $(SMALL:%=--ignore=scenarios/%) --ignore=scenarios/realtime_data_platform --services=$(SERVICES) --sabotage -q
sabotage-platform: $(VENV)/locked
	@$(PYTEST) scenarios/realtime_data_platform --services=$(SERVICES) --sabotage -q

# The commit of the published run, where this clone has it; else the last but one.
BASE ?= $(shell commit=$$(sed -n 's/.*"commit": "\([0-9a-f]*\)".*/\1/p' results/claims.json); \
  git merge-base --is-ancestor "$$commit" HEAD 2>/dev/null && echo "$$commit" || git rev-parse -q --verify HEAD~1)
.PHONY: mutants
mutants: $(VENV)/locked ## break the libraries line by line, in a copy: a claim's tests must notice: make mutants DOCUMENT=service_discovery; KEEP=1: services run on in between
	@$(BIN)/python -m fixtures.claims mutants $(DOCUMENT) $(if $(KEEP),--keep)

.PHONY: mutants-changed
mutants-changed: $(VENV)/locked ## the same for what changed since the published run (or BASE=commit), for two minutes
	@$(BIN)/python -m fixtures.claims mutants --changed "$(BASE)" --minutes 2

.PHONY: document
document: $(VENV)/locked ## create the folders of a new document: make document NAME=...
	@$(BIN)/python -m fixtures.claims document "$(NAME)"

##@ Figures
.PHONY: gate
gate: $(VENV)/locked ## the ratios and growths that may not get worse, at CI size
	@$(PYTEST) benchmarks/ --sizes=gate --services=$(SERVICES) -q

# A run of some figures is stored as a file of its own; the newest run of each figure counts.
NEXT = $(shell printf '%04d' "$$(ls results/benchmarks/*.json | wc -l)")
.PHONY: benchmarks
benchmarks: $(VENV)/locked ## every figure at full size, beside those that are stored (half an hour); ONLY=name: some, as -k; make publish stores them
	@mkdir -p results/last/benchmarks
	@$(PYTEST) benchmarks/ $(if $(ONLY),-k "$(ONLY)") --sizes=full --services=$(SERVICES) --benchmark-compare \
	  --benchmark-json=results/last/benchmarks/$(if $(ONLY),$(NEXT),0002)_ours.json

.PHONY: peers
peers: $(VENV)/locked ## the published packages at their large sizes (long, by hand)
	@$(PYTEST) benchmarks/ --sizes=peers --timeout=7200 --benchmark-json=results/benchmarks/0001_peers.json

.PHONY: soak
soak: $(VENV)/locked ## the largest tables; or a document's scenario again and again: make soak DOCUMENT=service_discovery N=10
ifdef DOCUMENT
	@$(BIN)/python -m fixtures.claims mutants "$(DOCUMENT)" --services=$(SERVICES)
	@for i in $$(seq $(or $(N),10)); do HYPOTHESIS_PROFILE=soak $(PYTEST) "scenarios/$(DOCUMENT)" --services=$(SERVICES) --timeout=1800 -q; done
else
	@$(MAKE) --no-print-directory sabotage-platform services-platform
	@$(BIN)/python -m fixtures.claims mutants --services=$(SERVICES)
	@$(BIN)/tox -q run -e py312 -- $(LIBRARIES)
	@$(PYTEST) benchmarks/test_table_summarization.py --sizes=soak --timeout=7200 -k test_growth \
	  --benchmark-json=results/benchmarks/0003_soak.json
endif

##@ Upkeep
.PHONY: format
format: $(VENV)/locked ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(VENV)/locked ## resolve every lock anew, with hashes
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml --all-extras --group scenarios --group checks --group docs -o requirements/development.txt
	grep -A 200 '^uv==' requirements/development.txt | awk '/^    # via/ {exit} {print}' > requirements/uv.txt
	for lock in fixtures/venvs/*.in; do \
	  $(UV) pip compile -q --universal --python-version "$$(sed -n 's/^# python \([0-9.]*\).*/\1/p' $$lock)" --generate-hashes --no-emit-index-url --no-header \
	    $$(sed -n 's/^# uv //p' $$lock) $$lock -o $${lock%.in}.txt; done
	$(BIN)/python -m fixtures.services.fetching.jars

.PHONY: clean-cache
clean-cache: $(VENV)/locked ## remove what was fetched and built for every checkout (EXECUTABLE_DOCUMENTS_CACHE, by default your cache folder)
	@$(BIN)/python -m fixtures.cache

# The standard library's venv and pip fetch uv by its hash; uv does the rest.
$(UV): requirements/uv.txt
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'Python 3.11 or later is needed: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 2 --require-hashes \
	  -r requirements/uv.txt >$(VENV)/pip.log 2>&1 || { echo 'uv cannot be fetched from the package index: is the network, or the proxy that it' \
	  'needs, available? $(VENV)/pip.log has the details. Then run the command again.' >&2; exit 1; }
	@touch $@

$(VENV)/locked: $(UV) requirements/development.txt pyproject.toml
	@$(UV) pip install --quiet --python $(BIN)/python $(if $(QUICK),,--compile-bytecode) --require-hashes -r requirements/development.txt || \
	  { echo 'The packages of requirements/development.txt cannot be installed; the lines above say why. Run the command' \
	  'again: what was fetched is kept.' >&2; exit 1; }
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

