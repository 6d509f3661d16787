"""Functions of arrays that are given a function of Python: NumPy's and dask's, of lanes, of axes, of indices, of windows."""

import numpy as np

from . import _flagstone
from ._blocks import apply_gufunc, map_blocks
from ._flagstone import Array

_functions = _flagstone.functions


def _array(x):
    return x if isinstance(x, Array) else _functions["asarray"](x)


def apply_along_axis(func1d, axis, arr, *args, dtype=None, shape=None, **kwargs):
    """`func1d` of every lane along an axis, which comes as an array of NumPy; what it gives stands where the axis was.

    `dtype` and `shape` say what it gives of a lane. Without them it is tried on a lane of ones, as dask.array.apply_along_axis does. A
    task holds whole lanes.
    """
    arr = _array(arr)
    axis = range(arr.ndim)[axis]
    if dtype is None or shape is None:
        tried = np.asarray(func1d(np.ones(arr.shape[axis], arr.dtype), *args, **kwargs))
        dtype = tried.dtype if dtype is None else dtype
        shape = tried.shape if shape is None else shape
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    names = [f"o{at}" for at in range(len(shape))]

    def lanes(block):
        made = np.apply_along_axis(func1d, -1, block, *args, **kwargs)
        return np.asarray(made, dtype).reshape(block.shape[:-1] + shape)

    moved = _functions["moveaxis"](arr, axis, -1)
    made = apply_gufunc(lanes, f"(i)->({','.join(names)})", moved, output_dtypes=dtype, output_sizes=dict(zip(names, shape)))
    first = arr.ndim - 1
    return _functions["moveaxis"](made, tuple(range(first, first + len(shape))), tuple(range(axis, axis + len(shape)))) if shape else made


def apply_over_axes(func, a, axes):
    """`func(a, axis)` for one of the axes after the other, as NumPy's: what a reduction drops stays with length 1. Lazy where `func` is."""
    result = _array(a)
    ndim = result.ndim
    for axis in [axes] if isinstance(axes, (int, np.integer)) else axes:
        axis = range(ndim)[axis]
        made = func(result, axis)
        if made.ndim != ndim:
            made = _functions["expand_dims"](made, axis)
            if made.ndim != ndim:
                raise ValueError("apply_over_axes: the function gave an array of other axes; expected as many, or one less")
        result = made
    return result


def piecewise(x, condlist, funclist, *args, **kw):
    """Values by conditions, as NumPy's; a function among them is called with all of `x`, lazily, and not with the elements that it is for."""
    x = _array(x)
    return _functions["piecewise"](x, condlist, [f(x, *args, **kw) if callable(f) else f for f in funclist])


def fromfunction(function, shape, *, dtype=float, **kwargs):
    """`function` of the indices of every element, which come as lazy arrays, one an axis."""
    return function(*_functions["indices"](tuple(shape), dtype=dtype), **kwargs)


def coarsen(reduction, x, axes, trim_excess=False, **kwargs):
    """`reduction` (such as `fs.mean` or `np.mean`) of windows that stand beside one another, as dask.array.coarsen: `axes` gives the length of
    a window by number of the axis. With `trim_excess` what is left at the ends is dropped, otherwise it is an error.
    """
    x = _array(x)
    lengths = {range(x.ndim)[axis]: int(n) for axis, n in axes.items()}
    shape, reduced, kept = [], [], []
    for axis, n in enumerate(x.shape):
        window = lengths.get(axis, 1)
        if window < 1 or (n % window and not trim_excess):
            raise ValueError(f"coarsen: windows of {window} along axis {axis}, which has {n} elements; give trim_excess=True to drop the rest")
        kept.append(slice(0, n - n % window))
        shape.append(n // window)
        if axis in lengths:
            reduced.append(len(shape))
            shape.append(window)
    return reduction(x[tuple(kept)].reshape(tuple(shape)), axis=tuple(reduced), **kwargs) if reduced else x


def reduction(x, chunk, aggregate, axis=None, keepdims=False, dtype=None, combine=None, name=None, concatenate=True, **kwargs):
    """A reduction of your own, as dask.array.reduction: `chunk(block, axis=, keepdims=True)` of every block, then
    `aggregate(partials, axis=, keepdims=)` of what those gave, side by side. Both get arrays of NumPy. `dtype` is what comes out.
    """
    if not concatenate:
        raise NotImplementedError("reduction: concatenate=False; partial results come as one array")
    x = _array(x)
    axes = tuple(range(x.ndim)) if axis is None else tuple(sorted(range(x.ndim)[at] for at in np.atleast_1d(axis)))
    cuts = [tuple(1 for _ in n) if at in axes else n for at, n in enumerate(x.chunks)]
    own = dict(axis=axes, keepdims=True, **kwargs)
    tried = np.asarray(chunk(np.ones((1,) * x.ndim, x.dtype), **own))
    partials = map_blocks(lambda block: chunk(block, **own), x, dtype=tried.dtype, chunks=cuts, name=name or "reduction")
    whole = partials.rechunk({at: -1 for at in axes}) if x.ndim else partials
    if dtype is None:
        dtype = np.asarray(aggregate(tried, axis=axes, keepdims=True, **kwargs)).dtype
    ones = [(1,) if at in axes else n for at, n in enumerate(whole.chunks)]
    out = map_blocks(lambda block: aggregate(block, axis=axes, keepdims=True, **kwargs), whole, dtype=dtype, chunks=ones, name=name or "reduction")
    return out if keepdims else _functions["squeeze"](out, axis=axes)
