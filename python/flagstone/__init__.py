"""Lazy arrays larger than memory, under a hard memory limit, with NumPy's names.

Functions and methods come from one table in the engine: what stands there is here, under NumPy's name and with its parameters.
"""

import sys as _sys
import types as _types

import numpy as _np

from . import _flagstone
from ._flagstone import Array, __version__
from ._runtime import ProgressBar, Runtime, config, profile
from ._sources import array, asarray, from_array, from_dlpack, from_zarr, open
from ._blocks import apply_gufunc, blockwise, map_blocks, map_overlap, pad
from ._functions import apply_along_axis, apply_over_axes, coarsen, fromfunction, piecewise, reduction
from ._compute import compute, persist, store
from ._masked import MaskedArray
from . import _array as _array  # gives `Array` what Python alone can say
from . import _when_xarray

pi, e, euler_gamma, inf, nan, newaxis = _np.pi, _np.e, _np.euler_gamma, _np.inf, _np.nan, None
bool = bool_ = _np.bool_
int8, int16, int32, int64 = _np.int8, _np.int16, _np.int32, _np.int64
uint8, uint16, uint32, uint64 = _np.uint8, _np.uint16, _np.uint32, _np.uint64
float16, float32, float64, complex64, complex128 = _np.float16, _np.float32, _np.float64, _np.complex64, _np.complex128
dtype, finfo, iinfo = _np.dtype, _np.finfo, _np.iinfo


def _fill():
    """Every function of the table, in this module or in the one that NumPy has it in."""
    here = globals()
    for name, function in _flagstone.functions.items():
        *of, name = name.split(".")
        if not of:
            here.setdefault(name, function)
            continue
        if of[0] in _flagstone.functions:
            continue  # a function's own, found as its attribute
        full = f"{__name__}.{of[0]}"
        module = _sys.modules.get(full)
        if module is None:
            module = _sys.modules[full] = here[of[0]] = _types.ModuleType(full, f"Functions that NumPy or SciPy has in `{of[0]}`.")
        setattr(module, name, function)


_fill()
_when_xarray.wait()


def _of_numpy(name):
    # `x[0] = fs.ma.masked` reads as it does with NumPy, whose module is not loaded before it is asked for
    if name in ("masked", "nomask"):
        return getattr(_np.ma, name)
    # numpy.ma has most of numpy's names, for what heeds masks under its own
    name = {"alltrue": "all", "amax": "max", "amin": "min", "product": "prod", "round_": "round", "sometrue": "any"}.get(name, name)
    if name in vars(ma):  # noqa: F821
        return getattr(ma, name)  # noqa: F821
    if name in _np.ma.__all__ and name in globals():
        return globals()[name]
    raise AttributeError(f"module 'flagstone.ma' has no attribute {name!r}")


ma.MaskedArray, ma.__getattr__ = MaskedArray, _of_numpy  # noqa: F821


def __getattr__(name):
    if hasattr(_np, name) and callable(getattr(_np, name)):
        raise AttributeError(f"NumPy's {name} is not supported by this version of Flagstone")
    raise AttributeError(f"module 'flagstone' has no attribute {name!r}")
