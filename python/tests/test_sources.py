"""Arrays of other libraries: those that name a file that we can read are opened, and never asked."""

import shutil
import time

import numpy as np
import pytest

import flagstone as fs
from flagstone import _sources


@pytest.fixture
def a():
    return np.arange(60, dtype="f4").reshape(10, 6)


@pytest.fixture
def never_asked(monkeypatch):
    """Whoever is asked for elements by Python is an error: what passes was opened."""
    from flagstone import _flagstone

    monkeypatch.setattr(_flagstone, "ask", lambda *_: pytest.fail("the object is asked for its elements"))


def test_variables_of_netcdf4_are_opened(tmp_path, a, never_asked):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("y", 10), file.createDimension("x", 6)
        file.createVariable("plain", "f4", ("y", "x"))[:] = a
        file.createGroup("inner").createVariable("deep", "f4", ("y", "x"))[:] = -a
        packed = file.createVariable("packed", "i2", ("y", "x"), fill_value=-1)
        packed.scale_factor, packed.add_offset = 0.5, 10.0
        packed[:] = np.ma.masked_equal(a, 30.0)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(fs.from_array(file["plain"]).compute(), a)
        np.testing.assert_array_equal(fs.from_array(file["inner/deep"]).compute(), -a)
        # the values that netCDF4 gives, with NaN for what is missing
        np.testing.assert_array_equal(fs.from_array(file["packed"]).compute(), np.where(a == 30, np.nan, a))
        file["packed"].set_auto_maskandscale(False)
        stored = fs.from_array(file["packed"])
        assert stored.dtype == np.int16
        np.testing.assert_array_equal(stored.compute(), file["packed"][:])
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert _sources._address(file["packed"])[1] == "cf"
        # scaled, and nothing missing: its own library has that
        file["packed"].set_auto_mask(False)
        assert _sources._address(file["packed"]) is None


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT_OFFSET"])
def test_variables_of_files_that_are_written_are_as_they_are(tmp_path, a, kind):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format=kind) as file:
        file.createDimension("y", 10), file.createDimension("x", 6)
        variable = file.createVariable("v", "f4", ("y", "x"))
        variable[:] = a
        np.testing.assert_array_equal(fs.from_array(variable).compute(), a)


def test_variables_that_are_in_memory_alone_are_not_taken_for_a_file_of_their_name(tmp_path, a):
    netCDF4 = pytest.importorskip("netCDF4")
    for values, diskless in ((-a, False), (a, True)):
        file = netCDF4.Dataset(tmp_path / "a.nc", "w", diskless=diskless, persist=False)
        file.createDimension("y", 10), file.createDimension("x", 6)
        file.createVariable("v", "f4", ("y", "x"))[:] = values
        np.testing.assert_array_equal(fs.from_array(file["v"]).compute(), values)
        file.close()


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
def test_arrays_of_tensorstore_are_opened(tmp_path, a, never_asked, driver):
    store = _tensorstore(tmp_path, a, driver)
    x = fs.from_array(store)
    assert x.chunks == ((4, 4, 2), (3, 3))
    np.testing.assert_array_equal(x.compute(), a)


def test_views_of_tensorstore_are_not_taken_for_the_whole(tmp_path, a):
    import tensorstore as ts

    square = a[:6]
    store = _tensorstore(tmp_path, square, "zarr3")
    for view, expected in [(store[2:5], square[2:5]), (store.T, square.T), (store[::-1], square[::-1]), (store[ts.d[0].translate_to[5]], square)]:
        np.testing.assert_array_equal(fs.from_array(view).compute(), expected)
        np.testing.assert_array_equal(fs.from_array(view)[1:, ::2].compute(), expected[1:, ::2])


def _tensorstore(path, a, driver):
    ts = pytest.importorskip("tensorstore")
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/t.zarr/"}}
    layout = ts.ChunkLayout(chunk_shape=[min(4, a.shape[0]), 3])
    store = ts.open(spec, create=True, dtype=ts.float32, shape=a.shape, chunk_layout=layout).result()
    store[...] = a
    return store


