# Every target does its own set-up: .venv from hash-locked requirements, the second time nothing.
.DEFAULT_GOAL := help
.PHONY: help demo run test soak bench lint format docs lock kafka browser prometheus clean runtime dev

BIN := .venv/bin
STREAM ?= embedded
DB ?= sqlite
T ?= tests
WORKERS ?= 2

help: ## What can be typed here
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: $(if $(filter embedded-sqlite,$(STREAM)-$(DB)),runtime,dev) ## A recorded day, replayed: 22 quiet days, then one alert (STREAM=kafka DB=postgres: on real ones)
	@$(if $(filter embedded-sqlite,$(STREAM)-$(DB)),$(BIN)/watchdesk demo,$(BIN)/python -m tests.parts.demo --stream $(STREAM) --db $(DB))

run: runtime ## Everything in one process, with what watchdesk.toml names
	@$(BIN)/watchdesk run

test: dev ## The test suite (T=tests/app/domain for a part of it, WORKERS=0 in one process)
	@$(BIN)/python -m pytest -q -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(T)

soak: dev ## The long suites: kills, outages, memory
	@$(BIN)/python -m pytest -q -m soak -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(T)

bench: dev ## Speed and quality, against named peers in the same run
	@$(BIN)/python -m benchmarks

lint: dev ## ruff, mypy, the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: dev ## Let ruff rewrite the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: dev ## Write anew what the documents take from the code
	@$(BIN)/python -m docs.render

kafka: dev ## A real Apache Kafka in the foreground, for work on the streams
	@$(BIN)/python -m tests.parts.kafka_broker

# uv keeps the pins that already stand in the files; `rm requirements*.lock` first to move everything to the newest.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: dev ## Write requirements.lock and requirements-dev.lock anew from pyproject.toml
	$(LOCK) --extra build -o requirements.lock
	$(LOCK) --extra build --extra dev --extra apprise --extra telegram --extra otel -o requirements-dev.lock

browser: ## Chromium, for the tests of the page (needs root)
	@deploy/system_package.sh chromium chromium

prometheus: ## Prometheus and promtool, for the tests of the rules (needs root)
	@deploy/system_package.sh promtool prometheus

clean: ## Remove .venv and caches; your data in var/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

runtime:
	@deploy/setup.sh runtime

dev:
	@deploy/setup.sh dev
