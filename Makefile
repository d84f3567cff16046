# Two commands do everything on a machine with Python 3.11+ and make: `make run` and `make test`.
# Each makes its own virtual environment in .venv the first time; nothing is installed outside this folder.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin

# The first interpreter that really starts, is new enough, and can make environments; PYTHON=... overrides it.
ifndef PYTHON
PYTHON := $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done)
endif

# Test processes at once. More than four share one PostgreSQL and gain nothing.
TEST_PROCESSES ?= $(shell "$(PYTHON)" -c 'import os; print(max(2, min(4, os.cpu_count() or 2)))' 2>/dev/null || echo 2)

# `make run PORT=9000 REFERRAL_DATA_DIR=/srv/referrals` reaches the service as environment.
PORT ?= 8080
REFERRAL_DATA_DIR ?= data
export PORT REFERRAL_DATA_DIR

export PIP_DISABLE_PIP_VERSION_CHECK := 1

##@ Use

.PHONY: run
run: $(VENV)/.ready ## start the service with demo data on http://127.0.0.1:$PORT (stop: Ctrl-C)
	@REFERRAL_DEVELOPMENT="$${REFERRAL_DEVELOPMENT:-true}" exec $(BIN)/referral-service up

##@ Work

.PHONY: test
test: $(VENV)/.ready-dev ## run every test on SQLite and PostgreSQL (ARGS="-k claim" narrows it)
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(ARGS)

.PHONY: lint
lint: $(VENV)/.ready-dev ## style, types, import rules, security findings, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml referral_service
	$(BIN)/hadolint Dockerfile

.PHONY: format
format: $(VENV)/.ready-dev ## rewrite the sources in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench bench-growth
bench: $(VENV)/.ready-dev ## measure the hot paths beside the floors of this very machine (ARGS="--quick")
	$(BIN)/python -m benchmarks paths $(ARGS)

bench-growth: $(VENV)/.ready-dev ## what requests cost at 10 thousand to 5 million referrals (ARGS="--sizes 10k,100k")
	$(BIN)/python -m benchmarks growth $(ARGS)

.PHONY: campaigns
campaigns: export CAMPAIGN_SIZE := long
# What lacks a program says so before the hours begin; ARGS narrow the others.
campaigns: $(VENV)/.ready-dev $(if $(ARGS),,failover) ## the safety campaigns at full length (hours)
	$(BIN)/python -m pytest tests/campaigns tests/contract -n $(TEST_PROCESSES) --dist worksteal --timeout 14400 $(ARGS)

.PHONY: failover
failover: $(VENV)/.ready-dev $(VENV)/patroni/.ready ## kill the leader of three PostgreSQL nodes under load (minutes; needs etcd-server)
	PATRONI="$${PATRONI:-$(VENV)/patroni/bin/patroni}" \
		$(BIN)/python -m pytest -q -s -n 0 tests/campaigns/failover/failing_over.py

.PHONY: openapi
openapi: $(VENV)/.ready-dev ## write openapi.yaml from the code
	$(BIN)/referral-service openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

.PHONY: errors
errors: $(VENV)/.ready-dev ## write docs/errors.md from the code
	$(BIN)/referral-service errors > errors.md.new
	mv errors.md.new docs/errors.md

.PHONY: screenshots
screenshots: $(VENV)/.ready-dev ## take every page in both themes on a phone and on a desk, into screenshots/ (needs Chromium)
	$(BIN)/python -m pytest -q -n 0 tests/browser/screenshots.py

TRANSLATIONS := referral_service/share/translations

.PHONY: translations
translations: $(VENV)/.ready-dev ## gather the pages' texts into the catalogues and compile them (NEW=pl begins a language)
	$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords phrase --keywords plural:1,2 \
		--add-location file --sort-by-file --omit-header --width 110 --output-file $(TRANSLATIONS)/messages.pot .
	@if [ -n "$(NEW)" ]; then $(BIN)/pybabel --quiet init --width 110 \
		--input-file $(TRANSLATIONS)/messages.pot --output-dir $(TRANSLATIONS) --locale "$(NEW)"; fi
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 110 \
		--input-file $(TRANSLATIONS)/messages.pot --output-dir $(TRANSLATIONS)
	$(BIN)/pybabel --quiet compile --directory $(TRANSLATIONS)

.PHONY: requirements
requirements: $(VENV)/.ready-dev ## pin what the image installs, with hashes (needs Python 3.13, as the image has)
	$(BIN)/python -m pip install --quiet 'pip-tools>=7.5'
	$(BIN)/pip-compile --quiet --strip-extras --extra redis --generate-hashes --allow-unsafe \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
		--output-file requirements.txt pyproject.toml

.PHONY: clean
clean: ## remove what the commands above made; the service's data folder stays
	rm -rf $(VENV) build dist *.egg-info openapi.yaml.new errors.md.new \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .benchmarks .coverage htmlcov
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment is made again when the list of dependencies changes. The stamps carry how far it got, so an
# interrupted installation is resumed, and an installed one needs no network.

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer with its venv module is needed (Debian: apt install python3-venv)." >&2; exit 1; fi
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.ready: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# Patroni in an environment of its own: what it depends on is not ours to depend on.
$(VENV)/patroni/.ready: | $(VENV)/.made
	"$(PYTHON)" -m venv --clear $(VENV)/patroni
	$(VENV)/patroni/bin/python -m pip install --quiet 'patroni[etcd3,psycopg3]>=4.1,<5' 'psycopg[binary]>=3.3.9,<4'
	@touch $@

$(VENV)/.ready-dev: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ $(VENV)/.ready
