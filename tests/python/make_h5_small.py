"""make_h5_small.py DIR: the datasets of make_h5.py and make_h5_types.py, each in a file of its own that is small, so that a damage hits something
that is read; and NetCDF files.

DIR/small.txt has a line for each: FILE<tab>DATASET<tab>NPY<tab>whether all of the file has checksums: "summed" or "plain".
"""

import subprocess
import sys
from pathlib import Path

import h5py

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
    (directory / "small.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
