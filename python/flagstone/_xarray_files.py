"""What xarray has wrapped to load it later, as arrays of the file that lies under it, read by us on all cores."""

import functools

import numpy as np

from . import _flagstone, _sources


def opened(data):
    """Our array of `data`; `None` where no file that we can read lies under it, or something on the way that we do not know."""
    step = _STEPS.get(type(data).__name__)
    return step(data) if step and type(data).__module__.startswith("xarray.") else None


def _inner(data):
    return opened(data.array)


def _indexed(data):
    key = data.key.tuple
    found = opened(data.array) if all(isinstance(at, (int, slice)) for at in key) else None
    return None if found is None else found[key]


def _masked(stored, *, encoded_fill_values, decoded_fill_value, dtype):
    values, missing = stored.astype(dtype), None
    for value in encoded_fill_values:
        # xarray compares what it has converted
        found = values == np.asarray(value, values.dtype)[()]
        missing = found if missing is None else missing | found
    return values if missing is None else _flagstone.functions["where"](missing, np.asarray(decoded_fill_value, values.dtype)[()], values)


def _scaled(stored, *, scale_factor, add_offset, dtype):
    values = stored.astype(dtype)
    values = values if scale_factor is None else (values * scale_factor).astype(dtype)
    return values if add_offset is None else (values + add_offset).astype(dtype)


#: xarray's functions of decoding, which want NumPy's arrays, and the same of ours.
_DECODING = {"_apply_mask": _masked, "_scale_offset_decoding": _scaled}


def _decoded(data):
    is_named = isinstance(data.func, functools.partial) and not data.func.args
    step = _DECODING.get(getattr(data.func.func, "__name__", None)) if is_named else None
    found = opened(data.array) if step else None
    values = None if found is None else step(found, **data.func.keywords)
    return values if values is None or values.dtype == data.dtype else None


def _stored(data):
    return _sources._opened(data.get_array())


_STEPS = {
    "ImplicitToExplicitIndexingAdapter": _inner, "CopyOnWriteArray": _inner, "LazilyIndexedArray": _indexed,
    "_ElementwiseFunctionArray": _decoded, "ZarrArrayWrapper": _stored, "NetCDF4ArrayWrapper": _stored,
}
