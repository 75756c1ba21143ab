# Needs make and Python 3.11 or newer; everything else goes into .venv.
# Another interpreter: make PYTHON=python3.12 ...

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
HOST ?= 127.0.0.1
PORT ?= 8000
SEED ?= 1
COUNT ?= 1000000
SAMPLE ?= 800
DATA ?= $(or $(TRD_CDS_DATA_DIR),trd-cds-data)
CLIENT = $(BIN)/python docs/examples/client.py
UV_COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup demo serve call test coverage check rules safety-cases fault-matrix conformance chaos compare stories cards screens bench bench-quick cost bench-pull bench-page recognition kill-test fuzz mutation soak sbom chart release test-all setup-services setup-browser setup-spark lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(VENV)/.dev ## everything for development, from requirements-dev.lock

demo: $(VENV)/.runtime ## service, sandbox EHR and demo page on http://127.0.0.1:8000
	@$(BIN)/trd-cds demo --host $(HOST) --port $(PORT)

# With a registry of your own, yours is served. Without one, a client for trying it is made once, in DATA.
serve: $(VENV)/.runtime ## the service as in production: callers log in, shadow first; tells what to do next
	@if [ -n "$$TRD_CDS_REGISTRY_FILE" ]; then exec $(BIN)/trd-cds serve --host $(HOST) --port $(PORT); fi; \
	$(CLIENT) install "$(DATA)" --base http://$(HOST):$(PORT) && . "$(abspath $(DATA))/local.env" && \
	exec $(BIN)/trd-cds serve --host $(HOST) --port $(PORT)

call: $(VENV)/.runtime ## a signed order-sign to what make serve started; prints the answer
	@$(CLIENT) call --secret "$(DATA)/client" --service http://$(HOST):$(PORT)/cds-services/trd-order-sign

# Bytecode is kept whatever the machine's habit: workers and child processes would compile everything anew.
test test-all coverage: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.dev ## all tests that need Python only
	$(BIN)/python -m pytest -q -n auto -m "not browser and not services and not deep"

# Only tests that run the reasoning inside their own process; minutes, so no part of `test`.
coverage: $(VENV)/.dev ## branch coverage of plugin/: names what no test reaches, fails below 100 percent
	$(BIN)/python -m pytest -q -n auto --cov --cov-report=term tests/reasoning tests/ingest tests/unit tests/reported \
	  tests/knowledge/test_conflicts.py tests/knowledge/test_overlay.py tests/knowledge/test_recognition_measure.py \
	  tests/silent/test_known_then.py tests/test_vignettes.py

check: $(VENV)/.dev ## format, lint, types, import contracts, knowledge, locks, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/trd-cds knowledge check
	$(BIN)/trd-cds knowledge reference --check docs/reference
	$(BIN)/trd-cds knowledge schema --check docs/schema
	$(BIN)/trd-cds gallery --check docs/cards
	$(BIN)/python -m pytest -q tests/docs/test_locks.py tests/docs/test_containers.py
	@if docker compose version >/dev/null 2>&1; then docker compose config --quiet && echo "compose file: valid"; \
	else echo "compose file: checked by tests/docs/test_containers.py only (no docker compose here)"; fi

rules: $(VENV)/.dev ## write docs/rules.md: the rules and the vignettes that exercise them
	$(BIN)/python -m tests.vignettes.table

safety-cases: $(VENV)/.dev ## write docs/safety-cases.md: the safety rules and the cases that exercise them
	$(BIN)/python -m tests.safety_cases.table

fault-matrix: $(VENV)/.dev ## write docs/fault-matrix.md: what comes of a call when the FHIR server fails
	$(BIN)/python -m tests.ehr.fault_table

conformance: $(VENV)/.dev ## write docs/conformance.md: every requirement with the tests that prove it
	$(BIN)/python -m tests.conformance.page

chaos: $(VENV)/.dev ## write docs/chaos.md: what must hold when something breaks, and the tests that show it
	$(BIN)/python -m tests.chaos.table

compare: $(VENV)/.dev ## write docs/compare.md: what this service does beside others, with the test or command that shows it
	$(BIN)/python -m tests.compare.table

stories: $(VENV)/.dev ## write docs/stories.md: the synthetic patients, what to notice and what they cover
	$(BIN)/python -m tests.stories.table

cards: $(VENV)/.browser ## write docs/cards: every card for every kind of client, with pictures (see setup-services)
	$(BIN)/trd-cds gallery --write docs/cards --pictures

screens: $(VENV)/.browser ## take the pictures of README and docs from the running demo (see setup-services)
	$(BIN)/trd-cds screens --write docs/screens

# Needs wrk (setup-services). ARGS, for example: make bench ARGS="--only order,sizes --cohorts 10000"
bench: $(VENV)/.bench ## every figure against its floor and peer; writes docs/performance.md (takes hours with all cohorts)
	$(BIN)/python -m benchmarks.suite --page $(ARGS)

bench-quick: $(VENV)/.dev ## one short round of every measurement, to show that all still run
	$(BIN)/python -m benchmarks.suite --quick --json benchmarks/results/quick.json $(ARGS)

cost: $(VENV)/.dev ## put on record what a request costs in instructions, calls and memory
	PYTHONHASHSEED=0 $(BIN)/python -m benchmarks.cost --write tests/performance/costs.json

bench-pull: $(VENV)/.runtime ## cost of reading from FHIR servers: six searches at once, 200 hooks at once
	$(BIN)/python -m benchmarks.pulling

