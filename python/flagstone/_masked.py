"""Masked arrays: what `flagstone.ma` gives, lazily, as `numpy.ma` has them."""

import functools as _functools

import numpy as _np

from . import _flagstone

_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "pow": "power",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift",
}
_COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
_UNARY = {"neg": "negative", "pos": "positive", "invert": "invert", "abs": "absolute"}


class _Orthogonal:
    """What `x.oix` is: it has only its items."""

    def __init__(self, x):
        self._x = x

    def __getitem__(self, at):
        x = self._x
        return MaskedArray(x.data.oix[at], x.mask.oix[at], x._fill_value)


class MaskedArray:
    """Data and a mask, true where an element does not count. Reductions leave those out, and mask what nothing is left of.

    `compute()` gives a masked array of NumPy. Methods are the functions of `flagstone.ma`, and those of arrays that move elements.
    """

    def __init__(self, data, mask, fill_value=None):
        self.data, self.mask, self._fill_value = data, mask, fill_value

    @property
    def fill_value(self):
        """What stands for elements that do not count where nobody says what."""
        usual = _np.ma.default_fill_value(self.dtype) if self._fill_value is None else self._fill_value
        return _np.asarray(usual).astype(self.dtype)[()]

    @property
    def T(self):
        """Data and mask transposed."""
        return MaskedArray(self.data.T, self.mask.T, self._fill_value)

    def __getattr__(self, name):
        if name in ("shape", "ndim", "size", "dtype", "chunks", "nbytes", "itemsize"):
            return getattr(self.data, name)
        function = _flagstone.functions.get(f"ma.{name}")
        if function is None:
            function = vars(_flagstone.Array).get(name)
        if not isinstance(function, _flagstone.Function):
            raise AttributeError(f"a masked array has no attribute {name!r}")
        return _functools.partial(function, self)

    @staticmethod
    def _plain(at):
        """A masked index selects by its data, as in NumPy."""
        plain = lambda one: one.data if isinstance(one, MaskedArray) else one
        return tuple(map(plain, at)) if isinstance(at, tuple) else plain(at)

    def __getitem__(self, at):
        at = self._plain(at)
        return MaskedArray(self.data[at], self.mask[at], self._fill_value)

    @property
    def real(self):
        """Real parts."""
        return MaskedArray(self.data.real, self.mask, self._fill_value)

    @property
    def imag(self):
        """Imaginary parts."""
        return MaskedArray(self.data.imag, self.mask, self._fill_value)

    def copy(self):
        """Another handle on the same elements: setting elements of one does not change the other."""
        return MaskedArray(self.data.copy(), self.mask.copy(), self._fill_value)

    def persist(self):
        """Computed now and kept, spilled where it must be."""
        return self._of(*_flagstone.persist_all([self.data, self.mask]))

    def tolist(self):
        """Nested lists, `None` where an element does not count."""
        return self.compute().tolist()

    @property
    def oix(self):
        """Indices that select each along an axis of its own: of lists the outer product."""
        return _Orthogonal(self)

    def __setitem__(self, at, value):
        # NumPy's, too: a masked index sets what is there and leaves the mask as it is
        keeps = isinstance(at, (MaskedArray, _np.ma.MaskedArray))
        at, data, mask = self._plain(at), self.data.copy(), self.mask.copy()
        if value is _np.ma.masked:
            mask[at] = True
            self.mask = mask
            return
        given = value if isinstance(value, (MaskedArray, _np.ma.MaskedArray)) else None
        data[at] = value if given is None else given.data
        if keeps and given is None:
            self.data = data
            return
        mask[at] = False if given is None else getattr(given, "mask")
        self.data, self.mask = data, mask

    def __len__(self):
        return len(self.data)

    def rechunk(self, *args, **kwargs):
        """Data and mask in other chunks, as arrays have it."""
        return MaskedArray(self.data.rechunk(*args, **kwargs), self.mask.rechunk(*args, **kwargs), self._fill_value)

    def compute(self):
        """The masked array of NumPy: data and mask in one pass."""
        return self._of(*_flagstone.compute_all([self.data, self.mask]))

    def _of(self, data, mask):
        """The masked array of data and mask that are computed, ours where they are."""
        kind = MaskedArray if isinstance(data, _flagstone.Array) else _np.ma.MaskedArray
        return kind(data, mask, fill_value=self._fill_value)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return _applied(ufunc, method, inputs, kwargs)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("an array of NumPy has no mask: use x.compute(), or x.filled(value) first")

    def __bool__(self):
        return bool(self.compute())

    def __float__(self):
        return float(self.compute())

    def __repr__(self):
        return f"MaskedArray(data={self.data!r}, mask={self.mask!r})"

    __hash__ = None


def _between(low, high):
    return lambda x: (x < low) | (x > high)


def _hardly_divides(a, b):
    return abs(a) * _np.finfo(float).tiny >= abs(b)


#: Where functions of NumPy mask what they give: as numpy.ma's domains.
_DOMAINS = {
    "sqrt": lambda x: x < 0, "log": lambda x: x <= 0, "log2": lambda x: x <= 0, "log10": lambda x: x <= 0, "arccosh": lambda x: x < 1,
    "arcsin": _between(-1, 1), "arccos": _between(-1, 1), "arctanh": _between(-1 + 1e-15, 1 - 1e-15), "tan": lambda x: abs(_np.cos(x)) < 1e-35,
    "divide": _hardly_divides, "floor_divide": _hardly_divides, "remainder": _hardly_divides, "fmod": _hardly_divides,
}


def _applied(ufunc, method, inputs, kwargs):
    """A function of NumPy of masked arrays: masked where an argument is, and outside of its domain."""
    if method != "__call__" or kwargs.get("out") is not None:
        raise TypeError(f"np.{ufunc.__name__}.{method} of a masked array; expected a plain call, or a function of flagstone.ma")
    is_masked = lambda x: isinstance(x, (MaskedArray, _np.ma.MaskedArray))
    data = [x.data if is_masked(x) else x for x in inputs]
    masks = [x.mask if isinstance(x, MaskedArray) else _np.ma.getmaskarray(x) for x in inputs if is_masked(x)]
    domain = _DOMAINS.get(ufunc.__name__)
    if domain is not None:
        masks.append(domain(*(_flagstone.functions["asarray"](x) for x in data)))
    mask = _functools.reduce(_flagstone.functions["logical_or"], masks)
    results = ufunc(*data, **kwargs)

    def masked(result):
        return MaskedArray(result, mask if mask.shape == result.shape else _flagstone.functions["broadcast_to"](mask, result.shape))

    return tuple(map(masked, results)) if isinstance(results, tuple) else masked(results)


def _of(function, swapped=False):
    def operator(self, other):
        return _flagstone.functions[function](*((other, self) if swapped else (self, other)))

    return operator


for _name, _function in _OPERATORS.items():
    setattr(MaskedArray, f"__{_name}__", _of(_function))
    setattr(MaskedArray, f"__r{_name}__", _of(_function, swapped=True))
for _name, _function in _COMPARISONS.items():
    setattr(MaskedArray, f"__{_name}__", _of(_function))
# numpy.ma leaves this one to NumPy
MaskedArray.__mod__ = lambda self, other: _applied(_np.remainder, "__call__", (self, other), {})
MaskedArray.__rmod__ = lambda self, other: _applied(_np.remainder, "__call__", (other, self), {})
for _name, _function in _UNARY.items():
    setattr(MaskedArray, f"__{_name}__", lambda self, _function=_function: _flagstone.functions[_function](self))
