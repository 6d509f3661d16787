"""check_convert.py DIR FILE...: what Flagstone made of a.nc, held against it by netCDF4 and zarr-python."""

import sys
from pathlib import Path

import netCDF4
import numpy as np
import zarr

PATHS = ["time", "lat", "lon", "lat_bnds", "tas", "height", "late", "deep/level", "deep/u"]


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


def main(directory, *files):
    directory = Path(directory)
    with netCDF4.Dataset(directory / "a.nc") as source:
        for name in files:
            (check_zarr if name.endswith(".zarr") else check_netcdf)(source, directory / name)


def check_netcdf(source, path):
    with netCDF4.Dataset(path) as f:
        assert f.title == source.title, path
        dimensions = lambda of: {name: len(d) for name, d in of.dimensions.items()}
        assert dimensions(f) == dimensions(source), (path, dimensions(f))
        assert dimensions(f["deep"]) == dimensions(source["deep"]), (path, dimensions(f["deep"]))
        if "more" in f.variables:
            assert f["more"].dimensions == source["tas"].dimensions, (path, f["more"].dimensions)
        for name in PATHS:
            want, found = source[name], f[name]
            assert found.dimensions == want.dimensions, (path, name, found.dimensions)
            assert found.dtype == want.dtype, (path, name, found.dtype)
            attributes = lambda of: {a: plain(of.getncattr(a)) for a in of.ncattrs()}
            kinds = lambda of: {a: np.asarray(of.getncattr(a)).dtype for a in of.ncattrs()}
            assert kinds(found) == kinds(want), (path, name, kinds(found), kinds(want))
            np.testing.assert_equal(attributes(found), attributes(want), err_msg=f"{path} {name}")
            # As its reader decodes it, with what is missing.
            np.testing.assert_array_equal(np.ma.filled(found[...], -1), np.ma.filled(want[...], -1), err_msg=f"{path} {name}")
            assert np.array_equal(np.ma.getmaskarray(found[...]), np.ma.getmaskarray(want[...])), (path, name)


def check_zarr(source, path):
    group = zarr.open_group(str(path), mode="r")
    assert dict(group.attrs) == {"title": source.title}, path
    for name in PATHS:
        want, found = source[name], group[name]
        want.set_auto_maskandscale(False)
        names = found.metadata.dimension_names if found.metadata.zarr_format == 3 else found.attrs["_ARRAY_DIMENSIONS"]
        assert tuple(names or ()) == want.dimensions, (path, name, names)
        assert found.dtype == want.dtype, (path, name)
        np.testing.assert_array_equal(found[...], want[...], err_msg=f"{path} {name}")
        for a in set(want.ncattrs()) - {"_FillValue"}:
            assert np.array_equal(found.attrs[a], plain(want.getncattr(a))), (path, name, a)
        if "_FillValue" in want.ncattrs():
            np.testing.assert_equal(plain(found.fill_value), plain(want.getncattr("_FillValue")))
            # as xarray has it
            assert isinstance(found.attrs.get("_FillValue"), str) == (found.metadata.zarr_format == 3 and found.dtype.kind == "f"), (path, name)
        want.set_auto_maskandscale(True)


if __name__ == "__main__":
    main(*sys.argv[1:])
