# One word per task. Needs Python 3.10 or newer and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-all coverage check lint types contracts services bench headline advice corpus live calibration blame engines verdicts golden docs docs-open fuzz lock clean

help:  ## show these tasks
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run data  ## set up, pull the real market files, replay and time them
	@$(BIN)/perfbench run

test: $(VENV)/.test  ## set up, check, and run the fast tests (minutes)
	@$(call with_check,$(PYTEST) -m "$(FAST)")

test-all: $(VENV)/.test  ## set up, check, and run every test
	@$(call with_check,$(PYTEST))

coverage: $(VENV)/.test  ## run the fast tests and show which lines and branches they do not reach
	@$(PYTEST) -m "$(FAST)" --cov --cov-report=term:skip-covered

PYTEST := $(BIN)/pytest -n auto --dist worksteal
FAST := not (slow or statistical or stress or network_heavy)
# The checks run beside the tests; what they say is shown after them.
with_check = $(MAKE) --no-print-directory check > .check.log 2>&1 & checking=$$!; $(1); tested=$$?; \
    wait $$checking; checked=$$?; cat .check.log; rm -f .check.log; test $$tested -eq 0 && test $$checked -eq 0

check: lint types contracts  ## lint, types and import contracts

lint: $(VENV)/.test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.test
	@$(BIN)/mypy

contracts: $(VENV)/.test
	@$(BIN)/lint-imports

