# The one-word commands. Each installs what it lacks, can be run again, and takes its cores from JOBS.
MAKEFLAGS += --no-builtin-rules --no-print-directory
JOBS ?= $(shell nproc)
export JOBS
# What `make serve` gives to `footfall serve`, for example: make serve SERVE_FLAGS='--listen 127.0.0.1:9000'
SERVE_FLAGS ?= --demo
# Seconds that each fuzz target runs in `make fuzz`.
FUZZ_SECONDS ?= 5
export FUZZ_SECONDS

# Where `make cluster` keeps what its engines and roles write.
CLUSTER_FOLDER ?= build/cluster

.PHONY: help serve cluster cluster-test build test bench fuzz lint format clean
.NOTPARALLEL:

help:
	@echo 'make serve    build, and run Footfall on http://127.0.0.1:8080 with a demo site (SERVE_FLAGS, $(SERVE_FLAGS))'
	@echo 'make cluster  build, and run the cluster form on this machine: engines, two of each role, nginx, a demo site (CLUSTER_FOLDER, $(CLUSTER_FOLDER))'
	@echo 'make cluster-test  what proves it, the long half too: an hour and a quarter'
	@echo 'make build    build/footfall, what users run'
	@echo 'make test     every test: house rules, unit, contract, fault'
	@echo 'make lint     format, house rules, types of the page, a second compiler, clang-tidy'
	@echo 'make format   let clang-format write the sources'
	@echo 'make bench    the benchmarks, one folder of bench/ after the other'
	@echo 'make fuzz     every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)) seconds'
	@echo 'make clean    remove build/'
	@echo 'Cores: JOBS ($(JOBS)).'

serve: build
	exec build/footfall serve $(SERVE_FLAGS)

cluster: build
	@scripts/install cluster
	@exec scripts/cluster run $(CLUSTER_FOLDER)

cluster-test:
	@scripts/install test
	@scripts/build dev
	@CLUSTER_TEST=all scripts/test engines cluster

build:
	@scripts/install build
	@scripts/build release
	@ln -sfn release/src/app/footfall build/footfall

test:
	@scripts/install test
	@scripts/build dev
	@scripts/test

lint:
	@scripts/install lint
	@scripts/lint

format:
	@scripts/install lint
	@scripts/format

bench:
	@scripts/install bench
	@scripts/build release
	@scripts/bench

fuzz:
	@scripts/install fuzz
	@scripts/fuzz

clean:
	rm -rf build
