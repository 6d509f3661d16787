"""dask.array, and dask-array (the same interface), on the threaded scheduler."""

import importlib
import os

import dask
import h5py
import numpy as np


def job(engine, name, chunks, files):
    da = importlib.import_module("dask.array" if engine == "dask" else "dask_array")
    dask.config.set(scheduler="threads")
    given = {} if chunks is None else {"chunks": chunks}

    def h5(file):
        return da.from_array(h5py.File(files[file], "r")["x"], **given)

    def square():
        return da.from_zarr(files["square"], **given)

    def random(function, *parameters, size):
        return getattr(da.random, function)(*parameters, size=size, **given)

    def stored(x, target):
        path = os.path.join(files["out"], f"{engine}_{target}.zarr")
        da.to_zarr(x, path, overwrite=True)

    def copied():
        # to_zarr writes the array's own chunks: those of the input, as for the others
        x = square() * 2
        stored(x.rechunk((1000, 1000)), "copy")

    def demeaned(x):
        return (x - x.mean(axis=1, keepdims=True)).std(axis=0).compute().sum()

    def tensordot():
        # chunks of the second one: as those of the first, the long axis last
        x, y = (np.load(files[name], mmap_mode="r") for name in ("tensor", "cotensor"))
        mirrored = {"chunks": (*chunks[1:], chunks[0])} if isinstance(chunks, tuple) else given
        return da.tensordot(da.from_array(x, **given), da.from_array(y, **mirrored), 2).max().compute()

    def npy(file):
        return da.from_array(np.load(files[file], mmap_mode="r"), **given)

    def zarr(file):
        return da.from_zarr(files[file], **given)

    def qr_tall():
        q, r = da.linalg.qr(npy("tall"))
        return sum(dask.compute(abs(q).sum(), abs(r).sum()))

    def leading(x):
        return da.linalg.svd_compressed(x - x.mean(axis=0), 20, seed=1)[1][0].compute()

    def unique_counts(x):
        return da.unique(x.ravel(), return_counts=True)[1].compute().max()

    def cells(x):
        return da.histogram(x, bins=100, range=[0, 20])[0].compute().max()

    def means(x, labels, groups):
        import flox

        found = flox.groupby_reduce(x, labels, func="mean", expected_groups=np.arange(groups))[0]
        return found

    def monthly():
        x, months = zarr("climate"), np.load(files["months"])
        return x, months, da.moveaxis(means(da.moveaxis(x, 0, -1), months, 12), -1, 0)

    def climatology():
        import flox

        x, days, year = zarr("climate"), np.arange(4000) % 365, np.arange(365)
        apart = abs(year[:, None] - year)
        weights = np.maximum(31.0 - np.minimum(apart, 365 - apart), 0)
        sums = flox.groupby_reduce(da.moveaxis(x, 0, -1), days, func="sum", expected_groups=year)[0]
        weighted = da.tensordot(weights, da.moveaxis(sums, -1, 0), 1)
        return (weighted / (weights @ np.bincount(days))[:, None, None]).max(axis=0).sum().compute()

    def smooth(b):
        c = b.copy()
        c[1:-1, 1:-1] = (b[:-2, 1:-1] + b[2:, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:]) / 4
        return c

    def overlap():
        x = random("random", size=(31600, 31600))
        return da.map_overlap(smooth, x, depth=1, boundary="reflect").mean().compute()

    jobs = {
        "map_overlap": overlap,
        "qr_tall": qr_tall,
        "svd_tall": lambda: da.linalg.svd(npy("tall"))[1].sum().compute(),
        "svd_compressed": lambda: leading(square()),
        "inv_corner": lambda: da.linalg.inv(npy("left10000"))[:100, :10].sum().compute(),
        "median0": lambda: da.median(square(), axis=0).sum().compute(),
        "unique_counts": lambda: unique_counts(square()),
        "topk": lambda: da.topk(h5("random"), 100).sum().compute(),
        "histogram": lambda: cells(square()),
        "cumsum": lambda: da.cumsum(square(), axis=0).max().compute(),
        "mask": lambda: (lambda x: x[x > 12].mean().compute())(square()),
        "reshape": lambda: stored(square().reshape((256000, 1000)).rechunk((16000, 1000)), "reshape"),
        "shuffle": lambda: stored(square()[np.load(files["order"])].rechunk((1000, 1000)), "shuffle"),
        "fft": lambda: abs(da.fft.fft(square(), axis=0)).max().compute(),
        "monthly_means": lambda: monthly()[2].mean().compute(),
        "anomalies": lambda: (lambda x, months, m: (x - m[months]).std(axis=0).sum().compute())(*monthly()),
        "day_climatology": climatology,
        "zonal": lambda: means(zarr("raster"), zarr("zones"), 400).max().compute(),
        "mean_h5": lambda: h5("random").mean().compute(),
        "mean_h5_cold": lambda: h5("random").mean().compute(),
        "mean_h5c": lambda: h5("plain_chunks").mean().compute(),
        "mean_h5c_deflate": lambda: h5("deflated").mean().compute(),
        "norm_slice": lambda: random("normal", 10, 0.1, size=(20000, 20000))[::100].mean(axis=0).compute().sum(),
        "norm_mean": lambda: random("normal", 10, 0.1, size=(10**9,)).mean().compute(),
        "rand80k": lambda: random("random", size=(80000, 80000)).mean(axis=0)[::10].compute().sum(),
        "demean": lambda: demeaned(h5("chunked")),
        "tensordot": tensordot,
        "zarr_sum": lambda: square().sum().compute(),
        "zarr_std0": lambda: square().std(axis=0).compute().sum(),
        "zarr_fused": lambda: (lambda x: (da.exp(-(((x - 10) / 3) ** 2) / 2) * da.sin(x)).sum().compute())(square()),
        "zarr_xxt": lambda: (lambda x: (x + x.T).mean(axis=0).compute().sum())(square()),
        "copy_double": copied,
        "copy_double_same": copied,
        "rechunk": lambda: stored(square().rechunk((16000, 100)), "rechunk"),
        "rechunk_same": lambda: stored(square().rechunk((16000, 100)), "rechunk"),
    }
    return jobs[name]
