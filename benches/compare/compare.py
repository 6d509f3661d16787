"""Flagstone and its peers on the same jobs, interleaved, each run in a fresh process; one table at the end.

    python compare.py --dir DATA --bin TARGET/release [--jobs mean_h5,zarr_sum] [--runs 5] [--quick]

Fair to the peers: of them only the seconds of computing count, of Flagstone those of the whole process. Where the package for Python is
there, every job runs through it as well, in the same round: `flagstone-python`, of which the seconds of computing count as of peers. The ratio's
base is dask.array at the best of several chunkings, found by a run of each before the rounds; dask-array takes the same.
A job may name another base, and its ratios say so.
Before a warm run the input is read; a run that went to the disk all the same (by more than 1 % of its input) is thrown away
and repeated.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import gen  # noqa: E402
from jobs import DASK_LIKE, JOBS  # noqa: E402

TIMEOUT_SECONDS = 1800
DISCARD_SHARE = 0.01
TRIES = 3
PYTHON = "flagstone-python"


def environment():
    left_out = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def io_of(pid):
    with open(f"/proc/{pid}/io") as f:
        return {name: int(value) for name, value in (line.split(":") for line in f)}


def run(command, is_json=True):
    """Runs a process: seconds, peak memory, bytes read by calls and from the disk, and what it printed last."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdout=out, stderr=err, env=environment())
        except FileNotFoundError:
            return {"error": f"{os.path.basename(command[0])} is not installed"}
        # it stays a zombie, whose counters can be read, until wait4; one that hangs is killed
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            if time.perf_counter() - start > TIMEOUT_SECONDS:
                process.kill()
            time.sleep(0.001)
        seconds = time.perf_counter() - start
        io = io_of(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        lines, errors = out.read(), err.read()
    if process.returncode != 0:
        last = (errors.strip().splitlines() or [f"exit {process.returncode}"])[-1]
        return {"error": last[:300]}
    return {
        "wall": seconds,
        "peak": usage.ru_maxrss * 1024,
        "read": io["rchar"],
        "disk": io["read_bytes"],
        "said": json.loads(lines.strip().splitlines()[-1]) if is_json else lines,
    }


def parts(path):
    if os.path.isfile(path):
        return [path]
    return [os.path.join(d, name) for d, _, names in os.walk(path) for name in names]


def warm(path):
    buffer = bytearray(8 << 20)
    for part in parts(path):
        with open(part, "rb", buffering=0) as f:
            while f.readinto(buffer):
                pass


def cool(path):
    os.sync()
    for part in parts(path):
        with open(part, "rb") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def flat_sum(data):
    return sum(map(flat_sum, data)) if isinstance(data, list) else float(data)


class Bench:
    def __init__(self, options, files):
        self.options, self.files = options, files
        self.sums = {}

    def inputs(self, job, engine):
        if not job.source:
            return []
        return [self.files["b2nd" if engine == "blosc2" else job.source], *(self.files[name] for name in job.also.values())]

    def output(self, job, engine):
        own = {engine: f"{engine}_{job.name}.zarr" for engine in ("flagstone", PYTHON)}
        names = {**own, "blosc2": "blosc2_copy.b2nd"}
        kind = job.name.removesuffix("_same").removesuffix("_double")
        if engine == "numpy":
            return os.path.join(self.files["out"], f"numpy_{kind}.npy")
        return os.path.join(self.files["out"], names.get(engine, f"{engine}_{kind}.zarr"))

    def through_python(self, job):
        dataset = f":{job.dataset}" if job.dataset else ""
        inputs = {"x": self.files[job.source] + dataset} if job.source else {}
        inputs.update({name: self.files[source] for name, source in job.also.items()})
        store = None
        if job.store is not None:
            given = dict(zip(job.store[::2], job.store[1::2]))
            chunks = [int(n) for n in given["--chunks"].split(",")]
            store = {"address": self.output(job, PYTHON), "chunks": chunks, "codec": given.get("--codec")}
        what = {"expression": job.expression, "inputs": inputs, "memory_limit": job.memory_limit, "store": store}
        return [self.options.python, os.path.join(HERE, "peers", "flagstone_python.py"), json.dumps(what)]

    def command(self, job, engine, chunks):
        if engine == PYTHON:
            return self.through_python(job)
        if engine != "flagstone":
            files = json.dumps(self.files)
            return [sys.executable, os.path.join(HERE, "peers", "run.py"), engine, job.name, json.dumps(chunks), files]
        command = [os.path.join(self.options.bin, "flagstone"), "eval", job.expression]
        if job.source:
            command.append(f"x={self.files[job.source]}" + (f":{job.dataset}" if job.dataset else ""))
        command += [f"{name}={self.files[source]}" for name, source in job.also.items()]
        command += ["--json", "--progress", "never", "--memory-limit", job.memory_limit]
        if job.store is not None:
            command += ["-o", self.output(job, engine), "--overwrite", *job.store]
        return command

    def once(self, job, engine, chunks=None):
        """One run that counts, or its error."""
        sources = self.inputs(job, engine)
        size = sum(os.path.getsize(part) for source in sources for part in parts(source))
        for _ in range(TRIES):
            if job.store is not None:
                output = self.output(job, engine)
                shutil.rmtree(output, ignore_errors=True) if os.path.isdir(output) else os.path.exists(output) and os.remove(output)
            for source in sources:
                cool(source) if job.cold else warm(source)
            found = run(self.command(job, engine, chunks))
            if "error" in found or job.cold or not size:
                break
            # what was spilled may come back from the disk
            spilled = found["said"].get("spill_read_bytes", 0)
            if found["disk"] - spilled <= DISCARD_SHARE * size:
                break
        else:
            return {"error": f"went to the disk in each of {TRIES} runs: more memory is needed to compare warm"}
        if "error" in found:
            return found
        said = found["said"]
        if engine == "flagstone":
            found["seconds"], found["engine_seconds"] = found["wall"], said["wall_seconds"]
            found["spilled"] = said["spilled_bytes"]
            found["check"] = flat_sum(said["data"]) if "data" in said else None
        else:
            found["seconds"], found["check"] = said["seconds"], said["check"]
        if job.store is not None:
            found["check"] = self.stored_sum(job, engine)
        return found

    def stored_sum(self, job, engine):
        """The sum of what was written, by zarr-python; once for each engine and job."""
        if engine == "blosc2":
            return None
        if (job.name, engine) not in self.sums:
            path = self.output(job, engine)
            z = "numpy.load(sys.argv[1], mmap_mode='r')" if path.endswith(".npy") else "zarr.open_array(sys.argv[1], mode='r')"
            n = 10**6 if job.step > 1 else 1000
            program = f"import sys, numpy, zarr; z = {z}; print(sum(float(z[i:i + {n}][::{job.step}].sum()) for i in range(0, z.shape[0], {n})))"
            self.sums[job.name, engine] = float(subprocess.check_output([sys.executable, "-c", program, path]))
        return self.sums[job.name, engine]

    def job(self, job):
        """All rows of a job: the chunkings of dask once, then the rounds."""
        rows = {}

        def add(engine, label, found):
            row = rows.setdefault((engine, label), {"engine": engine, "setting": label, "runs": []})
            row["runs"].append(found)
            shown = found.get("error") or f"{found['seconds']:.3f} s"
            print(f"  {engine} {label}: {shown}", file=sys.stderr, flush=True)

        peers = [peer for peer in job.peers if not self.options.peers or peer in self.options.peers]
        # the first of dask's kind tries every chunking, the others take the best
        best, like = None, [peer for peer in peers if peer in DASK_LIKE]
        for engine in like[:1]:
            settings = dict(list(job.settings.items())[:1]) if self.options.quick else job.settings
            tried = {}
            for label, chunks in settings.items():
                tried[label] = self.once(job, engine, chunks)
                add(engine, label, tried[label])
            good = {label: found["seconds"] for label, found in tried.items() if "error" not in found}
            if good:
                label = min(good, key=good.get)
                best = (f"best ({label})", job.settings[label])
        for _ in range(min(job.runs, self.options.runs)):
            if job.command_line:
                add("flagstone", "", self.once(job, "flagstone"))
            if self.options.python:
                add(PYTHON, "", self.once(job, PYTHON))
            for engine in peers:
                label, chunks = best if best and engine in like else ("", None)
                # another kind that failed once is not asked again
                failed = engine not in like and any("error" in found for found in rows.get((engine, ""), {"runs": []})["runs"])
                if not failed and (best or engine not in like):
                    add(engine, label, self.once(job, engine, chunks))
        return self.summed(job, list(rows.values()))

    def summed(self, job, rows):
        best = "best" if job.base == "dask" else ""
        base = next((row for row in rows if row["engine"] == job.base and row["setting"].startswith(best)), None)
        for row in rows:
            good = [found for found in row["runs"] if "error" not in found]
            if not good:
                row["error"] = row["runs"][-1]["error"]
                continue
            row["seconds"] = statistics.median(found["seconds"] for found in good)
            row["peak"] = max(found["peak"] for found in good)
            row["read"] = statistics.median(found["read"] for found in good)
            row["check"] = good[0]["check"]
            # of the same round each; a row that ran once is measured against the median
            if base and len(row["runs"]) == len(base["runs"]):
                pairs = zip(row["runs"], base["runs"])
                row["ratios"] = [b["seconds"] / a["seconds"] for a, b in pairs if "error" not in a and "error" not in b]
            elif base and "seconds" in base:
                row["ratios"] = [base["seconds"] / row["seconds"]]
        return {"job": job.name, "expression": job.expression, "memory_limit": job.memory_limit, "rows": rows}


def limits(options, files):
    command = [options.probe or probe_in(options.bin)]
    for flag, name, inside in (("--file", "random", ""), ("--zarr", "square", ""), ("--hdf5", "chunked", ":/x"), ("--deflated", "deflated", ":/x")):
        if os.path.exists(files[name]):
            command += [flag, files[name] + inside]
    return json.loads(subprocess.check_output(command, env=environment()))


def probe_in(directory):
    """The newest build of the probe: cargo gives bench programs a hash for a name."""
    deps = os.path.join(directory, "deps")
    found = [os.path.join(deps, name) for name in os.listdir(deps) if name.startswith("probe-") and "." not in name]
    if not found:
        sys.exit("the probe is not built: cargo build --release --bench probe")
    return max(found, key=os.path.getmtime)


def bound_of(job, machine):
    """GB/s of decoded bytes that the machine allows this job."""
    if job.bound == "file":
        return min(machine.get("file_warm_gb_s", 0), machine["memory_gb_s"]) or None
    rates = [machine.get(f"{part}_gb_s") for part in job.bound.split(" + ")]
    # one after the other on the same cores
    return None if None in rates else 1 / sum(1 / rate for rate in rates)


def mismatch(row, rows, job):
    """Whether a check value is not the base's: values that should be the same agree to 1e-5, random means to 1 %."""
    values = [r["check"] for r in rows if r["engine"] == job.base and r.get("check") is not None]
    if not values or row.get("check") is None:
        return False
    slack = 1e-5 if job.same_values else 1e-2
    return abs(row["check"] - values[0]) > slack * abs(values[0])


def aligned(lines):
    """Lines of cells as a Markdown table, the first its head."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def table(results, machine, by_name):
    lines = [("job", "engine", "median s", "× dask best (spread)", "peak MiB", "read GB", "check", "of the limit")]
    for result in results:
        job = by_name[result["job"]]
        for row in sorted(result["rows"], key=lambda row: (not row["engine"].startswith("flagstone"), row["engine"], row["setting"])):
            name = f"{row['engine']} {row['setting']}".strip()
            if "error" in row:
                lines.append((job.name, name, "-", row["error"][:60], "", "", "", ""))
                continue
            ratios = row.get("ratios")
            ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else ""
            ratio += f" × {job.base}" if ratio and job.base != "dask" else ""
            rate = bound_of(job, machine) if job.bound else None
            share = f"{job.decoded_bytes / row['seconds'] / 1e9 / rate:.0%}" if rate else ""
            check = "" if row["check"] is None else f"{row['check']:.10g}" + (" DIFFERS" if mismatch(row, result["rows"], job) else "")
            lines.append((job.name, name, f"{row['seconds']:.3f}", ratio, f"{row['peak'] / 2**20:.0f}", f"{row['read'] / 1e9:.2f}", check, share))
    return aligned(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="where the data is, or is made")
    parser.add_argument("--made", help="where data that is missing in --dir is made [--dir]")
    parser.add_argument("--out", help="where results are written [a directory in --made]")
    parser.add_argument("--bin", required=True, help="the directory of the release build")
    parser.add_argument("--probe", help="the probe [the newest in --bin/deps]")
    parser.add_argument("--jobs", help="names with commas [all]")
    parser.add_argument("--python", help="a Python with the package, `none` for none [this one, if it has it]")
    parser.add_argument("--peers", help="names with commas, `none` for Flagstone alone [all]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three jobs, one run, dask's first chunking alone")
    parser.add_argument("--json", help="where the results go as JSON [OUT/compare.json]")
    options = parser.parse_args()
    by_name = {job.name: job for job in JOBS}
    chosen = options.jobs.split(",") if options.jobs else ["mean_h5", "zarr_sum", "zarr_fused"] if options.quick else list(by_name)
    unknown = [name for name in chosen if name not in by_name]
    if unknown:
        sys.exit(f"no job is called {', '.join(unknown)}; there are {', '.join(by_name)}")
    options.peers = options.peers.split(",") if options.peers else None
    if options.python is None and importlib.util.find_spec("flagstone"):
        options.python = sys.executable
    options.python = None if options.python == "none" else options.python
    if options.quick:
        options.runs = 1
    made = options.made or options.dir
    wanted = {source for name in chosen for source in (by_name[name].source, *by_name[name].also.values())} - {None}
    if any("blosc2" in by_name[name].peers for name in chosen) and (not options.peers or "blosc2" in options.peers):
        wanted.add("b2nd")
    subprocess.run([sys.executable, os.path.join(HERE, "gen.py"), made, options.dir, *sorted(wanted)], check=True)
    files = gen.files(made, options.dir)
    files["out"] = options.out or os.path.join(made, "out")
    os.makedirs(files["out"], exist_ok=True)
    machine = limits(options, files)
    bench, results = Bench(options, files), []
    for name in chosen:
        print(name, file=sys.stderr, flush=True)
        results.append(bench.job(by_name[name]))
        path = options.json or os.path.join(files["out"], "compare.json")
        with open(path, "w") as f:
            json.dump({"limits": machine, "runs": options.runs, "jobs": results}, f, indent=1)
    print(table(results, machine, by_name))
    print("\nlimits measured in this run: " + ", ".join(f"{name} {value:.2f}" for name, value in machine.items()))
    print(f"all of it: {path}")


if __name__ == "__main__":
    main()
