"""What Python alone can say of an array: NumPy's protocols, how it is shown, how it is stored."""

import numpy as np

from . import _blocks, _compute, _flagstone, _functions, _html, _sources
from ._flagstone import Array
from ._masked import MaskedArray

functions = _flagstone.functions


def _method(function):
    setattr(Array, function.__name__, function)
    return function


# ---- storing and showing -----------------------------------------------------------------------------


@_method
def store(self, address, *, chunks=None, shards=None, codec=None, overwrite=False, attributes=None, dimension_names=None, zarr_version=3):
    """Computes the array into a new file or array at `address` (`out.zarr`, `out.h5:/x`, `out.npy`), block by block."""
    _compute.store(
        [self], [address], chunks=chunks, shards=shards, codec=codec, overwrite=overwrite, attributes=attributes,
        dimension_names=dimension_names, zarr_version=zarr_version,
    )


@_method
def to_zarr(self, address, **options):
    """Stores the array as Zarr: see `store`."""
    self.store(address, **options)


@_method
def rechunk(self, chunks="auto"):
    """The same elements in other chunks: a length, one for each axis, lengths of all chunks, a dict by axis, or "auto"."""
    if isinstance(chunks, (dict, tuple, list)):
        special = isinstance(chunks, dict) or any(isinstance(n, (str, np.integer, tuple, list)) for n in chunks)
        if special and not all(isinstance(n, (tuple, list)) for n in (chunks if not isinstance(chunks, dict) else [0])):
            return _sources.rechunked(self, chunks)
    return functions["rechunk"](self, chunks)


@_method
def visualize(self, filename=None):
    """The plan as a graph, written as SVG to `filename`, or given back as text."""
    svg = _html.plan(self)
    if filename is None:
        return svg
    with open(filename, "w", encoding="utf-8") as file:
        file.write(svg)


@_method
def _repr_html_(self):
    return _html.table(self)


@_method
def map_blocks(self, func, *args, **kwargs):
    """`func` of every block: see `flagstone.map_blocks`."""
    return _blocks.map_blocks(func, self, *args, **kwargs)


@_method
def map_overlap(self, func, depth=None, boundary=None, trim=True, **kwargs):
    """`func` of every block with what lies around it: see `flagstone.map_overlap`."""
    return _blocks.map_overlap(func, self, depth=depth, boundary=boundary, trim=trim, **kwargs)


@_method
def tolist(self):
    """The elements as nested lists of Python's numbers, computed."""
    return np.asarray(self).tolist()


def _chunksize(self):
    """The length of the longest chunk along every axis."""
    return tuple(max(lengths, default=0) for lengths in self.chunks)


def _numblocks(self):
    """How many chunks there are along every axis."""
    return tuple(len(lengths) for lengths in self.chunks)


Array.chunksize = property(_chunksize, doc=_chunksize.__doc__)
Array.numblocks = property(_numblocks, doc=_numblocks.__doc__)
Array.npartitions = property(lambda self: int(np.prod(self.numblocks, dtype=int)), doc="How many chunks there are.")
Array.flat = property(lambda self: self.ravel(), doc="All elements along one axis.")
Array.device = property(lambda self: "cpu", doc="Where the elements are computed.")


@_method
def to_device(self, device, /, *, stream=None):
    """The array itself: there is one device, "cpu"."""
    if device != "cpu":
        raise ValueError(f"to_device: {device!r}; expected 'cpu'")
    return self


@_method
def __iter__(self):
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d array")
    return (self[at] for at in range(len(self)))


@_method
def __contains__(self, value):
    found = self == value
    return bool(found.any()) if isinstance(found, Array) else bool(found)


@_method
def __reversed__(self):
    return (self[at] for at in reversed(range(len(self))))


@_method
def __format__(self, spec):
    if not spec:
        return str(self)
    if self.ndim:
        raise TypeError(f"a format {spec!r} of an array of shape {self.shape}; only an array without axes is one number")
    return format(self.item(), spec)


@_method
def __copy__(self):
    return self._alias()


@_method
def __deepcopy__(self, memo):
    return self._alias()


@_method
def __round__(self, ndigits=None):
    return functions["round"](self, 0 if ndigits is None else ndigits)


@_method
def copy(self, order="C"):
    """Another handle on the same elements: setting elements of one does not change the other."""
    return self._alias()


# ---- NumPy's protocols -------------------------------------------------------------------------------

#: Whose name in NumPy is not the table's.
_UFUNCS = {
    "true_divide": "divide", "conjugate": "conjugate",
}


def _lacking(name):
    return TypeError(
        f"{name}: this version of Flagstone has no such function of lazy arrays, and does not compute in silence; "
        f"use np.{name} on x.compute()"
    )


def _into(out, result):
    """Sets the array that NumPy's `out=` names to what came."""
    (target,) = out if isinstance(out, tuple) else (out,)
    if isinstance(target, Array):
        if target.shape != result.shape:
            raise ValueError(f"out: an array of shape {target.shape} for a result of shape {result.shape}")
        target[...] = result.astype(target.dtype)
        return target
    target[...] = np.asarray(result)
    return target


