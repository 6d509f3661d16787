"""make_h5_links.py DIR: links.h5 with links of every kind that h5py makes, and with datasets that are no arrays of numbers."""

import sys
from pathlib import Path

import h5py
import numpy as np

def main(directory):
    directory = Path(directory)
    # Both files have their first group at the same byte.
    for name, dataset, n in [("other.h5", "y", 7), ("links.h5", "x", 4)]:
        with h5py.File(directory / name, "w") as f:
            f.create_group("grp1")[dataset] = np.arange(n, dtype="f8")
    with h5py.File(directory / "links.h5", "a") as f:
        f["a_soft"] = h5py.SoftLink("/grp1")
        f["b_external"] = h5py.ExternalLink("other.h5", "/grp1")
        f["dangling"] = h5py.SoftLink("/nothing")
        f["dangling_external"] = h5py.ExternalLink("none.h5", "/x")
        f.create_group("circle")
        f["circle/up"] = f["circle"]
        g = f.create_group("refused")
        g.create_dataset("compound", data=np.zeros(5, [("row", "f8"), ("idx", "f8")]), compression="gzip", chunks=(2,))
        g.create_dataset("longdouble", data=np.zeros(3, np.longdouble))
        g["text"] = ["a", "b"]
        g.create_dataset("huge", (1 << 40, 1 << 40), "f8", chunks=(1 << 10, 1 << 10))
        g = f.create_group("scaled")
        g["t"] = np.arange(3.0)
        g["t"].make_scale("t")
        g["x"] = np.zeros((3, 2))
        g["x"].dims[0].attach_scale(g["t"])
    # One file as several, of which the library opens none by itself.
    for version in ("earliest", "latest"):
        with h5py.File(f"{directory}/split-{version}", "w", driver="split", libver=version) as f:
            f["x"] = np.arange(10)
        with h5py.File(f"{directory}/family-{version}-%d.h5", "w", driver="family", memb_size=4096, libver=version) as f:
            f["x"] = np.arange(3000.0)


if __name__ == "__main__":
    main(sys.argv[1])