def test_parts_of_h5py_and_zarr_are_what_they_are(tmp_path, a):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = a
        # open for writing: asked, and what is written later is seen
        x = fs.from_array(file["x"])
        file["x"][0] = 7
        assert x[0].compute().tolist() == [7] * 6


def test_asarray_gives_back_what_is_an_array_already(a):
    x = fs.zeros((2, 3))
    assert fs.asarray(x) is x and fs.asarray(x, dtype="f8", copy=False) is x
    y = fs.asarray(x, copy=True)
    x[0] = 1
    assert float(y.sum()) == 0 and float(x.sum()) == 3
    assert fs.asarray(x, dtype="f4").dtype == np.float32
    lent, copied = fs.asarray(a, copy=False), fs.asarray(a, copy=True)
    a[0, 0] = -1
    assert float(lent[0, 0]) == -1 and float(copied[0, 0]) == 0
    for refused in (lambda: fs.asarray([1.0], copy=False), lambda: fs.asarray(x, dtype="i4", copy=False), lambda: fs.asarray(a, dtype="i4", copy=False)):
        with pytest.raises(ValueError, match="copy=False"):
            refused()
    b = fs.ones(3, dtype="bfloat16")
    assert fs.asarray(b) is b and fs.asarray(b, dtype="bfloat16") is b and fs.asarray(b, dtype="f4") is not b


def test_memory_goes_over_without_a_copy(a):
    lent = fs.from_dlpack(a)
    a[0, 0] = -5
    assert float(lent[0, 0]) == -5
    result = (fs.ones((512, 512)) * 2).compute()
    with memoryview(result) as view:  # the buffer protocol
        assert view.format == "d" and view.shape == (512, 512) and not view.readonly
        assert np.frombuffer(view, "f8").ctypes.data == result.ctypes.data
    assert np.from_dlpack(result).ctypes.data == result.ctypes.data
    handed = np.from_dlpack(fs.ones(10) * 3)
    np.testing.assert_array_equal(handed, np.full(10, 3.0))
    assert not handed.flags.owndata


class Masked:
    """An object that gives masked arrays."""

    def __init__(self, a, missing):
        self._a, self._missing, self.shape, self.dtype = a, missing, a.shape, a.dtype

    def __getitem__(self, at):
        return np.ma.array(self._a[at], mask=self._missing[at])


def test_masked_elements_of_objects_are_nan_or_an_error(a):
    np.testing.assert_array_equal(fs.from_array(Masked(a, a < 3)).compute(), np.where(a < 3, np.nan, a))
    np.testing.assert_array_equal(fs.from_array(Masked(a.astype("i4"), a < -3)).compute(), a)
    with pytest.raises(ValueError, match="gave masked elements, which int32 has no value for.*fs.ma.array"):
        fs.from_array(Masked(a.astype("i4"), a < 3)).compute()


def test_variables_of_netcdf4_that_are_being_written_are_asked(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 6)
        packed = file.createVariable("packed", "i2", "x", fill_value=-1)
        packed.scale_factor = 0.5
        packed[:] = np.ma.masked_equal(np.arange(6.0), 3)
        whole = file.createVariable("whole", "i4", "x", fill_value=-1)
        whole[:] = np.ma.masked_equal(np.arange(6), 3)
        reals = file.createVariable("reals", "f4", "x", fill_value=9)
        reals[:] = np.arange(5, 11)
        nan = np.nan
        np.testing.assert_array_equal(fs.from_array(packed).compute(), [0, 1, 2, nan, 4, 5])
        np.testing.assert_array_equal(fs.from_array(whole).compute(), [0, 1, 2, nan, 4, 5])
        np.testing.assert_array_equal(fs.from_array(reals).compute(), [5, 6, 7, 8, nan, 10])
        packed.set_auto_mask(False)
        np.testing.assert_array_equal(fs.from_array(packed).compute(), [0, 1, 2, -0.5, 4, 5])


def test_what_is_no_array_is_one_or_is_refused():
    np.testing.assert_array_equal(fs.from_array([1, 2, 3], chunks=2).compute(), [1, 2, 3])
    with pytest.raises(TypeError, match="builtins.object, which has not all of shape, dtype and __getitem__"):
        fs.from_array(object())

    class Cut(Masked):
        chunks = ((2, 8), (6,))

    assert fs.from_array(Cut(np.ones((10, 6)), np.zeros((10, 6), bool))).chunks == Cut.chunks


