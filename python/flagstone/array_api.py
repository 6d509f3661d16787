"""The namespace of the Python array API standard, version 2025.12: Flagstone's functions under the standard's names."""

import builtins as _builtins
import types as _types

import numpy as _np

import flagstone as _fs
from flagstone import *  # noqa: F403
from flagstone import _flagstone

__array_api_version__ = "2025.12"

for _name, _function in _flagstone.functions.items():
    if "." not in _name:
        globals().setdefault(_name, _function)

bool = _np.bool_
linalg, fft = _types.ModuleType(f"{__name__}.linalg"), _types.ModuleType(f"{__name__}.fft")
for _name, _function in _flagstone.functions.items():
    _of, _, _last = _name.rpartition(".")
    if _of in ("linalg", "fft"):
        setattr(globals()[_of], _last, _function)
from_dlpack = _fs.from_dlpack
pi, e, inf, nan, newaxis = _fs.pi, _fs.e, _fs.inf, _fs.nan, None


_sort, _argsort, _searchsorted = _fs.sort, _fs.argsort, _fs.searchsorted


def sort(x, /, *, axis=-1, descending=False, stable=True):
    """The elements in order along an axis."""
    ascending = _sort(x, axis=axis, stable=stable)
    return _fs.flip(ascending, axis=axis) if descending else ascending


def argsort(x, /, *, axis=-1, descending=False, stable=True):
    """The places of the elements in order; equal ones stay in the order in which they are."""
    if not descending:
        return _argsort(x, axis=axis, stable=stable)
    # what stands last of equal ones comes last when all are turned around twice
    turned = _fs.flip(_argsort(_fs.flip(x, axis=axis), axis=axis, stable=stable), axis=axis)
    return x.shape[axis] - 1 - turned


def searchsorted(x1, x2, /, *, side="left", sorter=None):
    """Where the elements of `x2` would stand among those of `x1`, which `sorter` sorts."""
    return _searchsorted(x1 if sorter is None else _fs.take(x1, sorter), x2, side=side)


def _dtype_of(type):
    """The dtype that `type` is, or that it has."""
    return type.dtype if isinstance(type, (_fs.Array, _np.ndarray)) else _np.dtype(type)


def finfo(type, /):
    """Machine limits of floating-point types."""
    found = _np.finfo(_dtype_of(type))
    # the standard wants Python's floats
    limits = {name: float(getattr(found, name)) for name in ("eps", "max", "min", "smallest_normal")}
    return _types.SimpleNamespace(bits=found.bits, dtype=found.dtype, **limits)


def iinfo(type, /):
    """Machine limits of integer types."""
    return _np.iinfo(_dtype_of(type))


class _Info:
    """What the standard's `__array_namespace_info__` tells."""

    def capabilities(self):
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 32}

    def default_device(self):
        return "cpu"

    def devices(self):
        return ("cpu",)

    def default_dtypes(self, *, device=None):
        return {name: _np.dtype(kind) for name, kind in
                (("real floating", "f8"), ("complex floating", "c16"), ("integral", "i8"), ("indexing", "i8"))}

    def dtypes(self, *, device=None, kind=None):
        kinds = {
            "bool": ["bool"], "signed integer": ["int8", "int16", "int32", "int64"],
            "unsigned integer": ["uint8", "uint16", "uint32", "uint64"],
            "real floating": ["float32", "float64"], "complex floating": ["complex64", "complex128"],
        }
        kinds["integral"] = kinds["signed integer"] + kinds["unsigned integer"]
        kinds["numeric"] = kinds["integral"] + kinds["real floating"] + kinds["complex floating"]
        if kind is None:
            wanted = kinds["bool"] + kinds["numeric"]
        else:
            wanted = [name for one in ((kind,) if isinstance(kind, str) else kind) for name in kinds[one]]
        return {name: _np.dtype(name) for name in wanted}


def __array_namespace_info__():
    """What this namespace can do."""
    return _Info()


def _that_count(values, rtol):
    """Which singular values are above `rtol` times the largest, a number for each matrix of a stack or for all."""
    return values > values.max(axis=-1, keepdims=True) * _fs.expand_dims(_fs.asarray(rtol), -1)


def _matrix_rank(x, /, *, rtol=None):
    """How many singular values are above `rtol` of the largest."""
    if rtol is None:
        return _fs.linalg.matrix_rank(x)
    return _fs.count_nonzero(_that_count(_fs.linalg.svdvals(x), rtol), axis=-1)


_clip, _eye, _repeat = _fs.clip, _fs.eye, _fs.repeat


def clip(x, /, min=None, max=None):
    """The elements limited to a range."""
    return _clip(x, min, max)


def eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None):
    """Ones on a diagonal, and none where that is outside, however far."""
    columns = n_rows if n_cols is None else n_cols
    return _eye(n_rows, n_cols, _builtins.max(-n_rows, _builtins.min(k, columns)), dtype=dtype, device=device)


def repeat(x, repeats, /, *, axis=None):
    """Elements repeated. Counts in an array decide the shape of the result: they are computed at once."""
    if isinstance(repeats, _fs.Array):
        repeats = repeats.compute().tolist()
    return _repeat(x, repeats, axis=axis)


def _pinv(x, /, *, rtol=None):
    """The pseudoinverse; singular values of at most `rtol` times the largest count as zero."""
    if rtol is None or isinstance(rtol, (int, float)):
        return _fs.linalg.pinv(x, rtol=rtol)
    u, s, vh = _fs.linalg.svd(x, full_matrices=False)
    counts = _that_count(s, rtol)
    inverse = _fs.where(counts, 1 / _fs.where(counts, s, 1), 0).astype(s.dtype)
    return _fs.matrix_transpose(_fs.conj(vh)) @ (_fs.expand_dims(inverse, -1) * _fs.matrix_transpose(_fs.conj(u)))


def _frequencies(name, n, /, *, d=1.0, dtype=None, device=None):
    if device not in (None, "cpu"):
        raise ValueError(f"{name}: device {device!r}; expected 'cpu'")
    found = _flagstone.functions[f"fft.{name}"](n, d)
    return found if dtype is None else found.astype(dtype)


def _fftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of `fft`."""
    return _frequencies("fftfreq", n, d=d, dtype=dtype, device=device)


def _rfftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of `rfft`."""
    return _frequencies("rfftfreq", n, d=d, dtype=dtype, device=device)


linalg.matrix_rank, linalg.pinv, fft.fftfreq, fft.rfftfreq = _matrix_rank, _pinv, _fftfreq, _rfftfreq


def _sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """All windows, along new axes. They are views that nobody writes to."""
    return _flagstone.functions["sliding_window_view"](x, window_shape, axis)


# not of the standard: where xarray looks for windows
lib = _types.ModuleType(f"{__name__}.lib")
lib.stride_tricks = _types.ModuleType(f"{__name__}.lib.stride_tricks")
lib.stride_tricks.sliding_window_view = _sliding_window_view
