"""corpus.py DIR: all arrays in the files that packages of this Python ship for their own tests, found by their first bytes.

DIR/cases.txt has a line for each: FILE<tab>ARRAY<tab>NPY, with its values by the program that knows the format, or - for NPY where the
elements are no numbers that Flagstone has: text, objects, references, long doubles.
"""

import sys
import sysconfig
from pathlib import Path

import h5py
import netCDF4
import numpy as np

HDF5 = b"\x89HDF\r\n\x1a\n"
KINDS = "biufcmM"


def main(directory):
    directory = Path(directory)
    root = Path(sysconfig.get_paths()["purelib"])
    cases = []
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".pyc", ".so") or "\n" in str(path) or not path.is_file():
            continue
        with open(path, "rb") as f:
            start = f.read(1032)
        if any(start[at : at + 8] == HDF5 for at in (0, 512, 1024)):
            arrays = hdf5(path)
        elif start[:3] == b"CDF" and start[3:4] in (b"\x01", b"\x02", b"\x05"):
            arrays = netcdf(path)
        elif start[:6] == b"\x93NUMPY":
            arrays = numpy(path)
        elif path.suffix == ".npz":
            arrays = members(path)
        else:
            continue
        for name, data in arrays:
            npy = "-"
            if is_number(data):
                npy = f"{len(cases):05}.npy"
                plain = data.view("i8") if data.dtype.kind in "mM" else data
                native = plain.dtype.newbyteorder("=")
                np.save(directory / npy, np.ascontiguousarray(plain, native).reshape(data.shape))
            cases.append(f"{path}\t{name}\t{npy}")
    (directory / "cases.txt").write_text("\n".join(cases) + "\n")


def is_number(data):
    # Complex numbers of two half floats, and what has more than 8 bytes a number, have no dtype here.
    return data is not None and data.dtype.kind in KINDS and data.dtype.itemsize <= (16 if data.dtype.kind == "c" else 8)


def parts(name, data):
    """An array, or the fields of its elements."""
    if data is None or data.dtype.names is None:
        yield name, data
        return
    for field in data.dtype.names:
        yield from parts(f"{name}{'.' if '#' in name else '#'}{field}", data[field])


def is_odd(dataset):
    """Chunks of another length than their elements have, of an old HDF5: they are refused as corrupt."""
    of = dataset.id
    if of.get_create_plist().get_layout() != h5py.h5d.CHUNKED or of.get_create_plist().get_nfilters() or of.get_num_chunks() == 0:
        return False
    return of.get_chunk_info(0).size != np.prod(of.get_create_plist().get_chunk()) * of.get_type().get_size()


def hdf5(path):
    found = []
    with h5py.File(path) as f:

        def visit(name, node):
            if isinstance(node, h5py.Dataset):
                if is_odd(node):
                    return
                try:
                    is_plain = node.shape is not None and not h5py.check_string_dtype(node.dtype)
                    found.extend(parts(f"/{name}", np.asarray(node[...]) if is_plain else None))
                except (OSError, RuntimeError, TypeError, ValueError):
                    # h5py has no filter or no dtype for it, or the file is damaged: there is nothing to hold values against.
                    return

        f.visititems(visit)
    return found


def netcdf(path):
    with netCDF4.Dataset(path) as f:
        f.set_auto_maskandscale(False)
        return [(f"/{name}", np.asarray(v[...])) for name, v in f.variables.items()]


def numpy(path):
    try:
        return list(parts("", np.load(path)))
    except (ValueError, UnicodeError):
        # Objects are pickled, which is code; and a header that Python 2 wrote may be none any more.
        return [("", None)]


def members(path):
    found = []
    with np.load(path) as f:
        for name in f.files:
            try:
                found.extend(parts(f"/{name}", f[name]))
            except ValueError:
                found.append((f"/{name}", None))
    return found


if __name__ == "__main__":
    main(sys.argv[1])