bench-page: $(VENV)/.runtime ## cost of the basis page: reading, assessing, rendering, bytes
	$(BIN)/python -m benchmarks.basis_page

recognition: $(VENV)/.runtime ## how well drug names are recognised in messy text, on the published list
	$(BIN)/python -m benchmarks.recognition

kill-test: $(VENV)/.dev ## kill servers under load 50 times on SQLite and PostgreSQL; nothing acknowledged may be lost
	$(BIN)/python -m benchmarks.kill_test --times 50 --database both

# SEED and COUNT choose the inputs; REPLAY=FILE judges one finding again.
fuzz: $(VENV)/.fuzz ## a million hostile inputs, each answer judged (takes most of an hour); writes docs/fuzzing.md
	PYTHONHASHSEED=0 $(BIN)/python -m tests.fuzz.run $(if $(REPLAY),--replay $(REPLAY),--seed $(SEED) --count $(COUNT) --page)

# About an hour of one core for 800 mutants; broken off, it goes on where it was. Again: ARGS="--again survived".
mutation: $(VENV)/.mutation ## a seeded sample of mutants of plugin/ against the core route; writes docs/mutation.md
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m benchmarks.mutation --seed $(SEED) --sample $(SAMPLE) --write $(ARGS)

soak: $(VENV)/.dev ## 15 minutes at the highest sustainable rate: memory, latency, errors
	$(BIN)/python -m benchmarks.soak --minutes 15

sbom: $(VENV)/.release ## list of the parts of the service with their hashes, CycloneDX, in dist
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o dist/trd-cds.cdx.json

chart: $(VENV)/.release ## lint and render the Helm chart by Helm itself: deploy/helm/rendered.yaml
	$(BIN)/python -m tests.release.chart

# docs/deploy.md says how whoever installs a release verifies it. The key is that of the person who releases.
release: $(VENV)/.release ## wheel, list of parts, checksums and their signature, in dist: make release KEY=private-ssh-key
	@test -f "$(KEY)" || { echo "Name the key that signs: make release KEY=~/.ssh/id_ed25519"; exit 2; }
	rm -rf dist && mkdir dist
	$(PIP) wheel --no-deps --wheel-dir dist .
	$(MAKE) --no-print-directory sbom
	cp requirements.lock dist/
	cd dist && sha256sum requirements.lock *.whl *.json > SHA256SUMS && ssh-keygen -q -Y sign -f "$(abspath $(KEY))" -n trd-cds-release SHA256SUMS

test-all: $(VENV)/.dev setup-browser $(VENV)/.spark $(VENV)/.release $(VENV)/.fuzz ## all tests, those with browser and Spark too (see setup-services, setup-spark)
	$(BIN)/python -m pytest -q -n auto

setup-services: ## install the Debian packages that test-all and the benchmarks need (root)
	@echo "Debian packages: chromium fonts-dejavu-core openssh-client postgresql wrk"
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium fonts-dejavu-core openssh-client postgresql wrk

setup-browser: $(VENV)/.browser

setup-spark: ## install Java and PySpark, which test-all and cohort run --engine spark need (root)
	@echo "Debian package: default-jre-headless"
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends default-jre-headless
	@$(MAKE) --no-print-directory $(VENV)/.spark

lock: ## renew the lock files (needs uv: https://docs.astral.sh/uv/)
	@command -v uv >/dev/null || { echo "make lock needs uv. Get it with: python3 -m pip install uv"; exit 2; }
	$(UV_COMPILE) pyproject.toml -o requirements.lock
	$(UV_COMPILE) pyproject.toml --extra cohort --extra tracing --group dev -o requirements-dev.lock
	$(UV_COMPILE) requirements-browser.in -c requirements-dev.lock -o requirements-browser.lock
	$(UV_COMPILE) requirements-bench.in -c requirements-dev.lock -o requirements-bench.lock
	$(UV_COMPILE) benchmarks/peer/requirements.in -o benchmarks/peer/requirements.lock
	$(UV_COMPILE) requirements-spark.in -c requirements-dev.lock -o requirements-spark.lock
	$(UV_COMPILE) requirements-release.in -c requirements-dev.lock -o requirements-release.lock
	$(UV_COMPILE) requirements-mutation.in -c requirements-dev.lock -o requirements-mutation.lock
	$(UV_COMPILE) requirements-fuzz.in -c requirements-dev.lock -o requirements-fuzz.lock

clean: ## remove the environment, builds and caches
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# Stamps: an environment is built once and again only when what it was built from has changed.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "trd-cds needs Python 3.11 or newer; '$(PYTHON)' is $$({ $(PYTHON) --version 2>&1 || echo missing; } | head -n 1)."; \
	  echo "Name another one: make PYTHON=python3.12 demo"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.lock pyproject.toml
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the locked development dependencies into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements-bench.lock
	@$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

$(VENV)/.mutation: $(VENV)/.dev requirements-mutation.lock
	@$(PIP) install --require-hashes -r requirements-mutation.lock
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev requirements-fuzz.lock
	@$(PIP) install --require-hashes -r requirements-fuzz.lock
	@touch $@

$(VENV)/.release: $(VENV)/.dev requirements-release.lock
	@$(PIP) install --require-hashes -r requirements-release.lock
	@touch $@

$(VENV)/.browser: $(VENV)/.dev requirements-browser.lock
	@PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(PIP) install --require-hashes -r requirements-browser.lock
	@touch $@

$(VENV)/.spark: $(VENV)/.dev requirements-spark.lock
	@echo "Installing PySpark into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-spark.lock
	@touch $@
