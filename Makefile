# The commands of the README; continuous integration calls the same.
PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slurm kills slurm-faults check docs screenshots bench install lock

# The whole workflow on the built-in phantom; a second call finds nothing to be done.
demo: $(READY)
	$(BIN)/snakemake -c$(CORES) --config experiment=demo

# A thread a process, for there is a process a core. The workflow tests wait often, for Slurm most of all: a file more
# than there are cores at a time.
test: export OMP_NUM_THREADS = 1
test: $(READY)
	$(BIN)/pytest -q -n $(CORES) --dist worksteal --durations 10 --ignore tests/workflow --ignore tests/slurm
	$(BIN)/pytest -q -n $$(($(CORES) + 1)) --dist loadfile --durations 30 tests/workflow tests/slurm \
	  --ignore tests/slurm/test_allocations.py --ignore tests/slurm/test_search.py

# All on a throw-away Slurm but the faults, which have a target of their own.
test-slurm: $(READY)
	SEGGRID_NO_SKIPS=1 $(BIN)/pytest -q tests/slurm

# Twenty kills at random moments: of training, of Snakemake, of both.
kills: $(READY)
	SEGGRID_KILLS=20 $(BIN)/pytest -q -s tests/workflow/test_kill.py -k random

# What may happen to a job on a cluster, each on a throw-away Slurm; takes most of an hour.
slurm-faults: $(READY)
	$(BIN)/python -m tests.slurm.faults

# Style, types, layers, the workflow's own lint, and generated files.
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy src benchmarks docs
	$(BIN)/lint-imports
	$(BIN)/snakemake --lint --config experiment=demo
	$(BIN)/python -m seggrid.config.generate --check
	$(BIN)/python docs/loss_pages.py --check

# Generated files: config/default.yaml, config/schema.json, the reference pages and their pictures.
docs: $(READY)
	$(BIN)/python -m seggrid.config.generate
	$(BIN)/python docs/loss_pages.py

# Peers that only benchmarks need are not in the lock.
# The pictures of the README, of the demo's report in the Chromium that is installed, and of the phantoms.
screenshots: demo
	$(BIN)/python docs/screenshots.py
	$(BIN)/python docs/phantom_pictures.py

bench: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python albumentations==2.0.8
	for name in start_up first_step demo_overhead cpu_levers training_loop volumes prediction losses distance_maps growth metrics motion scoring report search tracking cluster_overhead scheduling slurm_packing gpu_step sim_to_real; do \
	  echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

install: $(READY)

# uv installs the locked set, every file checked against its hash; the package itself is editable.
$(READY): requirements.lock pyproject.toml
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)

# Pin the newest versions that pyproject.toml allows, with hashes and without addresses.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --group dev pyproject.toml -o requirements.lock
