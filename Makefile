# Every wish is one word; `make` alone lists them. Paths stay relative, so that any folder name works.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
PY := .venv/bin/python
# uv_build looks for its program on the PATH
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# tests wait for servers more than they compute: six processes keep two cores busy
JOBS ?= 6
# thousands of processes start in the tests, and none shall compile what another has compiled
BYTECODE := env -u PYTHONDONTWRITEBYTECODE
# the native reader is optional, and needs Rust: `make native`
PLUGINS := $(filter-out plugins/local_native,$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
NATIVE := $(wildcard plugins/local_native/*.toml plugins/local_native/*.lock plugins/local_native/*.py plugins/local_native/src/*.rs)
MANIFESTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)

help: ## list these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

.venv/.made:
	@python3 scripts/make_venv.py .venv
	@touch $@

.venv/.demo: .venv/.made requirements.demo.lock $(MANIFESTS)
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements.demo.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e . -e plugins/local -e plugins/report
	@touch $@

.venv/.installed: .venv/.made requirements.lock $(MANIFESTS)
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e . $(PLUGINS:%=-e %)
	@touch $@ .venv/.demo

.venv/.native: .venv/.installed $(filter-out %/Cargo.lock,$(NATIVE))
	@CARGO_TARGET_DIR="$(CURDIR)/.cache/native" $(PY) -m pip install --quiet --force-reinstall --no-deps --no-build-isolation ./plugins/local_native
	@touch $@

install: .venv/.installed ## make .venv with the host, all plugins, extras and test tools
	@if ! command -v cargo >/dev/null; then echo "native reader: not built, no Rust toolchain is at hand"; \
	elif $(MAKE) --silent .venv/.native >.venv/native.log 2>&1; then echo "native reader: built"; \
	else echo "native reader: not built, .venv/native.log says why"; fi

native: .venv/.native ## build the native reader of replays, which needs Rust and its registry

demo: .venv/.demo ## parse a replay, show the match and write its page; REPLAY=path takes yours
	@$(PY) scripts/demo.py $(if $(REPLAY),"$$REPLAY")

# only CI must have the native reader; its tests say where they are skipped
test: .venv/.installed $(if $(CI),.venv/.native) ## install what the tests need, servers included, and run them; JOBS=1 PYTEST="-k quota"
	@$(PY) scripts/servers.py
	@$(PY) scripts/promtool.py
	@$(PY) scripts/chromium.py
	@$(PY) scripts/postgresql.py
	@$(BYTECODE) $(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST)

test-fast: .venv/.installed ## the tests that start no server, worker or command
	@$(BYTECODE) $(PY) -m pytest -n 2 --dist loadfile -m "not processes" $(PYTEST)

check: .venv/.installed ## lint, types, architecture, reference, lock and licences
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy parsekit devkit scripts bench trials $(wildcard plugins/*/parsekit_*)
	@$(PY) -m pytest -q tests/test_architecture.py tests/docs/test_reference.py
	@$(MAKE) --silent docs
	@$(PY) scripts/check_lock.py

reference: .venv/.installed ## write docs/reference from the code
	@$(PY) -m devkit.reference

docs: .venv/.installed ## make the site of the docs in build/site; a warning is an error
	@$(PY) -m sphinx -q -E -W --keep-going -b html -c docs . build/site

format: .venv/.installed ## let ruff write the code as the check wants it
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# its pins conflict with ours; where it can't be installed the benchmark leaves it out and says so
.cache/bench-venv/.installed: requirements.bench.lock
	@mkdir -p .cache
	@{ python3 scripts/make_venv.py .cache/bench-venv && \
	.cache/bench-venv/bin/python -m pip install --quiet --require-hashes --no-deps -r $<; } && touch $@ || \
	{ echo "sprocket-rl-parser can't be installed here"; rm -rf .cache/bench-venv; }

bench: .venv/.installed .cache/bench-venv/.installed ## measure, as ratios of things run side by side; ONLY="replays storage" picks
	@$(PY) -m bench $(ONLY)

chaos: .venv/.installed ## break the whole service at random; ARGS="--seconds 120 --replays 100 --seed 7"
	@$(PY) scripts/servers.py
	@$(PY) -m trials.chaos $(ARGS)

soak: .venv/.installed ## work the whole service and see whether it stays flat; RATE=20 SECONDS=600
	@$(PY) scripts/servers.py
	@$(PY) -m trials.soak --rate $(or $(RATE),20) --seconds $(or $(SECONDS),600) $(ARGS)

record: .venv/.installed ## record the cassettes anew; BALLCHASING_TOKEN and REPLAY=path use the public API
	@REPLAY="$(REPLAY)" PARSEKIT_RECORD=1 $(PY) -m pytest plugins/ballchasing/tests/test_cassettes.py

pictures: .venv/.installed ## make the pictures of README and docs from an invented match
	@$(PY) scripts/chromium.py
	@$(PY) scripts/pictures.py

lock: .venv/.installed ## resolve the dependencies anew
	@$(PY) scripts/lock.py

dist: .venv/.installed ## build all distributions into dist/ and try them in empty environments
	@$(PY) scripts/dist.py

version: .venv/.installed ## give all distributions the version NEW=0.2.0
	@$(PY) scripts/version.py "$(NEW)"

sbom: .venv/.installed ## list all that is shipped, as CycloneDX, in build/sbom.cdx.json
	@$(PY) scripts/sbom.py

clean: ## remove what make made
	@rm -rf .venv .cache build dist

.PHONY: help install native demo test test-fast check reference docs format bench chaos soak record pictures lock dist version sbom clean
