# fedmesh: `make demo` shows it, `make test` proves it. Both set everything up themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
E2E ?=
# Tests in so many processes, each with a loopback of its own, which takes a network namespace.
WORKERS ?= $(shell unshare --net true 2> /dev/null && echo 2 || echo 0)

.PHONY: demo test check e2e bench proto golden docs hooks fix clean setup

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("fedmesh needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python lacks venv: install Debian's python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once, about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## start the mesh on this machine, show it, take it down
	@$(BIN)/python -m federation.cli.main demo run tour

test: $(READY)  ## all unit tests and the fast end-to-end tests
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadscope --no-loadscope-reorder

e2e: $(READY)  ## all end-to-end tests
	@$(BIN)/python -m pytest tests/e2e $(E2E)

check: $(READY)  ## formatting, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)  ## measurements, as JSON
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench_scale
	@$(BIN)/python -m tests.bench_fleet
	@$(BIN)/python -m tests.bench_agent
	@$(BIN)/python -m tests.bench_dns
	@$(BIN)/python -m tests.bench_senders
	@$(BIN)/python -m tests.bench_on_demand
	@$(BIN)/python -m tests.bench_api
	@$(BIN)/python -m tests.bench_proxies

fix: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

proto: $(READY)  ## generated code from federation.proto
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=. federation/wire/federation.proto

golden: $(READY)  ## write the golden files anew; look at the difference before you commit it
	@UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/unit/gateway tests/unit/sidecar tests/unit/federation/envoy

docs: $(READY)  ## write the generated pages and pictures of docs/ anew
	@$(BIN)/python -m tests.docs.settings
	@$(BIN)/python -m tests.docs.checks
	@$(BIN)/python -m tests.docs.kinds
	@$(BIN)/python -m tests.docs.pictures

hooks:  ## have git ask `make check` and the form of the message before each commit
	@git config core.hooksPath .githooks

clean:
	@rm -rf $(VENV) *.egg-info build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache reports
