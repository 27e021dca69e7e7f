# Two commands are all the set-up there is: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo studio gallery test test-all chromium format clean

demo: .venv/installed
	$(BIN)/python examples/demo.py

studio: .venv/installed-studio
	$(BIN)/reverie studio

# Pages that run models in the browser, in docs/gallery/index.html: open it by double-click.
gallery: .venv/installed-dev
	$(BIN)/python scripts/build_gallery.py

test: .venv/installed-dev chromium
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/codespell src tests docs examples scripts benchmarks README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/python -m pytest

test-all: .venv/installed-dev chromium
	$(BIN)/python -m pytest -m ""

# The page is tested in Debian's browser, where there is one; elsewhere those tests are skipped.
chromium:
	@command -v chromium >/dev/null || ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ] || \
		{ apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 || true

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build *.egg-info src/*.egg-info

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-studio: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[studio]"
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
