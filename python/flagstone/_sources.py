"""Arrays of others: files, NumPy's memory, whatever has shape, dtype and `__getitem__`."""

import numpy as np

from . import _flagstone
from ._flagstone import Array, open


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0):
    """An array of numbers or of what is one already. NumPy's arrays are copied unless `copy=False`."""
    if copy and isinstance(object, np.ndarray):
        object = object.copy()
    return _flagstone.functions["array"](object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)


def _address(object):
    """The address of what we can read without Python: datasets of h5py that are open for reading, arrays of zarr in directories."""
    module = type(object).__module__.partition(".")[0]
    if module == "h5py" and hasattr(object, "file") and hasattr(object, "name"):
        if object.file.mode == "r" and object.name and object.file.driver in ("sec2", "stdio"):
            return f"{object.file.filename}:{object.name}"
    if module == "zarr" and hasattr(object, "store"):
        root = getattr(object.store, "root", None)
        if type(object.store).__name__ == "LocalStore" and root is not None:
            return f"{root}/{object.path}".rstrip("/")
    return None


def from_array(x, chunks=None, name=None):
    """The lazy array of anything with shape, dtype and `__getitem__`.

    Datasets of h5py and arrays of zarr that name a file are opened directly, and read on all cores; NumPy's arrays stay where they
    are; others are asked for regions, one at a time.
    """
    if isinstance(x, Array):
        out = x
    elif isinstance(x, np.ndarray):
        out = _flagstone.lend(x)
    else:
        out = None
        address = _address(x)
        if address is not None:
            try:
                out = open(address)
            except (OSError, NotImplementedError):
                out = None  # what we cannot read, its own library can
            if out is not None and (out.shape != tuple(x.shape) or out.dtype != x.dtype):
                out = None
        if out is None:
            own = getattr(x, "chunks", None)
            whole = own is not None and len(own) == len(x.shape) and all(isinstance(n, (int, np.integer)) for n in own)
            out = _flagstone.ask(x, name or f"{type(x).__module__}.{type(x).__name__}", [int(n) for n in own] if whole else None)
    return out if chunks is None else rechunked(out, chunks)


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
