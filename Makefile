# The memorization book. `make` alone lists what can be asked for.

PYTHON ?= python3
SCALE ?= laptop
UPGRADE ?=

# Named by the lock's content and this folder: an environment that is half made, made
# from another lock or moved along with its folder is made anew.
LOCKED := .venv/locked-$(firstword $(shell { pwd; cat requirements.lock; } | cksum))
READY := .venv/ready
PY := .venv/bin/python
PIP := $(PY) -m pip install $(if $(CI),--quiet) --disable-pip-version-check

# Right is one word (hence the count) of which nothing is left after the four.
ifneq ($(filter book,$(MAKECMDGOALS)),)
ifneq ($(filter-out smoke laptop workstation paper,$(SCALE))$(words $(SCALE)),1)
$(error SCALE=$(SCALE) is unknown: use smoke, laptop, workstation or paper)
endif
endif

.PHONY: help book test check venv lock clean

help:  ## list what can be asked for
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile
	@echo "Set-up is part of book and test. PYTHON=python3.12 chooses the interpreter."

book: venv  ## run the chapters, build the site (SCALE=smoke|laptop|workstation|paper)
	@status=0; \
	$(PY) -m helpers run --scale $(SCALE) || status=$$?; \
	[ $$status -le 1 ] || exit $$status; \
	$(PY) -m helpers build || status=$$?; \
	exit $$status

test: venv  ## run the tests
	$(PY) -m pytest

check:  ## all that must pass before a change is merged
	.ci/run

venv: $(READY)  ## make .venv from requirements.lock, no more

lock: venv  ## pin what pyproject.toml asks for (UPGRADE=1: the newest of everything)
	$(PY) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  $(if $(UPGRADE),--upgrade) --quiet --custom-compile-command "make lock" \
	  --output-file requirements.lock

clean:  ## remove the site, the caches and .venv; results and chapters stay
	rm -rf .venv _build .pytest_cache .ruff_cache *.egg-info
	find helpers tests book -name __pycache__ -type d -prune -exec rm -rf {} +

# The wheels of torch end at Python 3.14. Debian ships venv without ensurepip.
$(LOCKED):
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "PYTHON=$(PYTHON) was not found: install Python 3.11 to 3.14" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; \
	  sys.exit(0 if (3, 11) <= v <= (3, 14) else "Python %d.%d cannot run the book: \
	choose one from 3.11 to 3.14, as in make PYTHON=python3.12" % v)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)" >&2; exit 1; }
	@echo "Making .venv from requirements.lock: 6.5 GB, 2 to 10 minutes"
	@"$(PYTHON)" -m venv --clear .venv
	@$(PIP) --no-deps --requirement requirements.lock
	@touch $@

# No isolation: setuptools is in the lock, so that nothing more is downloaded.
$(READY): $(LOCKED) pyproject.toml
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@
