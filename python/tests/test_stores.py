"""What is stored where: addresses that lead to one place, links, long names, attributes."""

import os
import threading
import time

import numpy as np
import pytest

import flagstone as fs


@pytest.fixture
def x():
    return fs.asarray(np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    "pair", [("a.zarr", "a.zarr"), ("a.zarr", "a.zarr:/x"), ("a.zarr/x", "a.zarr:/x/y"), ("a.h5:/x", "a.h5:/x/y"), ("./a.npy", "a.npy"), ("a.h5", "a.h5:/x")]
)
def test_two_arrays_do_not_go_to_one_place(tmp_path, x, pair, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="are one address, or one lies inside of the other"):
        fs.store([x, x + 1], list(pair))
    assert not list(tmp_path.iterdir())
    fs.store([x, x + 1], ["b.zarr/x", "b.zarr/x-1"])
    np.testing.assert_array_equal(fs.open("b.zarr:/x-1").compute(), (x + 1).compute())


def test_links_stay_and_what_they_lead_to_is_written(tmp_path, x):
    (tmp_path / "there").mkdir()
    for name in ["a.npy", "a.zarr"]:
        x.store(tmp_path / "there" / name)
        (tmp_path / name).symlink_to(tmp_path / "there" / name)
        (x + 1).store(tmp_path / name, overwrite=True)
        assert (tmp_path / name).is_symlink()
        np.testing.assert_array_equal(fs.open(tmp_path / "there" / name).compute(), (x + 1).compute())


def test_names_may_be_as_long_as_files_may_have_them(tmp_path, x):
    name = "ä" * 120 + "x" * 10
    x.store(f"{tmp_path}/a.zarr:/{name}")
    x.store(f"{tmp_path}/{name}.npy")
    (x + 1).store(f"{tmp_path}/{name}.npy", overwrite=True)
    np.testing.assert_array_equal(fs.open(f"{tmp_path}/a.zarr:/{name}").compute(), x.compute())
    np.testing.assert_array_equal(fs.open(f"{tmp_path}/{name}.npy").compute(), (x + 1).compute())


@pytest.mark.parametrize("version", [2, 3])
def test_groups_of_zarr_are_made_where_an_address_goes_through_one(tmp_path, x, version):
    zarr = pytest.importorskip("zarr")
    x.store(tmp_path / "new.zarr" / "g" / "v", zarr_version=version)
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "new.zarr", mode="r")["g/v"][:], x.compute())
    np.testing.assert_array_equal(fs.open(f"{tmp_path}/new.zarr:/g/v").compute(), x.compute())


@pytest.mark.parametrize("address", ["a.zarr", "a.h5:/x"])
def test_attributes_may_be_numbers_that_json_has_no_words_for(tmp_path, x, address):
    given = {"nothing": float("nan"), "range": [np.float32(1.5), float("inf")], "count": np.int16(3)}
    x.store(f"{tmp_path}/{address}", attributes=given)
    if address == "a.zarr":
        zarr = pytest.importorskip("zarr")
        found = dict(zarr.open_array(tmp_path / "a.zarr", mode="r").attrs)
        assert found["count"] == 3 and found["range"][0] == 1.5
        assert np.isnan(float(found["nothing"])) and np.isinf(float(found["range"][1]))


def test_the_values_of_a_dimension_are_stored_where_it_has_none(tmp_path, x):
    netCDF4 = pytest.importorskip("netCDF4")
    path = tmp_path / "a.nc"
    x.store(f"{path}:/v", dimension_names=["y", "x"])
    fs.asarray(np.array([10.0, 20, 30])).store(f"{path}:/x", dimension_names=["x"])
    with netCDF4.Dataset(path) as file:
        assert file["v"].dimensions == ("y", "x") and file["x"].dimensions == ("x",)
        np.testing.assert_array_equal(file["x"][:], [10, 20, 30])
        np.testing.assert_array_equal(file["v"][:], x.compute())
    with pytest.raises(FileExistsError, match="already exists"):
        fs.asarray(np.ones(3)).store(f"{path}:/x", dimension_names=["x"])
    for name, overwrite in [("y", False), ("y", True), ("x", True)]:
        with pytest.raises(OSError, match=r"is a dimension of other arrays, of shape \[[23]\]; an array of shape \[5\] cannot take its place"):
            fs.asarray(np.ones(5)).store(f"{path}:/{name}", overwrite=overwrite)


def test_dimensions_without_a_limit_and_of_groups_stay_what_they_are(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None), file.createDimension("lat", 3)
        file.createVariable("t", "f4", ("time", "lat"))[:] = np.ones((2, 3))
        file.createGroup("g").createVariable("u", "f4", ("lat",))[:] = np.arange(3)
    with pytest.raises(FileExistsError):
        fs.asarray(np.arange(2.0)).store(f"{path}:/time", dimension_names=["time"])
    with pytest.raises(OSError, match="cannot take its place"):
        fs.asarray(np.arange(5.0)).store(f"{path}:/lat")
    fs.asarray(np.arange(3.0)).store(f"{path}:/lat", dimension_names=["lat"])
    with netCDF4.Dataset(path) as file:
        assert file.dimensions["time"].isunlimited() and file["t"].dimensions == ("time", "lat") and file["g/u"].dimensions == ("lat",)
        np.testing.assert_array_equal(file["lat"][:], np.arange(3))
        np.testing.assert_array_equal(file["g/u"][:], np.arange(3))


def test_files_of_zarr_of_both_versions_are_one_array(tmp_path):
    a = np.arange(12, dtype="i2").reshape(4, 3)
    fs.asarray(a[:2]).store(tmp_path / "a_0.zarr", zarr_version=2)
    fs.asarray(a[2:]).store(tmp_path / "a_1.zarr", zarr_version=3)
    np.testing.assert_array_equal(fs.open(f"{tmp_path}/a_*.zarr").compute(), a)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_forked_holds_no_lock(tmp_path, x):
    path = f"{tmp_path}/a.h5"
    x.store(f"{path}:/x")
    children, stop = [], threading.Event()

    def fork():
        while not stop.is_set():
            pid = os.fork()
            if pid == 0:
                time.sleep(3)
                os._exit(0)
            children.append(pid)
            time.sleep(0.05)

    forking = threading.Thread(target=fork)
    forking.start()
    try:
        for number in range(20):
            (x + number).store(f"{path}:/y", overwrite=True, codec="gzip:1")
    finally:
        stop.set()
        forking.join()
        for pid in children:
            os.waitpid(pid, 0)
    np.testing.assert_array_equal(fs.open(f"{path}:/y").compute(), (x + 19).compute())
