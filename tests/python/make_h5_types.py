"""make_h5_types.py DIR: HDF5 files with integers of odd precision, fields of compounds, arrays inside of elements and odd names, and
files that their writer has not closed.

DIR/cases.txt has a line for each: FILE<tab>DATASET, with its field<tab>NPY.
"""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

UNCLOSED = """
import os, sys, h5py, numpy as np
f = h5py.File(sys.argv[1], "w", libver="latest")
f.create_dataset("x", data=np.arange(1000.0), chunks=(100,), maxshape=(None,))
if sys.argv[2] == "swmr":
    f.swmr_mode = True
f.flush()
os._exit(0)
"""


def main(directory):
    directory = Path(directory)
    cases = []

    def case(f, name, data):
        npy = f"{len(cases):03}.npy"
        data = np.asarray(data)
        np.save(directory / npy, np.ascontiguousarray(data).astype(data.dtype.newbyteorder("=")))
        cases.append(f"{Path(f.filename).name}\t/{name}\t{npy}")

    for libver in ["earliest", "latest"]:
        with h5py.File(directory / f"types_{libver}.h5", "w", libver=libver) as f:
            integers(f, case)
            floats(f, case)
            compounds(f, case)
            arrays(f, case)
            for name in ["with space", "a:b", "c:d:/e", "größe", "tail.", "odd#name", ".hidden/x", "日本", "what?", "a?b=c", "x?shape=3", "a*[b]", "x?decode=cf"]:
                f[name] = np.arange(3.0)
                case(f, name, np.arange(3.0))
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")
    for kind in ["swmr", "alone"]:
        subprocess.run([sys.executable, "-c", UNCLOSED, directory / f"{kind}.h5", kind], check=True)


def integers(f, case):
    rng = np.random.default_rng(0)
    for code, precision, offset in [
        ("I32LE", 12, 0), ("I32LE", 12, 3), ("U16BE", 10, 2), ("I16BE", 11, 5), ("I8LE", 5, 1), ("I64LE", 40, 7), ("U64BE", 63, 1),
        ("U32BE", 24, 8), ("I16LE", 1, 0), ("B16LE", 16, 0), ("B8LE", 8, 0), ("B32BE", 32, 0),
    ]:  # fmt: skip
        datatype = getattr(h5py.h5t, f"STD_{code}").copy()
        size = datatype.get_size()
        # h5py has no bit fields of fewer bits.
        if code[0] != "B":
            datatype.set_precision(precision)
            datatype.set_offset(offset)
        order = ">" if code.endswith("BE") else "<"
        # Every bit is set to something, those too that do not count: the bytes go to the file as they are.
        raw = rng.integers(0, 256, (30, 17, size), dtype="u1").view(f"{order}u{size}")[..., 0]
        wide = raw.astype("u8") >> np.uint64(offset) & np.uint64((1 << precision) - 1)
        if code[0] == "I":
            wide = (wide << np.uint64(64 - precision)).view("i8") >> (64 - precision)
        expected = wide.astype(f"{'i' if code[0] == 'I' else 'u'}{size}")
        for kind in ["plain", "gzip", "nbit"]:
            create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            if kind != "plain":
                create.set_chunk((7, 8))
            if kind == "gzip":
                create.set_shuffle()
                create.set_deflate(3)
            if kind == "nbit":
                if code[0] == "B":
                    continue
                create.set_filter(h5py.h5z.FILTER_NBIT, 0)
            name = f"integers/{code}_{precision}_{offset}_{kind}"
            group = f.require_group("integers")
            try:
                dataset = h5py.h5d.create(group.id, name.split("/")[1].encode(), datatype, h5py.h5s.create_simple(raw.shape), create)
            except ValueError:
                # Old files have no checksum on a datatype, and the library writes no unusual one into them.
                assert "earliest" in f.filename
                continue
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(raw), mtype=datatype)
            case(f, name, expected)


