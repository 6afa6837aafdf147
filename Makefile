# The memorization book. `make` alone lists what can be asked for.

PYTHON ?= python3
SCALE ?= laptop
UPGRADE ?=
# More words for pytest, as in TESTS=--cov.
TESTS ?=

# Of the user's settings for Python none reaches the book.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONSAFEPATH

PY := .venv/bin/python
SET_UP = "$(PYTHON)" -E -s -m helpers.environment
# Named by what decides it: after a change of either file .venv is made or completed.
READY := .venv/ready-$(firstword $(shell cat requirements.lock pyproject.toml | cksum))
# Its scripts name the path of the day when it was made. A link to the same folder is as
# good; if that path leads elsewhere now, the folder was moved or copied.
MOVED := $(shell [ -x $(PY) ] && [ "$$(cat .venv/home 2>&1)" -ef . ] || echo moved)
# make passes on no signal but SIGTERM, and only to its own child, which the work must
# therefore be: `exec`. What is sent to make alone otherwise, the watch passes on.
watched = $(1) -E -s -S -m helpers.environment.watch $$PPID \
  </dev/null >/dev/null 2>&1 & exec

# Right is one word (hence the count) of which nothing is left after the four.
ifneq ($(filter book,$(MAKECMDGOALS)),)
ifneq ($(filter-out smoke laptop workstation paper,$(SCALE))$(words $(SCALE)),1)
$(error SCALE=$(SCALE) is unknown: use smoke, laptop, workstation or paper)
endif
endif

.PHONY: help book test check venv cluster lock clean moved

help:  ## list what can be asked for
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile
	@echo "Set-up is part of book and test. PYTHON=python3.12 chooses the interpreter."

book: venv  ## run the chapters, build the site (SCALE=smoke|laptop|workstation|paper)
	@$(call watched,$(PY)) $(PY) -m helpers run --scale $(SCALE) --site

test: venv  ## run the tests
	@$(call watched,$(PY)) $(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile $(TESTS)

check:  ## all that must pass before a change is merged
	.ci/run

venv: $(READY)  ## make .venv from requirements.lock, no more

# Snakemake stays out of what every reader installs.
cluster: venv  ## make .venv-cluster from workflow/requirements.lock, for Snakemake
	@[ -x .venv-cluster/bin/python ] || $(PY) -m uv venv --quiet --python $(PY) .venv-cluster
	@$(PY) -m uv pip sync --quiet --python .venv-cluster/bin/python --require-hashes \
	  workflow/requirements.lock

lock: venv  ## pin what pyproject.toml asks for (UPGRADE=1: the newest of everything)
	$(PY) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  $(if $(UPGRADE),--upgrade) --generate-hashes --quiet \
	  --custom-compile-command "make lock" --output-file requirements.lock
	$(PY) -c 'import tomllib as t; print("\n".join(t.load(open("pyproject.toml", "rb")) \
	  ["project"]["optional-dependencies"]["cluster"]))' | $(PY) -m uv pip compile - \
	  --universal --python-version 3.11 $(if $(UPGRADE),--upgrade) --generate-hashes \
	  --quiet --custom-compile-command "make lock" --output-file workflow/requirements.lock

clean:  ## remove the site, the caches and .venv; results and chapters stay
	@[ ! -e .venv/in-use ] || $(SET_UP) --unused || [ $$? = 127 ]
	rm -rf .venv .venv-cluster .snakemake _build .pytest_cache .ruff_cache *.egg-info
	find helpers tests book -name __pycache__ -type d -prune -exec rm -rf {} +

# The wheels of torch end at Python 3.14. Debian ships venv without ensurepip.
$(READY): $(MOVED)
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "PYTHON=$(PYTHON) was not found: install Python 3.11 to 3.14" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; \
	  sys.exit(0 if (3, 11) <= v <= (3, 14) else "Python %d.%d cannot run the book: \
	choose one from 3.11 to 3.14, as in make PYTHON=python3.12" % v)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)" >&2; exit 1; }
	@$(call watched,"$(PYTHON)") $(SET_UP) $@
