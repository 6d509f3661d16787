"""Writes the type stubs of the package from the engine's table: `python -m flagstone._stubs DIRECTORY`."""

import pathlib
import sys

from . import _flagstone, _signatures

HEAD = '''\
# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
'''

#: Types of parameters by name, where the name says it.
TYPES = {
    "dtype": "DTypeLike | None", "axis": "int | Sequence[int] | None", "keepdims": "bool", "shape": "int | Sequence[int]",
    "copy": "bool | None", "device": "str | None", "order": "str | None", "seed": "int | None",
}

OPERATORS = [
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow", "rpow", "matmul",
    "rmatmul", "and", "rand", "or", "ror", "xor", "rxor", "lshift", "rlshift", "rshift", "rrshift", "lt", "le", "gt", "ge",
]

#: What gives no array, or several.
RESULTS = {
    "shape": "tuple[int, ...]", "ndim": "int", "size": "int", "can_cast": "bool", "isdtype": "bool", "isscalar": "bool",
    "iscomplexobj": "bool", "isrealobj": "bool", "result_type": "np.dtype[Any]", "promote_types": "np.dtype[Any]",
}
SEVERAL = {
    "divmod", "modf", "frexp", "broadcast_arrays", "meshgrid", "nonzero", "split", "array_split", "hsplit", "vsplit", "dsplit", "unstack",
    "histogram", "histogram2d", "histogramdd", "unique_all", "unique_counts", "unique_inverse", "linalg.qr", "linalg.svd", "linalg.eigh",
    "linalg.eig", "linalg.slogdet", "linalg.lu", "linalg.lu_factor", "linalg.lstsq", "linalg.svd_compressed", "unravel_index",
    "tril_indices", "triu_indices", "tril_indices_from", "triu_indices_from", "diag_indices", "diag_indices_from", "ix_", "indices",
    "gradient", "mask_indices", "unique", "mgrid", "ogrid", "polyfit", "polydiv", "polymul", "tuple", "atleast_1d", "atleast_2d",
    "atleast_3d", "average", "broadcast_shapes",
}


def _parameters(function, method):
    parts, starred = [], False
    for at, (name, text, by_name) in enumerate(function.parameters):
        if method and at == 0:
            parts.append("self")
            continue
        if by_name and not starred:
            parts.append("*")
        starred |= by_name or name.startswith("*")
        kind = TYPES.get(name, "Any")
        if kind != "Any" and text == "None" and "None" not in kind:
            kind += " | None"
        parts.append(f"{name}: Any" if name.startswith("*") else f"{name}: {kind}" + ("" if text is None else " = ..."))
    return ", ".join(parts)


def _function(function, method=False, indent=""):
    several = function.name in SEVERAL or function.name.startswith("ma.")
    result = RESULTS.get(function.name, "Any" if several else "Array")
    doc = function.summary.replace("\\", "\\\\").replace('"""', "'''")
    name = function.__name__
    return f'{indent}def {name}({_parameters(function, method)}) -> {result}:\n{indent}    """{doc}"""\n'


def _array():
    from ._flagstone import Array

    methods = {name: member for name, member in vars(Array).items() if isinstance(member, _flagstone.Function)}
    out = ["class Array:\n", '    """A lazy array: computed when its value is asked for."""\n']
    for name, kind in [("dtype", "np.dtype[Any]"), ("shape", "tuple[int, ...]"), ("ndim", "int"), ("size", "int"), ("nbytes", "int"),
                       ("itemsize", "int"), ("chunks", "tuple[tuple[int, ...], ...]"), ("chunksize", "tuple[int, ...]"),
                       ("numblocks", "tuple[int, ...]"), ("npartitions", "int"), ("T", "Array"), ("mT", "Array"), ("real", "Array"),
                       ("imag", "Array"), ("flat", "Array"), ("oix", "_Orthogonal"), ("device", "str")]:
        out.append(f"    @property\n    def {name}(self) -> {kind}: ...\n")
    out += [f"    def __{name}__(self, other: _Operand, /) -> Array: ...\n" for name in OPERATORS]
    out += [f"    def __{name}__(self, other: object, /) -> Array: ...  # type: ignore[override]\n" for name in ("eq", "ne")]
    out += [f"    def __{name}__(self) -> Array: ...\n" for name in ("neg", "pos", "invert", "abs")]
    out += [f"    def __{name}__(self) -> {name}: ...\n" for name in ("bool", "int", "float", "complex")]
    out += [
        "    def __len__(self) -> int: ...\n",
        "    def __round__(self, ndigits: int | None = ..., /) -> Array: ...\n",
        "    def __iter__(self) -> Any: ...\n",
        "    def __getitem__(self, index: Any, /) -> Array: ...\n",
        "    def __setitem__(self, index: Any, value: Any, /) -> None: ...\n",
        "    def __array__(self, dtype: DTypeLike | None = ..., copy: bool | None = ...) -> np.ndarray[Any, Any]: ...\n",
        "    def compute(self) -> Any: ...\n",
        "    def persist(self) -> Array: ...\n",
        "    def item(self, *args: int) -> Any: ...\n",
        "    def tolist(self) -> Any: ...\n",
        "    def explain(self) -> str: ...\n",
        "    def visualize(self, filename: str | None = ...) -> str | None: ...\n",
        "    def map_blocks(self, func: Any, *args: Any, **kwargs: Any) -> Array: ...\n",
        "    def map_overlap(self, func: Any, depth: Any = ..., boundary: Any = ..., trim: bool = ..., **kwargs: Any) -> Array: ...\n",
        "    def store(self, address: Any, *, chunks: Any = ..., shards: Any = ..., codec: str | None = ..., overwrite: bool = ..., "
        "attributes: Any = ..., dimension_names: Any = ..., zarr_version: int = ...) -> None: ...\n",
        "    def to_zarr(self, address: Any, **options: Any) -> None: ...\n",
    ]
    out += [_function(member, True, "    ") for name, member in sorted(methods.items())]
    return "".join(out)


