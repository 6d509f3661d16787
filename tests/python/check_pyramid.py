"""Holds an image pyramid, which Flagstone wrote, against NumPy: `SOURCE.npy TARGET METHOD AXES HALVED`. Levels are read by zarr-python;
metadata are those of the OME-Zarr specification 0.5."""

import itertools
import sys

import numpy as np
import zarr

source, target, method, axes, halved = sys.argv[1:6]
group = zarr.open_group(target, mode="r")
assert group.metadata.zarr_format == 3
ome = group.attrs["ome"]
assert ome["version"] == "0.5" and len(ome["multiscales"]) == 1, ome
image = ome["multiscales"][0]
assert [axis["name"] for axis in image["axes"]] == list(axes), image["axes"]
kinds = {"t": "time", "c": "channel"}
assert [axis["type"] for axis in image["axes"]] == [kinds.get(name, "space") for name in axes], image["axes"]
assert image["type"] == method


def boxes(values, axis_halved):
    """The places of each box as a first axis, and which of them there are: at odd ends some are not."""
    pad = [(0, n % 2 if half else 0) for n, half in zip(values.shape, axis_halved)]
    padded = np.pad(values, pad)
    there = np.pad(np.ones(values.shape, bool), pad)
    steps = [range(2) if half else [None] for half in axis_halved]
    cuts = [tuple(slice(None) if at is None else slice(at, None, 2) for at in place) for place in itertools.product(*steps)]
    return np.stack([padded[cut] for cut in cuts]), np.stack([there[cut] for cut in cuts])


def coarser(values, axis_halved):
    found, there = boxes(values, axis_halved)
    if method == "nearest":
        return found[0]
    if method == "mean":
        mean = np.where(there, found.astype("f8"), 0).sum(0) / there.sum(0)
        return (np.rint(mean) if values.dtype.kind in "iu" else mean).astype(values.dtype)
    # how often the value of each place occurs in its box; of the most frequent ones the least
    counts = np.stack([((found == one) & there).sum(0) * here for one, here in zip(found, there)])
    return np.where(counts == counts.max(0), found, np.iinfo(values.dtype).max).min(0).astype(values.dtype)


values = np.load(source)
factors = np.ones(values.ndim)
for level, dataset in enumerate(image["datasets"]):
    assert dataset["path"] == str(level)
    array = group[dataset["path"]]
    if level > 0:
        now = [name in halved and n > 1 for name, n in zip(axes, values.shape)]
        values = coarser(values, now)
        factors *= np.where(now, 2, 1)
    got = array[...]
    assert got.dtype == values.dtype and got.shape == values.shape, (level, got.shape, values.shape)
    assert list(array.metadata.dimension_names) == list(axes)
    assert np.array_equal(got, values), f"level {level} differs at {np.argwhere(got != values)[:3]}"
    scale, *moved = dataset["coordinateTransformations"]
    assert scale["type"] == "scale" and len(scale["scale"]) == len(axes)
    measure = [0.5 if name == "x" else 1.0 for name in axes]
    assert np.array_equal(scale["scale"], factors * measure), scale
    want = (factors - 1) / 2 * measure
    if method != "nearest" and want.any():
        assert moved[0]["type"] == "translation" and np.array_equal(moved[0]["translation"], want), moved
    else:
        assert not moved
print(len(image["datasets"]))
