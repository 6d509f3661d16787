"""NumPy's own tests with our functions in place of NumPy's: `pytest -p numpy_tests --pyargs numpy.lib.tests ...` with this directory in
PYTHONPATH; `make python-suites` runs it.

Whatever function of NumPy's a test calls that the table has too is called as ours: arrays of NumPy come in as lazy ones in small chunks,
results go out as NumPy's. A call that is not about arrays of our dtypes is skipped with the reason, and so is what stands in skips.txt.
"""

import pathlib
import types

import numpy as np
import pytest

import flagstone as fs
from flagstone import _flagstone

FUNCTIONS = _flagstone.functions
KINDS = "biufc"

#: Functions that make no array of ours, or that tests use to set up what they look at.
ASIDE = {
    "array", "asarray", "asanyarray", "ascontiguousarray", "copy", "empty", "empty_like", "can_cast", "result_type", "promote_types",
    "isscalar", "shape", "ndim", "size", "may_share_memory", "shares_memory", "iscomplexobj", "isrealobj", "isdtype", "array_equal", "allclose",
    "save", "load", "broadcast_shapes", "astype",
}


def lazy(value):
    """The argument as ours, or a skip with the reason that it cannot be."""
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray:
            pytest.skip(f"a subclass of arrays: {type(value).__name__}")
        if value.dtype.kind not in KINDS or value.dtype.itemsize > 16 or value.dtype.kind == "f" and value.dtype.itemsize > 8:
            pytest.skip(f"dtype {value.dtype.name}")
        x = fs.asarray(value)
        return x.rechunk(tuple(max(1, (n + 1) // 2) for n in value.shape)) if value.ndim and value.size else x
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(lazy(item) for item in value)
    if isinstance(value, np.generic) and (value.dtype.kind not in KINDS or value.dtype.itemsize > 16):
        pytest.skip(f"dtype {value.dtype.name}")
    if isinstance(value, np.dtype) and value.kind not in KINDS:
        pytest.skip(f"dtype {value.name}")
    if hasattr(value, "__array__") and not isinstance(value, (np.generic, fs.Array)) or value is object:
        pytest.skip(f"an object with protocols of its own: {type(value).__name__}")
    return value


def eager(value):
    if isinstance(value, fs.Array):
        return value.compute()
    if isinstance(value, (list, tuple)):
        return type(value)(eager(item) for item in value)
    return value


class Call:
    """Our function in the place of NumPy's."""

    def __init__(self, name, theirs):
        self.ours, self.theirs, self.__name__, self.__doc__ = FUNCTIONS[name], theirs, theirs.__name__, theirs.__doc__

    def __call__(self, *args, **kwargs):
        out = kwargs.get("out")
        if out is not None:
            pytest.skip("out=: lazy arrays have no memory to write to")
        given, named = [lazy(arg) for arg in args], {key: lazy(value) for key, value in kwargs.items()}
        found = self.ours(*given, **named)
        taken = self.theirs(*args, **kwargs) if _makes_tuple(found) else None
        return _as(taken, eager(found))

    def __getattr__(self, name):
        return getattr(self.theirs, name)


def _makes_tuple(found):
    return isinstance(found, tuple)


def _as(theirs, ours):
    """Named results under NumPy's names."""
    return type(theirs)(*ours) if hasattr(theirs, "_fields") else ours


def _plain(value):
    return callable(value) and not isinstance(value, type)


class Proxy(types.ModuleType):
    """`numpy`, or one of its modules, with our functions."""

    def __init__(self, module, prefix=""):
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _prefix=prefix, _calls={})

    def __getattr__(self, name):
        theirs = getattr(self._module, name)
        if not self._prefix and name in ("linalg", "fft"):
            return self._calls.setdefault(name, Proxy(theirs, f"{name}."))
        full = self._prefix + name
        if name in ASIDE or full not in FUNCTIONS or not _plain(theirs):
            return theirs
        if full not in self._calls:
            self._calls[full] = Call(full, theirs)
        return self._calls[full]


SKIPS = {}
for line in (pathlib.Path(__file__).parent / "skips.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        test, _, reason = line.partition("  # ")
        SKIPS[test.strip()] = reason


def pytest_collection_modifyitems(items):
    numpy = Proxy(np)
    by_function = {}
    for name in FUNCTIONS:
        of, _, last = name.rpartition(".")
        found = getattr(getattr(np, of, None) if of else np, last, None)
        if found is not None and _plain(found) and last not in ASIDE:
            by_function[id(found)] = getattr(getattr(numpy, of) if of else numpy, last)
    seen = set()
    for item in items:
        module = item.module
        reason = SKIPS.get(item.nodeid.split("[")[0].split("site-packages/")[-1])
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        if module in seen:
            continue
        seen.add(module)
        for name, value in list(vars(module).items()):
            if value is np:
                setattr(module, name, numpy)
            elif value is np.linalg or value is np.fft:
                setattr(module, name, getattr(numpy, value.__name__.split(".")[-1]))
            elif id(value) in by_function:
                setattr(module, name, by_function[id(value)])
