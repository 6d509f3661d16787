"""make_netcdf.py DIR: NetCDF files as netCDF4 writes them, and an .npy of every variable, as stored and decoded.

DIR/cases.txt has a line for each: FILE<tab>VARIABLE<tab>NPY of what is stored<tab>NPY of the values ("-" where nothing is to be
decoded)<tab>DIMENSIONS by comma.
"""

import sys
from pathlib import Path

import netCDF4
import numpy as np

CLASSIC = ["i1", "i2", "i4", "f4", "f8"]
MORE = CLASSIC + ["u1", "u2", "u4", "i8", "u8"]


def values(shape, dtype):
    n = np.arange(int(np.prod(shape)), dtype="f8").reshape(shape)
    return (n % 100 - (0 if dtype[0] == "u" else 50)).astype(dtype)


def main(directory):
    directory = Path(directory)
    cases = []
    for kind, types in [
        ("NETCDF3_CLASSIC", CLASSIC),
        ("NETCDF3_64BIT_OFFSET", CLASSIC),
        ("NETCDF3_64BIT_DATA", MORE),
        ("NETCDF4", MORE),
        ("NETCDF4_CLASSIC", CLASSIC),
    ]:
        name = f"{kind}.nc"
        with netCDF4.Dataset(directory / name, "w", format=kind) as f:
            fill(f, types)
        cases += listed(directory, name)
    # One record variable alone is not padded; no records at all; no variable at all.
    for name, n in [("one.nc", 7), ("none.nc", 0)]:
        with netCDF4.Dataset(directory / name, "w", format="NETCDF3_CLASSIC") as f:
            f.createDimension("time", None)
            f.createDimension("x", 3)
            f.createVariable("t", "i1", ("time", "x"))[:n] = values((n, 3), "i1")
        cases += listed(directory, name)
    with netCDF4.Dataset(directory / "empty.nc", "w", format="NETCDF3_64BIT_OFFSET") as f:
        f.title = "nothing"
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")


def fill(f, types):
    f.title = "a title"
    f.numbers = np.array([1, 2, 3], "i4")
    for name, n in [("time", None), ("lat", 5), ("lon", 7)]:
        f.createDimension(name, n)
    for dtype in types:
        f.createVariable(f"flat_{dtype}", dtype, ("lat", "lon"))[:] = values((5, 7), dtype)
        f.createVariable(f"record_{dtype}", dtype, ("time", "lat", "lon"))[:] = values((9, 5, 7), dtype)
        f.createVariable(f"series_{dtype}", dtype, ("time",))[:] = values((9,), dtype)
        f.createVariable(f"scalar_{dtype}", dtype, ())[:] = values((), dtype)
    f.createVariable("text", "S1", ("lat",))[:] = np.array(list("abcde"), "S1")
    f.createVariable("lat", "f4", ("lat",))[:] = values((5,), "f4")

    def packed(name, dtype, stored, **attributes):
        variable = f.createVariable(name, dtype, ("time", "lat"), fill_value=attributes.pop("_FillValue", False))
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes)
        variable[:] = stored

    some = values((9, 5), "i2")
    packed("packed_f4", "i2", some, _FillValue=-3, scale_factor=np.float32(0.01), add_offset=np.float32(273.15))
    packed("packed_f8", "i2", some, _FillValue=-3, scale_factor=0.01, add_offset=273.15)
    packed("packed_i4", "i4", some, missing_value=np.array([-3, 4], "i4"), scale_factor=np.float32(0.1))
    packed("packed_f8_f4", "f8", some, scale_factor=np.float32(0.1), add_offset=np.float32(3))
    packed("mixed", "i2", some, scale_factor=np.float32(0.1), add_offset=1.5)
    packed("offset", "i2", some, add_offset=np.float32(1.1), missing_value=np.int16(7))
    packed("floats", "f4", some, _FillValue=np.float32(1e20), missing_value=np.float32(-1))
    packed("ranged", "i2", some, valid_range=np.array([-10, 20], "i2"), _FillValue=0)
    packed("least", "i4", some, valid_min=np.int32(-5))
    packed("most", "f8", some, valid_max=12.5)
    packed("unsigned", "i1", values((9, 5), "i1"), _Unsigned="true", _FillValue=-1, scale_factor=0.5)
    # Several numbers are no scale.
    packed("scales", "i2", some, scale_factor=np.array([0.1, 0.2]), add_offset=1.0)
    f["floats"][2, 3] = 1e20


def listed(directory, name):
    lines = []
    with netCDF4.Dataset(directory / name) as f:
        # Without an attribute the reader takes NetCDF's own fill values for missing: what is decoded here has attributes.
        for variable in f.variables.values():
            if variable.dtype.kind == "S":
                continue
            variable.set_auto_maskandscale(False)
            raw = f"{len(list(directory.iterdir())):04}.npy"
            stored = np.asarray(variable[...])
            np.save(directory / raw, stored.astype(stored.dtype.newbyteorder("=")))
            decoded = "-"
            if {"_FillValue", "missing_value", "scale_factor", "add_offset", "valid_range", "valid_min", "valid_max"} & set(variable.ncattrs()):
                variable.set_auto_maskandscale(True)
                found = np.ma.masked_array(variable[...])
                masked = {"_FillValue", "missing_value", "valid_range", "valid_min", "valid_max"} & set(variable.ncattrs())
                if masked and found.dtype.kind != "f":
                    found = found.astype("f4" if found.dtype.itemsize <= 2 else "f8")
                decoded = f"{len(list(directory.iterdir())):04}.npy"
                np.save(directory / decoded, found.filled(np.nan) if masked else np.asarray(found.data))
            lines.append(f"{name}\t/{variable.name}\t{raw}\t{decoded}\t{','.join(variable.dimensions)}")
    return lines


if __name__ == "__main__":
    main(sys.argv[1])
