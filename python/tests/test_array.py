"""The class of lazy arrays: operators, indexing, values, errors."""

import copy
import multiprocessing
import operator
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import textwrap
import threading
import types

import numpy as np
import pytest

import flagstone as fs

OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne"]


@pytest.fixture
def pair(rng):
    a = rng.normal(size=(7, 5)).astype("f4")
    return a, fs.asarray(a).rechunk((3, 2))


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(1.5), np.float64(1.5), np.arange(1, 6), [1.0, 2.0, 3.0, 4.0, 5.0], True])
def test_operators_are_numpys(pair, name, other):
    a, x = pair
    op = getattr(operator, name)
    with np.errstate(all="ignore"):
        for ours, theirs in [(op(x, other), op(a, other)), (op(other, x), op(other, a))]:
            assert isinstance(ours, fs.Array), (name, other)
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
            np.testing.assert_allclose(ours.compute(), theirs, rtol=2e-6)


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_operators_of_integers(name):
    a = np.arange(12).reshape(3, 4)
    op = getattr(operator, name)
    np.testing.assert_array_equal(op(fs.asarray(a), 3).compute(), op(a, 3))
    np.testing.assert_array_equal(op(3, fs.asarray(a)).compute(), op(3, a))


def test_matmul_divmod_abs_and_signs(pair):
    a, x = pair
    np.testing.assert_allclose((x @ x.T).compute(), a @ a.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose((a @ x.T).compute(), a @ a.T, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(divmod(x, 0.5), divmod(a, np.float32(0.5))):
        np.testing.assert_array_equal(ours.compute(), theirs)
    np.testing.assert_array_equal(abs(-x).compute(), abs(-a))
    np.testing.assert_array_equal((~(+x > 0)).compute(), ~(a > 0))


@pytest.mark.parametrize(
    "at",
    [
        np.s_[2], np.s_[-1, 3], np.s_[1:6:2], np.s_[::-1, ::2], np.s_[..., 0], np.s_[:, None], np.s_[[0, 2, 5]], np.s_[:, [4, 0]],
        np.s_[np.array([1, 1, 3])], np.s_[np.array([True, False, True, True, False, False, True])], np.s_[[0, 1], [2, 3]],
        np.s_[np.int64(3)], np.s_[:0], np.s_[10**30:],
    ],
)
def test_indexing_is_numpys(pair, at):
    a, x = pair
    np.testing.assert_array_equal(x[at].compute(), a[at])


@pytest.mark.parametrize("seed", range(12))
def test_orthogonal_indices_go_along_axes_of_their_own(seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 9, random.integers(1, 4)))
    a = random.random(shape)
    x = fs.asarray(a).rechunk(tuple(random.integers(1, n + 1) for n in shape))
    items, expected = [], a
    for axis in reversed(range(len(shape))):
        n = shape[axis]
        item = [
            random.integers(-n, n, random.integers(1, 12)), random.random(n) < 0.5, slice(None, None, -2), int(random.integers(n)),
            list(random.integers(0, n, 3)), fs.asarray(random.integers(0, n, 5)),
        ][random.integers(6)]
        items.insert(0, item)
        expected = expected[(slice(None),) * axis + (np.asarray(item) if isinstance(item, fs.Array) else item,)]
    np.testing.assert_array_equal(x.oix[tuple(items)].compute(), expected)
    masked = fs.ma.masked_greater(x, 0.5).oix[tuple(items)]
    np.testing.assert_array_equal(masked.compute().mask, expected > 0.5)


def test_masks_are_counted_when_the_shape_is_asked_for(pair):
    a, x = pair
    positive = x[x > 0]
    assert positive.is_counted
    assert "?" in repr(positive) or "flagstone.Array" in repr(positive)
    assert positive.shape == a[a > 0].shape
    np.testing.assert_array_equal(positive.compute(), a[a > 0])


def test_setting_elements_is_seen_by_the_name_alone(pair):
    a, x = pair
    before = x + 0
    same = x
    y = copy.copy(x)
    x[1, ::2] = 7
    x[x < 0] = 0
    expected = a.copy()
    expected[1, ::2] = 7
    expected[expected < 0] = 0
    np.testing.assert_array_equal(x.compute(), expected)
    assert same is x
    np.testing.assert_array_equal(before.compute(), a)
    np.testing.assert_array_equal(y.compute(), a)


def test_attributes(pair):
    a, x = pair
    assert (x.shape, x.ndim, x.size, x.nbytes, x.itemsize, x.dtype) == (a.shape, a.ndim, a.size, a.nbytes, a.itemsize, a.dtype)
    assert x.chunks == ((3, 3, 1), (2, 2, 1)) and x.chunksize == (3, 2) and x.numblocks == (3, 3) and x.npartitions == 9
    assert len(x) == 7 and x.T.shape == (5, 7) and [row.shape for row in x] == [(5,)] * 7
    assert x.rechunk({0: -1}).chunks == ((7,), (2, 2, 1)) and x.rechunk((None, 4)).chunks == ((7,), (4, 1))


def test_values_of_one_element():
    x = fs.asarray([[3.5]])
    assert (float(x), int(x), bool(x), complex(x), x.item()) == (3.5, 3, True, 3.5 + 0j, 3.5)
    assert [1, 2, 3][fs.asarray(1)] == 2
    assert fs.asarray([1, 2, 3]).item(1) == 2
    with pytest.raises(ValueError, match="ambiguous"):
        bool(fs.asarray([1, 2]))
    with pytest.raises(TypeError, match="2 elements"):
        float(fs.asarray([1.0, 2.0]))
    with pytest.raises(TypeError, match="float64"):
        operator.index(fs.asarray(1.0))
    with pytest.raises(TypeError):
        hash(x)


def test_results_and_arguments_are_not_copied(rng):
    a = rng.normal(size=1000)
    x = fs.asarray(a)
    a[0] = 42.0
    assert float(x[0]) == 42.0
    out = (x + 1).compute()
    assert out.flags.writeable and not out.flags.owndata and type(out.base).__name__ == "Memory"
    assert isinstance(x.sum().compute(), np.float64)
    y = fs.array(a)
    a[0] = 1.0
    assert float(y[0]) == 42.0


def test_strides_and_byte_orders(rng):
    a = rng.normal(size=(6, 8))
    for view in (a.T, a[::-1, ::3], np.asfortranarray(a), a.astype(">f8"), np.broadcast_to(a[:, :1], (6, 8)), a[:0], a[0, 0, ...]):
        np.testing.assert_array_equal((fs.asarray(view) * 2).compute(), view * 2)


@pytest.mark.parametrize("kind", ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"])
def test_every_dtype_comes_and_goes(kind):
    a = np.arange(6).reshape(2, 3).astype(kind)
    x = fs.asarray(a)
    assert x.dtype == a.dtype
    np.testing.assert_array_equal(np.asarray(x), a)


def test_what_is_no_number_is_refused_by_name():
    for bad, error in [(np.array(["a"]), "str"), (np.array([object()]), "objects"), (np.array(["2020"], "M8[D]"), "datetime64")]:
        with pytest.raises(TypeError, match=error):
            fs.asarray(bad)
    with pytest.raises(TypeError, match="bfloat16"):
        fs.ones(3, dtype="bfloat16").compute()
    with pytest.raises(ValueError, match="masked"):
        fs.asarray(np.ma.array([1, 2]))
    with pytest.raises(OverflowError):
        fs.asarray([1]) + 10**30


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x + fs.ones(4), ValueError, "do not broadcast"),
        (lambda x: x[9], IndexError, "out of bounds"),
        (lambda x: x[0, 0, 0], IndexError, "indices"),
        (lambda x: x.sum(axis=3), np.exceptions.AxisError, "axis 3"),
        (lambda x: x.sum(axs=1), TypeError, "did you mean 'axis'"),
        (lambda x: fs.mean(), TypeError, "missing 1 required positional argument: 'a'"),
        (lambda x: x.reshape(4, 4), ValueError, "reshape"),
        (lambda x: fs.open("no/such/file.h5:/x"), FileNotFoundError, "no/such/file"),
        (lambda x: fs.asarray(object()), TypeError, "object"),
        (lambda x: x.frobnicate, AttributeError, "frobnicate"),
        (lambda x: fs.linalg.inv(fs.zeros((3, 3))).compute(), np.linalg.LinAlgError, "singular"),
    ],
)
def test_errors_are_pythons_with_our_words(pair, call, error, text):
    with pytest.raises(error, match=text):
        call(pair[1])


