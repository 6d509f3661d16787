"""NumPy's own tests with our functions in place of NumPy's: `pytest -p numpy_tests --pyargs numpy.lib.tests ...` with this directory in
PYTHONPATH; `make python-suites` runs it.

Whatever function of NumPy's a test calls that the table has too is called as ours: arrays of NumPy come in as lazy ones in small chunks,
results go out as NumPy's. A call that is not about arrays of our dtypes is skipped with the reason, and so is what stands in skips.txt.
Not compared are the wording of errors, whose class is, and warnings: values are computed later than the call, on other threads.
"""

import contextlib
import decimal
import fractions
import functools
import importlib
import pathlib
import pkgutil
import sys
import types
import unittest.mock
import warnings

import numpy as np
import pytest

import flagstone as fs
from flagstone import _flagstone

FUNCTIONS = _flagstone.functions
#: Methods that are not called as the functions of their names.
METHODS = {name: method for name, method in vars(fs.Array).items() if isinstance(method, _flagstone.Function)}
KINDS = "biufc"

#: Functions that make no array of ours, or that tests use to set up what they look at.
ASIDE = {
    "array", "asarray", "asanyarray", "ascontiguousarray", "copy", "empty", "empty_like", "can_cast", "result_type", "promote_types",
    "isscalar", "shape", "ndim", "size", "may_share_memory", "shares_memory", "iscomplexobj", "isrealobj", "isdtype", "array_equal", "allclose",
    "save", "load", "broadcast_shapes", "astype", "set_fill_value",
}


#: Functions that make arrays, which are masked ones in numpy.ma.
MADE = {"arange", "identity", "indices", "ones", "zeros"}

#: Masked arrays, which go in as ours and come back: NumPy's own, and its constant.
MASKED = (np.ma.MaskedArray, type(np.ma.masked))

#: Values that NumPy holds as objects.
OBJECTS = (decimal.Decimal, fractions.Fraction)


def unlike(dtype):
    """Whether an array of this dtype of NumPy's cannot be one of ours."""
    return dtype.kind not in KINDS or dtype.itemsize > 16 or dtype.kind == "f" and dtype.itemsize > 8


