"""make_h5_filters.py DIR: HDF5 files whose chunks went through the filters that come as plugins, by hdf5plugin, and szip by h5py.

DIR/cases.txt has a line for each: FILE<tab>DATASET<tab>NPY<tab>CODEC. DIR/chunks.txt has one for a chunk of each: FILE<tab>DATASET<tab>BYTE
of the file<tab>BYTES. DIR/plugins.txt has where hdf5plugin's plugins are, and then datasets below /refused that need them.
"""

import itertools
import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np


def filters():
    """(name, options of create_dataset, the codec as text)"""
    for codec, shuffle in itertools.product(["blosclz", "lz4", "lz4hc", "zlib", "zstd"], range(3)):
        for level in [0, 1, 5, 9]:
            yield f"blosc_{codec}_{shuffle}_{level}", hdf5plugin.Blosc(cname=codec, clevel=level, shuffle=shuffle), f"blosc:{codec}:{level}"
    for codec, steps in itertools.product(["blosclz", "lz4", "lz4hc", "zlib", "zstd"], [0, 1, 2, 3, 4]):
        for level in [0, 1, 5, 9]:
            yield f"blosc2_{codec}_{steps}_{level}", hdf5plugin.Blosc2(cname=codec, clevel=level, filters=steps), f"blosc2:{codec}:{level}"
    for nbytes in [0, 64, 1 << 20]:
        yield f"lz4_{nbytes}", hdf5plugin.LZ4(nbytes=nbytes), "lz4"
    for nelems in [0, 8, 64, 1 << 14]:
        yield f"bitshuffle_{nelems}", hdf5plugin.Bitshuffle(nelems=nelems, cname="none"), "bitshuffle"
        yield f"bitshuffle_lz4_{nelems}", hdf5plugin.Bitshuffle(nelems=nelems, cname="lz4"), "bitshuffle:lz4"
        yield f"bitshuffle_zstd_{nelems}", hdf5plugin.Bitshuffle(nelems=nelems, cname="zstd", clevel=3), "bitshuffle:zstd:3"
    for level in [1, 3, 19]:
        yield f"zstd_{level}", hdf5plugin.Zstd(clevel=level), f"zstd:{level}"
    for level in [1, 9]:
        yield f"bzip2_{level}", hdf5plugin.BZip2(blocksize=level), f"bzip2:{level}"


