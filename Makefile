# make demo    set up, and process made-up datasets off line: COS and, where hstcal is, ACS, STIS and WFC3
# make test    set up, and run the tests, in a few minutes
# make help    say what else there is

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# linters whose requirements clash with the package's have an environment of their own
TOOLS := cfn-lint checkov
TOOLS_VENV := .venv-tools
TOOLS_BIN := $(TOOLS_VENV)/bin
TOOLS_READY := $(TOOLS_VENV)/ready
DEMO := build/demo
HSTCAL_COPY := container/hstcal-source.tar
PROFILES := $(notdir $(wildcard profiles/*))
# what a user's shell sets for CRDS and AWS has no say in the demo
OFF_LINE := env -u CRDS_PATH -u CRDS_SERVER_URL -u CRDS_CONTEXT -u CRDS_READONLY_CACHE -u AWS_ENDPOINT_URL

# more workers than most machines have cores, since tests wait for programs, servers and limits
PYTEST = $(BIN)/python -m pytest -n 4 --dist worksteal

# what make test-s3 runs on
S3_SERVER ?= radosgw-https

# what builds the image and starts containers: docker or podman, whichever is there
ENGINE = $(or $(HSTDP_CONTAINER_ENGINE),$(firstword $(shell command -v docker podman)))
IMAGE ?= calcloud:latest
BASE_IMAGE ?=
HSTCAL_SOURCE ?=
BUILD_OPTIONS ?=

.PHONY: help setup tools hstcal demo test test-all test-s3 mutants lint format constraints clean image

help:
	@echo "make setup        the environment in .venv, and links that let 'snakemake --profile NAME' find profiles/"
	@echo "make hstcal       calacs.e, calwf3.e and cs0.e in .venv/hstcal, from conda-forge or HSTCAL_SOURCE=FOLDER|TARBALL|release"
	@echo "make demo         made-up datasets of COS and, after make hstcal, ACS, STIS and WFC3, from raw files to a report, off line"
	@echo "make test         the tests, but for slow ones and whole engines"
	@echo "make test-all     all tests: make test, then those on Docker, Apptainer, HTCondor, and slow ones"
	@echo "make test-s3      the tests that use S3, on S3_SERVER=$(S3_SERVER), or moto-http, moto-https, radosgw-http"
	@echo "make mutants      what the tests of core, records and engines would not notice, by mutmut (hours; less with MUTANTS='hstdputils.core.text*')"
	@echo "make lint         ruff, snakefmt, mypy, codespell and snakemake --lint; cfn-lint and checkov, in .venv-tools"
	@echo "make format       format Python files and rules"
	@echo "make constraints  write constraints.txt and constraints-tools.txt anew, with today's versions"
	@echo "make image        the container image IMAGE (calcloud:latest), on BASE_IMAGE, with HSTCAL_SOURCE as above"
	@echo "make clean        remove what the demo and the tests made (not .venv and .venv-tools)"

setup: $(READY)

$(READY): pyproject.toml constraints.txt $(wildcard profiles/*/config.yaml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or later is needed: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@# uv resolves in seconds what takes pip minutes; pip does where there is no uv. Compiled once, as pip does by itself,
	@# since each job is a process that imports it all
	$(BIN)/python -m pip install --quiet -c constraints.txt uv || true
	if [ -x $(BIN)/uv ]; then \
		$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[cal,test,dev]'; \
	else \
		$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[cal,test,dev]'; \
	fi
	@# snakemake --profile NAME looks in this folder, and not in profiles/
	for name in $(PROFILES); do ln -sfn profiles/$$name $$name; done
	touch $(READY)

tools: $(TOOLS_READY)

$(TOOLS_READY): constraints-tools.txt | $(READY)
	$(PYTHON) -m venv $(TOOLS_VENV)
	if [ -x $(BIN)/uv ]; then \
		$(BIN)/uv pip install --quiet --python $(TOOLS_BIN)/python -c constraints-tools.txt $(TOOLS); \
	else \
		$(TOOLS_BIN)/python -m pip install --quiet -c constraints-tools.txt $(TOOLS); \
	fi
	touch $(TOOLS_READY)

hstcal: $(READY)
	@$(BIN)/python container/hstcal.py

# where all programs of hstcal are, the demo has more datasets
HAS_HSTCAL := $(shell PATH="$$PATH:$(VENV)/hstcal/bin"; \
	command -v calacs.e >/dev/null && command -v calwf3.e >/dev/null && command -v cs0.e)
DEMO_CONFIG := $(strip config/demo.yaml $(if $(HAS_HSTCAL),config/demo-hstcal.yaml))

demo: $(READY) $(DEMO)/complete
	$(OFF_LINE) $(BIN)/snakemake --profile onsite --configfile $(DEMO_CONFIG)
	@echo
	@$(if $(HAS_HSTCAL),,echo "These are of COS: 'make hstcal' brings what ACS, STIS and WFC3 need, and the next 'make demo' has them too.")
	@echo "Look at   results/demo/report.html          how each dataset ended"
	@echo "          results/demo/ldem01010/           products, previews, log, metrics and manifest of one of them"
	@echo "          results/demo/plan.out             what each job was given"
	@echo "Run next  . .venv/bin/activate"
	@echo "          snakemake --profile onsite --configfile $(DEMO_CONFIG)    again: nothing to do"
	@echo "          README.md, \"Your own list\"         your datasets"

$(DEMO)/complete: $(READY) $(wildcard tests/madeup/*.py tests/madeup/*/*.py)
	rm -rf $(DEMO)
	$(BIN)/python -m tests.madeup $(DEMO)
	touch $@

test: $(READY)
	$(PYTEST) -m "not slow"

test-all: test
	$(PYTEST) -m slow

test-s3: $(READY)
	$(PYTEST) --s3-server=$(S3_SERVER)

# mutmut is no requirement of the tests: it comes with the first call
mutants: $(READY)
	$(BIN)/python -c 'import mutmut' 2>/dev/null || $(BIN)/python -m pip install --quiet mutmut
	mkdir -p build/mutants
	ln -sfn ../../workflow build/mutants/src
	for name in config docs profiles rules tests workflow Snakefile pyproject.toml; do ln -sfn ../../$$name build/mutants/$$name; done
	cd build/mutants && nice -n 10 ../../$(BIN)/python -m mutmut run $(MUTANTS)
	cd build/mutants && ../../$(BIN)/python -m mutmut results

lint: $(READY) $(TOOLS_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile rules
	$(BIN)/mypy
	$(BIN)/codespell README.md CHANGELOG.md config docs profiles rules tests workflow benchmarks
	$(BIN)/snakemake --lint
	$(TOOLS_BIN)/cfn-lint config/batch/hstdp.yaml
	@# findings that are accepted are in this file, with their reasons
	$(TOOLS_BIN)/checkov --config-file .checkov.yaml

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/Snakefile rules

constraints:
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
		--no-header --no-annotate --quiet --output-file constraints.txt
	printf '%s\n' $(TOOLS) | $(BIN)/uv pip compile - --universal --python-version 3.11 --upgrade \
		--no-header --no-annotate --quiet --output-file constraints-tools.txt

image:
	@test -n "$(ENGINE)" || { echo "error: neither docker nor podman is on PATH: install one of them"; exit 2; }
	@# a copy of hstcal's source goes where the build sees it
	@rm -f $(HSTCAL_COPY)
	@case "$(HSTCAL_SOURCE)" in \
		''|release) ;; \
		*) if [ -d "$(HSTCAL_SOURCE)" ]; then tar -C "$(HSTCAL_SOURCE)" -cf $(HSTCAL_COPY) .; \
			elif [ -f "$(HSTCAL_SOURCE)" ]; then cp "$(HSTCAL_SOURCE)" $(HSTCAL_COPY); \
			else echo "error: HSTCAL_SOURCE is '$(HSTCAL_SOURCE)', which is not there: name a folder or a tarball with" \
				"hstcal's source, or say release"; exit 2; fi ;; \
	esac
	$(ENGINE) build --file container/Dockerfile --tag $(IMAGE) \
		$(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
		$(if $(HSTCAL_SOURCE),--build-arg HSTCAL_SOURCE=$(if $(filter release,$(HSTCAL_SOURCE)),release,copy)) \
		--build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' workflow/hstdputils/__init__.py) \
		--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
		$(BUILD_OPTIONS) .
	@rm -f $(HSTCAL_COPY)

clean:
	rm -rf build results work logs plan.out .snakemake .pytest_cache .ruff_cache $(HSTCAL_COPY)
