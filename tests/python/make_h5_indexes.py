"""make_h5_indexes.py DIR: datasets whose chunk indexes are long enough for every structure the format has.

DIR/cases.txt has a line for each: FILE<tab>DATASET<tab>NPY. The values are what h5py reads back, not what was written.
"""

import sys
import zlib
from pathlib import Path

import h5py
import numpy as np

FILL = -5


def main(directory):
    directory = Path(directory)
    cases = []
    for libver in ["earliest", "v110", "v200"]:
        name = f"{libver}.h5"
        with h5py.File(directory / name, "w", libver=(libver, "v110" if libver == "earliest" else libver)) as f:
            names = fill(f, libver)
        # Read by an h5py that has forgotten what it wrote.
        with h5py.File(directory / name, "r") as f:
            for dataset in names:
                npy = f"{libver}-{len(cases)}.npy"
                np.save(directory / npy, f[dataset][...])
                cases.append(f"{name}\t/{dataset}\t{npy}")
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")


def fill(f, libver):
    names = []
    # What 997 different chunks of one i2 look like, stored plain and deflated.
    plain = [(i * 7 + 1).to_bytes(2, "little") for i in range(997)]
    deflated = [zlib.compress(chunk, 1) for chunk in plain]

    def make(name, shape, chunks, maxshape, codec):
        options = dict(compression="gzip", compression_opts=1) if codec else {}
        names.append(name)
        return f.create_dataset(name, shape, "<i2", chunks=chunks, maxshape=maxshape, fillvalue=FILL, **options)

    def put(dataset, numbers, codec):
        """Writes the chunks of one element with these numbers."""
        stored = deflated if codec else plain
        write = dataset.id.write_direct_chunk
        if dataset.ndim == 1:
            for i in numbers:
                write((i,), stored[i % 997])
        else:
            for i in numbers:
                write(divmod(i, dataset.shape[1]), stored[i % 997])

    # In an old file all are version 1 B-trees; in a new one no limit, one and two axes without a limit are three structures.
    limits = {"fixed": lambda shape: None, "one": lambda shape: (None, *shape[1:]), "two": lambda shape: (None,) * len(shape)}
    lengths = {
        "fixed": ([1000, 2100, 60_000], [1100, 10_000]),
        "one": ([2100, 140_000, 600_000], [1100, 280_000]),
        "two": ([1000, 100_000], [20_000]),
    }
    if libver == "earliest":
        limits, lengths = {"one": limits["one"]}, {"one": ([1000, 60_000], [20_000])}
    # Since HDF5 2.0 the stored size of a chunk takes eight bytes; without filters an index has none.
    if libver == "v200":
        lengths["one"] = ([], [1100, 140_000])
    for kind, limit in limits.items():
        for codec in [False, True] if libver != "v200" else [True]:
            suffix = "_gzip" if codec else ""

            def one_by_one(name, n, numbers):
                shape = (n // 100, 100) if kind == "two" else (n,)
                put(make(f"{kind}/{name}{suffix}", shape, (1,) * len(shape), limit(shape), codec), numbers, codec)

            # A fixed array has pages of 1,024 elements; the data blocks of an extensible array get pages at 133,108, and its
            # next super blocks begin at 264,180 and 526,324; a node of a B-tree holds some 60 to 200 chunks.
            for n in lengths[kind][codec]:
                one_by_one(str(n), n, range(n))
            # A few chunks here and there: most pages, blocks and super blocks are missing.
            thresholds = [4, 20, 36, 1024, 2048, 133_108, 135_156, 264_180, 268_276, 526_324, 534_516]
            near = sorted({at + d for at in thresholds for d in (-1, 0, 1)} | {0, 70_000, 200_001, 300_000, 649_999})
            one_by_one("sparse", 650_000, near)
            # The axis without a limit is not the first; edges cut chunks.
            shape = (301, 203) if kind == "two" else (3, 3_001)
            last = {"fixed": None, "one": (3, None), "two": (None, None)}[kind]
            dataset = make(f"{kind}/last{suffix}", shape, (2, 1), last, codec)
            dataset[...] = (np.arange(np.prod(shape)) % 30_000).reshape(shape)
            # Grown and shrunk again: chunks past the end stay in the index, or are taken out of it.
            if kind != "fixed":
                one_by_one("shrunk", 5000, range(5000))
                f[names[-1]].resize(f[names[-1]].shape[0] // 2, axis=0)
                f[names[-1]].resize(f[names[-1]].shape[0] * 3, axis=0)
    return names


if __name__ == "__main__":
    main(sys.argv[1])
