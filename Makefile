# `make study` and `make test` set up what they need: a machine with Python 3.11 or newer is enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
LOWEST := .venv-lowest

.PHONY: study test test-slow test-lowest check docs format bench clean

study: $(READY)
	$(BIN)/study run xor_width_depth

test: $(READY)
	$(BIN)/pytest -m "not slow" --numprocesses auto --durations 25

test-slow: $(READY)
	$(BIN)/pytest -m slow --numprocesses auto --durations 25

# With the lowest versions that pyproject.toml allows, on the lowest Python: needs uv.
test-lowest: $(LOWEST)/ready
	$(LOWEST)/bin/study run xor_width_depth --smoke --results build/lowest
	$(LOWEST)/bin/pytest -m "not slow" --numprocesses auto tests/analysis tests/trainables $(addprefix tests/tuning/,engine runs search spec)

$(LOWEST)/ready: pyproject.toml
	uv venv --quiet --clear --python 3.11 $(LOWEST)
	uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable .
	uv pip install --quiet --python $(LOWEST) --editable '.[dev]'
	touch $@

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test
	$(MAKE) test-slow
	$(MAKE) docs

docs: $(READY)
	$(BIN)/python -m benchmarks.site

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks.xor

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	touch $@

clean:
	rm -rf .venv $(LOWEST) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
