"""The mixins of xarray-contrib's xarray-array-testing on our arrays: `make python-suites XARRAY_ARRAY_TESTING=…` names a checkout of it."""

from contextlib import nullcontext

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import settings

import flagstone as fs
from flagstone import array_api

creation = pytest.importorskip("xarray_array_testing.creation", reason="no checkout of xarray-array-testing")
indexing = pytest.importorskip("xarray_array_testing.indexing")
reduction = pytest.importorskip("xarray_array_testing.reduction")

settings.register_profile("here", max_examples=100, deadline=None)
settings.load_profile("here")


class Ours:
    """What the mixins ask of a library of arrays."""

    xp = array_api

    @staticmethod
    def array_type(op):
        return fs.Array

    # xarray leaves NaN out where the mixins' other side does not
    @staticmethod
    def array_strategy_fn(*, shape, dtype):
        elements = npst.from_dtype(dtype, allow_nan=False, allow_infinity=False)
        cut = lambda a: fs.asarray(a).rechunk(tuple(max(1, (n + 1) // 2) for n in a.shape)) if a.ndim and a.size else fs.asarray(a)
        return npst.arrays(shape=shape, dtype=dtype, elements=elements).map(cut)

    @staticmethod
    def assert_equal(a, b):
        np.testing.assert_equal(np.asarray(a), np.asarray(b))

    def assert_dimension_indexers_equal(self, a, b):
        assert type(a) is type(b)
        for name in a if isinstance(a, dict) else [...]:
            self.assert_equal(*((a, b) if name is ... else (a[name], b[name])))

    @staticmethod
    def expected_errors(op, **parameters):
        return nullcontext()


class TestCreation(Ours, creation.CreationTests):
    pass


class TestIndexing(Ours, indexing.IndexingTests):
    pass


class TestReduction(Ours, reduction.ReductionTests):
    pass
