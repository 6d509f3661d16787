"""What mypy must accept, and what it must know: `make test-python` checks this file against the stubs."""

from typing import assert_type

import numpy as np

import flagstone as fs
from flagstone import linalg, random

x: fs.Array = random.normal(size=(10, 4), seed=1)
assert_type(x + 1, fs.Array)
assert_type(1.0 - x, fs.Array)
assert_type(x.mean(axis=0, keepdims=True), fs.Array)
assert_type(fs.sum(x, axis=(0, 1)), fs.Array)
assert_type(x.shape, tuple[int, ...])
assert_type(x[1:, None], fs.Array)
assert_type(linalg.norm(x), fs.Array)
assert_type(float(x.sum()), float)
assert_type(x.explain(), str)
assert_type(fs.maximum.accumulate(x), fs.Array)
q, r = linalg.qr(x)
x[0] = 3
with fs.Runtime(memory_limit="1GiB", threads=2) as runtime:
    np.asarray(x)
    runtime.counters()["tasks"]
x.no_such_method()  # type: ignore[attr-defined]
fs.mean(x, axs=1)  # type: ignore[call-arg]
