"""Makes the files of the comparison of formats where they are missing: python file_gen.py DIR NAME..."""

import os
import sys
import zipfile

from gen import write

CHUNKS = 1_000_000
PLUGINS = ("blosc", "lz4", "bitshuffle")


def values(rows, columns, seed=0):
    import numpy as np

    rng = np.random.default_rng(seed)
    return np.round(rng.normal(10, 3, size=(rows, columns)), 2).astype("f4")


def plugin(name):
    """100 million float32 in chunks of 1 MiB, by the filter's own defaults."""

    def create(part):
        import h5py
        import hdf5plugin

        filters = {"blosc": hdf5plugin.Blosc(), "lz4": hdf5plugin.LZ4(), "bitshuffle": hdf5plugin.Bitshuffle()}
        with h5py.File(part, "w") as f:
            x = f.create_dataset("x", shape=(20480, 5120), chunks=(512, 512), dtype="f4", compression=filters[name])
            for i in range(0, 20480, 512):
                x[i : i + 512] = values(512, 5120, i)

    return create


def indexed(**settings):
    """A million chunks of 4 numbers; `libver` and maximum shape decide the index."""

    def create(part):
        import h5py
        import numpy as np

        libver = settings.pop("libver")
        with h5py.File(part, "w", libver=libver) as f:
            early = settings.pop("early", False)
            shape = settings.pop("shape", (4 * CHUNKS,))
            chunks = settings.pop("chunks", (4,))
            if early:
                settings_list = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                settings_list.set_chunk(chunks)
                settings_list.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                space = h5py.h5s.create_simple(shape)
                h5py.h5d.create(f.id, b"x", h5py.h5t.NATIVE_INT16, space, settings_list)
                x = f["x"]
            else:
                x = f.create_dataset("x", shape=shape, chunks=chunks, dtype="i2", **settings)
            if len(shape) == 1:
                x[...] = np.arange(shape[0], dtype="i8").astype("i2")
            else:
                step = 2 * chunks[0]
                for i in range(0, shape[0], step):
                    x[i : i + step] = (np.arange(step * shape[1], dtype="i8") + i * shape[1]).astype("i2").reshape(step, shape[1])

    return create


def shard(part):
    import numpy as np
    import zarr

    z = zarr.create_array(part, shape=(4 * CHUNKS,), chunks=(4,), shards=(4 * CHUNKS,), dtype="i2", compressors=None, filters=None, fill_value=-1)
    # by hand, since zarr-python takes many minutes: the chunks one after the other, then their places
    numbers = np.arange(4 * CHUNKS, dtype="i8").astype("<i2")
    places = np.empty((CHUNKS, 2), dtype="<u8")
    places[:, 0], places[:, 1] = np.arange(CHUNKS) * 8, 8
    import google_crc32c

    index = places.tobytes()
    sum_ = google_crc32c.value(index)
    del z
    os.makedirs(os.path.join(part, "c"), exist_ok=True)
    with open(os.path.join(part, "c", "0"), "wb") as f:
        f.write(numbers.tobytes() + index + sum_.to_bytes(4, "little"))


def packed(part):
    import json

    import numpy as np

    metadata = {"zarr_format": 2, "shape": [4 * CHUNKS], "chunks": [4], "dtype": "<i2", "compressor": None, "fill_value": -1, "order": "C", "filters": None}
    numbers = np.arange(4 * CHUNKS, dtype="i8").astype("<i2").tobytes()
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as z:
        z.writestr(".zarray", json.dumps(metadata))
        for n in range(CHUNKS):
            z.writestr(zipfile.ZipInfo(str(n)), numbers[8 * n : 8 * n + 8])


def loose(part):
    """Its chunks are files, of which a few are there: to open it no directory is listed."""
    import zarr

    z = zarr.create_array(part, shape=(4 * CHUNKS,), chunks=(4,), dtype="i2", fill_value=-1)
    z[2_000_000:2_000_400] = 1


