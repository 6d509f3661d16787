"""numpy.ma against us: the same calls on random shapes, dtypes, masks and chunks. Held are shape, dtype, mask and the values that count."""

import warnings

import numpy as np
import numpy.ma as ma
import pytest

import flagstone as fs

REAL = ["?", "i1", "u2", "i4", "i8", "f4", "f8"]
FLOAT = ["f4", "f8"]
NUMBERS = ["i4", "i8", "f4", "f8"]


class Draw:
    """Random masked arrays, with ties, NaN and infinities among them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def of(self, *options):
        return options[self.rng.integers(len(options))]

    def shape(self, ndim=None):
        ndim = int(self.rng.integers(0, 4)) if ndim is None else ndim
        lengths = [0, 1, 2, 3, 5] if self.rng.random() < 0.15 else [1, 2, 3, 5]
        return tuple(int(n) for n in self.rng.choice(lengths, ndim))

    def array(self, dtypes=REAL, ndim=None, shape=None, odd=True):
        shape = self.shape(ndim) if shape is None else shape
        dtype = np.dtype(str(self.rng.choice(dtypes)))
        values = self.rng.integers(0 if dtype.kind in "bu" else -4, 2 if dtype.kind == "b" else 5, shape).astype(dtype)
        if dtype.kind == "f" and odd:
            values = np.where(self.rng.random(shape) < self.of(0, 0.2), np.nan, np.where(self.rng.random(shape) < self.of(0, 0, 0.1), np.inf, values / 2))
        return ma.masked_array(np.asarray(values, dtype), self.rng.random(shape) < self.of(0, 0.3, 0.3, 0.7, 1))

    def axis(self, m, none=True):
        places = list(range(-m.ndim, m.ndim))
        return self.of(*([None] if none or not places else []), *places)


def along(dtypes=REAL, none=True, ndim=None, odd=True, **kwargs):
    def draw(d):
        m = d.array(dtypes, ndim, odd=odd)
        return (m,), {"axis": d.axis(m, none), **kwargs}

    return draw


def one(dtypes=REAL, ndim=None, odd=True, *args):
    return lambda d: ((d.array(dtypes, ndim, odd=odd), *args), {})


def alike(dtypes=REAL, odd=True):
    def draw(d):
        shape = d.shape()
        return (d.array(dtypes, shape=shape, odd=odd), d.array(dtypes, shape=shape, odd=odd)), {}

    return draw


def two(dtypes=NUMBERS):
    def draw(d):
        dtype = [d.of(*dtypes)]
        return (d.array(dtype, 1, odd=False), d.array(dtype, 1, odd=False)), {}

    return draw


def trace(d):
    return (d.array(REAL, d.of(2, 3)),), {"offset": int(d.rng.integers(-2, 3))}


def chosen(d):
    shape = d.shape()
    return (d.array(["?"], shape=shape), d.array(shape=shape), d.array(shape=shape)), {}


def matrices(d):
    a = d.array(NUMBERS, 2, odd=False)
    return (a, d.array(NUMBERS, shape=(a.shape[1], 3), odd=False)), {}


#: How the arguments of each are drawn. A median and a variance are not asked of what has NaN or nothing: docs/python.md says what differs.
CALLS = {
    **{name: along() for name in ("sum", "prod", "any", "all", "count", "cumsum", "cumprod", "count_masked")},
    **{name: along(none=True, ndim=2) for name in ("mean", "anom", "average")},
    **{name: along(NUMBERS, ndim=2, odd=False) for name in ("var", "std")},
    **{name: along(["i4", "f4", "f8"]) for name in ("min", "max", "ptp", "argmin", "argmax")},
    "sort": lambda d: ((m := d.array(NUMBERS, d.of(1, 2, 3)),), {"axis": d.axis(m, False), "endwith": bool(d.of(0, 1))}),
    "argsort": lambda d: ((m := d.array(NUMBERS, d.of(1, 2, 3)),), {"axis": d.axis(m, False), "kind": "stable"}),
    "unique": one(["i4", "i8", "f8"], None, False),
    **{name: two() for name in ("intersect1d", "union1d", "setxor1d", "setdiff1d", "outer")},
    **{name: alike(NUMBERS) for name in ("maximum", "minimum", "add", "multiply", "equal", "not_equal")},
    **{name: alike(NUMBERS, odd=False) for name in ("divide", "floor_divide", "less", "greater_equal", "allequal", "allclose")},
    **{name: alike() for name in ("logical_and", "logical_or", "logical_xor")},
    **{name: one(NUMBERS) for name in ("sqrt", "log", "arcsin", "tan", "exp", "abs", "negative", "masked_invalid", "fix_invalid", "compressed")},
    "trace": trace,
    "where": chosen,
    "dot": matrices,
    "diff": along(NUMBERS, none=False, ndim=2, odd=False),
    "masked_equal": one(REAL, None, True, 1),
    "masked_inside": one(NUMBERS, None, False, -1, 1),
    "mask_rowcols": lambda d: ((d.array(NUMBERS, 2),), {"axis": d.of(None, 0, 1)}),
    "corrcoef": one(["f8"], 2, False),
}


def ours(m):
    x = fs.asarray(np.asarray(m.data))
    return fs.ma.masked_array(x.rechunk(2) if m.ndim and m.size else x, fs.asarray(ma.getmaskarray(m).copy()))


def computed(found):
    if isinstance(found, tuple):
        return tuple(computed(one) for one in found)
    return found.compute() if isinstance(found, (fs.MaskedArray, fs.Array)) else found


def compare(found, wanted):
    if wanted is ma.masked:  # NumPy's constant: without a dtype of its own
        assert np.shape(found) == () and ma.getmaskarray(found).all()
        return
    mask, values, theirs = ma.getmaskarray(wanted), np.asarray(ma.getdata(found)), np.asarray(ma.getdata(wanted))
    assert values.shape == theirs.shape and values.dtype == theirs.dtype
    np.testing.assert_array_equal(ma.getmaskarray(found), mask)
    close = 2e-5 if theirs.dtype == np.float32 else 1e-10
    np.testing.assert_allclose(values[~mask], theirs[~mask], rtol=close if theirs.dtype.kind == "f" else 0, atol=close if theirs.dtype.kind == "f" else 0)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", range(6))
def test_the_same_as_numpy_ma(name, seed):
    draw = Draw([seed, sum(map(ord, name))])
    args, kwargs = CALLS[name](draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = getattr(ma, name)(*(arg.copy() if isinstance(arg, ma.MaskedArray) else arg for arg in args), **kwargs)
        except (ValueError, TypeError, IndexError):
            return  # what NumPy refuses
        found = computed((getattr(fs.ma, name, None) or getattr(fs, name))(*(ours(arg) if isinstance(arg, ma.MaskedArray) else arg for arg in args), **kwargs))
    compare(found, wanted)
