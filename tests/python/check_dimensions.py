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
        # what was not written to the end of its dimension has one of its own, now that this has a limit
        assert dimensions(f) == {"time": 4, "lat": 5, "lon": 7, "bnds": 2, "dim_0": 2}, dimensions(f)
        np.testing.assert_array_equal(f["late"][...], np.arange(10).reshape(2, 5))
        for name, want in {"tas": ("time", "lat", "lon"), "late": ("dim_0", "lat"), "time": ("time",), "lat_bnds": ("lat", "bnds"), "bnds": ("bnds",)}.items():
            assert f[name].dimensions == want, (name, f[name].dimensions)
        np.testing.assert_array_equal(f["time"][...], np.arange(4) * 12.0)
        np.testing.assert_array_equal(f["bnds"][...], [10, 11])
        assert f["tas"].dtype == "f8" and f["tas"][3, 4, 6] == 138
        assert f["deep/u"].dimensions == ("level", "lat")


def clashing(directory):
    def lengths(of):
        found = {name: tuple(len(d) for d in variable.get_dims()) for name, variable in of.variables.items()}
        return found | {f"{name}/{below}": n for name, group in of.groups.items() for below, n in lengths(group).items()}

    wanted = {"a": (3, 4), "g/a": (3, 4), "h/a": (3,), "h/b": (4,), "h/c": (5, 6), "k/a": (3,), "k/b": (2, 2), "k/d": (3,), "k/e/f": (2,), "m/y": (5,)}
    with netCDF4.Dataset(directory / "labels.nc") as f:
        assert lengths(f) == wanted, lengths(f)
        assert f["a"].dimensions[0] == f["h/a"].dimensions[0] == "x" and f["h/c"].dimensions[1] == "y"
        for name, shape in wanted.items():
            np.testing.assert_array_equal(f[name][...], np.arange(np.prod(shape)).reshape(shape))


    with netCDF4.Dataset(directory / "labels.nc", "a") as f:
        f["h"].createVariable("more", "i4", (f["h/c"].dimensions[0],))[...] = np.arange(5)
    with netCDF4.Dataset(directory / "labels.nc") as f:
        assert list(f["h/more"][...]) == [0, 1, 2, 3, 4]


def stored_again(directory):
    with netCDF4.Dataset(directory / "unlimited.nc", "a") as f:
        assert dimensions(f) == {"t": 2, "x": 3, "y": 4}, dimensions(f)
        for name, (dims, values) in {
            "v": (("t", "x"), np.arange(6.0).reshape(2, 3) * 2),
            "w": (("t", "x"), np.arange(6.0).reshape(2, 3) + 1),
            "x": (("x",), np.arange(1.0, 4)),
            "c": (("y",), np.arange(4.0)),
        }.items():
            assert f[name].dimensions == dims, (name, f[name].dimensions)
            np.testing.assert_array_equal(f[name][...], values)


def generated(directory):
    with netCDF4.Dataset(directory / "d.nc") as f:
        assert dimensions(f) == {"dim_0": 30, "dim_1": 7}, dimensions(f)
        assert f["x"].dimensions == ("dim_0", "dim_1"), f["x"].dimensions


if __name__ == "__main__":
    {"eval": evaluated, "replaced": replaced, "data-gen": generated, "clashing": clashing, "stored again": stored_again}[sys.argv[2]](Path(sys.argv[1]))
