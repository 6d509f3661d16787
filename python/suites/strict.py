"""What array-api-strict has, as the smallest namespace that follows the standard: ours has it too, takes the same arguments, and gives
results of the same dtype and shape. Part of `make python-suites`."""

import inspect
import itertools

import numpy as np
import pytest

from flagstone import array_api as xp

strict = pytest.importorskip("array_api_strict")

#: Not of the standard, or of the namespace alone.
ASIDE = {"get_array_api_strict_flags", "set_array_api_strict_flags", "reset_array_api_strict_flags", "ArrayAPIStrictFlags", "Device"}


def _names():
    for of, module in [("", strict), ("linalg.", strict.linalg), ("fft.", strict.fft)]:
        for name in module.__all__:
            if name not in ASIDE and not name.startswith("__"):
                yield of + name


def _found(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


@pytest.mark.parametrize("name", sorted(_names()))
def test_what_is_there_is_here_and_takes_the_same(name):
    theirs, ours = _found(strict, name), _found(xp, name)
    if not inspect.isfunction(theirs):
        return
    taken = inspect.signature(ours).parameters
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    for parameter in inspect.signature(theirs).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not anything:
            assert parameter.name in taken, f"{name}: no parameter {parameter.name}"


DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "complex64", "complex128"]
ELEMENTWISE = [name for name in strict.__all__ if name != "clip" and "_elementwise" in str(getattr(getattr(strict, name), "__module__", ""))]


def _dtype(x):
    return np.dtype(getattr(x.dtype, "_np_dtype", x.dtype))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_give_the_same_dtypes_and_values(name):
    theirs, ours = getattr(strict, name), getattr(xp, name)
    several = [p for p in inspect.signature(theirs).parameters.values() if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]
    compared = 0
    for dtypes in itertools.product(DTYPES, repeat=len(several)):
        a = [np.array([[1, 2, 3], [1, 1, 2]]).astype(dtype) for dtype in dtypes]
        try:
            expected = theirs(*(strict.asarray(x) for x in a))
        except TypeError:
            continue  # what the standard leaves open
        with np.errstate(all="ignore"):
            found = ours(*(xp.asarray(x) for x in a))
        assert (found.shape, found.dtype) == (expected.shape, _dtype(expected)), dtypes
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected._array), rtol=1e-5, err_msg=str(dtypes))
        compared += 1
    assert compared
