"""What xarray does for dask's arrays and NumPy's by their class, and refuses, computes or takes for something else where they are ours.

xarray has no entry point for these, so its own functions are asked for our arrays first; of all others they do what they did:

- elements at points (`x.isel(time=points, lat=points)`), which it refuses of arrays of the array API, and setting them;
- setting along axes one by one (`x[{"time": [0, 1], "lat": [1, 2]}] = v`), where it sets points instead;
- `ffill` and `bfill`, which hand arrays to bottleneck or numbagg, and these compute them;
- reductions of groups, which flox computes where it is installed, and which xarray takes group by group without it: ours are found for
  all groups at once (`_xarray_groups`);
- whether two lazy coordinates are the same, which it compares by value where their graphs say it already;
- an array without axes as an index, and the check that weights have no missing values;
- coordinates at places that are not known yet (`idxmax`), which it refuses of several axes, and of times, that we have no dtype for;
- windows that roll along one axis (`_xarray_rolling`).
"""

import functools
import sys

import numpy as np
from xarray.core import _aggregations, dtypes, duck_array_ops, groupby, indexing, nputils
from xarray.namedarray import pycompat

try:
    from xarray.computation import computation
    from xarray.computation.weighted import Weighted
except ImportError:  # xarray before 2025.3
    from xarray.core import computation
    from xarray.core.weighted import Weighted

from . import _blocks, _compute, _flagstone, _xarray_groups, _xarray_rolling
from ._flagstone import Array


def _positions(key):
    return [list(map(int, at)) for at in nputils._advanced_indexer_subspaces(key)]


def _points_get(adapter, indexer):
    return np.moveaxis(adapter.array[indexer.tuple], *_positions(indexer.tuple))


def _points_set(adapter, indexer, value):
    mixed, points = _positions(indexer.tuple)
    adapter.array[indexer.tuple] = np.moveaxis(value, points, mixed)


def _axes_set(adapter, indexer, value):
    adapter.array[indexing._outer_to_numpy_indexer(indexer, adapter.array.shape)] = value


def _push(array, n=None, axis=-1):
    return _flagstone.functions["push"](array, n, axis)


def _same(first, second):
    if first.shape != np.shape(second):
        return False
    return True if isinstance(second, Array) and _flagstone.same(first, second) else None  # unknown


def _without_missing(weights):
    if np.isnan(weights).any():
        raise ValueError("`weights` cannot contain missing values. Missing values can be replaced by `weights.fillna(0)`.")
    return weights


def _weighted(theirs, weighted, obj, weights):
    """Missing weights are found when the mean is computed."""
    data = getattr(weights, "data", None)
    if not isinstance(data, Array):
        return theirs(weighted, obj, weights)
    if data.dtype.kind in "fc":
        weights = weights.copy(data=_blocks.map_blocks(_without_missing, data, dtype=data.dtype), deep=False)
    weighted.obj, weighted.weights = obj, weights


def _at_extremes(theirs, *, array, func, dim=None, skipna=None, fill_value=dtypes.NA, keep_attrs=None):
    """`idxmax` and `idxmin`: coordinates that are numbers wait as the places do; others are found now, of one place an element."""
    over = array.dims[0] if dim is None and array.ndim == 1 else dim
    if not isinstance(array.data, Array) or over not in array.dims or over not in array.coords:
        return theirs(array=array, func=func, dim=dim, skipna=skipna, fill_value=fill_value, keep_attrs=keep_attrs)
    skips = skipna or (skipna is None and array.dtype.kind in "fc")
    missing = array.isnull().all(over)
    places = func(array.where(~missing, 0) if skips else array, dim=over, axis=None, keep_attrs=keep_attrs, skipna=skipna)
    coord = array[over].variable.to_base_variable().copy(data=array[over].data)
    if coord.dtype.kind in "biufc":
        found = places.variable.copy(data=_flagstone.functions["take"](coord.data, places.data))
    else:
        places, missing = (one.copy(data=np.asarray(data)) for one, data in zip((places, missing), _compute.compute(places.data, missing.data)))
        found = coord[(places.variable,)]
    found = places._replace(found).rename(over)
    if skips:
        found = found.where(~missing, fill_value)
    found.attrs = places.attrs
    return found


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
    if not isinstance(owner, type):
        # modules that have it by its name
        for module in [module for at, module in sys.modules.items() if at.startswith("xarray.")]:
            if getattr(module, name, None) is theirs:
                setattr(module, name, chosen)


def _wrapped(owner, name, ours):
    """`ours` in place of a method, which is its first argument."""
    theirs = getattr(owner, name)
    if hasattr(theirs, "_flagstone"):
        return

    @functools.wraps(theirs)
    def method(*args, **kwargs):
        return ours(theirs, *args, **kwargs)

    method._flagstone = True
    setattr(owner, name, method)


def _grouped(ours):
    """Reductions of groups are ours where they are of our arrays."""

    def reduce(theirs, grouped, func, dim=None, **kwargs):
        if not _has_ours(grouped._obj):
            return theirs(grouped, func, dim, **kwargs)
        return ours(theirs, grouped, func, dim, kwargs)

    return reduce


def install():
    """Asks ours first from now on."""
    adapter = getattr(indexing, "ArrayApiIndexingAdapter", None)
    for name, ours in (("_vindex_get", _points_get), ("_vindex_set", _points_set), ("_oindex_set", _axes_set)):
        _asked_first(adapter, name, ours, lambda first: isinstance(first.array, Array))
    is_ours = lambda array: isinstance(array, Array)  # noqa: E731
    _asked_first(duck_array_ops, "_push", _push, is_ours)
    _asked_first(duck_array_ops, "lazy_array_equiv", _same, is_ours)
    _asked_first(pycompat, "is_0d_dask_array", lambda array: array.ndim == 0, is_ours)
    _wrapped(Weighted, "__init__", _weighted)
    if hasattr(computation, "_calc_idxminmax"):
        _wrapped(computation, "_calc_idxminmax", _at_extremes)
    _wrapped(_xarray_rolling.DataArrayRolling, "_array_reduce", _xarray_rolling.reduce)
    for module in (_aggregations, groupby):
        _asked_first(module, "contains_only_chunked_or_numpy", lambda obj: False, _has_ours)
    _wrapped(groupby.DataArrayGroupByBase, "reduce", _grouped(_xarray_groups.reduce_array))
    _wrapped(groupby.DatasetGroupByBase, "reduce", _grouped(_xarray_groups.reduce_dataset))
