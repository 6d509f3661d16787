"""make_many.py DIR: many files that are one array, as h5py, netCDF4, zarr-python and NumPy write them; `whole.npy` is what they are."""

import sys
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import zarr

ROWS = [3, 8, 0, 5, 1, 7, 4, 2, 6, 9, 8, 11]


def main(directory):
    directory = Path(directory)
    whole = np.random.default_rng(5).normal(size=(sum(ROWS), 6)).astype("f4")
    np.save(directory / "whole.npy", whole)
    np.save(directory / "rows.npy", np.stack([whole[n : n + 4] for n in range(12)]))
    ends = np.cumsum(ROWS)
    for n, end in enumerate(ends):
        part = whole[end - ROWS[n] : end]
        with h5py.File(directory / f"a_{n}.h5", "w") as f:
            # Every third file is cut and encoded in another way.
            how = [dict(chunks=(4, 4), compression="gzip"), dict(chunks=(3, 5), compression="lzf"), {}][n % 3]
            f.create_dataset("x", data=part, maxshape=(None, 6) if how else None, **how)
        np.save(directory / f"n_{n}.npy", part)
        part.astype(">f4").T.copy().tofile(directory / f"r_{n}.bin") if ROWS[n] == 8 else None
        zarr.create_array(directory / f"z_{n}.zarr", data=np.ascontiguousarray(part.T), chunks=(4, 3), compressors="auto")
        with h5py.File(directory / f"s_{n}.h5", "w") as f:
            f.create_dataset("x", data=whole[n : n + 4], chunks=(4, 2), compression="gzip")
            f["when"] = np.int32(30 - n)
    for n in range(4):
        # The last months first, each packed; the third one is packed in another way in q.
        for kind in "pq":
            with netCDF4.Dataset(directory / f"{kind}_{n}.nc", "w") as f:
                f.createDimension("time", None)
                f.createDimension("lat", 3)
                time = f.createVariable("time", "f8", ("time",))
                time.units = "days since 2000-01-01"
                time[:] = 30.0 * (3 - n) + np.arange(2 + n)
                tas = f.createVariable("tas", "i2", ("time", "lat"), zlib=True, fill_value=-999)
                tas.scale_factor = 0.25 if kind == "p" or n != 2 else 0.5
                tas.add_offset = 10.0
                tas.set_auto_maskandscale(False)
                tas[:] = 100 * (3 - n) + 10 * np.arange(2 + n)[:, None] + np.arange(3)
                tas[0, 0] = -999
                # As xarray writes booleans.
                land = f.createVariable("is_land", "i1", ("lat",))
                land.setncattr("dtype", "bool")
                land[:] = [1, 0, 1]
                # As xarray writes every float: NaN is what is missing.
                tos = f.createVariable("tos", "f4", ("time", "lat"), fill_value=np.nan)
                tos[:] = tas[:]
    # As xarray writes Zarr v2: what is missing is the fill value, and no attribute says it.
    filled = zarr.create_array(directory / "filled.zarr", shape=(4,), chunks=(2,), dtype="i2", fill_value=-9, zarr_format=2)
    filled.attrs["_ARRAY_DIMENSIONS"] = ["x"]
    filled[:] = [1, -9, 3, 4]
    packed = [100 * k + 10 * np.arange(5 - k)[:, None] + np.arange(3) for k in range(4)]
    values = [np.where((np.arange(len(p))[:, None] == 0) & (np.arange(3) == 0), np.nan, p * 0.25 + 10.0) for p in packed]
    np.save(directory / "tas.npy", np.concatenate(values))


if __name__ == "__main__":
    main(sys.argv[1])
