"""Masked arrays against numpy.ma."""

import types

import numpy as np
import numpy.ma as ma
import pytest

import flagstone as fs

DATA = (np.arange(20.0).reshape(4, 5) - 7) / 2
MASK = np.arange(20).reshape(4, 5) % 3 == 0


def same(ours, theirs):
    found = ours.compute() if isinstance(ours, fs.MaskedArray) else np.asarray(ours)
    assert found.dtype == theirs.dtype
    np.testing.assert_array_equal(ma.getmaskarray(found), ma.getmaskarray(theirs))
    np.testing.assert_array_equal(ma.filled(found, 0), ma.filled(theirs, 0))


@pytest.mark.parametrize(
    "f",
    [
        lambda m, x, mod: m,
        lambda m, x, mod: m + x,
        lambda m, x, mod: x - m,
        lambda m, x, mod: m / (x > 0),
        lambda m, x, mod: -m,
        lambda m, x, mod: abs(m),
        lambda m, x, mod: m > 0,
        lambda m, x, mod: m[1:, ::2],
        lambda m, x, mod: m.T,
        lambda m, x, mod: m.reshape(2, 10),
        lambda m, x, mod: m.sum(axis=0),
        lambda m, x, mod: m.max(axis=1),
        lambda m, x, mod: m.count(axis=0),
        lambda m, x, mod: m.compressed(),
        lambda m, x, mod: m.filled(0),
        lambda m, x, mod: mod.masked_where(x > 2, m),
        lambda m, x, mod: mod.where(x > 0, m, 0.0),
    ],
)
def test_what_numpy_gives(f):
    x = fs.asarray(DATA).rechunk(2)
    same(f(fs.ma.masked_array(x, MASK), x, fs.ma), f(ma.masked_array(DATA, MASK), DATA, ma))


@pytest.mark.parametrize(
    "f",
    [
        lambda m, mod: mod.concatenate([m, m[:1]]), lambda m, mod: mod.stack([m, m]), lambda m, mod: mod.where(m > 0, m, 1.0),
        lambda m, mod: mod.median(m, axis=1), lambda m, mod: mod.sort(m, axis=0), lambda m, mod: mod.sum(m, axis=0), lambda m, mod: mod.transpose(m),
        lambda m, mod: mod.diff(m), lambda m, mod: m[m > 0], lambda m, mod: m.copy().real,
    ],
)
def test_numpys_functions_take_ours(f):
    ours, theirs = fs.ma.masked_array(fs.asarray(DATA), MASK), ma.masked_array(DATA, MASK)
    found = f(ours, np)
    assert isinstance(found, fs.MaskedArray)
    same(found, f(theirs, ma))
    assert ours.tolist() == theirs.tolist()


def test_masked_arrays_of_numpy_come_and_go():
    theirs = ma.masked_array(DATA, MASK, fill_value=-1)
    ours = fs.ma.masked_array(theirs)
    same(ours, theirs)
    assert ours.fill_value == -1 and ours.compute().fill_value == -1
    same(fs.sqrt(ours), ma.sqrt(theirs))


def test_masked_arrays_are_computed_and_kept_beside_others(monkeypatch):
    passes = []
    for name in ("compute_all", "persist_all"):
        own = getattr(fs._flagstone, name)
        monkeypatch.setattr(fs._flagstone, name, lambda arrays, own=own: passes.append(len(arrays)) or own(arrays))
    x = fs.asarray(DATA)
    ours, theirs = fs.ma.masked_array(x, MASK, fill_value=-1), ma.masked_array(DATA, MASK, fill_value=-1)
    found, both = fs.compute(ours, {"list": [ours.sum(), x.sum()]})
    assert isinstance(found, ma.MaskedArray) and found.fill_value == -1 and both["list"] == [theirs.sum(), DATA.sum()]
    np.testing.assert_array_equal(found.mask, MASK)
    np.testing.assert_array_equal(found.filled(), theirs.filled())
    kept, (doubled,) = fs.persist(ours, [ours * 2])
    assert passes == [5, 4] and isinstance(kept, fs.MaskedArray) and kept.fill_value == -1
    for one, expected in ((kept, theirs), (doubled, theirs * 2), (ours.persist(), theirs)):
        assert "persisted" in repr(one.data) and "persisted" in repr(one.mask)
        same(one, expected)


def test_masked_arrays_are_not_stored_without_a_word(tmp_path):
    m = fs.ma.masked_array(DATA, MASK)
    for arrays, addresses in ((m, tmp_path / "z.npy"), ([m.data, m], [tmp_path / "y.npy", tmp_path / "z.npy"])):
        with pytest.raises(TypeError, match=r"store m.filled\(value\), or m.data and m.mask"):
            fs.store(arrays, addresses)
    fs.store([m.data, m.mask], [tmp_path / "y.npy", tmp_path / "z.npy"])
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), MASK)


