"""The memory limit through Python: each job in an interpreter of its own, on data of four times the limit, holds no more than the limit
and 100 MiB beside the interpreter with NumPy and Flagstone; with the right values."""

import json
import subprocess
import sys

import numpy as np
import pytest

MIB = 1 << 20
LIMIT = 48 * MIB
SLACK = 100 * MIB
ROWS, COLUMNS = 2048, 12288

f, g = np.arange(ROWS) * 37.0 % 1000, np.arange(COLUMNS) * 91.0 % 500

#: What is computed (`x` is the array on disk, `out` a directory), and what it gives.
JOBS = {
    "mean": ("float(x.mean())", f.mean() + g.mean()),
    "mean by NumPy's function": ("float(np.mean(x))", f.mean() + g.mean()),
    "std of columns": ("np.asarray(x.std(axis=0)).tolist()[:3]", [f.std()] * 3),
    "demean, stored": ("(x - x.mean(axis=1, keepdims=True)).store(out + '/d.zarr'), float(fs.open(out + '/d.zarr').std())", g.std()),
    "several in one pass": ("[float(v) for v in fs.compute(x.max(), x.min(), x.sum(axis=1)[0])]",
                            [f.max() + g.max(), f.min() + g.min(), COLUMNS * f[0] + g.sum()]),
    "mask": ("float(x[x > 900].min())", 901.0),
    "median of rows": ("float(fs.median(x, axis=1).sum())", (f + np.median(g)).sum()),
    "sorted": ("fs.sort(x, axis=0).store(out + '/s.npy'), float(fs.open(out + '/s.npy')[-1, 0])", f.max() + g[0]),
    "transposed": ("x.T.store(out + '/t.npy'), float(fs.open(out + '/t.npy')[5, 7])", f[7] + g[5]),
    "product": ("float((x @ x.T)[3, 4])", (f[3] + g) @ (f[4] + g)),
    "spilled": ("float(fs.fft.fft(fs.fft.ifft(x, axis=0), axis=0).real.sum())", (f.mean() + g.mean()) * ROWS * COLUMNS),
    "function of Python": ("float(x.map_blocks(lambda b: b * 2 + np.sqrt(b), dtype='f8').min())", 2 * (f[0] + g[0]) + (f[0] + g[0]) ** 0.5),
    "object that is asked": ("float(fs.from_array(Rows()).max())", 2047.0),
    "setting": ("set_all(x)", 0.0),
    "printing": ("str(x)[:3]", "[[ "),
    "refused": ("refused(x)", "store"),
    "xarray, to Zarr": ("anomalies(x, out), float(fs.open(out + '/a.zarr/v').std())", g.std()),
    "xarray, to NetCDF": ("(labelled(x) * 2).to_netcdf(out + '/a.nc'), float(fs.open(out + '/a.nc:/v').max())", 2 * (f.max() + g.max())),
    "xarray, groups": ("float(grouped(x).sum())", 2 * (f.mean() + g.mean()) * COLUMNS),
}

CHILD = '''
import json, sys, numpy as np, flagstone as fs

def resident(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

class Rows:
    shape, dtype, chunks = (2048, 12288), np.dtype("f8"), (16, 12288)
    def __getitem__(self, at):
        rows, columns = (range(*part.indices(n)) for part, n in zip(at, self.shape))
        return np.broadcast_to(np.array(rows, "f8")[:, None], (len(rows), len(columns)))

def set_all(x):
    x[::2] = 0
    x[x > 0] = -1
    return float(x.max())

def labelled(x):
    import xarray as xr
    return xr.DataArray(x, dims=("row", "column"), coords={"parity": ("row", np.arange(x.shape[0]) % 2)}, name="v")

def anomalies(x, out):
    v = labelled(x)
    (v - v.mean("column")).to_dataset().to_zarr(out + "/a.zarr")

def grouped(x):
    return labelled(x).groupby("parity").mean("row")

def refused(x):
    try:
        x.compute()
    except MemoryError as error:
        return "store" if "store" in str(error) else str(error)

path, out, code, *others = sys.argv[1:]
for name in others:
    __import__(name)  # what they take is not ours
x = fs.open(path)
before = resident("VmRSS")
with fs.Runtime(memory_limit=LIMIT, threads=2, spill_dir=out) as runtime:
    value = eval(code)
counters = runtime.counters()
print(json.dumps([value[-1] if isinstance(value, tuple) else value, before, resident("VmHWM"), counters["spilled_bytes"]]))
'''


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "x.npy"
    x = np.lib.format.open_memmap(path, "w+", "f8", (ROWS, COLUMNS))
    for at in range(0, ROWS, 256):
        x[at:at + 256] = f[at:at + 256, None] + g
    x.flush()
    return path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", JOBS)
def test_jobs_keep_the_limit(name, data, tmp_path):
    code, expected = JOBS[name]
    others = ["xarray", "zarr", "netCDF4"] if name.startswith("xarray") else []
    child = [sys.executable, "-c", CHILD.replace("LIMIT", str(LIMIT)), data, tmp_path, code, *others]
    run = subprocess.run(child, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    value, before, peak, spilled = json.loads(run.stdout)
    if isinstance(expected, str):
        assert value == expected
    else:
        np.testing.assert_allclose(value, expected, rtol=1e-9)
    assert peak - before <= LIMIT + SLACK, f"{(peak - before) / MIB:.0f} MiB over the interpreter's {before / MIB:.0f}"
    assert name != "spilled" or spilled > 0
