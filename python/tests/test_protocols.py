"""NumPy's protocols, functions of Python in blocks, Ctrl-C."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import traceback

import numpy as np
import pytest

import flagstone as fs


@pytest.fixture
def a(rng):
    return rng.normal(size=(6, 5))


@pytest.fixture
def x(a):
    return fs.asarray(a).rechunk((2, 3))


@pytest.mark.parametrize(
    "call",
    [
        np.mean, np.sin, lambda x: np.sum(x, axis=0), lambda x: np.concatenate([x, x], axis=1), lambda x: np.add(x, 1), lambda x: np.where(x > 0, x, 0),
        lambda x: np.add.reduce(x), lambda x: np.maximum.accumulate(x), lambda x: np.multiply.outer(x[:, 0], x[0]),
        lambda x: np.linalg.norm(x), lambda x: np.fft.rfft(x), lambda x: np.transpose(x), lambda x: np.stack([x, x]),
        lambda x: np.clip(x, -1, 1), lambda x: np.std(x, axis=1, keepdims=True), lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: np.tensordot(x, x.T, axes=1), lambda x: np.var(x, ddof=1), lambda x: np.argmax(x, axis=1), lambda x: np.median(x, axis=0),
        lambda x: np.expand_dims(x, 0), lambda x: np.round(x, 2), lambda x: np.matmul(x, x.T), lambda x: np.sort(x), lambda x: np.isnan(x),
        lambda x: np.pad(x, 1), lambda x: np.full_like(x, 3), lambda x: np.float64(2.0) * x, lambda x: np.ones((6, 5)) - x,
    ],
)
def test_numpys_functions_stay_lazy_and_agree(call, a, x, never_computed, monkeypatch):
    ours = call(x)
    assert isinstance(ours, fs.Array)
    monkeypatch.undo()
    theirs = call(a)
    assert ours.shape == np.shape(theirs) and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.compute(), theirs, rtol=1e-12, atol=1e-12)


def test_what_is_lacking_is_named_and_not_computed(x, never_computed):
    with pytest.raises(TypeError, match="real_if_close"):
        np.real_if_close(x)
    with pytest.raises(TypeError, match="does not compute in silence"):
        np.frompyfunc(lambda v: v, 1, 1)(x)


def test_lengths_that_are_not_known_are_counted_when_something_is_computed():
    a = np.random.default_rng(1).integers(0, 9, (40, 3)).astype("f8")

    class Source:
        shape, dtype, reads = a.shape, a.dtype, 0

        def __getitem__(self, at):
            Source.reads += 1
            return a[at]

    def tried(x):
        c, n = x[:, 0][x[:, 0] > 3], x[x[:, 1] > 4]
        i = c.astype("int64")
        return [
            np.take(c, [0, -1]), np.isin(c, [4, 7]), np.digitize(c, [5, 8]), np.digitize(x, np.unique(c)), np.partition(c, 2)[2], np.tril(n),
            np.bincount(i), np.compress([True, False, True], n, axis=0), np.select([c > 5, c < 5], [c, 1]), np.choose(i % 2, [c, 9]),
            np.interp(c, [0, 5, 9], [1, 0, 3]), np.repeat(c, 2), np.lexsort((c, -c)), np.insert(c, 1, 5), np.delete(c, [0, -1]),
            np.setdiff1d(c, [4.0]), np.fft.fftshift(c), np.pad(c, 2), n[n[:, 2] > 2, [0]],
        ]

    x = fs.from_array(Source())
    found = tried(x)
    assert Source.reads == 0, "nothing is read before it is asked for"
    for ours, theirs in zip(found, tried(a)):
        np.testing.assert_allclose(ours.compute(), theirs)


def test_lengths_are_counted_within_the_limit_in_use():
    x = fs.asarray(np.arange(100.0))
    with fs.Runtime(memory_limit="32MiB", threads=1):
        kept = x.persist()
        # of what this runtime keeps another one could not count
        assert kept[kept > 90].shape == (9,)
        assert [len(part) for part in np.unstack(kept[kept > 97][:, None])] == [1, 1]


def test_dtype_casting_and_where_of_ufuncs(a, x):
    for f, args, kwargs in [
        (np.add, (2,), {"dtype": "f4"}), (np.greater, (0,), {"dtype": bool}), (np.isnan, (), {"dtype": bool}), (np.sqrt, (), {"dtype": "f4"}),
        (np.multiply, (3,), {"casting": "safe"}), (np.add.reduce, (), {"initial": 5, "where": a[0] > 0, "axis": 1}),
        (np.maximum.reduce, (), {"initial": -1, "where": a > 0.5}), (np.logical_xor.reduce, (), {"axis": None}),
        (np.logaddexp.reduce, (), {"axis": 0}), (np.logaddexp2.reduce, (), {"axis": None, "initial": 3.0}), (np.fmax.reduce, (), {}),
    ]:
        theirs, ours = f(abs(a), *args, **kwargs), f(abs(x), *args, **kwargs)
        assert isinstance(ours, fs.Array) and ours.dtype == theirs.dtype, f
        np.testing.assert_allclose(ours.compute(), theirs, rtol=1e-6)
    for f, args, kwargs in [(np.cos, (), {"dtype": "u2"}), (np.add, (1,), {"dtype": "i8"}), (np.add, (1.5,), {"casting": "no", "dtype": "f4"})]:
        with pytest.raises(TypeError):
            f(a, *args, **kwargs)
        with pytest.raises(TypeError):
            f(x, *args, **kwargs)
    out = np.zeros_like(a)
    np.add(x, 1, out=out, where=x > 0)
    np.testing.assert_array_equal(out, np.add(a, 1, out=np.zeros_like(a), where=a > 0))


def test_out_and_array_with_dtype_and_copy(a, x):
    out = np.empty_like(a)
    assert np.add(x, 1, out=out) is out
    np.testing.assert_array_equal(out, a + 1)
    lazy = fs.zeros(a.shape)
    np.multiply(x, 2, out=lazy)
    np.testing.assert_array_equal(lazy.compute(), a * 2)
    assert np.asarray(x, dtype="f4").dtype == np.float32
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(x, copy=False)


def test_the_standards_namespace(x):
    xp = x.__array_namespace__()
    assert xp is x.__array_namespace__(api_version="2025.12") and xp.__array_api_version__ == "2025.12"
    assert xp.asarray([1.0]).dtype == xp.float64 and xp.linalg.qr and xp.fft.fft and float(xp.sum(xp.ones(3))) == 3.0
    info = xp.__array_namespace_info__()
    assert info.default_dtypes()["integral"] == np.int64 and set(info.dtypes(kind="bool")) == {"bool"}
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.01")


def test_functions_of_blocks(a, x):
    shapes = []

    def double(block, by=2):
        shapes.append(block.shape)
        return block * by

    y = x.map_blocks(double, dtype="f8")
    assert not shapes
    np.testing.assert_array_equal(y.compute(), a * 2)
    assert sorted(set(shapes)) == [(2, 2), (2, 3)]
    np.testing.assert_array_equal(fs.map_blocks(np.add, x, a, dtype="f8").compute(), a + a)
    sums = fs.map_blocks(lambda block: block.sum(axis=1), x.rechunk((2, -1)), drop_axis=1, dtype="f8")
    np.testing.assert_allclose(sums.compute(), a.sum(1))
    wide = fs.map_blocks(lambda block: block[:, None], x, new_axis=1, dtype="f8")
    np.testing.assert_array_equal(wide.compute(), a[:, None])
    places = fs.map_blocks(lambda block, block_id=None: np.full_like(block, 10 * block_id[0] + block_id[1]), x, dtype="f8")
    np.testing.assert_array_equal(places.compute()[::2, ::3], [[0, 1], [10, 11], [20, 21]])


def plus(block, other=None):
    """Sums of a cross of five; at the ends what was trimmed is not right, and is not looked at."""
    padded = np.pad(block, 1)
    total = padded[1:-1, 1:-1] + padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return total if other is None else total + other


@pytest.mark.parametrize(
    "boundary, mode",
    [("none", "constant"), (None, "constant"), (0, "constant"), ("reflect", "symmetric"), ("nearest", "edge"), ("periodic", "wrap")],
)
@pytest.mark.parametrize("cut", [1, 2, 3, 7])
def test_functions_see_what_lies_around_a_block(a, cut, boundary, mode):
    x = fs.asarray(a).rechunk(cut)
    expected = plus(np.pad(a, 1, mode=mode))[1:-1, 1:-1]
    np.testing.assert_array_equal(x.map_overlap(plus, depth=1, boundary=boundary, dtype="f8").compute(), expected)
    # of a depth of its own a side, and beside another array
    cross = fs.map_overlap(plus, x, a, depth={0: (2, 1), 1: 1}, boundary={0: boundary, 1: boundary}, dtype="f8")
    np.testing.assert_array_equal(cross.compute(), expected + a)
    alone = x.map_overlap(lambda b: plus(b)[1:-1, 1:-1], depth=1, boundary=boundary or 0, trim=False, dtype="f8")
    if boundary not in ("none",):
        np.testing.assert_array_equal(alone[1:, :2].compute(), expected[1:, :2])


@pytest.mark.parametrize(
    "dtype, number", [("u8", 2**64 - 1), ("i8", 2**53 + 1), ("i8", -(2**63)), ("c16", 1 - 2j), ("c8", complex(np.nan, 1)), ("f8", np.nan), ("?", True), ("u1", 255)]
)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_numbers_beyond_the_ends_are_as_given(dtype, number, cut):
    a = np.arange(20).reshape(4, 5).astype(dtype)
    padded = np.pad(a, ((0, 0), (2, 1)), constant_values=number)
    expected = np.stack([np.pad(padded[:, at : at + 5], ((1, 0), (0, 0)), mode="edge")[:-1] for at in (0, 1, 3)])
    x = fs.asarray(a).rechunk(cut)
    for at, places in enumerate([slice(None, -3), slice(1, -2), slice(3, None)]):
        found = x.map_overlap(lambda block: block[:-1, places], depth=((1, 0), (2, 1)), boundary=("nearest", number), trim=False, dtype=dtype)
        np.testing.assert_array_equal(found.compute(), expected[at])
    # where two axes meet it is the last one's, as with NumPy, and another array has its own
    corners = x.map_overlap(lambda block: block[:-2, :-2], depth=1, boundary=(0, number), trim=False, dtype=dtype).compute()
    np.testing.assert_array_equal(corners, np.pad(np.pad(a, ((1, 0), (0, 0))), ((0, 0), (1, 0)), constant_values=number)[:-1, :-1])
    other = fs.map_overlap(lambda b, c: c[2:, 2:], x, a, depth=1, boundary=[number, 1], trim=False, dtype=dtype).compute()
    np.testing.assert_array_equal(other, np.pad(a, 1, constant_values=1)[2:, 2:])


@pytest.mark.parametrize("dtype, number", [("i8", np.nan), ("i8", 2**63), ("u1", 300), ("u8", -1), ("i4", 2.5), ("f8", 1j), ("f4", 10**400), ("i8", 2.0**63)])
def test_numbers_that_a_dtype_does_not_hold_are_not_put_beyond_the_ends(dtype, number):
    with pytest.raises(ValueError, match=rf"boundary .* of an array of {np.dtype(dtype)}; expected a number that"):
        fs.zeros((4, 4), dtype=dtype).map_overlap(plus, depth=1, boundary=number, dtype=dtype)


def test_wrong_overlaps_say_why(x):
    with pytest.raises(ValueError, match="boundary 'mirror'; expected 'none'"):
        x.map_overlap(plus, depth=1, boundary="mirror", dtype="f8")
    with pytest.raises(ValueError, match="3 values for 2 axes"):
        x.map_overlap(plus, depth=(1, 1, 1), dtype="f8")
    with pytest.raises(ValueError, match="expected the shape that it was given, or trim=False"):
        x.map_overlap(lambda block: block[1:], depth=1, dtype="f8").compute()
    with pytest.raises(ValueError, match="expected one shape|broadcast"):
        fs.map_overlap(plus, x, fs.ones((4, 4)), depth=1, dtype="f8")
    with pytest.raises(ValueError, match="boundaries for 2 and 3 of 2 arrays"):
        fs.map_overlap(plus, x, x, depth=1, boundary=[0, 0, 0], dtype="f8")


def test_what_a_function_raises_keeps_its_traceback(x):
    def fails(block):
        if block.shape == (2, 2):
            raise KeyError("no such star")
        return block

    with pytest.raises(KeyError, match="no such star") as caught:
        x.map_blocks(fails, dtype="f8").compute()
    assert any("in fails" in line or "fails" in line for line in traceback.format_tb(caught.value.__traceback__))
    assert "block" in caught.value.__notes__[0] and "1" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match=r"shape \[1\]; expected"):
        x.map_blocks(lambda block: np.ones(1), dtype="f8").compute()
    with pytest.raises(TypeError, match="same_kind"):
        x.map_blocks(lambda block: block * 1j, dtype="f8").compute()


def test_computing_inside_of_a_block_is_refused(x):
    with pytest.raises(Exception, match="(?i)inside|within|block function"):
        x.map_blocks(lambda block: x.sum().compute() + block, dtype="f8").compute()


def test_gufuncs_and_blockwise(a, x):
    np.testing.assert_allclose(fs.apply_gufunc(lambda b: b.mean(-1), "(i)->()", x, output_dtypes="f8").compute(), a.mean(1))
    outer = fs.apply_gufunc(lambda p, q: p[..., :, None] * q[..., None, :], "(i),(j)->(i,j)", x, a[:, :2], output_dtypes="f8")
    np.testing.assert_allclose(outer.compute(), a[:, :, None] * a[:, None, :2])
    low, high = fs.apply_gufunc(lambda b: (b.min(-1), b.max(-1)), "(i)->(),()", x, output_dtypes=["f8", "f8"])
    np.testing.assert_array_equal(low.compute(), a.min(1))
    np.testing.assert_array_equal(high.compute(), a.max(1))
    product = fs.blockwise(np.dot, "ik", x, "ij", x.T, "jk", dtype="f8")
    np.testing.assert_allclose(product.compute(), a @ a.T)
    with pytest.raises(ValueError, match="output_sizes"):
        fs.apply_gufunc(lambda b: b, "(i)->(k)", x)


def test_objects_are_asked_for_what_is_needed(a):
    asked = []

    class Thing:
        shape, dtype, chunks = a.shape, a.dtype, (2, 5)

        def __getitem__(self, at):
            asked.append(at)
            return a[at]

    x = fs.from_array(Thing())
    assert x.chunks == ((2, 2, 2), (5,)) and not asked
    np.testing.assert_array_equal(x[1].compute(), a[1])
    assert all(at[0].stop - at[0].start <= 2 for at in asked)

    class Broken(Thing):
        def __getitem__(self, at):
            raise RuntimeError("the tape is torn")

    with pytest.raises(RuntimeError, match="torn") as caught:
        fs.from_array(Broken()).sum().compute()
    assert any("__getitem__" in line for line in traceback.format_tb(caught.value.__traceback__))


def test_files_of_h5py_and_zarr_are_opened_directly(tmp_path, a):
    import h5py
    import zarr

    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["g/x"] = a
    with h5py.File(tmp_path / "f.h5", "r") as file:
        x = fs.from_array(file["g/x"])
        assert "f.h5" in x.explain() or "h5" in x.explain()
        np.testing.assert_array_equal(x.compute(), a)
    z = zarr.create_array(tmp_path / "z.zarr", data=a, chunks=(2, 2))
    y = fs.from_array(z)
    assert y.chunks[0] == (2, 2, 2)
    np.testing.assert_array_equal(y.compute(), a)
    np.testing.assert_array_equal(fs.from_array(zarr.array(a), chunks=(3, 3)).compute(), a)


def test_the_lock_is_released(x):
    import threading

    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.perf_counter()
    fs.random.normal(size=(1500, 1500), seed=1).std().compute()
    (fs.random.normal(size=(600, 600), seed=1) @ fs.ones((600, 600))).sum().compute()
    took = time.perf_counter() - begun
    stop.set()
    thread.join()
    inside = [t for t in ticks if begun < t < begun + took]
    assert len(inside) > took / 0.005 / 20


def _seconds_to_stop(path):
    code = textwrap.dedent(
        f"""
        import signal, time, flagstone as fs
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
        x = fs.random.normal(size=(200_000, 100_000), seed=1)
        print("begun", flush=True)
        try:
            x.store({str(path / "out.zarr")!r})
        except KeyboardInterrupt:
            print("interrupted", time.time(), flush=True)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "FLAGSTONE_MEMORY_LIMIT": "64MiB"})
    assert child.stdout.readline() == "begun\n"
    time.sleep(1.0)
    sent = time.time()
    child.send_signal(signal.SIGINT)
    try:
        word, at = child.communicate(timeout=30)[0].split()
    finally:
        child.kill()
    assert word == "interrupted" and list(path.iterdir()) == []
    return float(at) - sent


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupts_stop_within_half_a_second_and_leave_nothing(tmp_path):
    # others may have the cores for a while
    assert any(_seconds_to_stop(tmp_path) < 0.5 for _ in range(4))