def test_a_limit_too_small_is_a_memory_error():
    with fs.Runtime(memory_limit="1MiB", threads=1):
        with pytest.raises(MemoryError, match="limit"):
            fs.ones((1000, 1000)).compute()


def test_printing_computes_the_corners_only():
    x = fs.ones((10**6, 10**6)) * 2
    text = str(x)
    assert text.startswith("[[2. 2. 2. ... 2. 2. 2.]") and "[1000000, 1000000] float64, chunks [" in text
    assert str(fs.asarray(2.5) + 1) == "3.5"
    a = np.arange(12.0).reshape(3, 4)
    assert str(fs.asarray(a)).startswith(str(a))


def test_showing_computes_nothing(never_computed):
    x = fs.ones((10**6, 10**4)).rechunk((10**5, 10**3)) + 1
    html = x._repr_html_()
    assert "74.51 GiB" in html and "100000, 1000" in html and "<svg" in html and "float64" in html
    assert repr(x).startswith("flagstone.Array(add")
    assert "add" in x.explain() and x.visualize().startswith("<svg")


def test_visualize_writes_svg(tmp_path):
    import xml.etree.ElementTree as tree

    path = tmp_path / "graph.svg"
    fs.ones(5).sum().visualize(path)
    assert tree.parse(path).getroot().tag.endswith("svg")


