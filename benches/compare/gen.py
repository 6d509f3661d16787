"""Makes the data of the comparison where it is missing, and leaves what is there: python gen.py DIR ALSO_LOOK_IN NAME...

Libraries are imported where they are used: the driver must stay small, since a process starts with the peak
memory of the one that started it.
"""

import os
import sys

FLOATS = 1_000_000_000


def write(path, create):
    """Makes `path` by `create(part)`, whole or not at all."""
    print(f"making {path}", flush=True)
    part = path + ".part"
    create(part)
    os.rename(part, path)


def floats(part):
    import h5py
    import numpy as np

    rng = np.random.default_rng(0)
    with h5py.File(part, "w") as f:
        x = f.create_dataset("/x", shape=(FLOATS,), dtype="f4")
        for i in range(0, FLOATS, 10_000_000):
            x[i : i + 10_000_000] = rng.exponential(size=10_000_000).astype("f4")


def floats_chunked(source, **filters):
    def create(part):
        import h5py

        with h5py.File(source, "r") as f, h5py.File(part, "w") as g:
            x, y = f["x"], g.create_dataset("/x", shape=(FLOATS,), dtype="f4", chunks=(1_000_000,), **filters)
            for i in range(0, FLOATS, 10_000_000):
                y[i : i + 10_000_000] = x[i : i + 10_000_000]

    return create


def table(part):
    import h5py
    import numpy as np

    rng = np.random.default_rng(1)
    with h5py.File(part, "w") as f:
        x = f.create_dataset("/x", shape=(8000, 20000), chunks=(1000, 1000), dtype="f4", compression="gzip", compression_opts=1, shuffle=True)
        for i in range(0, 8000, 1000):
            x[i : i + 1000] = np.round(rng.normal(10, 3, size=(1000, 20000)), 2).astype("f4")


def square(part):
    import numpy as np
    import zarr

    rng = np.random.default_rng(2)
    z = zarr.create_array(part, shape=(16000, 16000), chunks=(1000, 1000), dtype="f8")
    for i in range(0, 16000, 1000):
        z[i : i + 1000] = np.round(rng.normal(10, 3, size=(1000, 16000)), 3)


def factor(seed, shape=(8000, 8000), dtype="f8", shift=0):
    def create(part):
        import numpy as np

        rng = np.random.default_rng(seed)
        x = np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
        step = shape[0] // 8
        for i in range(0, shape[0], step):
            x[i : i + step] = rng.normal(0, 1, size=(step, *shape[1:]))
        # a multiple of the unit matrix, so that the matrix is well conditioned
        if shift:
            x[np.arange(shape[0]), np.arange(shape[0])] += shift
        x.flush()

    return create


def positive(n):
    """A symmetric matrix, positive definite by its diagonal."""

    def create(part):
        import numpy as np

        rng = np.random.default_rng(n)
        x = np.lib.format.open_memmap(part, mode="w+", dtype="f8", shape=(n, n))
        step = n // 16
        for i in range(0, n, step):
            for j in range(0, i + step, step):
                tile = rng.normal(0, 1, size=(step, step))
                x[i : i + step, j : j + step] = tile if i != j else (tile + tile.T) / 2
                x[j : j + step, i : i + step] = x[i : i + step, j : j + step].T
        x[np.arange(n), np.arange(n)] += 3 * n**0.5
        x.flush()

    return create


def stack(part):
    import numpy as np

    x = np.random.default_rng(9).normal(0, 1, size=(1_000_000, 3, 3))
    with open(part, "wb") as f:
        np.save(f, x + x.transpose(0, 2, 1))


def climate(part):
    import numpy as np
    import zarr

    rng = np.random.default_rng(10)
    z = zarr.create_array(part, shape=(4000, 180, 360), chunks=(200, 90, 180), dtype="f4")
    for i in range(0, 4000, 200):
        z[i : i + 200] = np.round(rng.normal(280, 10, size=(200, 180, 360)), 1)