def later(path):
    """A moment in which the clock of the file system goes on, after which what is written shows by its time."""
    time.sleep(0.1)
    return path


@pytest.mark.parametrize("stored", [{}, {"chunks": (10, 10)}, {"chunks": (10, 10), "compression": "gzip"}])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_hdf5_files_that_others_write_are_read_as_they_are_now(tmp_path, stored, libver):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"

    def write(mode, **arrays):
        with h5py.File(later(path), mode, libver=libver) as file:
            for name, a in arrays.items():
                file.create_dataset(name, data=a, **(stored if a.ndim == 2 else {}))

    ones, noise = np.ones((100, 60)), np.random.default_rng(0).standard_normal((100, 60))
    write("w", x=ones)
    x = fs.open(f"{path}:/x")
    y = x + 1
    np.testing.assert_array_equal(x.compute(), ones)
    write("w", padding=np.full(7777, 9.0), x=2 * ones)
    np.testing.assert_array_equal(x.compute(), 2 * ones)
    np.testing.assert_array_equal(y.compute(), 3 * ones)
    # chunks move, and those come that were not there
    with h5py.File(later(path), "r+") as file:
        file["x"][...] = noise
    np.testing.assert_array_equal(x.compute(), noise)
    write("r+", more=noise)
    np.testing.assert_array_equal(y[x[:, 0] > 0].compute(), noise[noise[:, 0] > 0] + 1)
    # what we write ourselves
    (x * 2).store(f"{path}:/x", overwrite=True)
    np.testing.assert_array_equal(x.compute(), 2 * noise)
    fs.compute(x.sum(), (x + 1).mean())
    # another array
    write("w", x=np.ones((50, 60)))
    with pytest.raises(OSError, match=r"x: has changed since it was opened: it was float64 of shape \[100, 60\].*\[50, 60\].*now; open it again"):
        x.compute()
    write("w", x=np.concatenate([noise, noise]))
    if stored:
        np.testing.assert_array_equal(x.compute(), noise)


def test_flat_files_and_zarr_that_others_write_are_read_as_they_are_now(tmp_path):
    zarr = pytest.importorskip("zarr")
    a = np.arange(60.0).reshape(10, 6)
    np.save(tmp_path / "a.npy", a)
    np.savez(tmp_path / "a.npz", x=a)
    zarr.save_array(tmp_path / "a.zarr", a)
    npy, npz, stored = fs.open(tmp_path / "a.npy"), fs.open(f"{tmp_path}/a.npz:/x"), fs.open(tmp_path / "a.zarr")
    for x in [npy, npz, stored]:
        np.testing.assert_array_equal(x.compute(), a)
    np.save(later(tmp_path / "a.npy"), np.asfortranarray(a + 1))
    np.savez_compressed(tmp_path / "a.npz", x=a + 1)
    zarr.save_array(tmp_path / "a.zarr", a + 1, mode="w")
    for x in [npy, npz, stored]:
        np.testing.assert_array_equal(x.compute(), a + 1)
    np.save(later(tmp_path / "a.npy"), a.astype("i8"))
    np.savez(tmp_path / "a.npz", x=a.astype("i8"))
    zarr.save_array(tmp_path / "a.zarr", a.astype("i8"), mode="w")
    for x in [npy, npz, stored]:
        with pytest.raises(OSError, match="has changed since it was opened: it was float64 .* is int64"):
            x.compute()
    (tmp_path / "a.npy").unlink()
    with pytest.raises(OSError, match="No such file|has changed"):
        fs.open(tmp_path / "a.npy")


