# Everything goes into .venv; the stamp says that it is complete.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.complete
PURE   := $(addprefix tests/,enc hardware model planning provisioning render specs test_architecture.py)
MANY   := --numprocesses 6 --dist loadgroup --no-loadscope-reorder
CLOUD  ?= swift
SEEDS  ?= 100000
ALONE  := unshare --net --pid --fork --kill-child --mount-proc

# Tests start hundreds of Python processes: without its byte code each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

venv: $(STAMP) ## the virtual environment with pinned dependencies

demo: $(STAMP) ## twelve simulated servers, a git repository, the daemon and its dashboard
	$(BIN)/reconciler demo

test: $(STAMP) ## all tests but the lengthy ones; those whose system package is missing are skipped and say so
	$(BIN)/python -m pytest --quiet $(MANY) -m "not live and not lengthy" $(PYTEST_ARGS)

test-all: $(STAMP) ## the lengthy ones too: whole systems in containers, histories of whole fleets
	$(BIN)/python -m pytest --quiet $(MANY) $(PYTEST_ARGS)

quick: $(STAMP) ## what decides, in seconds: tests of the pure packages that start nothing and draw nothing
	$(BIN)/python -m pytest --quiet --numprocesses 2 -m "not (waits or puppet or hypothesis or thorough)" $(PURE) $(PYTEST_ARGS)

test-load: $(STAMP) ## ten times beside four busy loops: the tests that a busy machine could disturb. LOAD_ARGS: --times, paths
	$(BIN)/python -m tests.load --numprocesses 4 --dist loadgroup --no-loadscope-reorder $(LOAD_ARGS)

test-puppet: $(STAMP) ## have Puppet compile the documents of all nodes of all test clusters; tests compile one of each role
	PUPPET_NODES=all $(BIN)/python -m pytest --quiet -m puppet --numprocesses 2 --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

lab: $(STAMP) ## blank virtual servers come up by themselves, shown step by step; wants root. LAB_ARGS: --servers 2, --secure-boot
	$(BIN)/python -m tests.lab.prepare
	$(ALONE) $(BIN)/python -m tests.lab $(LAB_ARGS)

test-lab: $(STAMP) ## the same as tests, on BIOS and with Secure Boot; wants root, and the packages in tests/lab/packages
	$(BIN)/python -m tests.lab.prepare
	$(ALONE) $(BIN)/python -m pytest --capture=no -m live tests/lab $(PYTEST_ARGS)

cloud: $(STAMP) ## from one commit to an OpenStack that answers, in containers; wants root. CLOUD=control|swift|full
	$(BIN)/python -m tests.cloud up --kind $(CLOUD)

cloud-check: $(STAMP) ## ask that cloud: a token, an object and an image that come back; Tempest
	$(BIN)/python -m tests.cloud check

cloud-test: $(STAMP) ## all of it, asserted: up, Tempest, memory, nothing left
	CLOUD=$(CLOUD) $(BIN)/python -m pytest --capture=no -m live tests/cloud/test_cloud.py $(PYTEST_ARGS)

test-fabric: $(STAMP) ## switches that route: eight nodes with BGP to the host below them, one leaf lost; wants root
	$(BIN)/python -m pytest --capture=no -m live tests/cloud/test_fabric.py $(PYTEST_ARGS)

test-installers: $(STAMP) ## both installers make the same nodes, whole, and the roots are compared; wants root and mmdebstrap
	$(BIN)/python -m pytest --capture=no -m live tests/installers $(PYTEST_ARGS)

cloud-down: $(STAMP) ## end that cloud; its logs stay in var/cloud
	$(BIN)/python -m tests.cloud down

test-trixie: ## all tests on Debian 13 with Python 3.13, in a root with nothing else; wants root and mmdebstrap
	.ci/trixie $(PYTEST_ARGS)

lint: $(STAMP) ## ruff and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell reconciler docs README.md ARCHITECTURE.md CONTRIBUTING.md

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

check: lint types test-all ## what CI wants: lint, types, architecture and all other tests

fuzz: $(STAMP) ## thirty times as many clusters as CI draws, of any shape, and 10,000 histories of Swift's rings, and signatures
	ORACLE_PAIRS=10000 $(BIN)/python -m pytest --quiet --timeout 3600 tests/specs/authority/test_ssh.py -k drawn
	$(BIN)/python -m pytest --quiet --timeout 3600 --hypothesis-profile deep tests/enc/test_any_shape.py \
	    tests/planning/test_convergence.py::test_rings_grow_by_approved_rounds_and_reach_every_node_whatever_happens \
	    tests/execution/drivers/test_ring_builder.py::test_no_history_of_growth_passes_the_oracle

simulate-night: $(STAMP) ## histories of a simulated fleet in which everything goes wrong; then the planted bugs. SEEDS=100000
	$(BIN)/python -m reconciler.simulator.campaign 0 $(SEEDS) --processes 2 --shrink
	$(BIN)/python -m tests.simulator.planted_bugs

bench: $(STAMP) ## the figures, printed and kept in var/bench.json
	$(BIN)/python -m bench

schemas: $(STAMP) ## write the generated files: schemas/, and the pages of settings, reasons and roles in docs/
	$(BIN)/reconciler schema --pages docs

golden: $(STAMP) ## rewrite golden files; read the diff before you commit it
	GOLDEN=overwrite $(BIN)/python -m pytest --quiet

lock: ## pin the newest versions that pyproject.toml allows
	rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet '.[all,dev]'
	{ head -1 requirements.txt; $(VENV)/lock/bin/python -m pip freeze --exclude openstack-cluster-reconciler; } > requirements.new
	mv requirements.new requirements.txt && rm -rf $(VENV)/lock

clean: ## remove the virtual environment, caches and ./var
	rm -rf $(VENV) var build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help venv demo lab cloud cloud-check cloud-test cloud-down test-fabric test-installers quick test test-load test-puppet test-lab test-trixie lint types check fuzz simulate-night bench schemas golden lock clean
