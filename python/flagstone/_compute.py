"""Several arrays in one pass."""

import json
import math
import os

from . import _flagstone
from ._flagstone import Array
from ._masked import MaskedArray


def _spread(arguments, found):
    """The structure of `arguments` with arrays replaced by their number in `found`."""
    if isinstance(arguments, Array):
        found.append(arguments)
        at = len(found) - 1
        return lambda results: results[at]
    if isinstance(arguments, MaskedArray):
        parts = _spread((arguments.data, arguments.mask), found)
        return lambda results: arguments._of(*parts(results))
    if type(arguments) in (list, tuple):
        kind = type(arguments)
        parts = [_spread(part, found) for part in arguments]
        return lambda results: kind(part(results) for part in parts)
    if type(arguments) is dict:
        parts = {key: _spread(part, found) for key, part in arguments.items()}
        return lambda results: {key: part(results) for key, part in parts.items()}
    return lambda results: arguments


def compute(*args):
    """The values of several arrays, by one plan: reductions over the same axes read what they share once. Lists, tuples and dicts of
    arrays keep their form; masked arrays are those of NumPy."""
    found = []
    rebuild = _spread(args, found)
    return rebuild(_flagstone.compute_all(found))


def persist(*args):
    """Several arrays computed in one pass, whose blocks stay in the runtime's memory or its spill file."""
    found = []
    rebuild = _spread(args, found)
    return rebuild(_flagstone.persist_all(found))


def _sayable(value):
    """What JSON can say of attributes: of NaN and infinities it is their names, as zarr-python has it."""
    if isinstance(value, dict):
        return {key: _sayable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(one) for one in value]
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy
        return _sayable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def store(arrays, addresses, *, chunks=None, shards=None, codec=None, overwrite=False, attributes=None, dimension_names=None, zarr_version=3):
    """Computes arrays into new files or arrays (`out.zarr`, `out.h5:/x`, `out.npy`), in one pass."""
    arrays = [arrays] if isinstance(arrays, (Array, MaskedArray)) else list(arrays)
    if any(isinstance(array, MaskedArray) for array in arrays):
        raise TypeError("store: a masked array, which files have no place for; store m.filled(value), or m.data and m.mask at an address each")
    addresses = [addresses] if isinstance(addresses, (str, os.PathLike)) else list(addresses)
    if len(arrays) != len(addresses):
        raise ValueError(f"store: {len(arrays)} arrays for {len(addresses)} addresses; expected as many")
    if isinstance(chunks, int):
        ndims = {array.ndim for array in arrays}
        if len(ndims) > 1:
            raise ValueError("store: one chunk length for arrays of several numbers of axes; give a tuple, or store them one by one")
        chunks = (chunks,) * ndims.pop()
    _flagstone.store_all(
        list(zip(arrays, addresses)),
        chunks=None if chunks is None else [-1 if n is None else n for n in chunks],
        shards=shards,
        codec=codec,
        overwrite=overwrite,
        attributes=None if attributes is None else json.dumps(_sayable(attributes)),
        dimension_names=dimension_names,
        zarr_version=zarr_version,
    )
