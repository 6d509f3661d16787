"""make_programs.py DIR: files as programs write them that use HDF5, NetCDF and Zarr for their own ends: PyTables, pandas, anndata, xarray.

DIR/cases.txt has a line for each array: FILE<tab>ARRAY<tab>NPY with the values that the program was given, or - for NPY where it holds none.
"""

import sys
from pathlib import Path

import anndata
import numpy as np
import pandas
import scipy.sparse
import tables
import xarray

CASES = []
RNG = np.random.default_rng(5)


def expect(directory, path, array, values):
    npy = "-"
    if values is not None:
        npy = f"program-{len(CASES)}.npy"
        values = np.asarray(values)
        values = values.view("i8") if values.dtype.kind in "mM" else values
        np.save(directory / npy, np.ascontiguousarray(values).astype(values.dtype.newbyteorder("=")).reshape(values.shape))
    CASES.append(f"{path}\t{array}\t{npy}")


def pytables(directory):
    path = directory / "pytables.h5"
    data = (RNG.normal(size=(90, 70)) * 100).round(1)
    codecs = ["zlib", "bzip2", "blosc", "blosc:lz4", "blosc:lz4hc", "blosc:zlib", "blosc:zstd", "blosc2", "blosc2:lz4", "blosc2:zstd", "blosc2:zlib"]
    with tables.open_file(path, "w") as f:
        expect(directory, path, "/plain", f.create_array("/", "plain", data)[:])
        for n, codec in enumerate(codecs):
            for how in [{}, {"shuffle": True}, {"shuffle": False, "bitshuffle": True}, {"fletcher32": True}]:
                if how.get("bitshuffle") and not codec.startswith("blosc"):
                    continue
                filters = tables.Filters(complevel=1 + n % 9, complib=codec, **how)
                name = f"{codec.replace(':', '_')}_{'_'.join(how)}"
                for dtype in ["f8", "i2", "u1"]:
                    stored = data.astype(dtype) if dtype != "u1" else np.abs(data % 200).astype(dtype)
                    f.create_carray("/", f"{name}_{dtype}", obj=stored, filters=filters, chunkshape=(40, 33))
                    expect(directory, path, f"/{name}_{dtype}", stored)
        grown = f.create_earray("/", "grown", tables.Int32Atom(), (0, 5), filters=tables.Filters(5, "blosc:lz4"), chunkshape=(7, 5))
        for i in range(6):
            grown.append(np.arange(20, dtype="i4").reshape(4, 5) + i)
        expect(directory, path, "/grown", np.concatenate([np.arange(20, dtype="i4").reshape(4, 5) + i for i in range(6)]))
        rows = {"a": tables.Int32Col(), "b": tables.Float64Col(), "c": tables.Float32Col(shape=(3,)), "yes": tables.BoolCol(), "name": tables.StringCol(7)}
        for codec in ["zlib", "blosc:zstd", "blosc2:lz4"]:
            name = f"rows_{codec.replace(':', '_')}"
            table = f.create_table("/", name, rows, filters=tables.Filters(5, codec), chunkshape=50)
            given = np.zeros(333, table.dtype)
            given["a"], given["b"], given["c"] = np.arange(333), np.arange(333) / 3, RNG.normal(size=(333, 3))
            given["yes"] = np.arange(333) % 3 == 0
            table.append(given)
            for field in ["a", "b", "c"]:
                expect(directory, path, f"/{name}#{field}", given[field])
        f.create_vlarray("/", "ragged", tables.Int32Atom()).append([1, 2])
        expect(directory, path, "/ragged", None)


def hdfstore(directory):
    path = directory / "pandas.h5"
    frame = pandas.DataFrame({"x": np.arange(50.0), "y": np.arange(50) / 7})
    frame.to_hdf(path, key="fixed", format="fixed")
    frame.to_hdf(path, key="rows", format="table", complib="blosc:zstd", complevel=5)
    expect(directory, path, "/fixed/block0_values", frame.to_numpy())
    expect(directory, path, "/rows/table#index", np.arange(50))
    expect(directory, path, "/rows/table#values_block_0", frame.to_numpy())


def cells(directory):
    counts = scipy.sparse.random(300, 40, 0.1, format="csr", dtype="f4", rng=RNG)
    dense = RNG.normal(size=(300, 40)).astype("f4")
    obs = pandas.DataFrame({"n": np.arange(300), "part": np.arange(300) / 300}, index=[f"cell {i}" for i in range(300)])
    data = anndata.AnnData(X=dense, obs=obs, layers={"counts": counts}, obsm={"pca": dense[:, :5].astype("f8")})
    data.write_h5ad(directory / "plain.h5ad")
    data.write_h5ad(directory / "packed.h5ad", compression="gzip")
    data.write_zarr(directory / "cells.zarr")
    for name in ["plain.h5ad", "packed.h5ad", "cells.zarr"]:
        for array, values in {
            "/X": dense, "/layers/counts/data": counts.data, "/layers/counts/indices": counts.indices, "/layers/counts/indptr": counts.indptr,
            "/obs/n": obs["n"], "/obs/part": obs["part"], "/obsm/pca": dense[:, :5].astype("f8"), "/obs/_index": None,
        }.items():  # fmt: skip
            expect(directory, directory / name, array, values)


def labelled(directory):
    values = RNG.normal(280, 9, size=(12, 5, 7)).round(2)
    values[3, 2] = np.nan
    times = pandas.date_range("2001-01-01", periods=12, freq="MS")
    data = xarray.Dataset(
        {"t": (("time", "lat", "lon"), values), "n": (("time",), np.arange(12, dtype="i4"))},
        {"time": times, "lat": np.linspace(-60, 60, 5), "lon": np.arange(7) * 10.0},
        {"title": "a title", "level": np.nan},
    )
    data["n"].attrs["missing"] = np.nan
    packed = {"t": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}}
    for name, write in {
        "plain.nc": lambda path: data.to_netcdf(path, engine="netcdf4"),
        "packed.nc": lambda path: data.to_netcdf(path, engine="netcdf4", encoding={"t": packed["t"] | {"zlib": True}}),
        "classic.nc": lambda path: data.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT"),
        "v2.zarr": lambda path: data.to_zarr(path, zarr_format=2),
        "v3.zarr": lambda path: data.to_zarr(path, zarr_format=3, consolidated=False),
        "packed2.zarr": lambda path: data.to_zarr(path, zarr_format=2, encoding=packed),
        "packed3.zarr": lambda path: data.to_zarr(path, zarr_format=3, encoding=packed),
    }.items():
        path = directory / name
        write(path)
        # What is stored is what xarray sees without decoding; what it means is what it sees with it.
        with xarray.open_dataset(path, decode_cf=False) as stored, xarray.open_dataset(path, decode_times=False) as meant:
            for array in ["t", "n", "time", "lat", "lon"]:
                expect(directory, path, f"/{array}", stored[array].values)
            expect(directory, path, "/t?decode=cf", meant["t"].values)


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    for program in (pytables, hdfstore, cells, labelled):
        program(directory)
    (directory / "cases.txt").write_text("\n".join(CASES) + "\n")
