"""What a call costs beside the work: no other packages, no copies, next to no time."""

import subprocess
import sys
import time
import tracemalloc

import flagstone as fs
import numpy as np

LOADED = """
import sys, numpy
before = set(sys.modules)
import flagstone
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(names - set(sys.stdlib_module_names) - {"flagstone"}))
"""


def test_importing_loads_no_package_but_numpy():
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_a_result_is_no_copy():
    x = fs.ones((1024, 1024)) + 1.0
    tracemalloc.start()
    try:
        result = x.compute()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.nbytes == 8 << 20 and not result.flags.owndata and result.flags.writeable
    assert peak_bytes < 1 << 20, "NumPy allocated the elements"
    assert np.asarray(result) is result


def test_building_a_thousand_operations_takes_less_than_20_ms():
    def built():
        began, y = time.process_time(), fs.ones((100, 100))
        for _ in range(500):
            y = (y + 1) * 2
        return time.process_time() - began

    assert min(built() for _ in range(5)) < 0.02