def lazy(value):
    """The argument as ours, or a skip with the reason that it cannot be."""
    if isinstance(value, np.ndarray):
        if type(value) not in (np.ndarray, *MASKED):
            pytest.skip(f"a subclass of arrays: {type(value).__name__}")
        if unlike(value.dtype):
            pytest.skip(f"dtype {value.dtype.name}")
        x = fs.asarray(value) if type(value) is np.ndarray else fs.ma.masked_array(value)
        return x.rechunk(tuple(max(1, (n + 1) // 2) for n in value.shape)) if value.ndim and value.size else x
    if type(value) in (list, tuple):
        return type(value)(lazy(item) for item in value)
    if isinstance(value, np.generic) and unlike(value.dtype):
        pytest.skip(f"dtype {value.dtype.name}")
    if isinstance(value, OBJECTS):
        pytest.skip(f"objects: {type(value).__name__}")
    if type(value) is int and not -(2**63) <= value < 2**64:
        pytest.skip("integers of more than 64 bits, which NumPy holds as objects")
    if hasattr(value, "__array__") and not isinstance(value, (np.generic, fs.Array, type)):
        pytest.skip(f"an object with protocols of its own: {type(value).__name__}")
    return value


def of_dtype(value):
    """A dtype as NumPy reads it, or a skip where the engine has none such."""
    if value is None or isinstance(value, np.ndarray):
        return value
    try:
        dtype = np.dtype(value)
    except TypeError:
        return value
    if unlike(dtype):
        pytest.skip(f"dtype {dtype.name}")
    return value


def eager(value):
    if isinstance(value, fs.Array):
        return value.compute()
    if isinstance(value, fs.MaskedArray):
        found = value.compute()
        return found if found.ndim else found[()]
    if hasattr(value, "_fields"):
        return value._make(eager(item) for item in value)
    if isinstance(value, (list, tuple)):
        return type(value)(eager(item) for item in value)
    return value


class Call:
    """Our function in the place of NumPy's."""

    def __init__(self, name, theirs, masked=False):
        """`masked` where plain arrays are masked ones to NumPy's, too."""
        self.ours, self.theirs, self.__name__, self.__doc__ = vars(fs).get(name, FUNCTIONS[name]), theirs, theirs.__name__, theirs.__doc__
        self.parameters = FUNCTIONS[name].parameters
        self.masked = masked

    #: Whether a module of tests is being imported: what it computes then is no test.
    importing = False
    #: How many calls there were.
    count = 0

    def __call__(self, *args, **kwargs):
        if Call.importing:
            return self.theirs(*args, **kwargs)
        Call.count += 1
        out = kwargs.get("out")
        if out is not None:
            pytest.skip("out=: lazy arrays have no memory to write to")
        kwargs.pop("out", None)
        names = [name for name, _, _ in self.parameters]
        given = [of_dtype(arg) if names[at:at + 1] == ["dtype"] else lazy(arg) for at, arg in enumerate(args)]
        named = {key: of_dtype(value) if key == "dtype" else lazy(value) for key, value in kwargs.items()}
        if self.masked:
            given = [fs.ma.masked_array(x) if isinstance(x, fs.Array) else x for x in given]
        found = self.ours(*given, **named)
        taken = self.theirs(*args, **kwargs) if isinstance(found, tuple) else None
        found = _as(taken, eager(found))
        return np.ma.asarray(found) if self.masked and type(found) is np.ndarray else found

    def __getattr__(self, name):
        return getattr(self.theirs, name)


def _as(theirs, ours):
    """Named results under NumPy's names."""
    return type(theirs)(*ours) if hasattr(theirs, "_fields") else ours


def _plain(value):
    return callable(value) and not isinstance(value, type)


def _ours(prefix, name):
    """The name of our function for one of a module of NumPy's, if there is one: `ma.sin` is `sin`, of what is masked or not."""
    names = (prefix + name, name) if prefix == "ma." and name in np.ma.__all__ else (prefix + name,)
    return next((full for full in names if full in FUNCTIONS), None)


class Proxy(types.ModuleType):
    """`numpy`, or one of its modules, with our functions."""

    def __init__(self, module, prefix=""):
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _prefix=prefix, _calls={})

    def __getattr__(self, name):
        theirs = getattr(self._module, name)
        if not self._prefix and name in ("linalg", "fft", "ma"):
            return self._calls.setdefault(name, Proxy(theirs, f"{name}."))
        full = _ours(self._prefix, name)
        if name in ASIDE or full is None or not _plain(theirs) or self._prefix == "ma." and name in MADE:
            return theirs
        if full not in self._calls:
            self._calls[full] = Call(full, theirs, self._prefix == "ma." and full == name)
        return self._calls[full]


@contextlib.contextmanager
def seen_warnings():
    """The warnings that come, if any."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen


class Checks(types.ModuleType):
    """`pytest` for NumPy's tests: an error is known by its class, and no warning is waited for."""

    def __getattr__(self, name):
        return getattr(pytest, name)

    @staticmethod
    def raises(expected, *args, **kwargs):
        if not args:
            kwargs.pop("match", None)
        return pytest.raises(expected, *args, **kwargs)

    @staticmethod
    def warns(expected=Warning, function=None, *args, **kwargs):
        return warns_perhaps(expected, function, *args, **kwargs) if function else seen_warnings()


def raises_whatever_it_says(expected, pattern, *args, **kwargs):
    """`assert_raises_regex` without the wording."""
    return np.testing.assert_raises(expected, *args, **kwargs)


def warns_perhaps(expected, function=None, *args, **kwargs):
    """`assert_warns` of what may warn later."""
    if function is None:
        return seen_warnings()
    with seen_warnings():
        return function(*args, **kwargs)


#: What NumPy's tests check with, and what they check with here.
CHECKS = {
    id(pytest): Checks("pytest"),
    id(np.testing.assert_raises_regex): raises_whatever_it_says,
    id(np.testing.assert_warns): warns_perhaps,
}

SKIPS = {}
for line in (pathlib.Path(__file__).parent / "skips.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        test, _, reason = line.partition("  # ")
        SKIPS[test.strip()] = reason


def _by_function(numpy):
    """What stands in the place of every function, by the identity of NumPy's."""
    found = dict(CHECKS)
    for name in [*FUNCTIONS, *(f"ma.{name}" for name in np.ma.__all__)]:
        of, _, last = name.rpartition(".")
        if of not in ("", "linalg", "fft", "ma"):
            continue
        theirs = getattr(getattr(np, of, None) if of else np, last, None)
        if theirs is not None and _plain(theirs) and last not in ASIDE:
            found.setdefault(id(theirs), getattr(getattr(numpy, of) if of else numpy, last))
    return found


class Method:
    """Our method, or operator, in the place of one of NumPy's masked arrays: where a test calls it, not where NumPy does."""

    def __init__(self, name, theirs, call):
        self.theirs, self.call, self.__name__, self.__doc__ = theirs, call, name, theirs.__doc__

    def __get__(self, instance, owner=None):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if instance is None or type(instance) not in MASKED or not caller.startswith("numpy.ma.tests") or Call.importing:
            return self.theirs.__get__(instance, owner)
        return functools.partial(self.call, instance)


def _operator(name):
    """An operator of two arrays as a function of Python, which operators look for."""
    theirs = getattr(np.ma.MaskedArray, name)

    def operator(self, *others):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if type(self) not in MASKED or not caller.startswith("numpy.ma.tests") or Call.importing:
            return theirs(self, *others)
        Call.count += 1
        return eager(getattr(fs.MaskedArray, name)(lazy(self), *(lazy(other) for other in others)))

    return operator


def _method(of_masked, name, theirs):
    call = Call(of_masked if of_masked in FUNCTIONS else "copy", theirs)
    call.ours = FUNCTIONS.get(of_masked) or METHODS[name]
    call.parameters = call.ours.parameters
    return call


def _methods_of_masked_arrays():
    for name in dir(np.ma.MaskedArray):
        theirs = getattr(np.ma.MaskedArray, name)
        ours = f"ma.{name}"
        if name.startswith("__") and name in vars(fs.MaskedArray) and name.strip("_") in OPERATORS:
            setattr(np.ma.MaskedArray, name, _operator(name))
        elif callable(theirs) and name not in ASIDE and (ours in FUNCTIONS or name in METHODS):
            setattr(np.ma.MaskedArray, name, Method(name, theirs, _method(ours, name, theirs)))


#: Operators that are ours where a test uses them.
OPERATORS = {
    *(side + name for side in ("", "r") for name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split()),
    *"neg pos invert abs lt le gt ge eq ne".split(),
}


def _everything_of_numpy():
    """Imports NumPy's own modules, so that none of them is imported by a test and sees our functions."""
    for package in (np._core, np.lib, np.ma, np.linalg, np.fft, np.testing, np.polynomial, np.matrixlib):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if not module.ispkg:
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)


_everything_of_numpy()
# thousands of arrays of a few elements: the time goes into waking threads, if there are any
fs.config.set(threads=1)
NUMPY = Proxy(np)
BY_FUNCTION = _by_function(NUMPY)
_methods_of_masked_arrays()


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makemodule(module_path, parent):
    """Imports a module of tests with our functions in sight: lists of functions in its classes and marks are made then."""
    module = yield
    ours = {"numpy": NUMPY, "numpy.linalg": NUMPY.linalg, "numpy.fft": NUMPY.fft, "numpy.ma": NUMPY.ma}
    with unittest.mock.patch.dict(sys.modules, ours), unittest.mock.patch.object(Call, "importing", True):
        names = vars(module.obj)
    for name, value in list(names.items()):
        if value is np:
            names[name] = NUMPY
        elif value is np.linalg or value is np.fft or value is np.ma:
            names[name] = getattr(NUMPY, value.__name__.split(".")[-1])
        elif id(value) in BY_FUNCTION:
            names[name] = BY_FUNCTION[id(value)]
    return module


def pytest_collection_modifyitems(items):
    for item in items:
        reason = SKIPS.get(item.nodeid.split("[")[0].split("site-packages/")[-1])
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    before = Call.count
    try:
        return (yield)
    finally:
        item.user_properties.append(("calls", Call.count - before))


def pytest_terminal_summary(terminalreporter):
    passed = terminalreporter.stats.get("passed", [])
    called = sum(dict(report.user_properties).get("calls", 0) > 0 for report in passed)
    terminalreporter.write_line(f"{called} of those that passed called a function of ours")
