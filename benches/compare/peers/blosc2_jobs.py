"""blosc2's lazy expressions, on an array of its own format."""

import os

import blosc2


def job(_engine, name, _chunks, files):
    x = blosc2.open(files["b2nd"], mode="r")
    out = os.path.join(files["out"], "blosc2_copy.b2nd")
    jobs = {
        "zarr_sum": lambda: x.sum(),
        "zarr_std0": lambda: x.std(axis=0).sum(),
        "zarr_fused": lambda: blosc2.sum(blosc2.exp(-(((x - 10) / 3) ** 2) / 2) * blosc2.sin(x)),
        "copy_double_same": lambda: ((x * 2).compute(urlpath=out, mode="w"), None)[1],
    }
    return jobs[name]