def counted(a):
    """`a` as an array of another's, and what it was asked for."""
    calls = []

    class Counting:
        shape, dtype = a.shape, a.dtype

        def __getitem__(self, at):
            calls.append(at)
            return a[at]

    return fs.from_array(Counting()), calls


def test_several_in_one_pass(pair):
    a, x = pair
    y, calls = counted(a)
    total, both = fs.compute(y.sum(), {"mean": y.mean(), "name": "n", "list": [y.max()]})
    np.testing.assert_allclose([total, both["mean"], both["list"][0]], [a.sum(), a.mean(), a.max()], rtol=1e-5)
    assert both["name"] == "n" and len(calls) == 1


def test_store_and_open(tmp_path, pair):
    a, x = pair
    for name in ("o.zarr", "o.h5:/x", "o.npy"):
        x.store(tmp_path / name)
        np.testing.assert_array_equal(fs.open(tmp_path / name).compute(), a)
    with pytest.raises((FileExistsError, OSError)):
        x.store(tmp_path / "o.npy")
    (x + 1).store(tmp_path / "o.zarr", overwrite=True, chunks=(4, None), codec="zstd:1", attributes={"unit": "K"})
    import zarr

    z = zarr.open_array(tmp_path / "o.zarr", mode="r")
    assert z.chunks == (4, 5) and z.attrs["unit"] == "K"
    np.testing.assert_array_equal(z[:], a + 1)
    fs.store([x, x * 2], [tmp_path / "p.npy", tmp_path / "q.npy"])
    np.testing.assert_array_equal(np.load(tmp_path / "q.npy"), a * 2)


def test_several_are_stored_in_one_pass(tmp_path, pair):
    a, _ = pair
    y, calls = counted(a)
    fs.store([y.max(axis=0), y.sum(axis=0)], [tmp_path / "one.npy", tmp_path / "two.zarr"])
    assert len(calls) == 1
    np.testing.assert_array_equal(np.load(tmp_path / "one.npy"), a.max(axis=0))
    np.testing.assert_allclose(fs.open(tmp_path / "two.zarr").compute(), a.sum(axis=0), rtol=1e-6)


def test_a_default_runtime_is_set_for_all_that_follows():
    code = "import flagstone as fs; fs.config.set(memory_limit='40MiB', threads=1); print(fs.config); fs.ones(9).sum().compute()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"config(memory_limit={40 << 20}, threads=1)"


