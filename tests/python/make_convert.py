"""make_convert.py DIR: a.nc as netCDF4 writes it, with groups, coordinates and packed values; and files m_1.nc, m_2.nc, … of which each has
a stretch of time, the last stretch in the first file."""

import sys
from pathlib import Path

import netCDF4
import numpy as np


def main(directory):
    directory = Path(directory)
    with netCDF4.Dataset(directory / "a.nc", "w") as f:
        f.title = "températures"
        f.createDimension("time", None)
        f.createDimension("lat", 5)
        f.createDimension("lon", 7)
        # A dimension without values.
        f.createDimension("bnds", 2)
        v = f.createVariable("time", "f8", ("time",))
        v.units = "hours since 2000-01-01"
        v[:] = np.arange(4) * 6.0
        f.createVariable("lat", "f4", ("lat",))[:] = np.arange(5) * 2 - 4
        f.createVariable("lon", "f4", ("lon",))[:] = np.arange(7) * 3
        f.createVariable("lat_bnds", "f4", ("lat", "bnds"))[:] = np.arange(10).reshape(5, 2)
        v = f.createVariable("tas", "i2", ("time", "lat", "lon"), zlib=True, fill_value=-999)
        v.set_auto_maskandscale(False)
        v.setncatts({"scale_factor": 0.25, "add_offset": 273.15, "units": "K", "valid_range": np.array([-90, 90], "i2")})
        v.setncatts({"small": np.int16(-3), "single": np.float32(0.1), "bytes": np.array([1, 255], "u1"), "wide": np.uint64(2**64 - 1)})
        v.words = "NaN"
        v[:] = np.arange(140).reshape(4, 5, 7) - 70
        v[1, 2, 3] = -999
        v = f.createVariable("height", "f4", (), fill_value=np.nan)
        v[...] = 2
        v.above = np.array([10], "i2")
        # Not written to the end of its dimension.
        f.createVariable("late", "i4", ("time", "lat"))[:2] = np.arange(10).reshape(2, 5)
        g = f.createGroup("deep")
        g.createDimension("level", 3)
        g.createVariable("level", "i4", ("level",))[:] = [1000, 500, 100]
        g.createVariable("u", "f8", ("level", "lat"), fill_value=np.nan)[:] = np.arange(15.0).reshape(3, 5)
    for n in range(12):
        kind = ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA"][n % 3]
        with netCDF4.Dataset(directory / f"m_{n + 1}.nc", "w", format=kind) as f:
            f.createDimension("lat", 3)
            f.createDimension("time", 2)
            v = f.createVariable("time", "i4", ("time",))
            v.units = "days since 2001-01-01" if n < 11 else "days since 2000-01-01"
            v[:] = 100 - 2 * n + np.arange(2)
            f.createVariable("tas", "f4", ("lat", "time"))[:] = np.arange(3)[:, None] * 1000 + 100 - 2 * n + np.arange(2)


if __name__ == "__main__":
    main(sys.argv[1])
