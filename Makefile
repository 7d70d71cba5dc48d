# `make` alone prints what there is.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help demo run test chaos bench lint types format ci

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(VENV)/installed ## pay a fine, watch it survive a 504, stop everything
	@$(BIN)/python -m ops demo

run: $(VENV)/installed ## the sandbox, the API and a worker on this machine, until Ctrl-C
	@$(BIN)/python -m ops run || [ $$? -eq 130 ] # Ctrl-C is how it ends

test: $(VENV)/installed-dev ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

chaos: $(VENV)/installed-dev ## two minutes of faults on real processes, on both set-ups
	$(BIN)/python -m ops chaos
	$(BIN)/python -m ops chaos --broker rabbitmq

bench: $(VENV)/installed-dev ## measure speed and size, and print the table
	$(BIN)/python -m bench

lint: $(VENV)/installed-dev ## style, import law, container files
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

types: $(VENV)/installed-dev ## types
	$(BIN)/mypy

format: $(VENV)/installed-dev ## put the code into its form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

ci: ## format, lint, types, tests
	$(MAKE) format
	$(MAKE) lint
	$(MAKE) types
	$(MAKE) test

$(VENV)/created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quittance needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt | $(VENV)/created
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt | $(VENV)/created
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@ $(VENV)/installed
