# Chartgate: `make demo` and `make test` do everything on a fresh machine; bare `make` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EHR ?= embedded
ARGS ?=
# The parts of the tests that run beside the one named rest (tests/conftest.py).
ASIDE := hapi flow contract
ROOMS := r4 vocabulary auth sandbox fidelity writeback monitoring conformance gateway models migrations

unexport PYTHONDONTWRITEBYTECODE # the tests start dozens of processes, and each would compile every module again

.DEFAULT_GOAL := help
.PHONY: help demo up test check mutants bench campaign hapi system lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(VENV)/runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Chartgate into $(VENV) (about half a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

$(VENV)/tests: $(VENV)/runtime requirements-test.lock
	@echo "Installing the test tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

demo: $(VENV)/runtime ## the main job, headless (EHR=hapi: against a real HAPI server)
	@$(BIN)/chartgate demo --ehr $(EHR) $(ARGS)

up: $(VENV)/runtime ## a sandbox EHR and the gateway on loopback
	@$(BIN)/chartgate up --ehr $(EHR) $(ARGS)

test: $(VENV)/tests system ## everything, with real HAPI, PostgreSQL and Chromium
	@rm -f $(VENV)/*.code; for part in $(ASIDE); do \
	  { $(BIN)/python -m pytest --part $$part $(ARGS) > $(VENV)/$$part.log 2>&1; echo $$? > $(VENV)/$$part.code; } & \
	done; $(BIN)/python -m pytest --part rest $(ARGS); failed=$$?; wait; \
	for part in $(ASIDE); do echo "Part $$part:"; cat $(VENV)/$$part.log; failed=$$((failed | $$(cat $(VENV)/$$part.code))); done; \
	exit $$failed

check: $(VENV)/tests ## style, types, architecture: seconds
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_architecture.py tests/test_documents.py

mutants: $(VENV)/tests ## which conformance check catches which faulty server; 1 when one survives
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(VENV)/tests ## the figures, as a table and benchmarks/results/latest.json
	@$(BIN)/python -m benchmarks $(ARGS)

campaign: $(VENV)/tests system ## the long proofs: many kills; under two hours
	@$(BIN)/python -m pytest -m campaign --campaign $(ARGS)

hapi: $(VENV)/runtime ## build the HAPI server (Maven)
	@$(BIN)/python -m gateway.sandbox_ehrs.hapi build

system: $(VENV)/runtime ## PostgreSQL, Chromium, npm and a JDK with Maven, where missing (Debian as root; elsewhere says what)
	@sh .ci/system

lock: ## compile the lock files again
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --strip-extras --no-header --build-deps-for editable -o requirements.lock pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --strip-extras --no-header --build-deps-for editable --extra test -o requirements-test.lock pyproject.toml

clean: ## what a build leaves behind
	@rm -rf $(VENV) build dist *.egg-info docker/hapi/target .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find $(ROOMS) -name __pycache__ -prune -exec rm -rf {} +
