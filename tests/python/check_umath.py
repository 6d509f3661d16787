"""NumPy's own validation tables of elementary functions (numpy/_core/tests/data in its wheel) against `flagstone eval`.

Usage: check_umath.py FLAGSTONE DIRECTORY. Every value must be as near to the table's as the table says it must be, in
units in the last place. Prints how far off each function is; exits 1 if one is too far off.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

FLAGSTONE, DIRECTORY = sys.argv[1], pathlib.Path(sys.argv[2])
DATA = pathlib.Path(np.__file__).parent / "_core/tests/data"
KINDS = {"np.float32": (np.float32, np.uint32, np.int32), "np.float64": (np.float64, np.uint64, np.int64)}


def tables():
    for file in sorted(DATA.glob("umath-validation-set-*.csv")):
        rows = [line.strip().split(",") for line in file.read_text().splitlines() if line[:1] not in ("#", "$", "")][1:]
        for kind, (real, bits, _) in KINDS.items():
            own = [row for row in rows if row[0] == kind]
            if own:
                column = lambda at: np.array([int(row[at], 16) for row in own], dtype=bits).view(real)
                yield file.stem.rsplit("-", 1)[1], kind, column(1), column(2), np.array([int(row[3]) for row in own])


def places(values, kind):
    """Floats as integers that count from one float to the next."""
    whole = values.view(KINDS[kind][2])
    return np.where(whole < 0, np.iinfo(whole.dtype).min - whole, whole).astype(object)


failed = False
for name, kind, x, want, allowed in tables():
    np.save(DIRECTORY / "x.npy", x)
    command = [FLAGSTONE, "eval", "--json", f"{name}(x)", f"x={DIRECTORY / 'x.npy'}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        print(f"{name}: {ran.stderr}")
        failed = True
        continue
    got = np.array([float(value) for value in json.loads(ran.stdout)["data"]], dtype=x.dtype)
    off = np.where(np.isnan(want) & np.isnan(got), 0, abs(places(got, kind) - places(want, kind)))
    bad = np.nonzero(off > allowed)[0]
    print(f"{name} {kind}: {len(x)} values, at most {max(off)} off, {len(bad)} too far")
    for at in bad[:5]:
        print(f"  {name}({x[at]!r}) is {got[at]!r}, expected {want[at]!r} within {allowed[at]}")
    failed |= len(bad) > 0
sys.exit(failed)
