"""NumPy: whole arrays in memory, or a loop over slices where that is what one would write."""

import os

import h5py
import numpy as np
import zarr


def job(_engine, name, _chunks, files):
    rng = np.random.default_rng(0)

    def square():
        return zarr.open_array(files["square"], mode="r")[:]

    def mean_of_slices():
        x = h5py.File(files["random"], "r")["x"]
        step = 1_000_000
        return sum(float(x[i : i + step].sum(dtype="f8")) for i in range(0, x.shape[0], step)) / x.shape[0]

    def load(name):
        return np.load(files[name])

    def stored(values, target):
        np.save(os.path.join(files["out"], f"numpy_{target}.npy"), values)

    jobs = {
        "mean_h5": mean_of_slices,
        "norm_mean": lambda: sum(rng.normal(10, 0.1, size=10**6).sum() for _ in range(1000)) / 1e9,
        "matmul8000": lambda: (np.load(files["left"]) @ np.load(files["right"])).max(),
        "tensordot": lambda: np.tensordot(np.load(files["tensor"]), np.load(files["cotensor"]), 2).max(),
        "matmul8000_f32": lambda: (load("left32") @ load("right32")).max(),
        "cholesky8000": lambda: np.linalg.cholesky(load("positive")).diagonal().sum(),
        "cholesky16000": lambda: np.linalg.cholesky(load("positive16000")).diagonal().sum(),
        "lu8000": lambda: np.linalg.slogdet(load("left"))[1],
        "lu16000": lambda: np.linalg.slogdet(load("left16000"))[1],
        "solve8000": lambda: abs(np.linalg.solve(load("left"), load("right")[:, :100])).sum(),
        "qr8000_r": lambda: abs(np.linalg.qr(load("left"), "r").diagonal()).sum(),
        "inv8000": lambda: abs(np.linalg.inv(load("left"))).sum(),
        "eigh4000": lambda: abs(np.linalg.eigh(load("positive")[:4000, :4000])[1]).sum(),
        "svd4000": lambda: abs(np.linalg.svd(load("left")[:4000, :4000])[0]).sum(),
        "eigh_stack": lambda: np.linalg.eigvalsh(load("stack")).max(),
        "median_all": lambda: np.median(h5py.File(files["random"], "r")["x"][:], overwrite_input=True),
        "sort": lambda: stored(np.sort(load("long")), "sort"),
        "argsort": lambda: stored(np.argsort(load("long"), kind="stable"), "argsort"),
        "take": lambda: stored(load("half")[load("permutation")], "take"),
        "fft": lambda: abs(np.fft.fft(square(), axis=0)).max(),
        "zarr_sum": lambda: square().sum(),
        "zarr_std0": lambda: square().std(axis=0).sum(),
        "zarr_fused": lambda: (lambda x: (np.exp(-(((x - 10) / 3) ** 2) / 2) * np.sin(x)).sum())(square()),
        "zarr_xxt": lambda: (lambda x: (x + x.T).mean(axis=0).sum())(square()),
    }
    return jobs[name]