def test_a_diagonal_outside_of_an_eye_has_no_ones():
    xp = fs.zeros(1).__array_namespace__()
    for k, ones in [(0, 3), (2, 1), (-2, 1), (10**30, 0), (-(10**30), 0)]:
        assert float(xp.sum(xp.eye(3, k=k))) == ones, k


def test_inside_of_a_function_of_blocks_our_functions_are_numpys(a, x):
    kinds = []

    def centred(block):
        found = fs.moveaxis(fs.stack([block, fs.asarray(block)]), 0, -1)
        kinds.append(type(found))
        return fs.linalg.vector_norm(found, axis=-1)

    np.testing.assert_allclose(x.map_blocks(centred, dtype="f8").compute(), np.sqrt(2) * abs(a))
    assert set(kinds) == {np.ndarray}
    assert isinstance(fs.moveaxis(a, 0, -1), fs.Array)


def test_a_generalized_function_gets_the_axes_that_an_argument_has(a, x):
    shapes = set()

    def weighted(block, weights, offset):
        shapes.add((block.ndim, weights.shape, np.shape(offset)))
        return (block * weights).sum(-1) + offset

    weights, offset = np.arange(5.0), fs.asarray(np.arange(6.0)).rechunk(4)
    found = fs.apply_gufunc(weighted, "(i),(i),()->()", x.rechunk((2, -1)), weights, offset, output_dtypes="f8")
    np.testing.assert_allclose(found.compute(), (a * weights).sum(-1) + np.arange(6.0))
    assert {(ndim, shape) for ndim, shape, _ in shapes} == {(2, (5,))}
    wide = fs.apply_gufunc(np.add, "(),()->()", x, fs.asarray(a[:, :1]), output_dtypes="f8")
    np.testing.assert_allclose(wide.compute(), a + a[:, :1])