def test_elements_are_set_in_place_and_count_from_then_on():
    ours, theirs = fs.ma.masked_array(fs.asarray(DATA), MASK), ma.masked_array(DATA.copy(), MASK.copy())
    before = ours[:]
    for m in (ours, theirs):
        m[0] = 5.0
        m[1, :2] = ma.masked_array([1.0, 2.0], [True, False])
    same(ours, theirs)
    same(before, ma.masked_array(DATA, MASK))


def test_an_element_is_masked_by_the_constant_and_keeps_its_data():
    ours, theirs = fs.ma.masked_array(fs.asarray(DATA), MASK), ma.masked_array(DATA.copy(), MASK.copy())
    ours[1, 1], theirs[1, 1] = fs.ma.masked, ma.masked
    same(ours, theirs)
    np.testing.assert_array_equal(ours.data.compute(), theirs.data)
    assert ours.rechunk(2).chunks == ((2, 2), (2, 2, 1))


@pytest.mark.parametrize(
    "f",
    [
        lambda m, x, mod: mod.concatenate([m, x[:1]]),
        lambda m, x, mod: mod.concatenate([m[0], [1.0, 2.0]]),
        lambda m, x, mod: mod.append(m, [1.0, 2.0]),
        lambda m, x, mod: mod.append(x, m, axis=1),
        lambda m, x, mod: mod.compress([True, False, True, False], m, axis=0),
        lambda m, x, mod: mod.diag(m[0]),
        lambda m, x, mod: mod.unique(m),
        lambda m, x, mod: mod.setxor1d(m, x[1:]),
        lambda m, x, mod: mod.sort(m, axis=0),
        lambda m, x, mod: mod.median(m, axis=1),
        lambda m, x, mod: mod.dot(m, x.T),
        lambda m, x, mod: mod.diff(m),
        lambda m, x, mod: mod.compress_rows(mod.masked_greater(x, 3)),
    ],
)
def test_functions_heed_masks(f):
    x = fs.asarray(DATA).rechunk(2)
    of = lambda *modules: types.SimpleNamespace(**{k: v for module in modules for k, v in vars(module).items()})
    same(f(fs.ma.masked_array(x, MASK), x, of(fs, fs.ma)), f(ma.masked_array(DATA, MASK), DATA, of(np, ma)))


def test_a_mask_is_never_dropped_in_silence():
    ours = fs.ma.masked_array(fs.asarray(DATA), MASK)
    with pytest.raises(TypeError, match="filled"):
        np.asarray(ours)
    with pytest.raises(ValueError, match="masked array, whose mask"):
        fs.histogram(ours)
    with pytest.raises(AttributeError, match="nothing"):
        ours.nothing


@pytest.mark.parametrize(
    "call",
    [
        np.sqrt, np.log, np.log10, np.abs, np.exp, np.arcsin, np.arccosh, np.arctanh, np.tan, np.isnan, np.modf,
        lambda m: np.add(m, 1), lambda m: np.subtract(1, m), lambda m: np.divide(m, 0), lambda m: np.divide(1, m), lambda m: np.maximum(m, m * 2),
        lambda m: np.arctan2(m, m), lambda m: m % 2, lambda m: m % 0, lambda m: 5 % m, lambda m: np.array([1.0, 2, 3]) + m, lambda m: np.fmod(3, m),
    ],
)
def test_functions_of_numpy_mask_what_their_domain_lacks(call):
    a, missing = np.array([[-3.0, 0, np.nan], [1, 4, -0.5]]), np.array([[0, 0, 0], [0, 1, 0]], bool)
    with np.errstate(all="ignore"):
        expected = call(np.ma.array(a, mask=missing))
        found = call(fs.ma.array(fs.asarray(a), mask=fs.asarray(missing)))
    for x, y in zip(found if isinstance(found, tuple) else [found], expected if isinstance(expected, tuple) else [expected]):
        x = x.compute()
        np.testing.assert_array_equal(np.ma.getmaskarray(x), np.ma.getmaskarray(y))
        np.testing.assert_allclose(x.filled(0), y.filled(0), rtol=1e-15)
        assert x.dtype == y.dtype


def test_reductions_of_functions_of_numpy_are_refused_by_name():
    with pytest.raises(TypeError, match="np.add.reduce of a masked array; expected a plain call, or a function of flagstone.ma"):
        np.add.reduce(fs.ma.array([1.0, 2], mask=[True, False]))


def test_elements_are_set_where_a_masked_array_is_true():
    values, mask = np.arange(5.0), np.array([False, True, False, False, True])
    ours, theirs = fs.ma.array(fs.asarray(values), mask=fs.asarray(mask)), np.ma.array(values, mask=mask)
    ours[ours > 1], theirs[theirs > 1] = 9, 9
    found = ours.compute()
    assert np.array_equal(found.mask, theirs.mask) and np.array_equal(found.filled(-1), theirs.filled(-1))
