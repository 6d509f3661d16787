"""Monthly anomalies of a climate with xarray, once with dask and once with Flagstone as its chunk manager: seconds and peak memory of
each, in turns. `python xarray_pair.py --dir DATA [--runs 3] [--memory-limit 192MiB]`, in an environment that has xarray, dask, zarr and the
package; the data is made where it is missing.

The job reads (4000, 180, 360) float32 and gives the sum of the deviations of the anomalies from their month's mean. Dask takes its chunks
from the file and as whole maps; its better time counts.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

CHUNKS = {"file": {}, "whole maps": {"time": 200, "lat": 180, "lon": 360}}


def anomalies(options):
    """One run, in this process."""
    import numpy as np
    import xarray as xr
    import zarr

    months = np.load(options.months)
    began = time.perf_counter()
    if options.engine == "flagstone":
        import flagstone as fs

        fs.config.set(memory_limit=options.memory_limit)
        values = fs.open(options.climate)
    else:
        import dask.array as da

        chunks = CHUNKS[options.chunks]
        values = da.from_array(zarr.open_array(options.climate, mode="r"), chunks=tuple(chunks.values()) or (200, 90, 180))
    tas = xr.DataArray(values, dims=("time", "lat", "lon"), coords={"month": ("time", months)})
    grouped = tas.groupby("month")
    value = float((grouped - grouped.mean()).std("time").sum().compute())
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "value": value}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-limit", default="192MiB")
    parser.add_argument("--engine", choices=("dask", "flagstone"), help=argparse.SUPPRESS)
    parser.add_argument("--chunks", default="file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.climate, options.months = (os.path.join(options.dir, name) for name in ("climate.zarr", "months.npy"))
    if options.engine:
        return anomalies(options)
    # a process of its own: one starts with the peak memory of the one that started it
    subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen.py"), options.dir, "", "climate", "months"], check=True)
    variants = [("flagstone", "file"), *(("dask", chunks) for chunks in CHUNKS)]
    found = {variant: [] for variant in variants}
    for _ in range(options.runs):
        for engine, chunks in variants:
            command = [sys.executable, __file__, "--dir", options.dir, "--memory-limit", options.memory_limit]
            run = subprocess.run([*command, "--engine", engine, "--chunks", chunks], capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{engine}, {chunks}: {run.stderr.strip()}")
            found[engine, chunks].append(json.loads(run.stdout.splitlines()[-1]))
    values = [rows[0]["value"] for rows in found.values()]
    if max(values) - min(values) > 1e-4 * abs(max(values)):
        sys.exit(f"the values differ: {values}")
    best = {}
    print("| engine | chunks | seconds | peak MiB |\n|---|---|---|---|")
    for (engine, chunks), rows in found.items():
        seconds, peak = (statistics.median(row[key] for row in rows) for key in ("seconds", "peak_mib"))
        best[engine] = min(best.get(engine, (seconds, peak)), (seconds, peak))
        print(f"| {engine} | {chunks} | {seconds:.2f} | {peak:.0f} |")
    (ours, mine), (theirs, other) = best["flagstone"], best["dask"]
    print(f"\n{theirs / ours:.1f} times the speed, {mine / other:.2f} of the memory")


if __name__ == "__main__":
    main()
