"""check_h5.py DIR: reads with h5py what Flagstone wrote and compares with the .npy files beside it.

DIR/written.txt has a line for each: FILE<tab>DATASET<tab>NPY<tab>CHUNKS<tab>COMPRESSION.
"""

import sys
from pathlib import Path

import h5py
import numpy as np


def main(directory):
    directory = Path(directory)
    lines = (directory / "written.txt").read_text().splitlines()
    assert lines, "nothing was written"
    for line in lines:
        file, name, npy, chunks, compression = line.split("\t")
        with h5py.File(directory / file, "r") as f:
            dataset, expected = f[name], np.load(directory / npy)
            assert dataset.dtype == expected.dtype, (line, dataset.dtype, expected.dtype)
            assert str(dataset.compression).lower() == compression, (line, dataset.compression)
            want = None if chunks == "none" else tuple(int(c) for c in chunks.split(","))
            assert dataset.chunks == want, (line, dataset.chunks)
            np.testing.assert_array_equal(dataset[...], expected, err_msg=line)
            assert dataset.attrs["units"] == "m" and list(dataset.attrs["list"]) == [1, 2], line
            assert bool(dataset.attrs["flag"]) is True and dataset.attrs["x"] == 1.5, line
            if dataset.ndim:
                assert dataset.dims[0].label == "time", line
    print(f"{len(lines)} datasets agree")


if __name__ == "__main__":
    main(sys.argv[1])
