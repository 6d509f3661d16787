"""Reductions of xarray's groups for all groups at once (`groupby_reduce`), which reads each chunk once or, for variances, twice. xarray takes
group by group, and would decode a chunk for every group that has a part of it.

What is found is handed to xarray group by group, in the order in which it asks, so that names, coordinates, attributes and the order
of axes are its own. What is not known here it does as ever.
"""

import copy

import numpy as np
from xarray.core import duck_array_ops

from . import _flagstone
from ._flagstone import Array

_f = _flagstone.functions

#: xarray's functions, by their names.
_NAMES = ("sum", "prod", "mean", "var", "std", "min", "max", "median", "count", "any", "all")
_KNOWN = {getattr(duck_array_ops, name): name for name in _NAMES if hasattr(duck_array_ops, name)}

#: What xarray reads of the call itself.
_OF_CALL = ("skipna", "keep_attrs", "numeric_only", "shortcut")


def _how(dtype, func, kwargs):
    """The name for `groupby_reduce`, its options, and how many values make a sum; `None` where xarray knows more than it does."""
    name, skipna = _KNOWN.get(func), kwargs.get("skipna")
    options = {key: value for key, value in kwargs.items() if key not in _OF_CALL and value is not None}
    least = options.pop("min_count", None) if name in ("sum", "prod") else None
    if name is None or dtype.kind not in "biufc" or set(options) - ({"ddof"} if name in ("var", "std") else set()):
        return None
    floats = dtype.kind in "fc"
    if name in ("min", "max", "median") and dtype.kind == "c" or name == "median" and dtype.kind == "b" or least is not None and skipna and not floats:
        return None
    skips = floats and skipna is not False and name not in ("count", "any", "all")
    return "nan" + name if skips else name, options, least if skips else None


def _labels(grouped):
    """The group of each place, without those that are empty, and how many there are; `None` where they overlap."""
    places = [at for at in grouped.encoded.group_indices if at]
    labels = np.full(grouped._obj.sizes[grouped._group_dim], -1)
    for label, at in enumerate(places):
        if (labels[at] >= 0).any():
            return None
        labels[at] = label
    return (labels, len(places)) if places else None


def _found(variable, over, dims, labels, groups, how):
    """What `how` makes of each group of places along `over`, one after the other; of all places of `dims` beside it."""
    func, options, least = how
    along = [over, *(dim for dim in variable.dims if dim in dims and dim != over)]
    axes = range(len(along))
    x = _f["moveaxis"](variable._data, [variable.get_axis_num(dim) for dim in along], list(axes))
    by = _f["expand_dims"](labels, list(axes[1:])) if axes[1:] else labels
    by = _f["broadcast_to"](by, x.shape[: len(along)])

    def of(func, **options):
        return _f["groupby_reduce"](x, by, func=func, num_groups=groups, **options)

    found = of(func, **options)
    if least is not None:
        found = _f["where"](of("count") >= least, found, np.asarray(np.nan, found.dtype)[()])
    return (found[label] for label in range(groups))


def _reducible(grouped, func, dim, kwargs, named):
    """What is found of each of the `named` variables that is known, by name."""
    over, obj = grouped._group_dim, grouped._obj
    if grouped._by_chunked or kwargs.get("axis") is not None:
        return {}
    if dim is None or dim is ...:
        dims = (over,) if dim is None else tuple(obj.dims)
    else:
        dims = tuple(dim) if np.iterable(dim) and not isinstance(dim, str) else (dim,)
    if over not in dims or not set(dims) <= set(obj.dims):
        return {}
    kwargs = {key: value for key, value in kwargs.items() if key != "axis"}
    how = {name: _how(v.dtype, func, kwargs) for name, v in named.items() if isinstance(v._data, Array) and over in v.dims}
    how = {name: known for name, known in how.items() if known is not None}
    labels = _labels(grouped) if how else None
    return {name: _found(named[name], over, dims, *labels, known) for name, known in how.items()} if labels else {}


def reduce_array(theirs, grouped, func, dim, kwargs):
    """`DataArrayGroupBy.reduce`."""
    found = _reducible(grouped, func, dim, kwargs, {None: grouped._obj.variable}).get(None)
    return theirs(grouped, func if found is None else lambda values, **_: next(found), dim, **kwargs)


def _of(grouped, names):
    """The groups of a part of the variables."""
    part = copy.copy(grouped)
    part._obj, part._original_obj = (obj.drop_vars([name for name in obj.data_vars if name not in names]) for obj in (grouped._obj, grouped._original_obj))
    part._dims = None
    return part


def reduce_dataset(theirs, grouped, func, dim, kwargs):
    """`DatasetGroupBy.reduce`: variables that are known together, the others as ever."""
    names = list(grouped._obj.data_vars)
    found = _reducible(grouped, func, dim, kwargs, {name: grouped._obj[name].variable for name in names})
    if not found:
        return theirs(grouped, func, dim, **kwargs)
    # of each group it asks for one variable after the other
    in_turn = (one for all in zip(*found.values()) for one in all)
    ours = theirs(_of(grouped, found), lambda values, **_: next(in_turn), dim, **kwargs)
    others = [name for name in names if name not in found]
    if not others:
        return ours
    rest = theirs(_of(grouped, others), func, dim, **kwargs)
    both = rest.assign({name: ours[name].variable for name in found})
    return both[[name for name in names if name in both.data_vars]]