def values(shape, dtype, kind):
    n = np.arange(int(np.prod(shape)), dtype="f8").reshape(shape)
    if kind == "smooth":
        return (n // 7 % 100).astype(dtype)
    if kind == "zeros":
        return np.zeros(shape, dtype)
    if kind == "ones":
        return np.ones(shape, dtype)
    noise = np.random.default_rng(1).integers(0, 256, n.size * np.dtype(dtype).itemsize, dtype="u1")
    return noise.view(np.dtype(dtype).str.replace("f", "u")).reshape(shape)


def main(directory):
    directory = Path(directory)
    cases = []

    def put(file, name, data, codec, **options):
        npy = directory / f"{len(cases):04}.npy"
        np.save(npy, data)
        file.create_dataset(name, data=data, **options)
        cases.append(f"{Path(file.filename).name}\t/{name}\t{npy.name}\t{codec}")

    with h5py.File(directory / "filters.h5", "w", libver="latest") as f:
        for name, options, codec in filters():
            # Lengths that leave blocks of every kind at the end, elements of each size, chunks of one and of three axes.
            put(f, f"{name}/f4", values((5003,), "f4", "smooth"), codec, chunks=(1501,), **options)
            put(f, f"{name}/i2", values((33, 40, 7), "i2", "smooth"), codec, chunks=(20, 17, 5), **options)
            put(f, f"{name}/u1_noise", values((3000,), "u1", "noise"), codec, chunks=(3000,), **options)
            put(f, f"{name}/f8", values((90, 70), "f8", "smooth"), codec, chunks=(90, 33), **options)
            put(f, f"{name}/i4_zeros", values((3000,), "i4", "zeros"), codec, chunks=(2999,), **options)
            put(f, f"{name}/i4_ones", values((3000,), "i4", "ones"), codec, chunks=(2999,), **options)
        # Chunks of many blocks.
        for name in ["blosc_lz4_1_5", "blosc_zstd_2_1", "blosc_blosclz_1_9", "blosc2_lz4_1_5", "blosc2_zstd_2_5", "blosc2_blosclz_1_5"]:
            options = next(options for found, options, _ in filters() if found == name)
            codec = next(codec for found, _, codec in filters() if found == name)
            for kind in ["smooth", "noise"]:
                put(f, f"long/{name}_{kind}", values((700, 1001), "f4", kind), codec, chunks=(600, 1001), **options)
        # Chains: another filter before, a checksum after.
        data = values((5003,), "f4", "smooth")
        put(f, "chains/shuffle_zstd", data, "shuffle + zstd:3", chunks=(1501,), shuffle=True, **hdf5plugin.Zstd(clevel=3))
        put(f, "chains/lz4_sum", data, "lz4 + fletcher32", chunks=(1501,), fletcher32=True, **hdf5plugin.LZ4())
        put(f, "chains/shuffle_bzip2_sum", data, "shuffle + bzip2:9 + fletcher32", chunks=(1501,), shuffle=True, fletcher32=True, **hdf5plugin.BZip2())
        plain = hdf5plugin.Bitshuffle(cname="none")
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_chunk((1501,))
        create.set_filter(plain.filter_id, 0, plain.filter_options)
        create.set_deflate(4)
        dataset = h5py.h5d.create(f["chains"].id, b"bitshuffle_deflate", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5003,)), create)
        h5py.Dataset(dataset)[...] = data
        np.save(directory / "chain.npy", data)
        cases.append("filters.h5\t/chains/bitshuffle_deflate\tchain.npy\tbitshuffle + deflate:4")
        # szip, with and without its predictor, of every width, in lines that blocks divide and do not.
        for dtype, method, pixels in itertools.product(["u1", "i2", ">i2", "i4", "f4", ">f4", "f8", "i8"], ["nn", "ec"], [4, 8, 32]):
            for kind, (shape, chunks) in itertools.product(["smooth", "noise", "zeros"], [((5003,), (1501,)), ((60, 70), (31, 33))]):
                order = "be" if dtype[0] == ">" else "le"
                name = f"szip/{np.dtype(dtype).name}_{order}_{method}_{pixels}_{kind}_{len(shape)}"
                data = values(shape, dtype.lstrip(">"), kind)
                data = data.view(dtype.lstrip(">")) if kind == "noise" else data
                put(f, name, data, "szip", dtype=dtype, chunks=chunks, compression="szip", compression_opts=(method, pixels))
        # What nothing here decodes.
        for name, options in [("zfp", hdf5plugin.Zfp(reversible=True)), ("sz3", hdf5plugin.SZ3(absolute=0.1)), ("sperr", hdf5plugin.Sperr(rate=8))]:
            f.create_dataset(f"refused/{name}", data=values((64, 64), "f4", "smooth"), chunks=(32, 32), **options)
    chunks, plugins = [], [hdf5plugin.PLUGIN_PATH]
    with h5py.File(directory / "filters.h5", "r") as f:
        for name in f["refused"]:
            np.save(directory / f"refused-{name}.npy", f[f"refused/{name}"][...])
            plugins.append(name)
        for line in cases:
            file, name, *_ = line.split("\t")
            found = f[name].id.get_chunk_info(0)
            chunks.append(f"{file}\t{name}\t{found.byte_offset}\t{found.size}")
    (directory / "plugins.txt").write_text("\n".join(plugins) + "\n")
    (directory / "chunks.txt").write_text("\n".join(chunks) + "\n")
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
