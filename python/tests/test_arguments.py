"""Arguments that NumPy's own tests showed to be read otherwise than by NumPy, or not at all."""

import flagstone as fs
import numpy as np
import pytest

INF = np.inf
X = np.arange(7, dtype="f4")


def same(ours, theirs):
    np.testing.assert_array_equal(ours.compute(), theirs)


@pytest.mark.parametrize("value", [0, 3])
def test_a_ramp_of_one_element_falls_on_both_sides(value):
    one = np.array([value])
    same(fs.pad(one, 3, mode="linear_ramp", end_values=3 - value), np.pad(one, 3, mode="linear_ramp", end_values=3 - value))


@pytest.mark.parametrize("method", ["linear", "lower"])
@pytest.mark.parametrize("q", [50, np.float64(50), [50.0, 20], np.array([50.0]), np.array([[1.0, 2], [3, 4]])], ids=str)
def test_fractions_as_arrays_with_a_dtype(q, method):
    ours, theirs = fs.percentile(X, q, method=method), np.percentile(X, q, method=method)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.compute(), theirs)


@pytest.mark.parametrize("points", [(0.5, [-INF, INF], [10, 10]), (0.5, [-INF, 1], [0, 10]), (0.5, [0, 1], [-INF, 10]), ([0.5, 1.5], [0, 1, 2], [1, INF, 3])])
def test_interpolation_beside_infinities(points):
    same(fs.interp(*points), np.interp(*points))


def test_interpolation_around_a_circle():
    points = ([-180, 0, 190.0], [190, -190, 350, -350], [5, 10, 3, 4])
    same(fs.interp(*points, period=360), np.interp(*points, period=360))


def test_initial_values():
    same(fs.sum(X, initial=3.0), np.sum(X, initial=3.0))
    same(fs.nanmin(np.array([np.nan, 3]), initial=2), 2.0)
    same(fs.max(np.zeros((0, 3)), axis=0, initial=2), np.full(3, 2.0))


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("a", [np.eye(4)[:, :3], np.diag([0, 1, 0]), np.zeros((2, 3))], ids=["eye", "middle", "zeros"])
def test_zeros_go_along_axes(a, axis):
    same(fs.trim_zeros(a, axis=axis), np.trim_zeros(a, axis=axis))


def test_weights_of_a_histogram_keep_their_kind():
    for weights in (np.array([1 + 1j, 2, 3]), np.array([1, 2, 3])):
        ours, theirs = (module.histogram([1, 2, 2.5], [0, 2, 3], weights=weights)[0] for module in (fs, np))
        assert ours.dtype == theirs.dtype
        same(ours, theirs)


def test_places_and_counts_as_arrays():
    same(fs.delete(X, np.array([1, 2])), np.delete(X, [1, 2]))
    same(fs.repeat(X, np.arange(7)), np.repeat(X, np.arange(7)))
    same(fs.where(X > 3)[0], np.where(X > 3)[0])


def test_what_numbers_cannot_hold():
    same(fs.linalg.cond(np.zeros((2, 2))), INF)
    same(fs.sinc(np.array(0, dtype="f2")), 1)
    np.testing.assert_allclose(fs.linalg.norm(np.array([-(2**31)], dtype="i4"), ord=3).compute(), 2.0**31)


@pytest.mark.parametrize("code", "?bhilqpnBHILQPNefdFD")
def test_codes_of_dtypes(code):
    assert fs.zeros(1, dtype=code).dtype == np.dtype(code)


def test_two_names_of_one_parameter():
    for call in (lambda: fs.var(X, ddof=1, correction=1), lambda: fs.linalg.pinv(np.eye(2), rcond=0.1, rtol=0.1)):
        with pytest.raises(ValueError, match="expected one of them"):
            call()