def test_persist(pair):
    a, x = pair
    with fs.Runtime(memory_limit="64MiB"):
        kept = (x * 3).persist()
        np.testing.assert_array_equal(kept.compute(), a * 3)
        one, two = fs.persist(x + 1, x + 2)
        np.testing.assert_array_equal((two - one).compute(), (a + 2) - (a + 1))


def test_what_reads_files_is_pickled_as_what_is_done(tmp_path):
    a = np.arange(1e6).reshape(1000, 1000)
    np.save(tmp_path / "a.npy", a)
    x = fs.open(tmp_path / "a.npy")
    y = (x[::2] - x.mean(axis=0)).astype("f4")
    text = pickle.dumps(y)
    assert len(text) < 10_000
    np.testing.assert_array_equal(pickle.loads(text).compute(), y.compute())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(float, [x[n].sum() for n in range(3)]) == [a[n].sum() for n in range(3)]
    # a function of this process alone, or a count: as values
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x.map_blocks(lambda b: b + 1))).compute(), a + 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x[x > 999_990])).compute(), a[a > 999_990])
    chosen = x[x > 999_990]
    assert len(chosen) == 9  # which counts it
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(chosen[x[0, :9] % 2 == 0])).compute(), a[a > 999_990][::2])
    np.save(tmp_path / "a.npy", a[:10])
    with pytest.raises(Exception, match="the plan was made for"):
        pickle.loads(text)


def test_copies_pickles_and_namespaces(pair):
    a, x = pair
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)).compute(), a)
    assert pickle.loads(pickle.dumps(fs.linalg.qr)).name == "linalg.qr"
    assert x.__array_namespace__() is fs.array_api if hasattr(fs, "array_api") else True
    np.testing.assert_array_equal(np.from_dlpack(x), a)
    np.testing.assert_array_equal(fs.from_dlpack(a).compute(), a)


def test_runtimes_are_nested_and_threads_have_their_own():
    outer, inner = fs.Runtime(memory_limit="32MiB", threads=1), fs.Runtime(memory_limit=1 << 26, threads=2)
    seen = []
    with outer:
        with inner:
            assert fs.config.threads == 2
            thread = threading.Thread(target=lambda: seen.append(fs.config.threads))
            thread.start()
            thread.join()
        assert fs.config.memory_limit == 32 << 20
        fs.ones(10).sum().compute()
        assert outer.counters()["tasks"] > 0 and inner.counters()["tasks"] == 0
    assert fs.config.threads == seen[0]
    with pytest.raises(ValueError, match="12xyz"):
        fs.Runtime(memory_limit="12xyz")


def test_progress_and_traces(tmp_path, capfd):
    import json

    with fs.profile(tmp_path / "trace.json"), fs.ProgressBar():
        fs.ones((100, 100)).sum().compute()
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]


def test_notebooks_have_a_bar_below_the_cell(monkeypatch):
    shown = []

    class Handle:
        def update(self, bar):
            shown.append(bar._repr_html_())

    def display(bar, display_id):
        shown.append(bar._repr_html_())
        return Handle()

    shell = type("ZMQInteractiveShell", (), {})()
    notebook, displays = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    notebook.get_ipython, displays.display = lambda: shell, display
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    with fs.ProgressBar():
        fs.random.normal(size=(2000, 2000), seed=1).std().compute()
    counts = [re.search(r"<progress value=\"(\d+)\" max=\"(\d+)\".*>\s*(\d+)/(\d+) tasks", html) for html in shown]
    assert len(shown) >= 3 and all(counts), shown
    assert counts[-1][1] == counts[-1][2] != "0"
    before = len(shown)
    fs.ones(5).sum().compute()
    assert len(shown) == before


def test_importing_is_quick_and_loads_numpy_only():
    code = (
        "import sys, time, numpy; before = set(sys.modules); t = time.perf_counter(); import flagstone\n"
        "print(time.perf_counter() - t); new = {m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "print(sorted(new))"
    )
    seconds, loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert loaded == "['flagstone']"
    assert float(seconds) < 0.5  # 0.1 in a quiet release build; this one shares its cores


