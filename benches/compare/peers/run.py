"""One job on one peer in this process: python run.py ENGINE JOB CHUNKS FILES -> a line of JSON (seconds, check)."""

import importlib
import json
import sys
import time

engine, job, chunks, files = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
chunks = tuple(chunks) if isinstance(chunks, list) else chunks
sys.path.insert(0, __file__.rsplit("/", 1)[0])
module = {"dask": "dask_jobs", "dask-array": "dask_jobs", "cubed": "cubed_jobs", "blosc2": "blosc2_jobs", "numpy": "numpy_jobs"}[engine]
work = importlib.import_module(module).job(engine, job, chunks, files)
start = time.perf_counter()
value = work()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "check": None if value is None else float(value)}))