def floats(f, case):
    rng = np.random.default_rng(1)
    # Length, precision, offset, (sign, exponent, its bits, mantissa, its bits), bias.
    for code, precision, offset, fields, bias in [
        ("F32LE", 20, 7, (26, 20, 6, 7, 13), 31), ("F32BE", 20, 7, (26, 20, 6, 7, 13), 31), ("F64LE", 26, 8, (33, 24, 9, 8, 16), 127),
        ("F64BE", 64, 0, (63, 53, 10, 3, 50), 511), ("F64LE", 64, 0, (63, 53, 10, 3, 50), 500), ("F32LE", 24, 8, (31, 24, 7, 8, 16), 63),
    ]:  # fmt: skip
        datatype = getattr(h5py.h5t, f"IEEE_{code}").copy()
        size = datatype.get_size()
        datatype.set_fields(*fields)
        datatype.set_offset(offset)
        datatype.set_precision(precision)
        datatype.set_size(size)
        datatype.set_ebias(bias)
        raw = rng.integers(0, 256, (30, 17, size), dtype="u1")
        for kind in ["plain", "gzip", "nbit"]:
            create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            if kind != "plain":
                create.set_chunk((7, 8))
            if kind == "gzip":
                create.set_deflate(3)
            if kind == "nbit":
                create.set_filter(h5py.h5z.FILTER_NBIT, 0)
            name = f"floats/{code}_{precision}_{offset}_{bias}_{kind}"
            group = f.require_group("floats")
            try:
                dataset = h5py.h5d.create(group.id, name.split("/")[1].encode(), datatype, h5py.h5s.create_simple((30, 17)), create)
            except ValueError:
                assert "earliest" in f.filename
                continue
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(raw.view(f"V{size}")[..., 0]), mtype=datatype)
            # As libhdf5 converts them.
            expected = np.zeros((30, 17), f"f{size}")
            dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, expected, mtype=h5py.h5t.py_create(expected.dtype))
            assert np.isnan(expected).sum() < 50 and len(np.unique(expected)) > 400
            expected[np.isnan(expected)] = np.nan
            case(f, name, expected)


def compounds(f, case):
    kind = np.dtype([("a", "i2"), ("b", ">f8"), ("c", "f4", (3,)), ("z", "c16"), ("flag", "?"), ("in", [("x", "u1"), ("y.z", "f4")])])
    table = np.zeros((40, 9), kind)
    n = np.arange(360).reshape(40, 9)
    table["a"], table["b"], table["z"], table["flag"] = n, n / 3, n - 2j * n, n % 3 == 0
    table["c"], table["in"]["x"], table["in"]["y.z"] = n[..., None] + [0, 0.25, 0.5], n, -n
    for name, options in {
        "plain": {},
        "chunks": dict(chunks=(7, 4)),
        "gzip": dict(chunks=(7, 4), compression="gzip", shuffle=True),
        "growing": dict(chunks=(7, 9), maxshape=(None, None), compression="lzf"),
    }.items():
        f.create_dataset(f"table/{name}", data=table, **options)
        for field in ["a", "b", "c", "z", "flag"]:
            case(f, f"table/{name}#{field}", table[field])
        case(f, f"table/{name}#in.x", table["in"]["x"])
        case(f, f"table/{name}#in.y.z", table["in"]["y.z"])
    # Chunks that were never written.
    sparse = f.create_dataset("table/sparse", (40, 9), kind, chunks=(7, 4))
    sparse[20:30, 2:] = table[20:30, 2:]
    for field in ["a", "c"]:
        case(f, f"table/sparse#{field}", sparse[...][field])


    # Two fields that are called like the parts of a complex number, and are none.
    for name, kind in [
        ("whole", np.dtype([("r", "i4"), ("i", "i4")])),
        ("padded", np.dtype({"names": ["r", "i"], "formats": ["f4", "f4"], "offsets": [0, 8], "itemsize": 16})),
        ("unlike", np.dtype([("r", "<f4"), ("i", ">f4")])),
    ]:
        pairs = np.zeros(30, kind)
        pairs["r"], pairs["i"] = np.arange(30), -np.arange(30)
        f.create_dataset(f"pairs/{name}", data=pairs)
        for field in "ri":
            case(f, f"pairs/{name}#{field}", pairs[field])


def arrays(f, case):
    data = np.arange(40 * 9 * 2 * 3, dtype=">i4").reshape(40, 9, 2, 3)
    for name, options in {"plain": {}, "gzip": dict(chunks=(7, 4), compression="gzip"), "early": dict(chunks=(7, 4))}.items():
        dataset = f.create_dataset(f"array/{name}", (40, 9), np.dtype((">i4", (2, 3))), **options)
        dataset[...] = data
        case(f, f"array/{name}", data)


if __name__ == "__main__":
    main(sys.argv[1])