def test_functions_know_their_signatures():
    import inspect

    assert str(inspect.signature(fs.mean)) == "(a, axis=None, dtype=None, *, keepdims=False, where=None)"
    assert str(inspect.signature(fs.Array.sum)).startswith("(self, axis=None")
    assert "Arithmetic means" in fs.mean.__doc__ and fs.linalg.qr.__module__ == "flagstone.linalg"
    assert fs.mgrid[0:3, 0:1:5j].shape == (2, 3, 5)
    assert int(fs.maximum.reduce(fs.asarray([1, 5, 2]))) == 5
    with pytest.raises(AttributeError, match="not supported by this version"):
        fs.einsum_path


def test_gufuncs_take_their_core_axes_where_they_are():
    a = np.random.default_rng(4).normal(size=(4, 6, 5))
    x = fs.asarray(a).rechunk((2, 3, 5))
    mean = lambda block: block.mean(-1)
    for kwargs, theirs in [({"axis": 1}, a.mean(1)), ({"axis": 0, "keepdims": True}, a.mean(0, keepdims=True)), ({"axes": [(1,), ()]}, a.mean(1)), ({"axes": [-3]}, a.mean(0))]:
        np.testing.assert_allclose(fs.apply_gufunc(mean, "(i)->()", x, output_dtypes="f8", **kwargs).compute(), theirs)
    back = fs.apply_gufunc(lambda block: block[..., ::-1], "(i)->(i)", x, output_dtypes="f8", axis=1)
    np.testing.assert_array_equal(back.compute(), a[:, ::-1])
    product = fs.apply_gufunc(np.matmul, "(i,j),(j,k)->(i,k)", x, x, output_dtypes="f8", axes=[(2, 1), (1, 2), (0, 2)])
    np.testing.assert_allclose(product.compute(), np.moveaxis(a.transpose(0, 2, 1) @ a, (1, 2), (0, 2)))
    with pytest.raises(ValueError, match="give axes="):
        fs.apply_gufunc(np.matmul, "(i,j),(j,k)->(i,k)", x, x, output_dtypes="f8", axis=0)


