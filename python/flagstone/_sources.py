"""Arrays of others: files, NumPy's memory, whatever has shape, dtype and `__getitem__`."""

import os
import pathlib
import re

import numpy as np

from . import _flagstone
from ._flagstone import Array, open


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0):
    """An array of numbers or of what is one already. NumPy's arrays are copied unless `copy=False`."""
    if copy and isinstance(object, np.ndarray):
        object = object.copy()
    return _flagstone.functions["array"](object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)


def _is_of(a, dtype):
    """Whether the array's elements are of that dtype already. NumPy knows no bfloat16, whose name stands for it."""
    return dtype is None or (dtype == a.dtype if "bfloat16" in (dtype, a.dtype) else np.dtype(dtype) == a.dtype)


def asarray(a, dtype=None, order=None, *, device=None, copy=None):
    """An array of numbers or of what is one already, which is given back itself where nothing about it changes.

    NumPy's arrays are not copied unless `copy=True`; what `copy=False` cannot keep is refused.
    """
    if copy is False and not isinstance(a, (Array, np.ndarray)):
        raise ValueError(f"asarray: copy=False of a {type(a).__name__}, which is no array in memory")
    if copy and isinstance(a, np.ndarray):
        a = a.copy()
    if isinstance(a, Array) and _is_of(a, dtype):
        return a.copy() if copy else a
    if copy is False and not _is_of(a, dtype):
        raise ValueError(f"asarray: copy=False of {a.dtype} as {dtype}, which are other elements")
    return _flagstone.functions["asarray"](a, dtype, order, device=device, copy=copy)


#: Attributes by which netCDF4 gives other values than those that are stored.
_PACKING = {"scale_factor", "add_offset", "_FillValue", "missing_value", "valid_min", "valid_max", "valid_range", "_Unsigned"}


def _is_open_for_reading(path):
    """Whether this process has the file open, and nowhere for writing. What netCDF4 has in memory alone, or has not written yet, is not
    what stands under its name, and netCDF4 does not say so."""
    try:
        open_files = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        ours = [file for file in open_files if os.path.exists(file) and os.path.samefile(file, path)]
        told = [pathlib.Path(file.replace("/fd/", "/fdinfo/")).read_text() for file in ours]
    except OSError:
        return False  # another system, or no file
    flags = [int(re.search(r"^flags:\s*(\d+)", text, re.MULTILINE)[1], 8) for text in told]
    return bool(flags) and all(flag & os.O_ACCMODE == os.O_RDONLY for flag in flags)


def _address(object):
    """The address of what we can read without Python, and how it is decoded: datasets of h5py that are open for reading, variables of
    netCDF4, arrays of zarr and tensorstore in directories. `None` of others."""
    module = type(object).__module__.partition(".")[0]
    if module == "h5py" and hasattr(object, "file") and hasattr(object, "name"):
        if object.file.mode == "r" and object.name and object.file.driver in ("sec2", "stdio"):
            return f"{object.file.filename}:{object.name}", None
    if module == "netCDF4" and hasattr(object, "group"):
        group = object.group()
        if not _is_open_for_reading(group.filepath()):
            return None
        is_packed = not _PACKING.isdisjoint(object.ncattrs())
        if is_packed and object.scale != object.mask:
            return None  # one half of what we decode
        decodes = is_packed and object.scale
        return f"{group.filepath()}:{group.path.rstrip('/')}/{object.name}", "cf" if decodes else None
    if module == "zarr" and hasattr(object, "store"):
        root = getattr(object.store, "root", None)
        if type(object.store).__name__ == "LocalStore" and root is not None:
            return f"{root}/{object.path}".rstrip("/"), None
    if module == "tensorstore" and hasattr(object, "spec"):
        spec = object.spec().to_json()
        kvstore, transform = spec.get("kvstore"), spec.get("transform", {})
        whole = "output" not in transform and not any(transform.get("input_inclusive_min", ())) and "field" not in spec
        if spec.get("driver") in ("zarr", "zarr3") and isinstance(kvstore, dict) and kvstore.get("driver") == "file" and whole:
            return f"{kvstore['path']}{spec.get('path', '')}".rstrip("/"), None
    return None


def _from_zero(x):
    """A view of tensorstore whose first element is at 0 along every axis, as that of others."""
    if type(x).__module__.partition(".")[0] != "tensorstore" or not any(getattr(x, "origin", ())):
        return x
    import tensorstore

    return x[tensorstore.d[:].translate_to[0]]