services:  ## install the servers and tools that tests use and Debian offers (as root): PostgreSQL, valgrind, hyperfine, Chromium
	@{ command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 \
	    && command -v valgrind >/dev/null && command -v hyperfine >/dev/null \
	    && { command -v chromium || command -v google-chrome; } >/dev/null 2>&1 \
	    || { $(AS_ROOT) apt-get -qq update && DEBIAN_FRONTEND=noninteractive $(AS_ROOT) apt-get -qq install --yes \
	        --no-install-recommends postgresql valgrind hyperfine $(CHROMIUM); }

AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
# On Ubuntu the package chromium is a snap; its machines for CI have google-chrome.
CHROMIUM := $(if $(shell command -v google-chrome),,chromium)

data: $(VENV)/.run
	@$(BIN)/perfbench data pull --quiet || echo "measuring the bundled sample instead"
.PHONY: data

golden: $(VENV)/.test  ## regenerate the golden files, and the blocks and pictures of README and docs
	@$(BIN)/pytest -q --refresh-golden tests/cli/test_show.py tests/cli/test_commands.py tests/cli/test_completion.py tests/cli/test_manual.py
	@$(BIN)/python benchmarks/readme_tables.py

docs: $(VENV)/.docs  ## build the documentation into docs/_build/html; a warning is an error
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

docs-open: docs  ## build the documentation and open it in a browser
	@$(BIN)/python -m webbrowser -t "file://$(CURDIR)/docs/_build/html/index.html"

headline: $(VENV)/.run data  ## measure the claims of betfairlightweight 2.12.0 for README and docs (about an hour)
	@$(BIN)/perfbench compare $(CLAIMED) --save headline
	@mv results/headline.json results/reference-headline.json
	@$(BIN)/perfbench compare $(CLAIMED) --rounds 8 --set debug=false --save headline-debug-off
	@mv results/headline-debug-off.json results/reference-headline-debug-off.json
	@$(BIN)/python benchmarks/readme_tables.py

CLAIMED := betfairlightweight==2.11.2 betfairlightweight==2.12.0 \
    --data PRO-1.170258213 --data SELF-1.181223994 --data 1.200806927 --precision 0.015 --max-time 3600

calibration: $(VENV)/.run data  ## measure what a gate sees here, and other tools, for docs/ci/calibrate.md (about two hours; needs hyperfine 1 and git)
	@$(BIN)/perfbench calibrate --max-time 600 --data PRO-1.170258213 --slower 1.6% --slower 2.9% --comparisons 16 \
	    --against asv,hyperfine,hyperfine-2,pyperf,pytest-benchmark,pytest-codspeed --save calibration-for-readme
	@for part in "" -slower -against; do mv results/calibration-for-readme$$part.json results/reference-calibration$$part.json; done
	@$(BIN)/python benchmarks/readme_tables.py

live: $(VENV)/.run data  ## measure for docs/live/clients.md what 2.12.0 changed for live clients (about three hours)
	@$(BIN)/perfbench compare $(LIVE) --precision 0.05 --max-time 2400 --sweep traffic=pre_off,in_play --set speed=60 --save live-for-readme
	@mv results/live-for-readme.json results/reference-live.json
	@$(BIN)/perfbench compare $(LIVE) --rounds 6 --set traffic=early --set speed=60 --save live-for-readme
	@mv results/live-for-readme.json results/reference-live-early.json
	@$(BIN)/perfbench compare $(LIVE) --rounds 3 --set traffic=pre_off --set speed=1 --save live-for-readme
	@mv results/live-for-readme.json results/reference-live-real-time.json
	@$(BIN)/python benchmarks/readme_tables.py

LIVE := betfairlightweight==2.11.2 betfairlightweight==2.12.0 --scenario live --mode full --mode lightweight \
    --data SELF-1.181223994

corpus: $(VENV)/.run  ## measure for docs/quants/corpus.md a corpus that anyone can make (about six minutes)
	@$(BIN)/perfbench data generate-corpus results/my-archive.tar --markets 500 --force
	@$(BIN)/perfbench run --data results/my-archive.tar --mode lightweight --mode full --precision 0.01 --max-time 300 \
	    --save corpus-for-docs --plot results/reference-corpus.svg
	@mv results/corpus-for-docs.json results/reference-corpus.json
	@rm results/my-archive.tar
	@$(BIN)/python benchmarks/readme_tables.py

advice: $(VENV)/.run data  ## measure for docs/quants/advise.md what makes two backtests faster, on a market and on a corpus (about 40 minutes)
	@$(BIN)/perfbench data generate-corpus results/sixty-markets.tar --markets 60 --force
	$(call advised,best-price,best_price_backtest.py,--data PRO-1.170258213)
	$(call advised,best-price-corpus,best_price_backtest.py,--data results/sixty-markets.tar)
	$(call advised,mean-reversion,mean_reversion_backtest.py,--data PRO-1.170258213)
	$(call advised,mean-reversion-corpus,mean_reversion_backtest.py,--data results/sixty-markets.tar)
	@rm results/sixty-markets.tar
	@$(BIN)/python benchmarks/readme_tables.py

define advised
	@$(BIN)/perfbench advise scenarios/_programs/$(2):run $(3) --save advice-for-docs
	@mv results/advice-for-docs.advice.json results/reference-advice-$(1).advice.json
endef

blame: $(VENV)/.run data  ## measure for docs/maintainers/blame.md which functions made 2.12.0 faster (about ten minutes)
	@$(BIN)/perfbench profile --diff betfairlightweight==2.11.2 betfairlightweight==2.12.0 --mode full \
	    --data PRO-1.170258213 --no-memory --save blame-for-readme
	@mv results/blame-for-readme.profile.json results/reference-blame.profile.json
	@$(BIN)/python benchmarks/readme_tables.py

engines: $(VENV)/.run data  ## measure other readers of stream files for docs/quants/readers.md (about fifteen minutes)
	@$(BIN)/perfbench run --mode engines --sweep read=nothing,best --data PRO-1.170258213 --rounds 12 --save engines || test $$? -eq 6
	@mv results/engines.json results/reference-engines.json
	@$(BIN)/python benchmarks/readme_tables.py

verdicts: $(VENV)/.run data  ## measure for docs/quants/advice.md whether the advice of the community holds (about four hours)
	$(call advice,memory,ring_buffer gc_tuning memory_logging soak,$(SESSION_RANGES))
	$(call advice,restart,restart)
	$(call advice,calculation,vwap caching,$(CALCULATION_RANGES))
	$(call advice,caching-slow,caching,--set cost_us=1000 --set reads=4000)
	$(call advice,following,caching_live)
	$(call advice,databases,indexes batch_inserts)
	$(call advice,storage,backtest_storage,$(STORAGE_RANGE))
	$(call advice,storage-large,backtest_storage,$(LARGE_STORAGE))
	$(call advice,network,connections retries batches)
	$(call advice,subscriptions,subscriptions,--set speed=60)
	$(call advice,reconnect,reconnect,--set speed=60)
	@$(BIN)/python benchmarks/readme_tables.py

STORAGE_RANGE := --sweep backtest_storage.markets=6,24,60
LARGE_STORAGE := --mode sqlite_bare --mode advised_indexes --mode tick_files --sweep backtest_storage.markets=120,250
SESSION_RANGES := --sweep ring_buffer.periods=5,50,500 --sweep gc_tuning.cycles=0,100
CALCULATION_RANGES := --sweep vwap.periods=5,20,50,100,200,500,999 --sweep caching.cost_us=1,10,100 --set caching.reads=4000

define advice
	@$(BIN)/perfbench run $(2) --data PRO-1.170258213 --rounds 6 --save verdicts-for-readme-$(1) $(3)
	@mv results/verdicts-for-readme-$(1).json results/reference-verdicts-$(1).json
endef

bench: $(VENV)/.test data  ## measure what the harness itself costs (about half an hour)
	@$(BIN)/python benchmarks/harness.py

fuzz: $(VENV)/.test  ## check mutated inputs of every kind (FUZZ_SECONDS=180, FUZZ_SEED, FUZZ_TARGET="archives specs")
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(FUZZ_TARGET)

lock: $(VENV)/.test  ## renew the lock files from pyproject.toml, with the uv of the lock (LOCKED=--upgrade: the newest versions)
	@$(COMPILE) pyproject.toml --all-extras --group test --group build -o .ci/lock-test.txt
	@$(COMPILE) pyproject.toml $(RUN_EXTRAS:%=--extra %) --group build -c .ci/lock-test.txt -o .ci/lock-run.txt
	@$(COMPILE) pyproject.toml -c .ci/lock-test.txt -o .ci/lock-core.txt
	@printf "pip\nuv\n" | $(COMPILE) - --group build -c .ci/lock-test.txt -o .ci/lock-build.txt
	@$(COMPILE) pyproject.toml --extra docs --group build -c .ci/lock-test.txt -o .ci/lock-docs.txt
	@$(COMPILE) --group release -c .ci/lock-test.txt -o .ci/lock-release.txt

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.10 $(LOCKED)
RUN_EXTRAS := exchange flumine html plots profile

clean:  ## remove the virtual environment and caches
	@rm -rf $(VENV) docs/_build docs/_generated docs/advice docs/gallery .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("perfbench needs Python 3.10 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 …" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: .ci/lock-run.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing perfbench into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/lock-run.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.docs: .ci/lock-docs.txt $(VENV)/.run
	@echo "installing what the documentation needs into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/lock-docs.txt
	@touch $@

$(VENV)/.test: .ci/lock-test.txt $(VENV)/.run
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/lock-test.txt
	@touch $@
