"""make_h5_small.py DIR: the datasets of make_h5.py and make_h5_types.py, each in a file of its own that is small, so that a damage hits something
that is read; and NetCDF files.

DIR/small.txt has a line for each: FILE<tab>DATASET<tab>NPY<tab>whether all of the file has checksums: "summed" or "plain".
"""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

SCRIPTS = {"make_h5.py": ["earliest-0.h5", "latest-0.h5", "v200-0.h5"], "make_h5_types.py": ["types_earliest.h5", "types_latest.h5"]}
# Of libver that have checksums over all metadata.
SUMMED = ("latest-0.h5", "v200-0.h5")
BYTES_MAX = 40_000


def main(directory):
    directory = Path(directory)
    lines, n = [], 0
    for script, files in SCRIPTS.items():
        made = directory / script.removesuffix(".py")
        made.mkdir()
        subprocess.run([sys.executable, "-W", "ignore", Path(__file__).parent / script, made], check=True)
        for case in (made / "cases.txt").read_text().splitlines():
            file, dataset, expected, *codec = case.split("\t")
            path, _, _ = dataset.partition("#")
            if file not in files:
                continue
            to = directory / f"small{n}.h5"
            with h5py.File(made / file) as source:
                if not isinstance(source.get(path), h5py.Dataset):
                    continue
                libver = "earliest" if "earliest" in file else "latest"
                with h5py.File(to, "w", libver=libver) as target:
                    target.attrs["title"] = "é"
                    source.copy(source[path], target, name="x")
            if to.stat().st_size > BYTES_MAX:
                to.unlink()
                continue
            summed = file in SUMMED and "fletcher32" in " ".join(codec[:1])
            field = dataset[len(path) :]
            lines.append(f"{to.name}\t/x{field}\t{made.name}/{expected}\t{'summed' if summed else 'plain'}")
            n += 1
    made = directory / "netcdf"
    made.mkdir()
    subprocess.run([sys.executable, "-W", "ignore", Path(__file__).parent / "make_netcdf.py", made], check=True)
    for case in (made / "cases.txt").read_text().splitlines():
        file, variable, expected, *_ = case.split("\t")
        if "NETCDF4" not in file:
            lines.append(f"netcdf/{file}\t/{variable.strip('/')}\tnetcdf/{expected}\tplain")
    lines += [line for libver in ("earliest", "latest") for line in heaps(directory, libver)]
    (directory / "small.txt").write_text("\n".join(lines) + "\n")


def heaps(directory, libver):
    """What lies in global heaps: the mapping of a virtual dataset, texts and lists of attributes, many of them in dense storage."""
    data = np.arange(60, dtype="i2").reshape(12, 5)
    np.save(directory / "heaps.npy", data)
    with h5py.File(directory / f"source-{libver}.h5", "w", libver=libver) as f:
        f["part"] = data[8:]
    with h5py.File(directory / f"virtual-{libver}.h5", "w", libver=libver) as f:
        f["a"], f["b"] = data[:4], data[4:8]
        layout = h5py.VirtualLayout(data.shape, data.dtype)
        layout[:4], layout[4:8] = h5py.VirtualSource(f["a"]), h5py.VirtualSource(f["b"])
        layout[8:] = h5py.VirtualSource(directory / f"source-{libver}.h5", "part", shape=(4, 5))
        f.create_virtual_dataset("x", layout)
    with h5py.File(directory / f"texts-{libver}.h5", "w", libver=libver) as f:
        x = f.create_dataset("x", data=data, chunks=(5, 5), track_order=True)
        for name, n in [("t", 12), ("u", 5)]:
            f[name] = np.arange(n)
            f[name].make_scale(name)
        x.dims[0].attach_scale(f["t"])
        x.dims[1].attach_scale(f["u"])
        for i in range(20):
            x.attrs[f"text {i}"] = "é" * (i + 1)
            x.attrs[f"texts {i}"] = ["ab", "c" * i]
    # Enough for heaps of several blocks, and one that no block has room for.
    with h5py.File(directory / f"many-{libver}.h5", "w", libver=libver) as f:
        f["x"] = data
        for i in range(400):
            f["x"].attrs[f"text {i}"] = f"{i} " * 20
        f["x"].attrs["list"] = [f"{i} " * 10 for i in range(400)]
    # Links in dense storage, in two orders.
    with h5py.File(directory / f"links-{libver}.h5", "w", libver=libver, track_order=True) as f:
        f["x"] = data
        for i in range(30):
            f[f"other {i}"] = h5py.SoftLink("/x")
    # Names of files in a local heap.
    with h5py.File(directory / f"external-{libver}.h5", "w", libver=libver) as f:
        parts = [(directory / f"external-{libver}-{part}.bin", 0, data.nbytes // 2) for part in "ab"]
        f.create_dataset("x", data.shape, data.dtype, external=parts)[...] = data
    return [f"{kind}-{libver}.h5\t/x\theaps.npy\tplain" for kind in ("virtual", "texts", "links", "external")]


if __name__ == "__main__":
    main(sys.argv[1])
