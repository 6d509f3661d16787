"""make_h5.py DIR: HDF5 files as h5py writes them, and an .npy of the expected values of every dataset.

DIR/cases.txt has a line for each: FILE<tab>DATASET<tab>NPY<tab>CODEC.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


def values(shape, dtype):
    n = np.arange(int(np.prod(shape)), dtype="f8").reshape(shape)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return n % 3 == 0
    if dtype.kind == "c":
        return (n - 1j * n / 2).astype(dtype)
    return (n % 100).astype(dtype)


def main(directory):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    cases = []

    def case(file, name, expected, codec):
        npy = f"{len(cases):03}.npy"
        expected = np.asarray(expected)
        np.save(directory / npy, np.ascontiguousarray(expected).astype(expected.dtype.newbyteorder("=")).reshape(expected.shape))
        cases.append(f"{Path(file.filename).name}\t/{name}\t{npy}\t{codec}")

    def put(file, name, data, codec="none", **options):
        dataset = file.create_dataset(name, data=data, **options)
        case(file, name, data, codec)
        return dataset

    # From "v110" on there are version 4 layouts with all kinds of chunk index, from "v112" on other versions of datatypes, from
    # "v200" on version 5 layouts and complex numbers of HDF5's own.
    for libver in ["earliest", "v110", "v112", "v200"]:
        for userblock in [0, 1024]:
            path = directory / f"{libver}-{userblock}.h5"
            with h5py.File(path, "w", libver=(libver, "v110" if libver == "earliest" else libver), userblock_size=userblock) as f:
                fill(f, put, case)
                if libver == "v200":
                    complex_numbers(f, put)
            rounded(path, case)
            if userblock:
                with open(path, "r+b") as f:
                    f.write(b"not HDF5 yet" * 10)
    # Whatever the newest format is.
    with h5py.File(directory / "latest-0.h5", "w", libver="latest") as f:
        fill(f, put, case)
    rounded(directory / "latest-0.h5", case)
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")


def complex_numbers(f, put):
    """HDF5 2.0's own complex numbers, in both byte orders."""
    for code in ["F32LE", "F32BE", "F64LE", "F64BE"]:
        datatype = getattr(h5py.h5t, f"COMPLEX_IEEE_{code}")
        data = values((9, 14), datatype.dtype)
        put(f, f"complex/{code}", data, dtype=h5py.Datatype(datatype))
        options = dict(chunks=(4, 5), compression="gzip", shuffle=True)
        put(f, f"complex/{code}_gzip", data, "shuffle + deflate:4", dtype=h5py.Datatype(datatype), **options)
    # NumPy has no such number, so h5py makes it by the lower interface alone.
    h5py.h5d.create(f.id, b"half_complex", h5py.h5t.COMPLEX_IEEE_F16LE, h5py.h5s.create_simple((3,)))


def scaled(f, chunks):
    """scaleoffset: differences of every size, with and without a fill value, found and given numbers of bits, floats to so many digits."""
    random = np.random.default_rng(1)
    for code in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]:
        for order in "<>":
            dtype = np.dtype(code).newbyteorder(order)
            real = dtype.kind == "f"
            for kind, factor, fill, span in [
                ("found", 3 if real else 0, None, 100),
                ("filled", 2 if real else 0, 3, 100),
                ("equal", 0, None, 1),
                ("given", 1 if real else 7, 5, 90),
                ("all_bits", 3 if real else 8 * dtype.itemsize, None, 100),
                ("wide", 1 if real else 0, 9, 1 << 8 * dtype.itemsize - 1 if not real else 1e5),
            ]:
                name = f"scaleoffset/{np.dtype(code).name}_{'le' if order == '<' else 'be'}_{kind}"
                data = (random.random((20, 17)) * span + (-20 if dtype.kind != "u" and span < 1e5 else 0)).astype(dtype)
                options = dict(shuffle=True, compression="gzip") if kind == "given" else {}
                # partial chunks, and one that was never written
                dataset = f.create_dataset(name, data.shape, dtype, chunks=chunks, fillvalue=fill, scaleoffset=factor, **options)
                dataset[:14] = data[:14]


