"""Windows along axes, which xarray makes of views and reduces, or hands to bottleneck: ours roll in one read."""

from xarray.core import duck_array_ops

from . import _flagstone
from ._flagstone import Array

try:
    from xarray.computation.rolling import DataArrayRolling
except ImportError:  # xarray before 2025.3
    from xarray.core.rolling import DataArrayRolling

#: What xarray reduces a window by, and our name for it.
_MOVES = {getattr(duck_array_ops, name): f"move_{name}" for name in ("sum", "min", "max", "std", "var", "median")}


def _axes(rolling):
    return [(rolling.obj.get_axis_num(dim), window, center) for dim, window, center in zip(rolling.dim, rolling.window, rolling.center)]


def _moved(move, values, least, axes, **kwargs):
    """`move` along each of the axes, one after the other."""
    functions = _flagstone.functions
    for axis, window, center in axes:
        # a window ends at its place, or so far behind it
        behind = window // 2 + window % 2 - 1 if center else 0
        if behind:
            widths = [(0, behind if at == axis else 0) for at in range(values.ndim)]
            values = functions["pad"](values.astype("f8") if values.dtype.kind in "iub" else values, widths, constant_values=float("nan"))
        values = functions[move](values, window, min_count=least, axis=axis, **kwargs)
        if behind:
            values = values[(slice(None),) * axis + (slice(behind, None),)]
    return values


def _of_boxes(move, values, least, axes):
    """The same of windows along several axes: of what there is of each, where it is enough."""
    where = _flagstone.functions["where"]
    there = values == values
    count = _moved("move_sum", there.astype("f8"), 1, axes)
    if move in ("move_min", "move_max"):
        found = _moved(move, values, 1, axes)
    else:
        found = _moved("move_sum", where(there, values, 0), 1, axes)
    if move == "move_mean":
        found = (found / count).astype(found.dtype)
    return where(count >= least, found, float("nan"))


def reduce(theirs, rolling, array_agg_func, bottleneck_move_func, numbagg_move_func, rolling_agg_func, keep_attrs, fillna, **kwargs):
    """A reduction of a rolling array, by us where it is of our array, and one that we have: along several axes one that is found axis by axis."""
    is_mean = rolling_agg_func is not None and getattr(rolling_agg_func, "__name__", "") == "_mean"
    move = "move_mean" if is_mean else _MOVES.get(array_agg_func)
    known = {name: value for name, value in kwargs.items() if name not in ("sliding_window_view_kwargs", "skipna") or value is False}
    with_ddof = set(known) <= {"ddof"} if move in ("move_std", "move_var") else not known
    is_ours = isinstance(rolling.obj.data, Array) and rolling.obj.dtype.kind in "fiub"
    is_separable = rolling.ndim == 1 or move in ("move_sum", "move_mean", "move_min", "move_max")
    # more values than a window has places give NaN with xarray, and are refused by ours
    is_within = rolling.min_periods > 0 and (rolling.ndim > 1 or rolling.min_periods <= rolling.window[0])
    if move is None or not is_ours or not with_ddof or not is_separable or not is_within:
        return theirs(rolling, array_agg_func, bottleneck_move_func, numbagg_move_func, rolling_agg_func, keep_attrs, fillna, **kwargs)
    obj, axes = rolling.obj, _axes(rolling)
    if rolling.ndim == 1:
        values = _moved(move, obj.data, rolling.min_periods, axes, **known)
    else:
        values = _of_boxes(move, obj.data, rolling.min_periods, axes)
    return type(obj)(values, obj.coords, attrs=obj.attrs if keep_attrs else {}, name=obj.name)