def test_a_file_that_another_program_writes_while_it_is_read_is_an_error(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.ones((64, 1000))
    later(path)
    x = fs.open(f"{path}:/x").rechunk((1, 1000))

    def disturb(block):
        if block[0, 0] == 1:
            with h5py.File(path, "r+") as file:
                file["x"][:] = 2.0
        return block

    with fs.Runtime(threads=1, memory_limit="64MiB"), pytest.raises(OSError, match="another program wrote it while it was read"):
        x.map_blocks(disturb, dtype="f8").compute()
    np.testing.assert_array_equal(x.compute(), np.full((64, 1000), 2.0))


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_of_zarr_that_is_gone_has_no_fill_values(tmp_path, a, version):
    fs.asarray(a).store(tmp_path / "a.zarr", zarr_version=version)
    x = fs.open(tmp_path / "a.zarr")
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(OSError, match="is gone since it was opened"):
        x.compute()
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(OSError, match="is gone since it was opened"):
        x.sum().compute()


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_of_zarr_that_is_made_anew_while_it_is_read_is_an_error(tmp_path, version):
    zarr = pytest.importorskip("zarr")

    def make():
        # only half of the chunks: the others are zeros
        stored = zarr.create_array(tmp_path / "a.zarr", shape=(64, 1000), chunks=(1, 1000), dtype="f8", zarr_format=version, overwrite=True)
        stored[:32] = 1.0

    make()
    x = fs.open(tmp_path / "a.zarr")
    disturbed = []

    def disturb(block):
        if not disturbed and block[0, 0] == 1:
            disturbed.append(True)
            make()
        return block

    with fs.Runtime(threads=1, memory_limit="64MiB"), pytest.raises(OSError, match="another program wrote it while it was read"):
        x.map_blocks(disturb, dtype="f8").compute()
    assert x.sum().compute() == 32000
    # what is added to an array of the same name disturbs nobody
    disturbed.clear()

    def grow(block):
        zarr.open_array(tmp_path / "a.zarr").resize((64 + len(disturbed), 1000))
        disturbed.append(True)
        return block

    assert x.map_blocks(grow, dtype="f8").sum().compute() == 32000


def test_what_was_counted_and_has_changed_is_said(tmp_path, a):
    np.save(tmp_path / "a.npy", a)
    x = fs.open(later(tmp_path / "a.npy"))
    chosen = x[x > 30]
    assert chosen.shape == (29,)
    np.save(later(tmp_path / "a.npy"), a * 2)
    with pytest.raises(OSError, match="has changed since its elements were counted.*make the selection again"):
        chosen.compute()
    assert x[x > 30].shape == (44,)


def test_deleted_files_are_read_on(tmp_path, a):
    for wait in [lambda path: path, later]:
        np.save(tmp_path / "a.npy", a)
        x = fs.open(wait(tmp_path / "a.npy"))
        (tmp_path / "a.npy").unlink()
        np.testing.assert_array_equal(x.compute(), a)


def test_variables_shorter_than_their_dimension_end_in_their_fill_value(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    for i, written in enumerate([2, 3]):
        with netCDF4.Dataset(tmp_path / f"s_{i}.nc", "w") as f:
            f.createDimension("time", None)
            f.createDimension("x", 2)
            time = f.createVariable("time", "f8", ("time",))
            time[:] = np.arange(3) + 3 * i
            time.units = "days since 2000-01-01"
            f.createVariable("b", "f8", ("time", "x"), chunksizes=(2, 2))[:written] = i + 1
            f.createVariable("c", "i2", ("x", "time"), fill_value=-7)
            f.createGroup("below").createVariable("d", "f4", ("time",))[:1] = 5
    with netCDF4.Dataset(tmp_path / "s_0.nc") as f:
        for name in ("b", "c", "below/d", "time"):
            expected = f[name][:]
            x = fs.open(f"{tmp_path}/s_0.nc:/{name}")
            assert x.shape == expected.shape
            np.testing.assert_array_equal(x.compute(), expected.filled())
            np.testing.assert_array_equal(x[..., ::-1].compute(), expected.filled()[..., ::-1])
        np.testing.assert_array_equal(fs.open(f"{tmp_path}/s_0.nc:/b")[2:, :1].compute(), [[netCDF4.default_fillvals["f8"]]])
    both = fs.open(f"{tmp_path}/s_*.nc:/b", by="time").compute()
    assert both.shape == (6, 2) and (both[2] > 9e36).all() and (both[3:] == 2).all()
