"""make_labels.py DIR: labels.h5, whose axes have labels that NetCDF's dimensions cannot all have; unlimited.nc of netCDF4, with a dimension without a
limit that no variable is named after."""

import sys
from pathlib import Path

import h5py
import netCDF4
import numpy as np


def main(directory):
    with h5py.File(Path(directory) / "labels.h5", "w") as f:

        def put(name, shape, labels):
            f[name] = np.arange(np.prod(shape), dtype="i4").reshape(shape)
            for axis, label in enumerate(labels):
                f[name].dims[axis].label = label

        # one name for two lengths: of one array, and of two
        put("a", (3, 4), ["x", "x"])
        put("g/a", (3, 4), ["x", "x"])
        put("h/a", (3,), ["x"])
        put("h/b", (4,), ["x"])
        # some axes without a label
        put("h/c", (5, 6), ["", "y"])
        # names of another dataset and of a group
        put("k/a", (3,), ["b"])
        put("k/b", (2, 2), ["c", "c"])
        put("k/d", (3,), ["e"])
        put("k/e/f", (2,), ["x"])
        put("m/y", (5,), ["x"])
    with netCDF4.Dataset(Path(directory) / "unlimited.nc", "w") as f:
        f.createDimension("t", None)
        f.createDimension("x", 3)
        f.createVariable("v", "f8", ("t", "x"))[...] = np.arange(6.0).reshape(2, 3)
        f.createVariable("x", "f8", ("x",))[...] = [7, 8, 9]


if __name__ == "__main__":
    main(sys.argv[1])