def many(version):
    def create(part):
        import warnings

        import numpy as np
        import zarr

        warnings.simplefilter("ignore")
        group = zarr.create_group(part, zarr_format=version)
        for n in range(1000):
            x = group.create_array(f"variable_{n:04}", shape=(10,), chunks=(10,), dtype="f4", attributes={"units": "K", "number": n})
            if n % 100 == 0:
                x[:] = np.arange(10)
        zarr.consolidate_metadata(part, zarr_format=version)

    return create


def square(part):
    import zarr

    z = zarr.create_array(part, shape=(12000, 12000), chunks=(1000, 1000), dtype="f4")
    for i in range(0, 12000, 1000):
        z[i : i + 1000] = values(1000, 12000, i)


def image(part):
    """A smooth picture with noise: 3 x 12288 x 12288 of uint16, 906 MB."""
    import numpy as np
    import zarr

    rng = np.random.default_rng(5)
    z = zarr.create_array(part, shape=(3, 12288, 12288), chunks=(1, 1024, 1024), dtype="u2", dimension_names=["c", "y", "x"])
    y, x = np.mgrid[0:1024, 0:12288]
    for c in range(3):
        for i in range(0, 12288, 1024):
            smooth = 2000 + 1000 * np.sin((y + i) / (300 + 50 * c)) * np.cos(x / 500)
            z[c, i : i + 1024] = (smooth + rng.integers(0, 64, size=smooth.shape)).astype("u2")


def h5ad(part):
    import anndata
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    rng = np.random.default_rng(6)
    x = sp.random(20000, 2000, density=0.05, format="csr", dtype="f4", random_state=rng)
    names = [f"cell{n}" for n in range(20000)]
    obs = pd.DataFrame({"kind": pd.Categorical([f"k{n % 12}" for n in range(20000)]), "depth": rng.random(20000)}, index=names)
    var = pd.DataFrame(index=[f"gene{n}" for n in range(2000)])
    obsm = {"X_pca": rng.random((20000, 50)), "X_umap": rng.random((20000, 2))}
    found = anndata.AnnData(x, obs=obs, var=var, obsm=obsm, uns={"pca": {"variance": rng.random(50)}, "title": "t"})
    found.layers["raw"] = x.copy()
    found.write_h5ad(part)


def nwb(part):
    from datetime import datetime, timezone

    import numpy as np
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries

    rng = np.random.default_rng(7)
    file = NWBFile(session_description="s", identifier="i", session_start_time=datetime(2026, 1, 1, tzinfo=timezone.utc))
    for n in range(40):
        file.add_acquisition(TimeSeries(name=f"series{n}", data=rng.normal(size=(10000, 4)), unit="V", rate=1000.0))
    for n in range(50):
        file.add_unit(spike_times=np.sort(rng.random(200)), id=n)
    for n in range(100):
        file.add_trial(start_time=float(n), stop_time=n + 0.5)
    with NWBHDF5IO(part, "w") as io:
        io.write(file)


HOW = {
    **{f"{name}.h5": plugin(name) for name in PLUGINS},
    "index_btree1.h5": indexed(libver="earliest"),
    "index_implicit.h5": indexed(libver="latest", early=True),
    "index_fixed.h5": indexed(libver="latest"),
    "index_fixed_filtered.h5": indexed(libver="latest", shuffle=True),
    "index_extensible.h5": indexed(libver="latest", maxshape=(None,)),
    "index_extensible_filtered.h5": indexed(libver="latest", maxshape=(None,), shuffle=True),
    "index_btree2.h5": indexed(libver="latest", shape=(2000, 2000), chunks=(2, 2), maxshape=(None, None)),
    "index_btree2_filtered.h5": indexed(libver="latest", shape=(2000, 2000), chunks=(2, 2), maxshape=(None, None), shuffle=True),
    "chunks_files.zarr": loose,
    "chunks_shard.zarr": shard,
    "chunks_zip.zarr.zip": packed,
    "consolidated2.zarr": many(2),
    "consolidated3.zarr": many(3),
    "convert.zarr": square,
    "image.zarr": image,
    "cells.h5ad": h5ad,
    "session.nwb": nwb,
}


def make(directory, wanted):
    os.makedirs(directory, exist_ok=True)
    for name in wanted:
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            write(path, HOW[name])


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2:])
