# Two commands do all the set-up on a fresh machine with Python 3.11 or later, git and a C++ compiler:
#   make demo    installs, trains a tagger on real words, shows what came of it
#   make test    installs, runs the tests, on two processes (make test WORKERS=4)
# make nightly draws fifty times as many examples; make check, make sanitize and make aarch64 are the other checks.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt $(shell find src csrc -type f -not -name '*.pyc' 2>/dev/null)
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test nightly browser check sanitize format clean

demo: $(VENV)/.demo
	$(BIN)/python examples/stress.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS)

nightly: $(VENV)/.test
	UNPAD_TEST_EXAMPLES=50 $(BIN)/python -m pytest -n $(WORKERS)

# The doctor's page in Chromium, which is not installed by this; without it each test says so and is skipped.
browser: $(VENV)/.test
	$(BIN)/python -m pytest -rs tests/doctor/test_browser.py

check: $(VENV)/.check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

# The kernels' own tests under AddressSanitizer and UBSan, with sizes drawn at random; then Python's callers, fed what
# does not go together, against the same library. Python is not built with the sanitizer: it is loaded first, with the
# C++ library whose exceptions it watches; memory that Python never gives back is no leak of ours.
SANITIZED := UNPAD_LIBRARY=$(CURDIR)/build/sanitize/libunpad_kernels.so \
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1 \
  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)"

sanitize: $(VENV)/.check
	$(BIN)/cmake -S csrc -B build/sanitize -DUNPAD_TESTS=ON -DUNPAD_SANITIZE=ON >/dev/null
	$(BIN)/cmake --build build/sanitize --parallel 2
	$(BIN)/ctest --test-dir build/sanitize --parallel 2 --output-on-failure
	$(SANITIZED) $(BIN)/python -m pytest -n $(WORKERS) tests/kernels/test_memory.py

# The kernels' own tests on aarch64, emulated: needs Debian's g++-aarch64-linux-gnu and qemu-user-static.
aarch64:
	cmake -S csrc -B build/aarch64 -DUNPAD_TESTS=ON -DCMAKE_TOOLCHAIN_FILE=aarch64.cmake >/dev/null
	cmake --build build/aarch64 --parallel 2
	UNPAD_EMULATED=1 ctest --test-dir build/aarch64 --parallel 2 --output-on-failure

format: $(VENV)/.check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist out

# torch comes first and by its exact version: a range would fetch several GB of CUDA.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unpad needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $$(grep '^torch==' constraints.txt)
	touch $@

$(VENV)/.demo: $(VENV)/.torch $(SOURCES)
	$(BIN)/pip install --quiet '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.torch $(SOURCES)
	$(BIN)/pip install --quiet '.[test,arrow,files,onnx,demo,keras]'
	# Two examples read the data files that aeon carries; its code, and what that needs, is not run.
	$(BIN)/pip install --quiet --no-deps aeon
	touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/pip install --quiet '.[test,arrow,files,onnx,demo,keras,check]'
	touch $@
