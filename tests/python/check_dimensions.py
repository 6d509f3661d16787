"""check_dimensions.py DIR WHAT: dimensions that Flagstone gave to what it stored, as netCDF4 sees them."""

import sys
from pathlib import Path

import netCDF4
import numpy as np


def dimensions(of):
    return {name: len(d) for name, d in of.dimensions.items()}


def evaluated(directory):
    with netCDF4.Dataset(directory / "a.nc") as f:
        assert dimensions(f) == {"dim_0": 3, "dim_1": 4, "dim_2": 5, "dim_3": 3}, dimensions(f)
        assert dimensions(f["g"]) == {"dim_4": 7}, dimensions(f["g"])
        wanted = {"x": ("dim_0", "dim_1"), "y": ("dim_1", "dim_2"), "square": ("dim_0", "dim_3"), "g/line": ("dim_1",), "g/alone": ("dim_4",), "scalar": ()}
        assert {name: f[name].dimensions for name in wanted} == wanted, {name: f[name].dimensions for name in wanted}
        assert set(f.variables) | {f"g/{name}" for name in f["g"].variables} == set(wanted)
        np.testing.assert_array_equal(f["y"][...], np.arange(20.0).reshape(4, 5))
        assert all(not f[name].ncattrs() for name in wanted)


def replaced(directory):
    with netCDF4.Dataset(directory / "a.nc") as f:
        assert dimensions(f) == {"time": 4, "lat": 5, "lon": 7, "bnds": 2}, dimensions(f)
        for name, want in {"tas": ("time", "lat", "lon"), "time": ("time",), "lat_bnds": ("lat", "bnds"), "bnds": ("bnds",)}.items():
            assert f[name].dimensions == want, (name, f[name].dimensions)
        np.testing.assert_array_equal(f["time"][...], np.arange(4) * 12.0)
        np.testing.assert_array_equal(f["bnds"][...], [10, 11])
        assert f["tas"].dtype == "f8" and f["tas"][3, 4, 6] == 138
        assert f["deep/u"].dimensions == ("level", "lat")


def generated(directory):
    with netCDF4.Dataset(directory / "d.nc") as f:
        assert dimensions(f) == {"dim_0": 30, "dim_1": 7}, dimensions(f)
        assert f["x"].dimensions == ("dim_0", "dim_1"), f["x"].dimensions


if __name__ == "__main__":
    {"eval": evaluated, "replaced": replaced, "data-gen": generated}[sys.argv[2]](Path(sys.argv[1]))
