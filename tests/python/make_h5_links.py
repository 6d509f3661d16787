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


def more(directory):
    """User-defined links, damaged attributes, elements in other files, many datasets on the same scales."""
    with h5py.File(directory / "odd.h5", "w", libver="earliest") as f:
        f["x"] = np.arange(3.0)
        f["own"] = h5py.ExternalLink("none.h5", "/x")
        f["blanks"] = np.arange(4.0)
        for name, text, pad in [("spaces", b"hi  ", h5py.h5t.STR_SPACEPAD), ("zeros", b"hi", h5py.h5t.STR_NULLPAD), ("ended", b"hi", h5py.h5t.STR_NULLTERM)]:
            kind = h5py.h5t.C_S1.copy()
            kind.set_size(8)
            kind.set_strpad(pad)
            h5py.h5a.create(f["blanks"].id, name.encode(), kind, h5py.h5s.create(h5py.h5s.SCALAR)).write(np.array(text, "S8"), kind)
    data = bytearray((directory / "odd.h5").read_bytes())
    at = data.index(b"\x40\x03own\x0c")
    data[at] = 187
    (directory / "odd.h5").write_bytes(data)
    with h5py.File(directory / "damaged.h5", "w", libver="earliest") as f:
        f["good"] = np.arange(3.0)
        f["good"].attrs["units"] = "m"
        f["bad"] = np.arange(4.0)
        for i in range(5):
            f["bad"].attrs[f"attribute {i}"] = i
    data = bytearray((directory / "damaged.h5").read_bytes())
    # The version of its message.
    data[data.index(b"attribute 2") - 8] = 77
    (directory / "damaged.h5").write_bytes(data)
    with h5py.File(directory / "raw.h5", "w") as f:
        for name in ("there", "gone"):
            f.create_dataset(name, (100,), "f8", external=[(directory / f"{name} a.bin", 0, 400), (directory / f"{name} b.bin", 16, h5py.h5f.UNLIMITED)])
            f[name][...] = np.arange(100)
    (directory / "gone b.bin").unlink()
    with h5py.File(directory / "scales.h5", "w") as f:
        for name, n in [("t", 3), ("y", 2)]:
            f[name] = np.arange(n * 1.0)
            f[name].make_scale(name)
        for i in range(2000):
            f[f"x{i}"] = np.zeros((3, 2))
            f[f"x{i}"].dims[0].attach_scale(f["t"])
            f[f"x{i}"].dims[1].attach_scale(f["y"])


if __name__ == "__main__":
    main(sys.argv[1])
    more(Path(sys.argv[1]))
