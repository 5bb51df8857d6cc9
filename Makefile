# Two commands do all: `make book` renders the book, `make test` checks the code.
# Each makes the environment in .venv first if there is none.

PROFILE ?= book
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WANTED := -c requirements.lock -e ".[book,dev]"
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock
# The first Python of 3.11 or newer; choose another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: book pdf course lectures paper compare freeze test check clean help
help:
	@echo "make book [PROFILE=book]   run the notebooks that are stale and render the book"
	@echo "make pdf                   print the book as one PDF, _build/html/book.pdf (needs Chromium)"
	@echo "make course                editions for students and instructors, and the lectures: build/course"
	@echo "make lectures              slides, handouts and their PDFs alone, build/course/lectures (after make book)"
	@echo "make paper                 compute the results with the papers' settings (hours; can be interrupted)"
	@echo "make compare               by how much they differ from the frozen records; a kept network trained anew"
	@echo "make freeze                keep them as the frozen records, and the papers' networks"
	@echo "make test                  run the tests"
	@echo "make check                 lint; types, who imports whom, the workflow; how easily each page reads"
	@echo "make clean                 remove all that was made, the environment included"

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; install one, or name it: make PYTHON=..."; exit 2; }
	@echo "making the environment in $(VENV) with $(PYTHON) (a minute or two, 7 GB) ..."
	@$(PYTHON) -m venv $(VENV)
	@{ $(INSTALL) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode $(WANTED); } || \
		{ echo "uv could not; pip takes longer ..." && $(INSTALL) $(WANTED); }
	@touch $@

book: $(READY)
	@echo "bringing the book up to date, profile $(PROFILE) ..."
	@$(BIN)/neuronbasis book --profile $(PROFILE)

pdf: book
	@echo "printing the book ..."
	@$(BIN)/python book/_ext/pdf.py

course: book
	@echo "making the editions for a course ..."
	@$(BIN)/python course/editions.py
	@$(MAKE) --no-print-directory lectures

lectures: $(READY)
	@echo "making slides and handouts ..."
	@$(BIN)/python course/slides.py

paper: $(READY)
	@echo "computing the results of the profile paper ..."
	@NEURONBASIS_KEPT= $(BIN)/neuronbasis results --profile paper

compare: $(READY)
	@echo "comparing build/paper with the frozen records in results/paper ..."
	@$(BIN)/neuronbasis compare results/paper build/paper
	@$(BIN)/neuronbasis keep --check

freeze: $(READY)
	@echo "freezing the records of build/paper in results/paper ..."
	@$(BIN)/neuronbasis freeze
	@$(BIN)/neuronbasis keep --jobs 2

test: $(READY)
	@echo "running the tests ..."
	@$(BIN)/python -m pytest -n auto -q -rs

check: $(READY)
	@echo "checking style, types, who imports whom, and the workflow ..."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/python tests/reading.py

clean:
	@echo "removing the environment, all results in build/ and the rendered book ..."
	@rm -rf $(VENV) _build build book/notebooks .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -rf lib/*.egg-info && find . -name __pycache__ -type d -prune -exec rm -rf {} +
