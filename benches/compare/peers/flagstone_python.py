"""A job of Flagstone's through its package for Python: python flagstone_python.py JOB -> a line of JSON (seconds, check, spill_read_bytes).

JOB is JSON: the text of the job, its inputs (name -> address), the memory limit, and where its result is stored (address, chunks, codec) or
null. The text is what `flagstone eval` is asked; here its names are those of the package.
"""

import ast
import builtins
import json
import sys
import time

import numpy as np

import flagstone as fs

job = json.loads(sys.argv[1])


def value_of(text, names):
    """The value of the last statement of `text`."""
    *before, last = ast.parse(text).body
    exec(compile(ast.Module(before, []), "job", "exec"), names)
    return eval(compile(ast.Expression(last.value), "job", "eval"), names)


runtime = fs.config.set(memory_limit=job["memory_limit"])
start = time.perf_counter()
names = {name: getattr(fs, name) for name in dir(fs) if not name.startswith("_")}
names["abs"] = builtins.abs
names.update({name: fs.open(address) for name, address in job["inputs"].items()})
value = value_of(job["expression"], names)
if job["store"] is None:
    check = float(np.sum(np.asarray(value)))
else:
    value.store(job["store"]["address"], chunks=job["store"]["chunks"], codec=job["store"]["codec"], overwrite=True)
    check = None
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "check": check, "spill_read_bytes": runtime.counters()["spill_read_bytes"]}))
