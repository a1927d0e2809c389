# Needs git, make and Python 3.11 or newer; installs everything else into .venv.

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3 python,$(shell \
	$(p) -c "import sys; print(sys.executable) if sys.version_info >= (3, 11) else None" 2>/dev/null)))
# Keep bytecode: without it each of the many processes would compile its libraries again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help setup demo lifecycle test fast check expiry format sync tour site lock benchmark build release clean

help:  ## List what can be done
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; try make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || \
		{ echo "error: $(PYTHON) cannot make a virtual environment (on Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable ".[site]"
	@touch $@

setup: $(READY)  ## Make .venv with everything that development needs

demo: $(READY)  ## Generate a project, install it, train, evaluate, score; print the path of the report
	@$(BIN)/python scripts/demo.py

lifecycle: $(READY)  ## Play a model's life with a generated project: train, serve, drift, retrain, roll back
	@$(BIN)/python -m scripts.lifecycle.play

test: check  ## Run all checks and tests
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal --durations 10 --durations-min 1

fast: $(READY)  ## Run the quick tests: tests/unit
	@$(BIN)/python -m pytest tests/unit --numprocesses auto --dist worksteal

check: $(READY)  ## Check format, lint, types, and that generated files are up to date
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/python scripts/sync.py --check
	@$(BIN)/python scripts/samples.py --check
	@$(BIN)/python scripts/pages.py --check

expiry: $(READY)  ## Which pins of this repository end, or are to be looked at again?
	@PYTHONPATH=template $(BIN)/python -B -m tools.expiry

format: $(READY)  ## Format, and fix what can be fixed
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

sync: $(READY)  ## Write the generated files: cookiecutter.json, example data, blocks of docs/
	@$(BIN)/python scripts/sync.py
	@$(BIN)/python scripts/samples.py
	@$(BIN)/python scripts/pages.py

tour: $(READY)  ## Run a default project and write its output and figures into docs/tour.md
	@PYTHONPATH=. $(BIN)/python scripts/tour.py

site: $(READY)  ## Build these documents as one static site: build/site/index.html
	@$(BIN)/python -m sphinx -q -n -W --keep-going -E -d build/doctrees docs build/site

lock: $(READY)  ## Lock the generated project's dependencies anew; KEEP=1 moves none that are locked
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python scripts/lock.py $(if $(KEEP),--keep)

benchmark: $(READY)  ## Measure every figure in README and docs
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group benchmark
	@$(BIN)/python benchmarks/run.py

build: $(READY)  ## Build the wheel and the source distribution into dist/
	@git clean -fdXq template
	@$(BIN)/uv build --quiet

# "+" has make run the line with --dry-run too, which is then passed on.
release: $(READY)  ## Tag VERSION: make release VERSION=0.2.0; with --dry-run only check
	+@$(BIN)/python scripts/release.py "$(VERSION)" $(if $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),--dry-run)

clean:  ## Remove .venv and everything that was built
	@rm -rf .venv build dist