@_method
def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
    known = (Array, np.ndarray, np.generic, bool, int, float, complex, list, tuple)
    if not all(isinstance(x, known) for x in inputs):
        return NotImplemented
    out = kwargs.pop("out", None)
    dtype, casting = kwargs.pop("dtype", None), kwargs.pop("casting", None)
    name = _UFUNCS.get(ufunc.__name__, ufunc.__name__)
    if method != "__call__":
        if method == "reduce" and "axis" not in kwargs:
            kwargs["axis"] = 0
        if kwargs.get("where") is True:
            del kwargs["where"]
        if kwargs.get("initial", None) is np._NoValue:
            del kwargs["initial"]
        name = f"{name}.{method}"
    where = kwargs.pop("where", True) if method == "__call__" else True
    if ufunc is np.matmul and method == "__call__":
        kwargs = {}
    function = functions.get(name) or functions.get(name.replace("conjugate", "conj"))
    if function is None and method == "outer" and ufunc.nin == 2:
        a, b = (functions["asarray"](x) for x in inputs)
        return getattr(np, ufunc.__name__)(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)
    if function is None:
        raise _lacking(name)
    if where is not True and out is None:
        raise NotImplementedError(f"{name}: where= without out=; use fs.where(condition, {name}(...), otherwise)")
    for default in ("order", "subok"):
        if kwargs.get(default) in ("K", True):
            kwargs.pop(default)
    if (dtype is not None or casting is not None) and method == "__call__":
        inputs = _as_loop_has_them(ufunc, inputs, dtype, casting)
    elif dtype is not None:
        kwargs["dtype"] = dtype
    result = function(*inputs, **kwargs)
    if where is not True:
        (target,) = out if isinstance(out, tuple) else (out,)
        result = functions["where"](where, result, target)
    return result if out is None else _into(out, result)


def _as_loop_has_them(ufunc, inputs, dtype, casting):
    """The inputs in the dtypes of the loop that NumPy takes for a result of `dtype`; its TypeError where there is none."""
    def given(x):
        return type(x) if type(x) in (int, float, complex) else functions["asarray"](x).dtype

    asked = {} if dtype is None else {"signature": (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout}
    taken = ufunc.resolve_dtypes((*map(given, inputs), *(None,) * ufunc.nout), casting=casting or "same_kind", **asked)
    return [functions["asarray"](x).astype(into) for x, into in zip(inputs, taken)]


def _name_in_table(function):
    """The table's name of a function of NumPy."""
    module = (function.__module__ or "").removeprefix("numpy").lstrip(".")
    for part in ("linalg", "fft", "random"):
        if module.startswith(part) or module.startswith(f"_{part}"):
            return f"{part}.{function.__name__}"
    return function.__name__


#: Parameters that NumPy has for all functions, and what they are when nothing is asked for.
_NOTHING = {"out": None, "order": None, "subok": True, "overwrite_input": False, "casting": "same_kind", "like": None, "mean": np._NoValue}


@_method
def __array_function__(self, function, types, args, kwargs):
    name = _name_in_table(function)
    if name in ("shape", "ndim", "size") and len(args) == 1 and not kwargs:
        return getattr(args[0], name)
    if name in ("may_share_memory", "shares_memory"):
        return False
    if name == "array_repr":
        return repr(args[0])
    if name in ("array_str", "array2string"):
        return str(args[0])
    if name == "result_type":
        return np.result_type(*(x.dtype if isinstance(x, Array) else x for x in args))
    if name == "copy":
        return args[0].copy()
    if name == "pad":
        return _blocks.pad(*args, **kwargs)
    if name == "put_along_axis":
        # NumPy's sets elements and gives nothing
        args[0][...] = functions[name](*args, **kwargs).astype(args[0].dtype)
        return None
    if name in ("apply_along_axis", "apply_over_axes", "piecewise"):
        return getattr(_functions, name)(*args, **kwargs)
    found = functions.get(name)
    if found is None:
        raise _lacking(name)
    known = {parameter for parameter, _, _ in found.parameters}
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue and (k in known or k not in _NOTHING or v != _NOTHING[k])}
    out = None if "out" in known else kwargs.pop("out", None)
    result = found(*args, **kwargs)
    return result if out is None else _into(out, result)


@_method
def __array_namespace__(self, *, api_version=None):
    from . import array_api

    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
        raise ValueError(f"array API version {api_version!r}; expected '2025.12' or an earlier one")
    return array_api


@_method
def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    # what is computed is handed over, not copied
    return np.asarray(self).__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)


@_method
def __dlpack_device__(self):
    return (1, 0)


@_method
def __reduce__(self):
    # what reads files goes as what is read and done, so that a process of a pool reads its part; the rest as values
    plan = self._plan()
    return (functions["asarray"], (np.asarray(self),)) if plan is None else (_flagstone.planned, (plan,))


# NumPy's functions take masked arrays, too; its ufuncs leave operators beside arrays of NumPy to them.
MaskedArray.__array_function__ = __array_function__
