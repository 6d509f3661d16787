"""make_attributes.py DIR: a.h5 as h5py writes it, whose groups and arrays have attributes of all kinds; n.zarr as libnetcdf writes them to Zarr.
make_attributes.py DIR FILE...: what Flagstone made of them, held against it."""

import sys
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import xarray
import zarr

DTYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
NUMBERS = {f"one_{d}": np.array(3, d)[()] for d in DTYPES}
NUMBERS |= {f"many_{d}": np.arange(3).astype(d) for d in DTYPES}
NUMBERS |= {
    "tenth": np.float32(0.1), "nan": np.float32("nan"), "infinite": np.array([1, -np.inf], "f4"), "nan_f8": np.float64("nan"),
    "largest": np.uint64(2**64 - 1), "smallest": np.int64(-(2**63)), "whole": np.float64(1), "wholes": np.array([1.0, 2.0]),
}
TEXTS = {"text": "é", "empty_text": "", "word": "NaN", "words": ["Infinity", "b"], "number": "5"}
# What NetCDF has not.
HDF5 = {
    "f2": np.float16(0.1), "yes": np.bool_(True), "flags": np.array([True, False]), "c8": np.complex64(1 - 2j), "c16": np.array([1j, 2]),
    "table": np.arange(6, dtype="i2").reshape(2, 3), "cube": np.zeros((2, 1, 2), "f4"), "nothing": np.zeros(0, "i2"),
    "null": h5py.Empty("f4"), "no_texts": np.zeros(0, "S3"), "grid": np.array([["a", "b"], ["c", "NaN"]], object), "c8_table": np.ones((2, 2), "c8"),
}


def make(directory):
    with h5py.File(directory / "a.h5", "w") as f:
        x = f.create_dataset("x", data=np.arange(4.0))
        deep = f.create_group("deep/deeper")
        y = deep.create_dataset("y", data=np.arange(3, dtype="i4"))
        x.dims[0].label, y.dims[0].label = "t", "u"
        for one in (f, x, f["deep"], deep, y):
            for name, value in (NUMBERS | TEXTS | HDF5).items():
                one.attrs[name] = value
    with netCDF4.Dataset(f"file://{directory}/n.zarr#mode=nczarr,file", "w") as f:
        f.createDimension("t", 4)
        g = f.createGroup("g")
        x, y = f.createVariable("x", "f8", ("t",)), g.createVariable("y", "f4", ("t",))
        x[:], y[:] = np.arange(4), np.arange(4)
        for one in (f, x, g, y):
            one.setncatts({name: value for name, value in netcdf_zarr().items()})


def netcdf_zarr():
    """What libnetcdf itself reads again of what it wrote to Zarr: some of its texts are no JSON, of others it forgets letters."""
    return {name: value for name, value in NUMBERS.items() if name != "infinite"} | {"text": "e", "word": "NaN"}


def check(directory, name):
    if name.endswith(".h5"):
        with h5py.File(directory / name) as f:
            if "g" in f:
                assert all_same(f.attrs, netcdf_zarr()) and all_same(f["x"].attrs, netcdf_zarr()) and all_same(f["g/y"].attrs, netcdf_zarr())
                assert all_same(f["g"].attrs, netcdf_zarr())
                return
            for path in ("/", "x", "deep", "deep/deeper", "deep/deeper/y"):
                assert all_same(f[path].attrs, NUMBERS | TEXTS | HDF5), path
    elif name.endswith(".nc"):
        with netCDF4.Dataset(directory / name) as f:
            for one in (f, f["x"], f["deep"], f["deep/deeper"], f["deep/deeper/y"]):
                assert all_same(one.__dict__, NUMBERS | TEXTS)
    else:
        check_zarr(directory / name)


def check_zarr(path):
    group = zarr.open_group(str(path), mode="r")
    for one in (group, group["x"], group["deep/deeper"], group["deep/deeper/y"]):
        found = dict(one.attrs)
        assert found["many_i2"] == [0, 1, 2] and found["one_f4"] == 3 and found["text"] == "é" and found["table"] == [[0, 1, 2], [3, 4, 5]]
        assert found["tenth"] == np.float32(0.1) and np.isnan(found["nan"]) and found["word"] == "NaN"
    # xarray takes it and writes it, what lists the types too.
    data = xarray.open_dataset(path, engine="zarr", consolidated=False, decode_cf=False)
    for one in (data, data["x"]):
        for a in HDF5:
            del one.attrs[a]
    data.to_netcdf(path.with_suffix(".xarray.nc"))
    if group.metadata.zarr_format == 2:
        # libnetcdf reads them with their types.
        with netCDF4.Dataset(f"file://{path}#mode=zarr,file") as f:
            for one in (f, f["x"]):
                for a in ("one_i2", "many_u1", "tenth", "one_f4", "whole"):
                    assert one.getncattr(a).dtype == np.asarray(NUMBERS[a]).dtype, (a, one.getncattr(a).dtype)


def all_same(found, wanted):
    for name, want in wanted.items():
        got = found[name]
        if isinstance(want, h5py.Empty):
            assert isinstance(got, h5py.Empty) and got.dtype == want.dtype, (name, got)
            continue
        want, got = np.asarray(want), np.asarray(got)
        assert got.shape == want.shape, (name, got.shape, want.shape)
        if want.dtype.kind in "USO":
            assert want.size == 0 or got.astype(str).tolist() == want.astype(str).tolist(), (name, got, want)
        else:
            assert got.dtype == want.dtype, (name, got.dtype, want.dtype)
            np.testing.assert_array_equal(got, want, err_msg=name)
    return True


if __name__ == "__main__":
    where, *files = sys.argv[1:]
    for file in files:
        check(Path(where), file)
    if not files:
        make(Path(where))
