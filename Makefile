# Two commands do everything: `make run` and `make test`. The rest is for those who work on rolloutc.

SHELL := /bin/bash
SWIFT ?= swift
RELEASE := .build-release
PLAN ?= plans/aks-voting.rollout
BINARY := $(RELEASE)/release/rolloutc
# Static, so that the binary needs no Swift runtime and starts in a few milliseconds.
RELEASE_FLAGS := -c release --product rolloutc --static-swift-stdlib --scratch-path $(RELEASE) \
	-Xswiftc -cross-module-optimization

.PHONY: run test build lint format bench setup setup-test clean

run: build ## Build rolloutc and compile the scenario's plan to YAML.
	$(BINARY) $(PLAN)

build: setup
	PKG_CONFIG_PATH="$(CURDIR)/packaging/static" $(SWIFT) build $(RELEASE_FLAGS)

test: setup setup-test ## Run all tests.
	PATH="$(CURDIR)/.build-python/bin:$$PATH" $(SWIFT) test $(TEST_FLAGS)

setup: ## Install the system packages that are missing, or say which.
	@packaging/setup build

setup-test:
	@packaging/setup test

lint:
	$(SWIFT) format lint --strict --parallel --recursive Sources Tests Package.swift

format:
	$(SWIFT) format format --in-place --parallel --recursive Sources Tests Package.swift

bench: build setup-test ## Measure, side by side with other tools, and print the tables of docs/benchmarks.md.
	PATH="$(CURDIR)/.build-python/bin:$$PATH" python3 Benchmarks/run.py
	set -o pipefail; ROLLOUTC_MEASURE=1 $(SWIFT) test --filter RolloutPlanTests.FaultTests 2>&1 | grep 'single faults'

clean:
	rm -rf .build .build-release .build-python
