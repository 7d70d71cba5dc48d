# `make` alone prints the targets.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help demo run quick test coverage product chaos prove rehearse bench lint types format docs lock sbom ci

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(VENV)/installed ## pay two fines through an operator that answers 504, then stop
	@$(BIN)/quittance demo

run: $(VENV)/installed ## the sandbox, the API and a worker on this machine, until Ctrl-C
	@$(BIN)/quittance run || [ $$? -eq 130 ] # Ctrl-C is how it ends

quick: $(VENV)/installed-dev ## the tests that need no server and no process of their own, in less than a minute
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" \
		tests/core tests/worker tests/api tests/ops tests/ussd tests/simulation/test_simulation.py tests/test_house.py

test: $(VENV)/installed-dev ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

coverage: $(VENV)/installed-dev ## the tests that need no server, and the share of lines and branches that they reach
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered \
		tests/core tests/worker tests/api tests/ussd tests/mock_api tests/ops tests/simulation

product: $(VENV)/installed-dev ## create a product from the template: NAME=parking, and INTO=a folder elsewhere
	@$(BIN)/python -m devtools.product $(NAME) $(if $(INTO),--into $(INTO))

chaos: $(VENV)/installed-dev ## faults on real processes, embedded and on two sorts of servers; 400 kills before webhooks are delivered
	$(BIN)/quittance chaos
	$(BIN)/quittance chaos --store mongodb --broker rabbitmq
	$(BIN)/quittance chaos --store postgresql --broker rabbitmq
	WEBHOOK_KILLS=200 $(BIN)/python -m pytest -q tests/e2e/test_webhooks.py -k killed

prove: $(VENV)/installed-dev ## every route as every kind of caller, in 20,000 cases; SEEDS=20 also runs so many simulations
	$(BIN)/python -m devtools.described $(if $(SEED),--seed $(SEED))
	@for seed in $$(seq 1 $(or $(SEEDS),0)); do $(BIN)/quittance simulate --seed $$seed || exit 1; done

rehearse: $(VENV)/installed-dev ## the image and the Compose file on a private Docker Engine, from first start to upgrade; root on Debian
	@$(BIN)/python -m devtools.rehearsal

bench: $(VENV)/installed-dev ## measure speed and size, and print the table
	$(BIN)/python -m bench

lint: $(VENV)/installed-dev ## style, import law, container and workflow files, spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile devtools/rehearsal/*.Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml proof/mongo-replica-set/compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/codespell

types: $(VENV)/installed-dev ## types
	$(BIN)/mypy

format: $(VENV)/installed-dev ## format the code, and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/installed-dev ## write the generated parts of docs/reference, .env.example and the Postman collection
	$(BIN)/python -m devtools.reference ops.commands:cli products.webhooks.catalogue
	$(BIN)/python -m devtools.postman

# Extras stay: pip 23 takes `coverage[toml]` for a requirement without a pin when the lock names `coverage` only.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras

lock: $(VENV)/installed-dev ## pin what the *.in files ask for, with hashes; UPGRADE=--upgrade takes the newest
	$(COMPILE) $(UPGRADE) --output-file requirements.txt requirements.in
	$(COMPILE) $(UPGRADE) --output-file requirements-traces.txt --constraint requirements.txt requirements-traces.in
	$(COMPILE) $(UPGRADE) --output-file requirements-dev.txt --constraint requirements.txt requirements-dev.in

sbom: $(VENV)/installed-dev ## write sbom.json: what the services run on, in CycloneDX
	$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.txt \
		--pyproject pyproject.toml --output-reproducible --output-file sbom.json

ci: ## format, lint, types, tests
	$(MAKE) format
	$(MAKE) lint
	$(MAKE) types
	$(MAKE) test

# What is printed when $(1) is installed for the first time, or again after $? has changed.
announce = @if [ -e $@ ]; then echo "$? changed: installing $(1) into $(VENV), up to a minute"; \
	else echo "Installing $(1) into $(VENV), about a minute"; fi
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The command quittance: a path to this folder. What builds it is in the lock, so nothing is downloaded.
INSTALL_COMMAND := $(INSTALL) --no-deps --no-build-isolation --editable .

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quittance needs Python 3.11 or later")'
	@echo "Creating a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt | $(VENV)/created
	$(call announce,the libraries)
	@$(INSTALL) --require-hashes --requirement requirements.txt
	@$(INSTALL_COMMAND)
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt | $(VENV)/created
	$(call announce,the libraries and the tools of development)
	@$(INSTALL) --require-hashes --requirement requirements-dev.txt
	@$(INSTALL_COMMAND)
	@touch $@ $(VENV)/installed
