"""One job on files by one peer in this process: python file_jobs.py PEER JOB SOURCE OUT -> a line of JSON (seconds)."""

import json
import os
import sys
import time
import warnings

peer, job, source, out = sys.argv[1:5]
warnings.simplefilter("ignore")


def summed():
    import h5py
    import hdf5plugin  # noqa: F401
    import numpy as np

    def work():
        # a row of chunks at once, as one does who has no memory for all
        with h5py.File(source, "r") as f:
            x = f["x"]
            return sum(float(np.sum(x[i : i + x.chunks[0]], dtype="f8")) for i in range(0, x.shape[0], x.chunks[0]))

    return work


def element():
    if peer == "zarr":
        import zarr

        def opened():
            return zarr.open_array(zarr.storage.ZipStore(source, mode="r") if source.endswith(".zip") else source, mode="r")[1234567]

        return opened
    import h5py

    def work():
        with h5py.File(source, "r") as f:
            return f["x"][1234567] if f["x"].ndim == 1 else f["x"][1234, 567]

    return work


def listed():
    lines = []
    if peer == "zarr":
        import zarr

        def work():
            for name, x in zarr.open_group(source, mode="r").members(max_depth=None):
                lines.append(f"{name} {x.shape} {x.dtype} {x.chunks} {dict(x.attrs)}")

        return work
    import h5py

    def show(name, x):
        lines.append(f"{name} {x.shape} {x.dtype} {x.chunks} {x.compression}" if isinstance(x, h5py.Dataset) else name)

    def work():
        with h5py.File(source, "r") as f:
            f.visititems(show)

    return work


def converted():
    import dask
    import zarr

    from_chunks, to_chunks = (1000, 1000), (1000, 1000) if job == "convert_codec" else (6000, 250)
    blosc, zstd = zarr.codecs.BloscCodec(typesize=4, cname="lz4", clevel=5, shuffle="shuffle"), zarr.codecs.ZstdCodec(level=0)
    codec = {"convert_codec": blosc, "convert_rechunk": None, "convert_rechunk_zstd": zstd}[job]
    dask.config.set(scheduler="threads")
    import dask.array as da

    def work():
        x = da.from_zarr(source, chunks=from_chunks).rechunk(to_chunks)
        z = zarr.create_array(out, shape=x.shape, chunks=to_chunks, dtype=x.dtype, compressors=codec)
        da.store(x, z, lock=False)

    return work


def pyramid():
    import dask
    import dask.array as da
    import ngff_zarr as nz

    dask.config.set(scheduler="threads")

    def work():
        image = nz.to_ngff_image(da.from_zarr(source), dims=["c", "y", "x"])
        levels = nz.to_multiscales(image, [2, 4, 8, 16, 32, 64], method=nz.Methods.ITKWASM_BIN_SHRINK, chunks={"c": 1, "y": 1024, "x": 1024})
        nz.to_ngff_zarr(out, levels, version="0.5")

    return work


kinds = {"h5": summed, "open": element, "info": listed, "convert": converted, "pyramid": pyramid}
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
work = kinds[job.split("_")[0]]()
start = time.perf_counter()
work()
print(json.dumps({"seconds": time.perf_counter() - start}))
