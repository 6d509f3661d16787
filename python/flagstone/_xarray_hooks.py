"""What xarray does for dask's arrays and NumPy's by their class, and refuses, computes or takes for something else where they are ours.

xarray has no entry point for these, so its own functions are asked for our arrays first; of all others they do what they did:

- elements at points (`x.isel(time=points, lat=points)`), which it refuses of arrays of the array API, and setting them;
- setting along axes one by one (`x[{"time": [0, 1], "lat": [1, 2]}] = v`), where it sets points instead;
- `ffill` and `bfill`, which hand arrays to bottleneck or numbagg, and these compute them;
- reductions of groups, which flox computes where it is installed, and which xarray takes group by group without it: ours are found for
  all groups at once (`_xarray_groups`).
"""

import functools

import numpy as np
from xarray.core import _aggregations, duck_array_ops, groupby, indexing, nputils

from . import _flagstone, _xarray_groups
from ._flagstone import Array


def _positions(key):
    return [at.tolist() for at in nputils._advanced_indexer_subspaces(key)]


def _points_get(adapter, indexer):
    return np.moveaxis(adapter.array[indexer.tuple], *_positions(indexer.tuple))


def _points_set(adapter, indexer, value):
    mixed, points = _positions(indexer.tuple)
    adapter.array[indexer.tuple] = np.moveaxis(value, points, mixed)


def _axes_set(adapter, indexer, value):
    adapter.array[indexing._outer_to_numpy_indexer(indexer, adapter.array.shape)] = value


def _push(array, n=None, axis=-1):
    return _flagstone.functions["push"](array, n, axis)


def _has_ours(obj):
    variables = obj._to_temp_dataset()._variables if hasattr(obj, "_to_temp_dataset") else obj._variables
    return any(isinstance(variable._data, Array) for variable in variables.values())


def _asked_first(owner, name, ours, is_ours):
    theirs = getattr(owner, name, None)
    if theirs is None or hasattr(theirs, "_flagstone"):
        return  # another version of xarray, or done before

    @functools.wraps(theirs)
    def chosen(first, *args, **kwargs):
        return (ours if is_ours(first) else theirs)(first, *args, **kwargs)

    chosen._flagstone = True
    setattr(owner, name, chosen)


def _grouped(owner, ours):
    """Reductions of groups are ours where they are of our arrays."""
    theirs = owner.reduce
    if hasattr(theirs, "_flagstone"):
        return

    @functools.wraps(theirs)
    def reduce(grouped, func, dim=None, **kwargs):
        if not _has_ours(grouped._obj):
            return theirs(grouped, func, dim, **kwargs)
        return ours(theirs, grouped, func, dim, kwargs)

    reduce._flagstone = True
    owner.reduce = reduce


def install():
    """Asks ours first from now on."""
    adapter = getattr(indexing, "ArrayApiIndexingAdapter", None)
    for name, ours in (("_vindex_get", _points_get), ("_vindex_set", _points_set), ("_oindex_set", _axes_set)):
        _asked_first(adapter, name, ours, lambda first: isinstance(first.array, Array))
    _asked_first(duck_array_ops, "_push", _push, lambda array: isinstance(array, Array))
    for module in (_aggregations, groupby):
        _asked_first(module, "contains_only_chunked_or_numpy", lambda obj: False, _has_ours)
    _grouped(groupby.DataArrayGroupByBase, _xarray_groups.reduce_array)
    _grouped(groupby.DatasetGroupByBase, _xarray_groups.reduce_dataset)
