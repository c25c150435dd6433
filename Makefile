# Everything a person types. The work is done by deploy/quickstart/prepare.py, manage.py and the tools themselves.
PYTHON ?= python3
ifneq ($(origin PYTHON),file)
export AAP_KEEP_PYTHON = 1
endif
export AAP_VENV ?= .venv
VENV := $(AAP_VENV)/bin
SHELL := /bin/sh
export NEXT_TELEMETRY_DISABLED = 1

.PHONY: run setup client dev-setup check test test-fast test-all test-offline prod-test soak chaos bench format lock types clean-client

run: setup
	@exec $(VENV)/python manage.py serve

setup:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Python 3.11 or newer is needed and $(PYTHON) was not found. On Debian 12: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) deploy/quickstart/prepare.py

client: setup

dev-setup:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) deploy/quickstart/prepare.py --dev --no-database

check: dev-setup
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/lint-imports
	$(VENV)/mypy .
	$(VENV)/python manage.py makemigrations --check --dry-run
	$(VENV)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	cd frontend && npm run --silent typecheck && npm run --silent lint

test-fast: dev-setup
	PYTHONDONTWRITEBYTECODE= $(VENV)/pytest --ignore=tests/browser -m "not slow and not full" -n 2

test: dev-setup
	$(VENV)/python tests/run_all.py

test-all: dev-setup
	$(VENV)/python tests/run_all.py --full

# The whole suite where no address but this machine's own can be reached (Linux): what an installation without the internet has.
test-offline: dev-setup
	$(VENV)/python tests/offline.py $(VENV)/python tests/run_all.py

# The shape of production as processes behind nginx: what only the proxy can get wrong, every flow test that says something
# about other processes, then the deaths of every shape.
FLOWS = accounts/tests agents/tests audit/tests limits/tests llm_providers/tests platform_site/tests privacy/tests tests/flows
prod-test: dev-setup
	$(VENV)/pytest -p no:cacheprovider tests/production
	$(VENV)/python -m pytest -p no:cacheprovider -p tests.through_nginx $(FLOWS)
	SHAPE=production $(VENV)/pytest -p no:cacheprovider tests/crash/test_any_shape.py

# Breaks an installation of its own for five minutes; KILLS=n for so many deaths instead. The data in DATA_DIR or behind
# DATABASE_URL is not even migrated.
chaos:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) deploy/quickstart/prepare.py --no-database
	@$(VENV)/python manage.py chaos

# Whether memory or descriptors creep up under steady work with faults: an hour, or SECONDS=n.
soak: dev-setup
	$(VENV)/python -m bench.soak --seconds $(or $(SECONDS),3600)

bench: dev-setup
	$(VENV)/python -m bench

format: dev-setup
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

lock:
	$(VENV)/pip install --quiet uv
	$(VENV)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	$(VENV)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 requirements-dev.in -o requirements-dev.txt

types: dev-setup
	$(VENV)/python manage.py spectacular --format openapi-json --file frontend/openapi.json
	cd frontend && npm run --silent types