def rounded(path, case):
    """Cases of what `scaled` wrote: what is read before the file is closed comes from a cache, and is not rounded."""
    with h5py.File(path) as f:
        for name, dataset in f["scaleoffset"].items():
            case(f, f"scaleoffset/{name}", dataset[...], "scaleoffset + shuffle + deflate:4" if name.endswith("given") else "scaleoffset")


def fill(f, put, case):
    for code in DTYPES:
        for order in "<>":
            dtype = np.dtype(code).newbyteorder(order)
            data = values((9, 14), dtype)
            name = f"types/{np.dtype(code).name}_{'le' if order == '<' else 'be'}"
            put(f, name, data, dtype=dtype)
            put(f, f"{name}_gzip", data, "shuffle + deflate:4", dtype=dtype, chunks=(4, 5), compression="gzip", shuffle=True)
    big = values((50, 41), "f4")
    chunks = (7, 8)
    put(f, "plain_chunks", big, chunks=chunks)
    put(f, "gzip", big, "deflate:1", chunks=chunks, compression="gzip", compression_opts=1)
    put(f, "gzip9_shuffle", big, "shuffle + deflate:9", chunks=chunks, compression=9, shuffle=True)
    put(f, "lzf", big, "lzf", chunks=chunks, compression="lzf")
    put(f, "lzf_shuffle_sum", big, "shuffle + lzf + fletcher32", chunks=chunks, compression="lzf", shuffle=True, fletcher32=True)
    put(f, "sum", big, "fletcher32", chunks=chunks, fletcher32=True)
    put(f, "gzip_sum", big, "deflate:2 + fletcher32", chunks=chunks, compression=2, fletcher32=True)
    scaled(f, chunks)
    noise = np.random.default_rng(0).integers(0, 256, (30, 30), dtype="u1")
    put(f, "noise_gzip", noise, "deflate:4", chunks=(10, 10), compression="gzip")
    put(f, "noise_lzf", noise, "lzf", chunks=(10, 10), compression="lzf")
    # One chunk; no limit along the first, the last and both axes; room to grow.
    for name, options in {
        "single": dict(chunks=(50, 41)),
        "first": dict(chunks=chunks, maxshape=(None, 41)),
        "last": dict(chunks=chunks, maxshape=(50, None)),
        "both": dict(chunks=chunks, maxshape=(None, None)),
        "room": dict(chunks=chunks, maxshape=(90, 77)),
    }.items():
        put(f, f"resizable/{name}", big, **options)
        put(f, f"resizable/{name}_gzip", big, "deflate:4", compression="gzip", **options)
    # Arrays long enough for pages and super blocks.
    long = values((9000,), "i2")
    put(f, "long/fixed", long, chunks=(2,))
    put(f, "long/fixed_gzip", long, "deflate:1", chunks=(2,), compression=1)
    put(f, "long/extensible", long, chunks=(2,), maxshape=(None,))
    put(f, "long/extensible_gzip", long, "deflate:1", chunks=(2,), maxshape=(None,), compression=1)
    put(f, "long/btree2", values((90, 100), "i2"), chunks=(1, 2), maxshape=(None, None))
    put(f, "long/btree2_gzip", values((90, 100), "i2"), "deflate:1", chunks=(1, 2), maxshape=(None, None), compression=1)
    cube = values((6, 50, 7), "u2")
    put(f, "long/middle", cube, chunks=(2, 1, 3), maxshape=(6, None, 7))
    # Chunks that were never written, growing and shrinking.
    for name, maxshape in {"fixed": (100, 60), "extensible": (None, 60), "btree2": (None, None)}.items():
        for codec in [None, "gzip"]:
            dataset = f.create_dataset(f"sparse/{name}_{codec}", (100, 60), "f8", chunks=(10, 10), maxshape=maxshape, fillvalue=-1.5, compression=codec)
            dataset[33:45, 20:41] = 3
            dataset[99, 59] = 4
            case(f, dataset.name[1:], dataset[...], "none" if codec is None else "deflate:4")
    for name, extents in {"grown": [4000], "shrunk": [4000, 2550, 2700]}.items():
        dataset = f.create_dataset(name, (10,), "i4", chunks=(3,), maxshape=(None,), fillvalue=9)
        dataset[...] = np.arange(10)
        dataset.resize((4000,))
        dataset[2500:2600] = 5
        for extent in extents:
            dataset.resize((extent,))
        case(f, name, dataset[...], "none")
    # As many chunks beyond the extents as an array has that was shrunk along an axis which is not the first.
    dataset = f.create_dataset("shrunk_within", (2, 10, 4, 5), "i4", chunks=(3, 6, 1, 3), maxshape=(6, None, 14, 8))
    dataset[...] = np.arange(400).reshape(dataset.shape)
    dataset.resize((2, 2, 4, 5))
    case(f, "shrunk_within", dataset[...], "none")
    # Data that were never written, which are nowhere.
    case(f, "nowhere", f.create_dataset("nowhere", (6, 4), "i2", fillvalue=7)[...], "none")
    # All chunks allocated at once (an implicit index in new files).
    space, plist = h5py.h5s.create_simple((50, 41)), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunks)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(f.id, b"implicit", h5py.h5t.NATIVE_FLOAT, space, plist)
    f["implicit"][...] = big
    case(f, "implicit", big, "none")
    # Compact data, virtual data.
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(f.id, b"compact", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((5, 4)), plist)
    f["compact"][...] = values((5, 4), "f4")
    case(f, "compact", values((5, 4), "f4"), "none")
    layout = h5py.VirtualLayout((50, 41), "f4")
    layout[...] = h5py.VirtualSource(f["gzip"])
    f.create_virtual_dataset("virtual", layout)
    case(f, "virtual", big, "none")
    # What is a complex and what a bool: names and values decide, not the first letters.
    pair = np.dtype([("real", "f4"), ("imag", "f4")])
    f.create_dataset("types/real_imag", data=values((9, 14), "c8").view(pair))
    case(f, "types/real_imag", values((9, 14), "c8"), "none")
    for name, members in {"row_idx": ("row", "idx"), "rate_intensity": ("rate", "intensity"), "i_r": ("i", "r")}.items():
        f.create_dataset(f"refused/{name}", data=np.zeros(3, [(m, "f8") for m in members]))
    for name, base, members in [
        ("swapped", "i1", {"FALSE": 1, "TRUE": 0}),
        ("other_values", "i1", {"FALSE": 0, "TRUE": 2}),
        ("wide", "i4", {"FALSE": 0, "TRUE": 1}),
        ("lower", "u1", {"false": 0, "true": 1}),
        ("three", "u1", {"FALSE": 0, "TRUE": 1, "MAYBE": 2}),
    ]:
        put(f, f"types/enum_{name}", (values((9, 14), "i4") % 3).astype(base), dtype=h5py.enum_dtype(members, basetype=base))
    put(f, "scalar", np.float32(2.5))
    put(f, "empty", np.zeros((3, 0), "f8"))
    f.create_dataset("text", data=["a", "b"])
    d = put(f, "group/with/attributes", values((4, 3), "f8"))
    d.attrs["units"] = "m"
    d.attrs["numbers"] = [1, 2, 3]
    d.attrs["nan"] = np.nan
    d.attrs["flag"] = True
    d.attrs["fixed"] = np.bytes_(b"abc")
    d.dims[0].label = "time"
    # Many attributes and links: dense storage in new files, header continuations in old.
    for i in range(40):
        d.attrs[f"a{i}"] = i


if __name__ == "__main__":
    main(sys.argv[1])
