# Everything a fresh machine with Python >= 3.11 and make needs: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: demo test lint types contracts quick lock clean benchmark docs truth

demo: $(STAMP)
	$(BIN)/antiphon demo --out demo-report

test: lint types contracts quick

quick: $(STAMP)
	$(BIN)/pytest -n 2

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/basedpyright

contracts: $(STAMP)
	$(BIN)/lint-imports

docs: $(STAMP)
	$(BIN)/python tools/refresh_docs.py

truth: $(STAMP)
	$(BIN)/python tools/truth_page.py

benchmark: $(STAMP)
	$(BIN)/python benchmarks/run.py

# uv when it is there or can be had, otherwise the environment's own pip: both install exactly what the lock says.
$(STAMP): locks/dev.txt pyproject.toml
	$(PYTHON) tools/set_up.py $(VENV) locks/dev.txt
	touch $(STAMP)

# Hash-pinned and free of addresses: see docs/decisions/0001-lock.md.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o locks/dev.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o locks/run.txt
	uv pip compile pyproject.toml --group dev --extra bayes --constraint locks/dev.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o locks/bayes.txt

clean:
	rm -rf $(VENV) demo-report .pytest_cache .ruff_cache .hypothesis