OWN = '''
__version__: str
pi: float
e: float
euler_gamma: float
inf: float
nan: float
newaxis: None
bool_ = np.bool_
int8 = np.int8
int16 = np.int16
int32 = np.int32
int64 = np.int64
uint8 = np.uint8
uint16 = np.uint16
uint32 = np.uint32
uint64 = np.uint64
float16 = np.float16
float32 = np.float32
float64 = np.float64
complex64 = np.complex64
complex128 = np.complex128

class Runtime:
    """Memory, threads and a spill directory that computations use within `with`."""
    def __init__(self, memory_limit: str | int | None = ..., threads: int | None = ..., spill_dir: str | None = ...) -> None: ...
    @property
    def memory_limit(self) -> int: ...
    @property
    def threads(self) -> int: ...
    def counters(self) -> dict[str, int]: ...
    def __enter__(self) -> Runtime: ...
    def __exit__(self, *args: Any) -> None: ...

class _Orthogonal:
    def __getitem__(self, index: Any, /) -> Array: ...

class _Config:
    def set(self, memory_limit: str | int | None = ..., threads: int | None = ..., spill_dir: str | None = ...) -> Runtime: ...
    @property
    def memory_limit(self) -> int: ...
    @property
    def threads(self) -> int: ...

config: _Config

class MaskedArray:
    """Data and a mask, true where an element does not count."""
    data: Array
    mask: Array
    fill_value: Any
    def __init__(self, data: Array, mask: Array, fill_value: Any = ...) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __getitem__(self, at: Any) -> MaskedArray: ...
    def compute(self) -> Any: ...

class ProgressBar:
    def __enter__(self) -> ProgressBar: ...
    def __exit__(self, *args: Any) -> None: ...

class profile:
    def __init__(self, path: str) -> None: ...
    def __enter__(self) -> profile: ...
    def __exit__(self, *args: Any) -> None: ...

def open(
    address: Any, *, axis: int | str | None = None, by: str | None = None, stack: int | None = None, decode: str | None = None
) -> Array: ...
def from_array(x: Any, chunks: Any = ..., name: str | None = ...) -> Array: ...
def from_zarr(url: str, component: str | None = ...) -> Array: ...
def from_dlpack(x: Any, /, *, device: Any = ..., copy: bool | None = ...) -> Array: ...
def compute(*args: Any) -> Any: ...
def persist(*args: Any) -> Any: ...
def store(arrays: Any, addresses: Any, *, chunks: Any = ..., shards: Any = ..., codec: str | None = ..., overwrite: bool = ..., attributes: Any = ..., dimension_names: Any = ..., zarr_version: int = ...) -> None: ...
def map_blocks(func: Any, *args: Any, **kwargs: Any) -> Array: ...
def map_overlap(func: Any, *args: Any, depth: Any = ..., boundary: Any = ..., trim: bool = ..., **kwargs: Any) -> Array: ...
def apply_gufunc(func: Any, signature: str, *args: Any, **kwargs: Any) -> Any: ...
def blockwise(func: Any, out_ind: Any, *args: Any, **kwargs: Any) -> Array: ...
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, dtype: Any = None, shape: Any = None, **kwargs: Any) -> Array: ...
def apply_over_axes(func: Any, a: Any, axes: Any) -> Array: ...
def coarsen(reduction: Any, x: Any, axes: dict[int, int], trim_excess: bool = False, **kwargs: Any) -> Array: ...
def fromfunction(function: Any, shape: Any, *, dtype: Any = ..., **kwargs: Any) -> Any: ...
def reduction(
    x: Any, chunk: Any, aggregate: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None, combine: Any = None,
    name: str | None = None, concatenate: bool = True, **kwargs: Any
) -> Array: ...
'''


def stubs():
    """The text of every stub by the name of its file."""
    modules = {"": []}
    nested = {}
    for name, function in _flagstone.functions.items():
        of, _, _ = name.rpartition(".")
        if of in _flagstone.functions:
            nested.setdefault(of, []).append(function)
        else:
            modules.setdefault(of, []).append(function)
    out = {}
    for module, functions in modules.items():
        if module:
            out[f"{module}.pyi"] = HEAD + "from flagstone import Array\n\n" + "".join(map(_function, functions))
    imports = "".join(f"from . import {module} as {module}\n" for module in modules if module)
    plain = [function for function in modules[""] if function.name not in nested]
    text = HEAD + imports + OWN + "\n" + _array() + "\n" + "".join(map(_function, plain))
    for name, functions in sorted(nested.items()):
        # a function that has functions of its own: `maximum.accumulate`
        called = _function(_flagstone.functions[name]).replace(f"def {name}(", "def __call__(self, ")
        inside = "".join(_function(f).replace("(", "(self, ", 1) for f in functions)
        body = "".join(f"    {line}\n" for line in (called + inside).splitlines())
        text += f"\nclass _{name}:\n{body}\n{name}: _{name}\n"
    out["__init__.pyi"] = text
    return out


def main(directory):
    for name, text in stubs().items():
        pathlib.Path(directory, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
