"""Whether arrays have the same values, or the second levels of pyramids nearly so: python file_same.py ARRAY..."""

import sys

import numpy as np
import zarr


def opened(path):
    """An array and how far apart its values may be: means of integers are rounded in two ways."""
    found = zarr.open(path, mode="r")
    if isinstance(found, zarr.Array):
        return found, 0
    # ngff-zarr puts each level into a group of its own
    levels = [found[dataset["path"]] for dataset in found.attrs["ome"]["multiscales"][0]["datasets"]]
    return levels[1], 1


first, slack = opened(sys.argv[1])
for path in sys.argv[2:]:
    other, _ = opened(path)
    if first.shape != other.shape:
        sys.exit(f"{path} has the shape {other.shape}, not {first.shape}")
    step = 1000 if len(first.shape) == 2 else 1
    for i in range(0, first.shape[0], step):
        apart = np.abs(first[i : i + step].astype("f8") - other[i : i + step].astype("f8")).max()
        if apart > slack:
            sys.exit(f"{path} is {apart} apart")
