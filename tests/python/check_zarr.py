"""Compares every array in DIR (NAME.zarr or NAME.npy, which Flagstone wrote) with NAME.bin, its elements in C
order, by zarr-python and NumPy. NAME.json says dtype, shape, chunks, attributes and names of axes."""

import json
import sys
from pathlib import Path

import numpy as np
import zarr

checked = 0
for described in sorted(Path(sys.argv[1]).glob("*.json")):
    want = json.loads(described.read_text())
    raw = described.with_suffix(".bin").read_bytes()
    path = str(described)[: -len(".json")] + want["ending"]
    if path.endswith(".npy"):
        got = np.load(path)
    else:
        a = zarr.open_group(path, mode="r")[want["inside"]] if want["inside"] else zarr.open_array(path, mode="r")
        got = a[...]
        assert list(a.chunks) == want["chunks"], (path, a.chunks)
        assert (list(a.shards) if a.shards else None) == want["shards"], (path, a.shards)
        assert a.metadata.zarr_format == want["version"], path
        attributes = dict(a.attrs)
        names = attributes.pop("_ARRAY_DIMENSIONS", None) if want["version"] == 2 else a.metadata.dimension_names
        assert attributes == want["attributes"], (path, attributes)
        assert (list(names) if names else None) == want["names"], (path, names)
    got = np.asarray(got)
    assert got.dtype == np.dtype(want["dtype"]), (path, got.dtype)
    assert list(got.shape) == want["shape"], (path, got.shape)
    assert np.ascontiguousarray(got).tobytes() == raw, f"{path}: elements differ"
    checked += 1
print(checked)
