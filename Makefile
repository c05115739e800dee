# Frontdesk. `make run` starts everything, `make test` checks everything; both need only python3 (3.11 to 3.13) and make.
#   PYTHON=python3.12 make run     chooses another Python
#   FRONTDESK_UI_PORT=9501 make run    any setting of the README works the same way

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/installed-
# No resolving: exactly the files that the lock names, checked by their hashes.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --no-deps --require-hashes -r
CODE := db nodes flows webhook_server ui deployments tests

.PHONY: run test install install-dev lint types pytest lock bench clean
.DEFAULT_GOAL := run

run: install
	@exec $(BIN)/frontdesk up

# Three at once on two cores: tests of whole processes wait about as long as they compute.
test: install-dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/pytest -n 3 --dist loadgroup

lint: install-dev
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: install-dev
	$(BIN)/mypy

bench: install
	@exec $(BIN)/frontdesk bench messages

install: $(LOCKED)run
install-dev: $(LOCKED)dev

$(LOCKED)run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing Frontdesk's packages (once, and again when requirements.lock changes) ..."
	@$(INSTALL) requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(LOCKED)dev: requirements-dev.lock $(LOCKED)run
	@echo "Installing what the tests need ..."
	@$(INSTALL) requirements-dev.lock
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)'. Install Python 3.11, 3.12 or 3.13, or name it: PYTHON=/path/to/python3.12 make run" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "Frontdesk needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another one: PYTHON=/path/to/python3.12 make run" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' lacks the venv module. Install it (Debian, Ubuntu: apt-get install python3-venv), then run make again." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

# Writes the lock files anew (needs uv). No address of any package index ends up in them.
lock:
	uv pip compile $(LOCK_OPTIONS) pyproject.toml --group build -o requirements.lock
	uv pip compile $(LOCK_OPTIONS) pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
