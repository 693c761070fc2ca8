# Everything starts here. `make` alone lists what there is. Nothing needs to be installed before but Python 3.11 or
# newer; what is set up lies in .venv and var, and `make clean` removes both.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PRODUCT := gateway services shared hub simulators catalogue
CODE := $(PRODUCT) tests bench
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint bench clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## only set up the environment
	@:

demo: $(READY) ## set everything up and tell one figure's journey, with real figures, faults and a kill
	@$(BIN)/hub demo

run: $(READY) ## set everything up and stay up: http://127.0.0.1:8080/docs
	@$(BIN)/hub run

test: $(READY) ## run every test: the fault suite on servers of its own, beside it $(WORKERS) workers for the others
	@$(BIN)/python -m pytest -q -n $$(($(WORKERS) + 1))

lint: $(READY) ## check style, types and who may import whom
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## measure, ours and the baseline in one run
	@$(BIN)/python -m bench

clean: ## stop what runs, remove data, environment and caches
	@if [ -x $(BIN)/hub ]; then $(BIN)/hub clean; fi
	rm -rf $(VENV) var *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Python's own venv module and the lock file with hashes: nothing is resolved anew, so everyone has the same.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "· Python's venv module is missing, installing it (apt-get install python3-venv)"; \
		root=$$([ "$$(id -u)" = 0 ] || echo "sudo -n"); \
		$$root apt-get update -q >/dev/null && \
		$$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y python3-venv >/dev/null; }
	@echo "· environment: $(VENV) from requirements.lock"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/python -m compileall -q -j 0 $(PRODUCT) # else a dozen processes compile the same side by side, at the first start
	@touch $(READY)