def _edges(vector, pad_width, iaxis, kwargs):
    before, behind = pad_width
    vector[:before] = kwargs.get("padder", 10) + iaxis
    if behind:
        vector[-behind:] = vector[before]


@pytest.mark.parametrize("width", [1, (2, 1), ((1, 0), (2, 3))])
@pytest.mark.parametrize("named", [{}, {"padder": 100}])
def test_a_mode_of_pad_may_be_a_function(a, x, width, named):
    expected = np.pad(a, width, _edges, **named)
    np.testing.assert_array_equal(fs.pad(x, width, _edges, **named).compute(), expected)
    np.testing.assert_array_equal(np.pad(x, width, _edges, **named).compute(), expected)
    np.testing.assert_array_equal(fs.pad(x, width, "edge").compute(), np.pad(a, width, "edge"))


def test_widths_by_axis_and_wrong_ways_to_pad(a, x):
    expected = np.pad(a, ((0, 0), (1, 2)))
    np.testing.assert_array_equal(fs.pad(x, {-1: (1, 2)}).compute(), expected)
    np.testing.assert_array_equal(np.pad(x, {1: (1, 2), 0: 0}).compute(), expected)
    for mode, named in [("constant", {"stat_length": 1}), ("edge", {"constant_values": 1}), ("mirror", {}), (True, {}), (None, {})]:
        with pytest.raises(ValueError, match="pad: mode"):
            fs.pad(x, 1, mode, **named)
