# Two commands do everything: `make run` and `make test`. The rest is for those who work on rolloutc.

SHELL := /bin/bash
SWIFT ?= swift
RELEASE := .build-release
PLAN ?= plans/aks-voting.rollout
BINARY := $(RELEASE)/release/rolloutc
# Static, so that the binary needs no library of ours at run time and starts in a few milliseconds: the C++ library that
# Swift's runtime needs costs 0.4 ms where it is loaded. Types are made by calls and not looked up by their names, which
# reads through all conformances of the process: 0.5 ms. At a fixed address, as Debian links its Python, and without
# exporting what nobody asks for by name: 86,000 addresses need not be set, and the pages that hold them need not be
# copied, before `main`, 1.4 ms. Exclusive access is checked where the tests run, in debug builds.
BUILD_FLAGS := -c release --static-swift-stdlib --disable-local-rpath \
	-Xlinker -L$(CURDIR)/$(RELEASE)/static -Xswiftc -Xclang-linker -Xswiftc -static-libgcc \
	-Xswiftc -Xclang-linker -Xswiftc -no-pie -Xlinker --no-export-dynamic \
	-Xswiftc -cross-module-optimization -Xswiftc -enforce-exclusivity=unchecked \
	-Xswiftc -Xfrontend -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors
RELEASE_FLAGS := $(BUILD_FLAGS) --product rolloutc --scratch-path $(RELEASE)

.PHONY: run test build lint format bench setup setup-test clean

run: build ## Build rolloutc, compile the scenario's plan to YAML and rehearse it.
	$(BINARY) $(PLAN)
	$(BINARY) rehearse $(PLAN)

build: setup
	@packaging/static/link-statically $(RELEASE)/static
	PKG_CONFIG_PATH="$(CURDIR)/packaging/static" $(SWIFT) build $(RELEASE_FLAGS)

# As many tests at a time as there are processors: with all at once, those that compute keep the servers of the others
# from answering, and a wait of kubectl that takes 0.1 s took 60.
test: setup setup-test ## Run all tests.
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-$$(nproc)} \
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
	PATH="$(CURDIR)/.build-python/bin:$$PATH" BUILD_FLAGS="$(BUILD_FLAGS)" python3 Benchmarks/run.py
	PATH="$(CURDIR)/.build-python/bin:$$PATH" python3 Benchmarks/cluster.py
	set -o pipefail; ROLLOUTC_MEASURE=1 $(SWIFT) test --filter RolloutPlanTests.FaultTests 2>&1 | grep 'single faults'

clean:
	rm -rf .build .build-release .build-python