def raster(part):
    import numpy as np
    import zarr

    rng = np.random.default_rng(11)
    z = zarr.create_array(part, shape=(20000, 20000), chunks=(1000, 1000), dtype="f4")
    for i in range(0, 20000, 1000):
        z[i : i + 1000] = np.round(rng.normal(100, 20, size=(1000, 20000)), 1)


def zones(part):
    """Squares of a thousand places a side, numbered; of every other one the rim belongs to its neighbour."""
    import numpy as np
    import zarr

    z = zarr.create_array(part, shape=(20000, 20000), chunks=(1000, 1000), dtype="i4")
    for i in range(0, 20000, 1000):
        rows, columns = np.arange(i, i + 1000)[:, None], np.arange(20000)[None, :]
        z[i : i + 1000] = (np.minimum(rows + 10, 19999) // 1000 * 20 + np.minimum(columns + 10, 19999) // 1000).astype("i4")


def months(part):
    import numpy as np

    with open(part, "wb") as f:
        np.save(f, np.arange(4000) // 30 % 12)


def order(n):
    def create(part):
        import numpy as np

        with open(part, "wb") as f:
            np.save(f, np.random.default_rng(14).permutation(n))

    return create


def blosc(source):
    def create(part):
        import blosc2
        import zarr

        z = zarr.open_array(source, mode="r")
        b = blosc2.empty(shape=z.shape, dtype=z.dtype, urlpath=part, mode="w")
        for i in range(0, z.shape[0], 1000):
            b[i : i + 1000] = z[i : i + 1000]

    return create


def files(directory, also=None):
    """Name -> path; of the two directories the one where the file is."""
    names = {
        "random": "random.hdf5",
        "chunked": "chunked.hdf5",
        "square": "square.zarr",
        "plain_chunks": "random_chunks.hdf5",
        "deflated": "random_deflate.hdf5",
        "b2nd": "square.b2nd",
        "left": "left.npy",
        "right": "right.npy",
        "tensor": "tensor.npy",
        "cotensor": "cotensor.npy",
        "left32": "left32.npy",
        "right32": "right32.npy",
        "positive": "positive.npy",
        "positive16000": "positive16000.npy",
        "left10000": "left10000.npy",
        "left16000": "left16000.npy",
        "tall": "tall.npy",
        "stack": "stack.npy",
        "long": "long.npy",
        "climate": "climate.zarr",
        "months": "months.npy",
        "raster": "raster.zarr",
        "zones": "zones.zarr",
        "order": "order.npy",
        "half": "half.npy",
        "permutation": "permutation.npy",
    }

    def find(name):
        given = also and os.path.join(also, name)
        return given if given and os.path.exists(given) else os.path.join(directory, name)

    return {key: find(name) for key, name in names.items()}


def make(directory, also, wanted):
    os.makedirs(directory, exist_ok=True)
    path = files(directory, also)
    needs = {"plain_chunks": "random", "deflated": "random", "b2nd": "square"}
    how = {
        "random": floats,
        "chunked": table,
        "square": square,
        "plain_chunks": floats_chunked(path["random"]),
        "deflated": floats_chunked(path["random"], compression="gzip", compression_opts=1, shuffle=True),
        "b2nd": blosc(path["square"]),
        "left": factor(3),
        "right": factor(4),
        "tensor": factor(5, (2000, 400, 50)),
        "cotensor": factor(6, (400, 50, 2000)),
        "left32": factor(3, dtype="f4"),
        "right32": factor(4, dtype="f4"),
        "positive": positive(8000),
        "positive16000": positive(16000),
        "left10000": factor(7, (10000, 10000), shift=300),
        "left16000": factor(8, (16000, 16000)),
        "tall": factor(12, (1_000_000, 200)),
        "stack": stack,
        "long": factor(13, (100_000_000,)),
        "climate": climate,
        "months": months,
        "raster": raster,
        "zones": zones,
        "order": order(16000),
        "half": factor(15, (50_000_000,)),
        "permutation": order(50_000_000),
    }
    for name in how:
        if (name in wanted or any(needs.get(other) == name for other in wanted)) and not os.path.exists(path[name]):
            write(path[name], how[name])
    return path


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2], set(sys.argv[3:]))
