"""cubed, on threads."""

import os

import cubed
import cubed.array_api as xp
import cubed.random
import h5py


def job(_engine, name, _chunks, files):
    spec = cubed.Spec(work_dir=files["out"], allowed_mem="4GB", executor_name="threads")

    def square():
        return cubed.from_zarr(files["square"], spec=spec)

    def total(x):
        return float(x.compute().sum())

    def stored(x, target):
        cubed.to_zarr(x, os.path.join(files["out"], f"cubed_{target}.zarr"))

    jobs = {
        "mean_h5": lambda: total(xp.mean(xp.astype(cubed.from_array(h5py.File(files["random"])["x"], chunks=(10_000_000,), spec=spec), xp.float64))),
        "rand80k": lambda: total(xp.mean(cubed.random.random((80000, 80000), chunks=(5000, 5000), spec=spec), axis=0)[::10]),
        "zarr_sum": lambda: total(xp.sum(square())),
        "zarr_fused": lambda: (lambda x: total(xp.sum(xp.exp(-(((x - 10) / 3) ** 2) / 2) * xp.sin(x))))(square()),
        "zarr_xxt": lambda: (lambda x: total(xp.mean(x + x.T, axis=0)))(square()),
        "copy_double_same": lambda: stored(square() * 2, "copy"),
        "rechunk_same": lambda: stored(square().rechunk((16000, 100)), "rechunk"),
    }
    return jobs[name]
