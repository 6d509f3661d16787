"""Windows along one axis, which xarray makes of views and reduces, or hands to bottleneck: ours roll in one read."""

from xarray.core import duck_array_ops

from . import _flagstone
from ._flagstone import Array

try:
    from xarray.computation.rolling import DataArrayRolling
except ImportError:  # xarray before 2025.3
    from xarray.core.rolling import DataArrayRolling

#: What xarray reduces a window by, and our name for it.
_MOVES = {getattr(duck_array_ops, name): f"move_{name}" for name in ("sum", "min", "max", "std", "var", "median")}


def _rolled(rolling, move, keep_attrs, **kwargs):
    axis, window = rolling.obj.get_axis_num(rolling.dim[0]), rolling.window[0]
    lines = rolling.obj.variable
    # A window ends at its place, or so far behind it.
    behind = window // 2 + window % 2 - 1 if rolling.center[0] else 0
    if behind:
        lines = lines.pad({rolling.dim[0]: (0, behind)}, mode="constant")
    values = _flagstone.functions[move](lines.data, window, min_count=rolling.min_periods, axis=axis, **kwargs)
    if behind:
        values = values[(slice(None),) * axis + (slice(behind, None),)]
    obj = rolling.obj
    return type(obj)(values, obj.coords, attrs=obj.attrs if keep_attrs else {}, name=obj.name)


def reduce(theirs, rolling, array_agg_func, bottleneck_move_func, numbagg_move_func, rolling_agg_func, keep_attrs, fillna, **kwargs):
    """A reduction of a rolling array, by us where it is of our array, along one axis, and one that we have."""
    is_mean = rolling_agg_func is not None and getattr(rolling_agg_func, "__name__", "") == "_mean"
    move = "move_mean" if is_mean else _MOVES.get(array_agg_func)
    known = {name: value for name, value in kwargs.items() if name not in ("sliding_window_view_kwargs", "skipna") or value is False}
    with_ddof = set(known) <= {"ddof"} if move in ("move_std", "move_var") else not known
    is_ours = isinstance(rolling.obj.data, Array) and rolling.obj.dtype.kind in "fiub"
    if move is None or not is_ours or not with_ddof or rolling.ndim != 1 or rolling.min_periods == 0:
        return theirs(rolling, array_agg_func, bottleneck_move_func, numbagg_move_func, rolling_agg_func, keep_attrs, fillna, **kwargs)
    return _rolled(rolling, move, keep_attrs, **known)
