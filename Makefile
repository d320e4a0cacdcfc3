PYTHON ?= python3
ARCH ?= aarch64
BUILD_DIR ?= .aws-sam/build
BIN := .venv/bin
UV := $(BIN)/uv
SAM := .tools/sam/bin/sam
CHROMIUM ?= /usr/bin/chromium
INSTALL := apt-get install --yes --no-install-recommends
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help setup run quick unit hooks test test-deploy test-sam test-dns test-clients test-ui lint-web bench lint audit sbom build release site lock check-lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Make .venv from the lock

run: setup ## Serve the API on this machine, with a sample feed
	$(BIN)/python -m local up

# The type checker runs while the unit tests do.
quick: setup ## Check style, types, the direction of imports and the unit tests
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) lint unit

unit: setup
	tests/run_layers.sh unit

hooks: setup .tools/audit/.ready ## Check style before each commit, types before each push
	.tools/audit/bin/pre-commit install

test: setup .tools/sam/.ready lint check-lock ## Run the gate: all of CI except the other targets test-*
	tests/run_layers.sh

test-deploy: setup ## Deploy to an emulator of AWS, by the steps of docs/deploy.md
	$(BIN)/python -m pytest tests/deploy

# Debian before 13 has the command docker in docker.io, and no package docker-cli.
test-sam: setup .tools/sam/.ready ## Run the functions with sam local in Docker; installs Debian's Docker if it is missing
	@mkdir -p .tools/docker
	@{ docker info || { docker --version && dockerd --version; } || { apt-get update && \
	  { $(INSTALL) docker.io iptables docker-cli || $(INSTALL) docker.io iptables; }; }; } > .tools/docker/apt.log 2>&1 || true
	$(BIN)/python -m pytest tests/sam

test-dns: setup ## Load hostile block lists into BIND, Unbound and dnsmasq; installs Debian's if they are missing
	@mkdir -p .tools/dns
	@{ PATH="$$PATH:/usr/sbin" && command -v named && command -v unbound && command -v dnsmasq; } > /dev/null || \
	  { apt-get update && $(INSTALL) bind9 unbound dnsmasq-base; } > .tools/dns/apt.log 2>&1 || true
	@for server in named unbound dnsmasq; do PATH="$$PATH:/usr/sbin" command -v $$server > /dev/null || \
	  { echo "$$server is missing, and apt-get did not install it (.tools/dns/apt.log): run as root, or install bind9, unbound and dnsmasq-base" >&2; exit 1; }; done
	$(BIN)/python -m pytest tests/dns

test-clients: setup .tools/clients/.ready ## Generate clients from the OpenAPI document and run them
	$(BIN)/python -m pytest tests/clients

test-ui: setup .tools/ui/.ready ## Test the page in a browser; installs Debian's Chromium if it is missing
	@test -x "$(CHROMIUM)" || { apt-get update && $(INSTALL) chromium; } > .tools/ui/apt.log 2>&1 || true
	@test -x "$(CHROMIUM)" || { echo "No browser at $(CHROMIUM), and apt-get did not install one (.tools/ui/apt.log): set CHROMIUM=..." >&2; exit 1; }
	CHROMIUM="$(CHROMIUM)" .tools/ui/bin/python -m pytest tests/ui

lint-web: .tools/web/.ready ## Check style and mistakes in the pages of functions/lookup/web; installs Debian's npm if it is missing
	.tools/web/node_modules/.bin/biome ci --error-on-warnings

bench: setup .tools/peers/.ready $(if $(URL),,.tools/emulator/.ready) ## Measure cost and speed; writes docs/benchmarks.md, docs/cost.md and docs/scale.md
	$(if $(URL),,$(MAKE) --no-print-directory build ARCH="$$(uname -m)" BUILD_DIR=.tools/bench)
	$(BIN)/python -m benchmarks $(if $(URL),against "$(URL)" $(if $(KEY),--key "$(KEY)"))

lint: setup ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup .tools/sam/.ready .tools/audit/.ready ## Scan code and template for known mistakes; list the packages of the layer
	$(BIN)/python -m pytest tests/infrastructure/test_scanners.py tests/infrastructure/test_sbom.py

sbom: .tools/audit/.ready .tools/runtime/.ready ## Write dist/sbom.cdx.json and dist/licences.csv of the runtime layer
	@mkdir -p dist
	.tools/audit/bin/cyclonedx-py environment .tools/runtime --output-reproducible -o dist/sbom.cdx.json
	.tools/audit/bin/pip-licenses --python .tools/runtime/bin/python --from mixed --format csv --output-file dist/licences.csv

