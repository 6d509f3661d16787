"""Flagstone and its peers on files of other programs: reading, opening, listing, converting, pyramids; one table at the end.

    python files.py --dir DATA --bin TARGET/release [--jobs h5_blosc,convert_rechunk] [--runs 5]

As compare.py: each run in a fresh process, interleaved, inputs read before; of peers in Python the seconds of work count, of Flagstone
and other programs those of the whole process. What is wanted stands beside each job.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from compare import aligned, parts, run, warm  # noqa: E402


@dataclass
class Job:
    name: str
    source: str
    # arguments of `flagstone`; {source} and {out} are paths
    arguments: tuple
    peers: tuple = ()
    # times as fast as a peer, at least: name -> factor
    faster: tuple = ()
    # seconds at most
    seconds_max: float = 0
    # of a peer's peak memory, at most: name -> share
    memory: tuple = ()
    out: str = ""


QUIET = ("--progress", "never")
SUM = ("eval", "x.sum()", "x={source}:/x", "--memory-limit", "256MiB", *QUIET)
ONE = ("eval", "x[1234567]", "x={source}", *QUIET)
SQUARE = ("eval", "x[1234, 567]", "x={source}", *QUIET)
BLOSC = ("--codec", "blosc:lz4:5")
ZSTD = ("--codec", "zstd:0")
PLAIN = ("--codec", "none")
COLUMNS = ("--chunks", "6000,250")
CONVERT = ("convert", "{source}", "{out}", "--memory-limit", "256MiB", *QUIET)
PYRAMID = ("pyramid", "{source}", "{out}", "--memory-limit", "128MiB", *QUIET)
# rechunker 0.5 needs zarr-python 2
CONVERTERS = ("zarrs_reencode", "dask")
CONVERT_FASTER = (("zarrs_reencode", 1.0), ("dask", 3.0))

JOBS = [
    *(Job(f"h5_{name}", f"{name}.h5", SUM, ("h5py",), faster=(("h5py", 5.0),)) for name in ("blosc", "lz4", "bitshuffle")),
    Job("info_consolidated2", "consolidated2.zarr", ("info", "{source}"), ("zarr",), seconds_max=0.05),
    Job("info_consolidated3", "consolidated3.zarr", ("info", "{source}"), ("zarr",), seconds_max=0.05),
    Job("info_h5ad", "cells.h5ad", ("info", "{source}"), ("h5py",), seconds_max=0.05),
    Job("info_nwb", "session.nwb", ("info", "{source}"), ("h5py",), seconds_max=0.05),
    *(Job(f"open_{kind}", f"index_{kind}.h5", ONE, ("h5py",), seconds_max=1) for kind in ("btree1", "implicit", "fixed", "fixed_filtered", "extensible", "extensible_filtered")),
    *(Job(f"open_{kind}", f"index_{kind}.h5", SQUARE, ("h5py",), seconds_max=1) for kind in ("btree2", "btree2_filtered")),
    Job("open_zarr_files", "chunks_files.zarr", ONE, ("zarr",), seconds_max=1),
    Job("open_zarr_shard", "chunks_shard.zarr", ONE, ("zarr",), seconds_max=1),
    Job("open_zarr_zip", "chunks_zip.zarr.zip", ONE, ("zarr",), seconds_max=1),
    Job("convert_codec", "convert.zarr", (*CONVERT, *BLOSC), CONVERTERS, CONVERT_FASTER, out="convert_codec.zarr"),
    Job("convert_rechunk", "convert.zarr", (*CONVERT, *PLAIN, *COLUMNS), CONVERTERS, CONVERT_FASTER, out="convert_rechunk.zarr"),
    # most of the time is libzstd's, for all of them
    Job("convert_rechunk_zstd", "convert.zarr", (*CONVERT, *ZSTD, *COLUMNS), CONVERTERS, CONVERT_FASTER, out="convert_rechunk_zstd.zarr"),
    Job("pyramid", "image.zarr", PYRAMID, ("ngff-zarr",), (("ngff-zarr", 20.0),), memory=(("ngff-zarr", 0.1),), out="pyramid.ome.zarr"),
]


class Bench:
    def __init__(self, options):
        self.options = options

    def command(self, job, engine):
        places = {"source": os.path.join(self.options.dir, job.source), "out": self.output(job, engine)}
        if engine == "flagstone":
            return [os.path.join(self.options.bin, "flagstone"), *(argument.format(**places) for argument in job.arguments)]
        if engine == "zarrs_reencode":
            blosc = {"name": "blosc", "configuration": {"typesize": 4, "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}}
            zstd = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
            codecs = {"convert_codec": [blosc], "convert_rechunk": [], "convert_rechunk_zstd": [zstd]}[job.name]
            chunks = "1000,1000" if job.name == "convert_codec" else "6000,250"
            return [self.options.zarrs_reencode, places["source"], places["out"], "--chunk-shape", chunks, "--bytes-to-bytes-codecs", json.dumps(codecs)]
        return [sys.executable, os.path.join(HERE, "peers", "file_jobs.py"), engine, job.name, places["source"], places["out"]]

    def output(self, job, engine):
        return os.path.join(self.options.dir, "out", f"{engine}_{job.out or job.name}")

    def once(self, job, engine):
        out = self.output(job, engine)
        shutil.rmtree(out, ignore_errors=True)
        warm(os.path.join(self.options.dir, job.source))
        found = run(self.command(job, engine), is_json=engine not in ("flagstone", "zarrs_reencode"))
        if "error" in found:
            return found
        found["seconds"] = found["said"]["seconds"] if isinstance(found["said"], dict) else found["wall"]
        if job.out and "check" not in found:
            found["check"] = None
        return found

    def same(self, job, engines):
        """Whether all wrote the same values."""
        if not job.out:
            return None
        # in a process of its own: one starts with the peak memory of the one that started it
        outputs = [self.output(job, engine) for engine in engines]
        return subprocess.run([sys.executable, os.path.join(HERE, "file_same.py"), *outputs]).returncode == 0

    def job(self, job):
        engines = ["flagstone", *(peer for peer in job.peers if self.options.peers is None or peer in self.options.peers)]
        runs = {engine: [] for engine in engines}
        for _ in range(self.options.runs):
            for engine in engines:
                if any("error" in found for found in runs[engine]):
                    continue
                found = self.once(job, engine)
                runs[engine].append(found)
                shown = found.get("error") or f"{found['seconds']:.3f} s, {found['peak'] / 2**20:.0f} MiB"
                print(f"  {job.name} {engine}: {shown}", file=sys.stderr, flush=True)
        good = {engine: [found for found in found if "error" not in found] for engine, found in runs.items()}
        summary = {}
        for engine, found in good.items():
            if found:
                seconds, peak = statistics.median(f["seconds"] for f in found), max(f["peak"] for f in found)
                summary[engine] = {"seconds": seconds, "peak": peak}
            else:
                summary[engine] = {"error": runs[engine][-1]["error"]}
        written = [engine for engine in engines if good[engine]]
        same = self.same(job, written) if "flagstone" in written else None
        for engine in engines:
            shutil.rmtree(self.output(job, engine), ignore_errors=True)
        # of the same round each
        ratios = {peer: statistics.median(b["seconds"] / a["seconds"] for a, b in zip(good["flagstone"], good[peer])) for peer in engines[1:] if good[peer] and good["flagstone"]}
        return {"job": job.name, "summary": summary, "ratios": ratios, "same": same}


def wanted(job, result):
    """What is wanted of a job, and whether it is so."""
    words, ours = [], result["summary"].get("flagstone", {})
    for peer, factor in job.faster:
        ratio = result["ratios"].get(peer)
        met = "not measured" if ratio is None else "yes" if ratio >= factor else "NO"
        words.append(f">= {factor:g} x {peer}: {met}")
    if job.seconds_max:
        words.append(f"< {job.seconds_max:g} s: {'yes' if ours.get('seconds', 1e9) < job.seconds_max else 'NO'}")
    for peer, share in job.memory:
        theirs = result["summary"].get(peer, {})
        met = "not measured" if "peak" not in theirs else "yes" if ours["peak"] <= share * theirs["peak"] else "NO"
        words.append(f"<= {share:g} of the memory of {peer}: {met}")
    if result["same"] is not None:
        words.append("values agree" if result["same"] else "values DIFFER")
    return "; ".join(words)


def table(results, by_name):
    lines = [("job", "engine", "median s", "Flagstone is", "peak MiB", "wanted")]
    for result in results:
        for engine, row in result["summary"].items():
            last = wanted(by_name[result["job"]], result) if engine == "flagstone" else ""
            if "error" in row:
                lines.append((result["job"], engine, "-", row["error"][:60], "", last))
                continue
            ratio = f"{result['ratios'][engine]:.1f} x as fast" if engine in result["ratios"] else ""
            lines.append((result["job"], engine, f"{row['seconds']:.3f}", ratio, f"{row['peak'] / 2**20:.0f}", last))
    return aligned(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="where the data is, or is made")
    parser.add_argument("--bin", required=True, help="the directory of the release build")
    parser.add_argument("--jobs", help="names with commas [all]")
    parser.add_argument("--peers", help="names with commas, `none` for Flagstone alone [all that are installed]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--zarrs-reencode", default=shutil.which("zarrs_reencode") or "zarrs_reencode", help="of zarrs_tools, by cargo install [in PATH]")
    parser.add_argument("--json", help="where the results go as JSON [DIR/out/files.json]")
    options = parser.parse_args()
    by_name = {job.name: job for job in JOBS}
    chosen = options.jobs.split(",") if options.jobs else list(by_name)
    unknown = [name for name in chosen if name not in by_name]
    if unknown:
        sys.exit(f"no job is called {', '.join(unknown)}; there are {', '.join(by_name)}")
    options.peers = options.peers.split(",") if options.peers else None
    os.makedirs(os.path.join(options.dir, "out"), exist_ok=True)
    bench, results = Bench(options), []
    for name in chosen:
        # one after the other: all of them take more disk than many have
        subprocess.run([sys.executable, os.path.join(HERE, "file_gen.py"), options.dir, by_name[name].source], check=True, stdout=sys.stderr)
        results.append(bench.job(by_name[name]))
        with open(options.json or os.path.join(options.dir, "out", "files.json"), "w") as f:
            json.dump({"runs": options.runs, "jobs": results}, f, indent=1)
    print(table(results, by_name))


if __name__ == "__main__":
    main()
