"""NumPy against us: the same calls on random shapes, dtypes, chunks and limits, made from the table."""

import warnings

import numpy as np
import pytest

import flagstone as fs
from flagstone import _flagstone

FUNCTIONS = _flagstone.functions
LIMITS = ["24MiB", "40MiB", "1GiB"]
DTYPES = ["f8", "f4", "i8", "i4", "u1", "?", "c16"]


def numpys(name):
    """NumPy's function of that name."""
    found = np
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found if callable(found) else None


class Draw:
    """Random arguments."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def shape(self, low=1, high=3):
        return tuple(int(n) for n in self.rng.integers(1, 7, size=self.rng.integers(low, high + 1)))

    def array(self, shape=None, kind=None):
        shape = self.shape() if shape is None else shape
        kind = str(self.rng.choice(DTYPES)) if kind is None else kind
        values = self.rng.normal(size=shape) * 3
        if kind == "c16":
            values = values + 1j * self.rng.normal(size=shape)
        if kind == "u1":
            values = abs(values)
        return values > 0 if kind == "?" else np.asarray(values).astype(kind)

    def axis(self, a, most=None):
        return int(self.rng.integers(-a.ndim, a.ndim))

    def of(self, *options):
        return options[self.rng.integers(len(options))]


def unary(d):
    return (d.array(),), {}


def binary(d):
    shape = d.shape()
    other = tuple(d.of(n, 1) for n in shape[d.rng.integers(len(shape)):])
    return (d.array(shape), d.of(d.array(other), 2, 2.5)), {}


def integers(d):
    shape = d.shape()
    return (d.array(shape, d.of("i8", "u1")), abs(d.array(shape, "i8")).astype("u1") % 7), {}


def reduction(d):
    a = d.array()
    return (a,), {"axis": d.of(None, d.axis(a), 0), "keepdims": d.of(True, False)}


def running(d):
    a = d.array()
    return (a,), {"axis": d.of(d.axis(a), None if a.ndim == 1 else 0)}


def holed(d, kind):
    """Values of which some are NaN."""
    a = d.array((5, 4), kind)
    a[d.rng.random(a.shape) < d.of(0, 0.2, 0.5)] = np.nan
    return a


def square(d, kind="f8"):
    n = int(d.rng.integers(1, 6))
    return d.array((n, n), kind) + 4 * np.eye(n, dtype=kind)


def one_axis(d):
    a = d.array()
    return (a, d.axis(a)), {}


def floats(d, *shape):
    return d.array(shape, d.of("f8", "f4"))


#: How the functions are called that are neither ufuncs nor reductions.
RECIPES = {
    **{name: integers for name in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor")},
    **{name: unary for name in ("asarray", "atleast_1d", "atleast_2d", "atleast_3d", "zeros_like", "flipud", "permute_dims", "flatnonzero")},
    "rot90": lambda d: ((d.array((3, 4)), d.of(1, 2)), {}), "fliplr": lambda d: ((d.array((3, 4)),), {}), "ones": lambda d: (((2, 3),), {}),
    "identity": lambda d: ((4,), {}), "concat": lambda d: (([d.array((2, 3)), d.array((4, 3))],), {"axis": 0}),
    "einsum": lambda d: (("ij,jk->ik", floats(d, 3, 4), floats(d, 4, 2)), {}), "vdot": lambda d: ((floats(d, 5), floats(d, 5)), {}),
    "vecdot": lambda d: ((floats(d, 3, 5), floats(d, 5)), {}), "matvec": lambda d: ((floats(d, 3, 5), floats(d, 5)), {}),
    "cumulative_sum": lambda d: ((floats(d, 7),), {"include_initial": d.of(True, False)}), "diag": lambda d: ((d.array((4, 4)),), {"k": d.of(0, 1)}),
    "compress": lambda d: ((np.array([True, False, True]), d.array((3, 4))), {"axis": 0}), "extract": lambda d: ((d.array((9,), "?"), d.array((9,))), {}),
    "union1d": lambda d: ((d.array((9,), "i4"), d.array((5,), "i4")), {}), "setdiff1d": lambda d: ((d.array((9,), "i4"), d.array((5,), "i4")), {}),
    "split": lambda d: ((d.array((6, 4)), d.of(2, [1, 4])), {}), "column_stack": lambda d: (([d.array((3,)), d.array((3, 2))],), {}),
    "linalg.matrix_rank": lambda d: ((square(d),), {}), "linalg.slogdet": lambda d: ((square(d),), {}), "linalg.trace": lambda d: ((square(d),), {}),
    "linalg.matrix_power": lambda d: ((square(d), d.of(0, 2, 3)), {}), "linalg.vector_norm": lambda d: ((floats(d, 4, 3),), {"axis": d.of(0, None)}),
    "trapezoid": lambda d: ((floats(d, 4, 6),), {"axis": d.of(0, 1)}), "convolve": lambda d: ((floats(d, 9), floats(d, 3)), {"mode": d.of("full", "same")}),
    "take_along_axis": lambda d: ((d.array((4, 5)), d.rng.integers(0, 4, size=(2, 5))), {"axis": 0}), "meshgrid": lambda d: ((floats(d, 3), floats(d, 4)), {}),
    "maximum.reduce": lambda d: ((floats(d, 4, 5),), {"axis": d.of(0, 1)}), "add.accumulate": lambda d: ((floats(d, 4, 5),), {"axis": d.of(0, 1)}),
    "bitwise_xor.reduce": lambda d: ((d.array((4, 5), "i4"),), {"axis": d.of(0, 1, None)}),
    "bitwise_and.reduce": lambda d: ((d.array((4, 5), "u1"),), {"axis": d.of(0, 1), "initial": d.of(7, 255)}),
    "bitwise_or.reduce": lambda d: ((d.array((4, 5), "?"),), {"keepdims": d.of(True, False)}),
    "logical_xor.reduce": lambda d: ((d.array((4, 5), "?"),), {"axis": d.of(0, 1)}),
    "logaddexp.reduce": lambda d: ((floats(d, 4, 5),), {"axis": d.of(0, 1, None)}),
    "fmax.reduce": lambda d: ((floats(d, 4, 5),), {"axis": d.of(0, 1), "initial": d.of(0.5, -9.0)}),
    "round": lambda d: ((floats(d, 4, 3), d.of(0, 1, 2)), {}),
    "where": lambda d: ((d.array((3, 4), "?"), d.array((3, 4)), d.array((4,))), {}),
    "clip": lambda d: ((floats(d, 5, 2), -1, 1), {}),
    "transpose": unary, "flip": one_axis, "ravel": unary, "squeeze": unary, "expand_dims": one_axis,
    "swapaxes": lambda d: ((d.array((2, 3, 4)), d.of(0, 1), d.of(-1, 2)), {}),
    "moveaxis": lambda d: ((d.array((2, 3, 4)), d.of(0, 1), d.of(-1, 2)), {}),
    "reshape": lambda d: ((d.array((4, 6)), d.of((-1,), (3, 8), (2, 2, 6), 24)), {}),
    "concatenate": lambda d: (([d.array((2, 3)), d.array((4, 3))],), {"axis": 0}),
    "stack": lambda d: (([d.array((2, 3)), d.array((2, 3))],), {"axis": d.of(0, 1, -1)}),
    "vstack": lambda d: (([d.array((2, 3)), d.array((1, 3))],), {}),
    "hstack": lambda d: (([d.array((2, 3)), d.array((2, 1))],), {}),
    "broadcast_to": lambda d: ((d.array((1, 3)), (4, 3)), {}),
    "tril": lambda d: ((d.array((4, 5)),), {"k": d.of(-1, 0, 2)}), "triu": lambda d: ((d.array((4, 5)),), {"k": d.of(-1, 0, 2)}),
    "take": lambda d: ((d.array((5, 4)), d.of([0, 3], np.array([[1, 2], [0, 0]]))), {"axis": d.of(0, 1, None)}),
    "sort": running, "argsort": lambda d: ((np.asarray(d.rng.permutation(20).reshape(4, 5)),), {"axis": d.of(0, 1)}),
    "searchsorted": lambda d: ((np.sort(floats(d, 9)), floats(d, 3, 2)), {"side": d.of("left", "right")}),
    "unique": lambda d: d.of(
        ((d.array((20,), d.of("i8", "u1")),), {}),
        ((np.round(d.rng.normal(size=d.of((7, 2, 2), (9, 3), (6, 1)))).astype(d.of("f8", "f4", "i8", "u1", "?", "c16")),),
         {"axis": d.of(0, -1), "return_index": True, "return_inverse": True, "return_counts": True}),
    ),
    "nonzero": lambda d: ((d.array((4, 5), "i4"),), {}), "argwhere": lambda d: ((d.array((4, 5), "i4"),), {}),
    "diff": lambda d: ((d.array((5, 4), d.of("f8", "i4")),), {"axis": d.of(0, 1), "n": d.of(1, 2)}),
    "roll": lambda d: ((d.array((5, 4)), d.of(1, -3)), {"axis": d.of(0, 1, None)}),
    "repeat": lambda d: ((d.array((3, 2)), d.of(2, 3)), {"axis": d.of(0, 1)}), "tile": lambda d: ((d.array((3, 2)), (2, 2)), {}),
    "matmul": lambda d: ((floats(d, 4, 5), floats(d, 5, 3)), {}), "dot": lambda d: ((floats(d, 4, 5), floats(d, 5)), {}),
    "tensordot": lambda d: ((floats(d, 4, 5, 2), floats(d, 5, 2, 3)), {"axes": 2}), "outer": lambda d: ((floats(d, 4), floats(d, 3)), {}),
    "inner": lambda d: ((floats(d, 4, 3), floats(d, 2, 3)), {}), "kron": lambda d: ((floats(d, 2, 2), floats(d, 3, 1)), {}),
    "trace": lambda d: ((d.array((4, 4), "f8"),), {"offset": d.of(0, 1)}), "diagonal": lambda d: ((d.array((4, 5)),), {}),
    "median": lambda d: ((d.of(floats(d, 5, 4), holed(d, "c16"), holed(d, "c8")),), {"axis": d.of(0, 1, None), "keepdims": d.of(True, False)}),
    "nanmedian": lambda d: ((d.of(floats(d, 5, 4), holed(d, "c16"), holed(d, "f4")),), {"axis": d.of(0, 1, None)}),
    "percentile": lambda d: d.of(((floats(d, 9), 30), {}), ((d.array((9,), "f8"), [10, 50.5]), {})),
    "power": lambda d: ((abs(d.array(s := d.shape(), d.of("f8", "f4", "i8", "u1"))), d.of(abs(d.array(s, "i4")), 2, 2.5)), {}), "quantile": lambda d: ((floats(d, 9), 0.3), {}),
    "cov": lambda d: ((floats(d, 3, 8),), {}), "corrcoef": lambda d: ((floats(d, 3, 8),), {}),
    "histogram": lambda d: ((floats(d, 30),), {"bins": d.of(5, [-9.0, -1.0, 0.5, 9.0])}),
    "bincount": lambda d: ((d.array((20,), "u1"),), {"minlength": 64}), "digitize": lambda d: ((floats(d, 9), [-1.0, 0.0, 2.0]), {}),
    "interp": lambda d: ((floats(d, 6), [-1.0, 0.0, 2.0], [3.0, 1.0, 5.0]), {}), "pad": lambda d: ((d.array((3, 2)), d.of(1, ((0, 2), (1, 0)))), {}),
    "gradient": lambda d: ((floats(d, 7),), {}), "average": lambda d: ((floats(d, 4, 3),), {"axis": d.of(0, 1)}),
    "isin": lambda d: ((d.array((5, 4), "i4"), [1, -2, 0]), {}), "linalg.norm": lambda d: ((floats(d, 4, 3),), {}),
    "linalg.inv": lambda d: ((square(d),), {}), "linalg.det": lambda d: ((square(d),), {}), "linalg.pinv": lambda d: ((floats(d, 5, 3),), {}),
    "linalg.solve": lambda d: ((s := square(d), d.array((s.shape[0],), "f8")), {}), "linalg.svdvals": lambda d: ((floats(d, 5, 3),), {}),
    "linalg.cholesky": lambda d: ((np.eye(4) * 3 + 0.1,), {}), "linalg.eigvalsh": lambda d: (((s := square(d)) + s.T,), {}),
    "fft.fft": running, "fft.ifft": running, "fft.fftn": lambda d: ((d.array((3, 4)),), {"s": d.of(None, (None, 5), (2, None), (-1, 3)), "axes": d.of((0, 1), (1, 0))}),
    "fft.irfftn": lambda d: ((d.array((3, 4), "c16"),), {"s": d.of(None, (None, 5), (2, None), (4, -1), (-1, 3)), "axes": (0, 1)}),
    "fft.rfftn": lambda d: ((floats(d, 3, 4),), {"s": d.of(None, (None, 5), (2, None), (-1, -1)), "axes": (0, 1)}),
    "fft.fftshift": unary, "fft.rfft": lambda d: ((floats(d, 6, 5),), {"axis": d.of(0, 1)}),
    "arange": lambda d: ((d.of(5, 2.5), d.of(9, 11.5), d.of(1, 2, 0.5)), {}), "linspace": lambda d: ((0, 1, d.of(5, 11)), {}),
    "eye": lambda d: ((4,), {"k": d.of(0, 1, -1)}), "full": lambda d: (((2, 3), d.of(1, 2.5, True)), {}),
    "zeros": lambda d: (((2, 3),), {"dtype": d.of("f4", "i8")}), "ones_like": unary, "full_like": lambda d: ((d.array(), 1), {}),
    "isclose": lambda d: ((floats(d, 4), floats(d, 4)), {"atol": 1.0}), "nan_to_num": lambda d: ((np.array([1, np.nan, np.inf]),), {}),
    "cross": lambda d: ((floats(d, 4, 3), floats(d, 4, 3)), {}), "count_nonzero": lambda d: ((d.array((4, 5)),), {"axis": d.of(0, 1, None)}),
}


def recipe(name, function):
    if name in RECIPES:
        return RECIPES[name]
    names = [parameter for parameter, _, _ in function.parameters]
    if names == ["x"] and "." not in name:
        return unary
    if names == ["x1", "x2"] and "." not in name and name not in ("matvec", "vecmat", "vecdot", "ldexp"):
        return binary
    if names[:2] == ["a", "axis"] and "keepdims" in names and "." not in name:
        return reduction
    if names == ["a", "axis", "dtype"]:
        return running
    return None


#: NumPy gives the values in no order.
UNORDERED = {"unique_values"}
DRAWN = {
    name: recipe(name, function) for name, function in FUNCTIONS.items()
    if numpys(name) is not None and recipe(name, function) and name not in UNORDERED
}


def ours_of(d, value):
    """The same argument as a lazy array in random chunks."""
    if isinstance(value, np.ndarray):
        return fs.asarray(value).rechunk(tuple(int(d.rng.integers(1, n + 1)) for n in value.shape)) if value.ndim else fs.asarray(value)
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [ours_of(d, item) for item in value]
    return value


def compared(ours, theirs, where):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs), where
        for one, other in zip(ours, theirs):
            compared(one, other, where)
        return
    if isinstance(ours, fs.MaskedArray):
        theirs, ours = np.ma.filled(theirs), ours.filled()
    theirs = np.asarray(theirs)
    shape, dtype = np.shape(ours), ours.dtype if isinstance(ours, fs.Array) else np.asarray(ours).dtype
    assert shape == theirs.shape and dtype == theirs.dtype, f"{where}: {dtype} {shape}, NumPy {theirs.dtype} {theirs.shape}"
    found = np.asarray(ours)
    tolerance = {"f2": 2e-3, "f4": 3e-5, "c8": 3e-5}.get(theirs.dtype.str[1:], 1e-10)
    np.testing.assert_allclose(found, theirs, rtol=tolerance, atol=tolerance, err_msg=where)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_calls_give_what_numpy_gives(name):
    compared_any = False
    for seed in range(8):
        d = Draw([seed, len(name)])
        args, kwargs = DRAWN[name](d)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = numpys(name)(*args, **kwargs)
            except (TypeError, ValueError) as refused:
                with pytest.raises((TypeError, ValueError, NotImplementedError)):
                    np.asarray(FUNCTIONS[name](*(ours_of(d, arg) for arg in args), **kwargs))
                assert refused
                continue
        where = f"{name}{tuple(args)!r} {kwargs}"
        with fs.Runtime(memory_limit=d.of(*LIMITS), threads=d.of(1, 2)):
            ours = FUNCTIONS[name](*(ours_of(d, arg) for arg in args), **{k: ours_of(d, v) for k, v in kwargs.items()})
            compared(ours, theirs, where)
        compared_any = True
    assert compared_any, f"{name}: no call that NumPy takes"


def test_most_of_the_table_is_drawn():
    # those of ma are held by test_masked.py
    shared = [name for name in FUNCTIONS if numpys(name) is not None and not name.startswith("ma.")]
    assert len(DRAWN) > 240 and len(DRAWN) / len(shared) > 0.55, (len(DRAWN), len(shared))


def test_methods_are_the_functions():
    a = np.arange(12.0).reshape(3, 4)
    x = fs.asarray(a).rechunk((2, 3))
    for call in [
        lambda x: x.sum(0), lambda x: x.reshape(4, 3), lambda x: x.reshape((2, 6)), lambda x: x.transpose(1, 0), lambda x: x.astype("i4"),
        lambda x: x.clip(2, 5), lambda x: x.cumsum(1), lambda x: x.flatten(), lambda x: x.argmax(), lambda x: x.std(axis=1, ddof=1),
        lambda x: x.take([0, 2], axis=1), lambda x: x.round(), lambda x: x.swapaxes(0, 1), lambda x: x.dot(np.ones(4)), lambda x: x.any(axis=0),
        lambda x: x.prod(keepdims=True), lambda x: x.squeeze(), lambda x: x.conj(), lambda x: x.ravel(), lambda x: x.trace(),
    ]:
        compared(call(x), call(a), "a method")
