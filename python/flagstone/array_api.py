"""The namespace of the Python array API standard, version 2025.12: Flagstone's functions under the standard's names."""

import numpy as _np

import flagstone as _fs
from flagstone import *  # noqa: F403
from flagstone import _flagstone

__array_api_version__ = "2025.12"

for _name, _function in _flagstone.functions.items():
    if "." not in _name:
        globals().setdefault(_name, _function)

bool = _np.bool_
linalg, fft = _fs.linalg, _fs.fft
from_dlpack = _fs.from_dlpack
pi, e, inf, nan, newaxis = _fs.pi, _fs.e, _fs.inf, _fs.nan, None


def finfo(type, /):
    """Machine limits of floating-point types."""
    return _np.finfo(getattr(type, "dtype", type))


def iinfo(type, /):
    """Machine limits of integer types."""
    return _np.iinfo(getattr(type, "dtype", type))


class _Info:
    """What the standard's `__array_namespace_info__` tells."""

    def capabilities(self):
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 32}

    def default_device(self):
        return "cpu"

    def devices(self):
        return ["cpu"]

    def default_dtypes(self, *, device=None):
        return {name: _np.dtype(kind) for name, kind in
                (("real floating", "f8"), ("complex floating", "c16"), ("integral", "i8"), ("indexing", "i8"))}

    def dtypes(self, *, device=None, kind=None):
        kinds = {
            "bool": ["bool"], "signed integer": ["int8", "int16", "int32", "int64"],
            "unsigned integer": ["uint8", "uint16", "uint32", "uint64"],
            "real floating": ["float32", "float64"], "complex floating": ["complex64", "complex128"],
        }
        kinds["integral"] = kinds["signed integer"] + kinds["unsigned integer"]
        kinds["numeric"] = kinds["integral"] + kinds["real floating"] + kinds["complex floating"]
        if kind is None:
            wanted = kinds["bool"] + kinds["numeric"]
        else:
            wanted = [name for one in ((kind,) if isinstance(kind, str) else kind) for name in kinds[one]]
        return {name: _np.dtype(name) for name in wanted}


def __array_namespace_info__():
    """What this namespace can do."""
    return _Info()
