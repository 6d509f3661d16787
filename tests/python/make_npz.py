"""Files of NumPy and zarr-python with fields, times and members: what is read of each is in a file of its own. `told.txt` has a line
for each: the address, and the file with its values as NumPy has them."""

import sys
from pathlib import Path

import numpy as np
import zarr

directory = Path(sys.argv[1])
told = []


def expect(address, values):
    name = f"expected-{len(told)}.npy"
    values = np.asarray(values)
    if values.dtype.kind in "mM":
        values = values.astype("i8")
    np.save(directory / name, np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False).reshape(values.shape))
    told.append(f"{address}\t{name}")


rng = np.random.default_rng(3)
members = {
    "x": rng.normal(size=(70, 30)),
    "grö ße/y": np.asfortranarray(rng.integers(-9, 9, (20, 30, 4)).astype(">i2")),
    "empty": np.zeros((0, 3), "f4"),
    "scalar": np.array(2.5),
    "flags": rng.random(1000) > 0.5,
    "zeros": np.zeros((300, 1000)),
    "when": np.arange("2020-01-01", "2020-03-01", dtype="M8[D]"),
}
for name, save in [("stored.npz", np.savez), ("packed.npz", np.savez_compressed)]:
    save(directory / name, **members)
    for member, values in members.items():
        expect(f"{name}:/{member}", values)
    expect(f"{name}:/x.npy", members["x"])
np.savez(directory / "one.npz", only=members["x"])
expect("one.npz", members["x"])

plain = np.dtype([("a", "<f8"), ("b", ">i2"), ("flag", "?"), ("in", [("x", "u1"), ("t", "<m8[10us]")]), ("pair", "<f4", (2, 3)), ("text", "S3")])
padded = np.dtype([("a", "i1"), ("b", "<f8"), ("c", "<c8")], align=True)
for name, dtype, shape in [("plain", plain, (40, 5)), ("padded", padded, (3, 4, 5))]:
    table = np.frombuffer(rng.integers(0, 2, int(np.prod(shape)) * dtype.itemsize, dtype="u1").tobytes(), dtype=dtype).reshape(shape)
    np.save(directory / f"{name}.npy", table)
    np.save(directory / f"{name}-f.npy", np.asfortranarray(table))
    np.savez_compressed(directory / f"{name}.npz", table=table)
    fields = ["a", "b", "c"] if name == "padded" else ["a", "b", "flag", "in.x", "in.t", "pair"]
    for field in fields:
        values = table
        for part in field.split("."):
            values = values[part]
        expect(f"{name}.npy#{field}", values)
        expect(f"{name}-f.npy#{field}", values)
        expect(f"{name}.npz:/table#{field}", values)

simple = np.dtype([("a", "<f8"), ("b", ">i2"), ("c", "u1"), ("t", "<i8")])
table = np.frombuffer(rng.integers(0, 200, 23 * 17 * simple.itemsize, dtype="u1").tobytes(), dtype=simple).reshape(23, 17)
group = zarr.open_group(str(directory / "tables.zarr"), mode="w", zarr_format=2)
for name, compressors, order in [("zstd", "auto", "C"), ("plain", None, "C"), ("turned", "auto", "F")]:
    fill = np.array([(1.5, -2, 7, 11)], dtype=simple)[0]
    array = group.create_array(name, shape=table.shape, chunks=(10, 6), dtype=simple, compressors=compressors, order=order, fill_value=fill)
    array[:10] = table[:10]
    values = table.copy()
    values[10:] = fill
    for field in simple.names:
        expect(f"tables.zarr:/{name}#{field}", values[field])

# Of version 3, whose fields have one order of bytes.
little = np.dtype([("a", "<f8"), ("b", "<i2"), ("c", "u1"), ("t", "<i8")])
group = zarr.open_group(str(directory / "tables3.zarr"), mode="w", zarr_format=3)
for name, settings in [("zstd", {}), ("plain", {"compressors": None})]:
    fill = np.array([(1.5, -2, 7, 11)], dtype=little)[0]
    array = group.create_array(name, shape=table.shape, chunks=(10, 6), dtype=little, fill_value=fill, **settings)
    values = table.astype(little)
    array[:10] = values[:10]
    values[10:] = fill
    for field in little.names:
        expect(f"tables3.zarr:/{name}#{field}", values[field])

units = ["D", "ns", "25s", "generic"]
for unit in units:
    for code in ["M8", "m8"]:
        values = np.arange(50, dtype="i8").view(code if unit == "generic" else f"{code}[{unit}]").reshape(5, 10)
        np.save(directory / f"{code}-{unit}.npy", values)
        expect(f"{code}-{unit}.npy", values)

np.save(directory / "objects.npy", np.array([None, {}], dtype=object))
(directory / "told.txt").write_text("\n".join(told))