def from_array(x, chunks=None, name=None):
    """The lazy array of anything with shape, dtype and `__getitem__`.

    Datasets of h5py, variables of netCDF4 and arrays of zarr and tensorstore that name a file are opened directly, and read on all cores;
    NumPy's arrays stay where they are; others are asked for regions, one at a time. A variable of netCDF4 that is scaled or has missing
    values is decoded, with NaN for what is missing; so are floats of others that come masked. Integers that come masked are an error.
    """
    if isinstance(x, Array):
        out = x
    elif isinstance(x, np.ndarray):
        out = _flagstone.lend(x)
    elif isinstance(x, (list, tuple, bool, int, float, complex)):
        out = asarray(x)
    else:
        out = _opened(x)
        if out is None:
            out = _asked(_from_zero(x), name)
    return out if chunks is None else rechunked(out, chunks)


class _Unmasked:
    """A variable of netCDF4 as it gives it, in floats, with NaN for what is missing."""

    def __init__(self, variable, dtype):
        self._variable, self.shape, self.dtype = variable, variable.shape, dtype

    def __getitem__(self, at):
        return np.ma.filled(np.ma.asarray(self._variable[at]).astype(self.dtype), np.nan)


def _asked(x, name):
    """The array of an object that is asked for regions."""
    kind = f"{type(x).__module__}.{type(x).__name__}"
    if getattr(x, "shape", None) is None or getattr(x, "dtype", None) is None or not hasattr(x, "__getitem__"):
        raise TypeError(f"from_array: {kind}, which has not all of shape, dtype and __getitem__")
    own = getattr(x, "chunks", None)
    if type(x).__module__.partition(".")[0] == "netCDF4" and hasattr(x, "group"):
        # scaled, its elements are of another dtype than it says
        given = np.ma.asarray(x[(slice(0, 0),) * len(x.shape)]).dtype if x.shape else np.ma.asarray(x[...]).dtype
        can_miss = x.mask and not _PACKING.isdisjoint(x.ncattrs())
        if given.kind in "iu" and can_miss:
            given = np.dtype("f4" if given.itemsize <= 2 else "f8")
        if given != x.dtype:
            x, own = _Unmasked(x, given), None
    each = own is not None and len(own) == len(x.shape)
    whole = each and all(isinstance(n, (int, np.integer)) for n in own)
    out = _flagstone.ask(x, name or kind, [int(n) for n in own] if whole else None)
    in_pieces = each and all(isinstance(n, (tuple, list)) and all(isinstance(k, (int, np.integer)) for k in n) for n in own)
    return rechunked(out, tuple(tuple(map(int, n)) for n in own)) if in_pieces else out


def _opened(x):
    """The array that `x` has in a file, if it is that array; `None` for what is asked."""
    found = _address(x)
    if found is None:
        return None
    address, decode = found
    try:
        out = open(address, decode=decode)
    except (OSError, NotImplementedError):
        return None  # what we cannot read, its own library can
    same = out.shape == tuple(x.shape) and (decode or out.dtype == getattr(x.dtype, "numpy_dtype", x.dtype))
    return out if same else None


def rechunked(x, chunks):
    """`x.rechunk`, with dask's dicts, None and texts of bytes for chunks as well."""
    if isinstance(chunks, dict):
        kept = [max(lengths, default=1) if len(set(lengths[:-1])) <= 1 else lengths for lengths in x.chunks]
        for axis, length in chunks.items():
            kept[axis] = length
        chunks = tuple(kept)
        if any(isinstance(length, tuple) for length in chunks):
            chunks = tuple(_lengths(length, n) for length, n in zip(chunks, x.shape))
    if isinstance(chunks, (tuple, list)):
        if any(isinstance(length, str) for length in chunks):
            auto = x.rechunk("auto").chunks
            chunks = tuple(auto[axis] if isinstance(n, str) else _lengths(n, x.shape[axis]) for axis, n in enumerate(chunks))
        chunks = tuple(int(n) if isinstance(n, np.integer) else n for n in chunks)
        if any(isinstance(n, (tuple, list)) for n in chunks):
            chunks = tuple(_lengths(n, x.shape[axis]) for axis, n in enumerate(chunks))
    elif isinstance(chunks, str) and chunks != "auto":
        chunks = "auto"
    return x.rechunk(chunks)


def _lengths(length, n):
    """The lengths of chunks along an axis of length `n`."""
    if isinstance(length, (tuple, list)):
        return tuple(int(k) for k in length)
    if length is None or length == -1 or length >= n:
        return (n,)
    return tuple([length] * (n // length) + ([n % length] if n % length else []))


def from_zarr(url, component=None):
    """The array at an address of Zarr."""
    return open(url if component is None else f"{url}/{component}")


def from_dlpack(x, /, *, device=None, copy=None):
    """The array of another library's, without a copy where its elements are in memory that we can read."""
    if isinstance(x, Array):
        return x
    return _flagstone.lend(np.from_dlpack(x, device=device, copy=copy))