build: setup .tools/sam/.ready ## Build the artifacts to deploy; ARCH=x86_64 for Intel
	ARCH=$(ARCH) PATH="$(CURDIR)/$(BIN):$$PATH" $(SAM) build --build-dir "$(BUILD_DIR)" \
	  --parameter-overrides Architecture=$(patsubst aarch64,arm64,$(ARCH))
	@for function in "$(abspath $(BUILD_DIR))"/*Function; do \
	  PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C shared compile DIR="$$function" AT=/var/task || exit; \
	done

RELEASE ?= dist/release
release: sbom .tools/sam/.ready ## Make wheel, SBOM, packaged template and notes in dist/release; BUCKET=name, RELEASE=folder
	@test -n "$(BUCKET)" || { echo "Name the bucket that the packaged template shall read: make release BUCKET=name" >&2; exit 1; }
	@$(MAKE) --no-print-directory build BUILD_DIR=.tools/release > /dev/null
	rm -rf "$(RELEASE)" && mkdir -p "$(RELEASE)"
	$(BIN)/python -m hatchling build --target wheel --directory "$(abspath $(RELEASE))"
	cp dist/sbom.cdx.json dist/licences.csv "$(RELEASE)"
	$(BIN)/python -m local.release "$(abspath $(RELEASE))" "$(BUCKET)" "$(abspath .tools/release)"
	cd "$(RELEASE)" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > SHA256SUMS

site: setup .tools/site/.ready ## Build the documents into a site with search, .tools/site/html; a broken link is an error
	@rm -rf .tools/site/pages && mkdir -p .tools/site/pages
	@tar -chf - *.md LICENSE docs $$(find shared local -name '*.md') | tar -xf - -C .tools/site/pages
	NO_MKDOCS_2_WARNING=1 .tools/site/bin/mkdocs build --strict # --quiet would not count the warnings

# Pinned versions stay; UPGRADE=--upgrade selects the newest.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url $(UPGRADE)
define compile_into
	@$(COMPILE) pyproject.toml --group runtime --output-file $(1)/runtime.txt
	@$(COMPILE) pyproject.toml --group runtime --group dev --constraint $(1)/runtime.txt --output-file $(1)/dev.txt
	@$(COMPILE) --group sam --output-file $(1)/sam.txt
	@$(COMPILE) --group emulator --constraint $(1)/dev.txt --output-file $(1)/emulator.txt
	@$(COMPILE) --group audit --output-file $(1)/audit.txt
	@$(COMPILE) --group site --output-file $(1)/site.txt
	@$(COMPILE) --group peers --output-file $(1)/peers.txt
	@$(COMPILE) --group extraction --output-file $(1)/extraction.txt
	@$(COMPILE) --group clients --output-file $(1)/clients.txt
	@$(COMPILE) --group ministack --output-file $(1)/ministack.txt
	@$(COMPILE) pyproject.toml --group runtime --group dev --group ui --constraint $(1)/dev.txt --output-file $(1)/ui.txt
	@echo uv | $(COMPILE) - --constraint $(1)/dev.txt --output-file $(1)/uv.txt
endef

lock: setup ## Compile requirements/ from pyproject.toml; UPGRADE=--upgrade for newer versions
	$(call compile_into,requirements)
	cp requirements/runtime.txt shared/requirements.txt

check-lock: setup
	@rm -rf .tools/lock
	@mkdir -p .tools
	@cp -R requirements .tools/lock
	$(call compile_into,.tools/lock)
	diff -r requirements .tools/lock

clean: ## Remove everything that was built or installed
	rm -rf .venv .tools .aws-sam .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Tests must not rebuild the environment that they run in. pytest sets PYTEST_VERSION.
FRESH = @test -z "$$PYTEST_VERSION" || \
  { echo "$(or $(firstword $?),requirements) is newer than .venv, in which the tests run. Run make setup, then the tests again." >&2; exit 1; }

# The stamp is written last, so an interrupted step runs again.
.venv/.synced: requirements/dev.txt requirements/uv.txt
	$(FRESH)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make setup PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/uv.txt
	$(UV) pip sync --quiet --python .venv --require-hashes requirements/dev.txt
	@touch $@

.venv/.ready: .venv/.synced pyproject.toml
	$(FRESH)
	$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

# The SAM CLI, the peers of the benchmark and other tools have separate environments, because they pin
# older packages, have many dependencies, or are listed alone; pyproject.toml describes each.
TOOL_PYTHON = $(BIN)/python
.tools/%/.ready: requirements/%.txt .venv/.synced
	@test -n "$(TOOL_PYTHON)" || \
	  { echo "Python 3.13 is needed: the functions are built for it" >&2; exit 1; }
	$(UV) venv --quiet --clear --python "$(TOOL_PYTHON)" .tools/$*
	$(UV) pip sync --quiet $(TOOL_OPTIONS) --python .tools/$* --require-hashes $<
	@touch $@

# The linter of the pages comes from npm.
.tools/web/.ready: requirements/package.json requirements/package-lock.json
	@mkdir -p .tools/web
	@command -v npm > /dev/null || { apt-get update && $(INSTALL) npm; } > .tools/web/apt.log 2>&1 || true
	@command -v npm > /dev/null || { echo "npm is missing, and apt-get did not install it (.tools/web/apt.log): run as root, or install npm" >&2; exit 1; }
	cp requirements/package.json requirements/package-lock.json .tools/web
	npm ci --prefix .tools/web --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# These two run the functions, in the Python version that they are built for.
.tools/emulator/.ready .tools/ministack/.ready: TOOL_PYTHON = $(shell \
  PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --silent --no-print-directory -C shared runtime-python)
# The Lambda runtime contains compiled modules, too.
.tools/emulator/.ready: TOOL_OPTIONS = --compile-bytecode