def test_piecewise_and_round():
    a = np.linspace(-2, 2, 9)
    x = fs.asarray(a)
    theirs = np.piecewise(a, [a < 0, a > 1], [lambda v, k: -v, 7, lambda v, k: v + k], 3)
    np.testing.assert_array_equal(fs.piecewise(x, [x < 0, x > 1], [lambda v, k: -v, 7, lambda v, k: v + k], 3).compute(), theirs)
    np.testing.assert_array_equal(np.piecewise(x, [x < 0], [np.abs, np.square]).compute(), np.piecewise(a, [a < 0], [np.abs, np.square]))
    assert float(round(x[3] / 3, 2)) == round(a[3] / 3, 2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_functions_of_lanes_axes_and_windows(axis):
    a = np.random.default_rng(3).normal(size=(6, 8, 5))
    x = fs.asarray(a).rechunk((4, 3, 5))
    for f, kwargs in [(np.ptp, {}), (lambda lane: lane[:2] * 2, {}), (lambda lane: np.outer(lane[:2], lane[:3]), {}), (np.sum, {"dtype": "f8", "shape": ()})]:
        theirs = np.apply_along_axis(f, axis, a)
        np.testing.assert_allclose(fs.apply_along_axis(f, axis, x, **kwargs).compute(), theirs)
        np.testing.assert_allclose(np.apply_along_axis(f, axis, x).compute(), theirs)
    np.testing.assert_allclose(fs.apply_over_axes(fs.sum, x, [0, axis]).compute(), np.apply_over_axes(np.sum, a, [0, axis]))
    windows = fs.coarsen(np.mean, x, {axis: 2}, trim_excess=True)
    n = a.shape[axis] // 2
    pairs = [np.take(a, range(at, 2 * n, 2), axis) for at in (0, 1)]
    np.testing.assert_allclose(windows.compute(), (pairs[0] + pairs[1]) / 2)
    with pytest.raises(ValueError, match="windows of 3 along axis 1"):
        fs.coarsen(np.mean, x, {1: 3})
    # a window of one place is reduced, too
    assert np.array_equal(fs.coarsen(np.std, x, {0: 1}).compute(), np.zeros(x.shape)) and fs.coarsen(np.sum, x > 0, {0: 1}).dtype == "i8"
    np.testing.assert_array_equal(fs.fromfunction(lambda i, j: i * 10 + j, (3, 4)).compute(), np.fromfunction(lambda i, j: i * 10 + j, (3, 4)))
    total = fs.reduction(x, lambda b, axis, keepdims: b.sum(axis=axis, keepdims=keepdims), np.sum, axis=axis)
    np.testing.assert_allclose(total.compute(), a.sum(axis=axis))
    everything = fs.reduction(x, np.max, np.max, keepdims=True)
    np.testing.assert_array_equal(everything.compute(), a.max(keepdims=True))


def test_many_files_are_one_array(tmp_path):
    h5py, a = pytest.importorskip("h5py"), np.arange(60.0).reshape(12, 5)
    for n in range(12):
        with h5py.File(tmp_path / f"a_{n}.h5", "w") as f:
            f["x"] = a[n : n + 1]
            f["row"] = a[n]
            f["when"] = 30 - n
    at = lambda name: str(tmp_path / name)
    np.testing.assert_array_equal(fs.open(at("a_*.h5:/x")).compute(), a)
    np.testing.assert_array_equal(fs.open(at("a_*.h5:/x"), axis=1).compute(), a.reshape(1, -1))
    np.testing.assert_array_equal(fs.open(at("a_*.h5:/row"), stack=-1).compute(), a.T)
    np.testing.assert_array_equal(fs.open(at("a_*.h5:/row"), stack=0, by="when").compute(), a[::-1])
    np.testing.assert_array_equal(fs.open([at("a_3.h5:/x"), at("a_1.h5:/x")]).compute(), a[[3, 1]])
    np.testing.assert_array_equal(fs.open((tmp_path / "a_3.h5").as_posix() + ":/x", decode="cf").compute(), a[3:4])
    with pytest.raises(OSError, match="no file is called as in"):
        fs.open(at("b_*.h5:/x"))
    with pytest.raises(ValueError, match="decode='utf'"):
        fs.open(at("a_3.h5:/x"), decode="utf")
    with pytest.raises(ValueError, match="not both"):
        fs.open(at("a_*.h5:/x"), axis=0, stack=0)
    with pytest.raises(TypeError):
        fs.open(3)


def test_what_python_asks_of_arrays():
    x = fs.asarray(np.arange(3.0))
    assert None not in x and "a" not in x and 2.0 in x
    assert [float(value) for value in reversed(x)] == [2, 1, 0]
    assert f"{x[1]:.2f}" == "1.00" and f"{x[1]}" == str(x[1])
    with pytest.raises(TypeError, match="only an array without axes is one number"):
        f"{x:.2f}"
    with pytest.raises(ValueError, match="empty array is ambiguous"):
        bool(x[:0])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_forked_while_others_are_in_libhdf5_opens_files(tmp_path):
    name = f"{tmp_path}/x.h5:/x"
    fs.ones((100, 100)).store(name, chunks=(10, 10))
    ends = threading.Event()

    def opens():
        while not ends.is_set():
            fs.open(name).shape

    threads = [threading.Thread(target=opens) for _ in range(2)]
    [thread.start() for thread in threads]
    try:
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                os._exit(0 if float(fs.open(name).sum()) == 10000 else 3)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        ends.set()
        [thread.join() for thread in threads]


def test_an_interpreter_that_ends_while_daemon_threads_compute_ends_well():
    script = textwrap.dedent("""
        import sys, threading, time
        import flagstone as fs
        x = fs.random.random((1000, 1000), seed=1).rechunk((50, 50))
        def works(of):
            while True:
                of().sum().compute()
        ways = [lambda: fs.map_blocks(lambda b: b + 1, x), lambda: fs.map_blocks(lambda b: b + 1, x), lambda: x + 1, lambda: x.cumsum(0)]
        for of in ways:
            threading.Thread(target=works, args=(of,), daemon=True).start()
        time.sleep(float(sys.argv[1]))
    """)
    for wait in np.linspace(0.1, 0.3, 8):
        ended = subprocess.run([sys.executable, "-c", script, str(wait)], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_what_is_missing_is_a_file_that_is_not_found(tmp_path):
    for name in ("x.zarr", "x.npy", "x.h5:/x"):
        with pytest.raises(FileNotFoundError):
            fs.open(f"{tmp_path}/{name}")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_that_are_forked_compute(tmp_path):
    np.save(tmp_path / "a_0.npy", np.arange(4.0)), np.save(tmp_path / "a_1.npy", np.arange(4.0))
    x = fs.asarray(np.arange(12.0))
    assert float(x.sum()) == 66

    def forked():
        many = float(fs.open(f"{tmp_path}/a_*.npy").sum())
        return (float(x.sum()), many, fs.config.memory_limit)

    def of_child():
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(write, repr(forked()).encode())
            finally:
                os._exit(0)
        os.close(write)
        ready, _, _ = select.select([read], [], [], 60)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(read, "rb") as pipe:
            return pipe.read().decode() if ready else "nothing within a minute"

    forked()
    assert of_child() == repr((66.0, 12.0, fs.config.memory_limit))
    with fs.Runtime(memory_limit="32MiB", threads=2) as runtime:
        kept = (x + 1).persist()
        assert of_child() == repr((66.0, 12.0, runtime.memory_limit))
        assert float(kept.sum()) == 78


@pytest.mark.parametrize("chunks", [None, (1000, 2)])
def test_bounds_of_random_integers_may_be_arrays(chunks):
    low, high = np.array([0, 10, -20]), fs.asarray(np.array([5, 12, -19]))
    x = fs.random.integers(low, high, size=(4000, 3), seed=1, chunks=chunks, dtype="i1")
    found = x.compute()
    assert found.dtype == np.int8 and [set(column) for column in found.T] == [set(range(5)), {10, 11}, {-20}]
    assert abs(np.bincount(found[:, 0]) - 800).max() < 150
    np.testing.assert_array_equal(found, fs.random.integers(low, high, size=(4000, 3), seed=1, dtype="i1").compute())
    assert set(fs.random.integers([1, 1], endpoint=True, size=(100, 2), seed=2).compute().ravel()) == {0, 1}
    with pytest.raises(ValueError, match="not above the low one"):
        fs.random.integers([3, 1], [5, 1], seed=1).compute()
    with pytest.raises(ValueError, match="uint8 does not hold"):
        fs.random.integers([3, 1], [5, 300], seed=1, dtype="u1").compute()
    with pytest.raises(ValueError, match="do not broadcast"):
        fs.random.integers([3, 1], 9, size=3)


def test_values_for_a_mask_are_counted():
    for mask, values in ((np.arange(4) > 0, np.arange(2.0)), (np.ones(4, bool), np.array([])), (np.zeros(4, bool), np.arange(3.0))):
        x = fs.arange(4.0)
        x[mask] = values
        with pytest.raises(ValueError, match=f"{len(values)} values for the places of a mask"):
            x.compute()


def test_shares_of_small_numbers_are_numbers():
    for alpha in ([1e-3, 1e-3], [1e-5, 1e-5, 2.0], [0.05, 3]):
        shares = fs.random.dirichlet(alpha, 20_000, seed=1).compute()
        assert np.isfinite(shares).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_allclose(shares.mean(axis=0), np.array(alpha) / sum(alpha), atol=0.02)


def test_chances_may_be_arrays():
    for name, given in (
        ("dirichlet", ([1.0, 2.0], 10)), ("multinomial", (20, [0.5, 0.5], 10)), ("multivariate_hypergeometric", ([3, 4], 2, 10)),
    ):
        of = getattr(fs.random, name)
        arrays = [np.array(one) if isinstance(one, list) else one for one in given]
        np.testing.assert_array_equal(of(*arrays, seed=1).compute(), of(*given, seed=1).compute())


def test_chunks_and_shards_longer_than_the_array(tmp_path):
    a = np.arange(35.0).reshape(5, 7)
    fs.asarray(a).store(tmp_path / "s.zarr", chunks=(9, 2), shards=(18, 4), overwrite=True)
    np.testing.assert_array_equal(fs.open(tmp_path / "s.zarr").compute(), a)
