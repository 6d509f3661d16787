"""A hard limit: 256 MB of numbers are sorted, multiplied and transformed with 48 MiB."""

import flagstone as fs

with fs.Runtime(memory_limit="48MiB", threads=2) as runtime, fs.ProgressBar():
    x = fs.random.uniform(size=(4000, 8000), seed=3)
    print(f"{x.nbytes / 1e6:.0f} MB under {runtime.memory_limit / 1e6:.0f} MB")

    fs.sort(x, axis=None).store("sorted.npy", overwrite=True)
    middle = fs.open("sorted.npy")[15_999_999:16_000_001].mean()
    print("median:", float(middle), "and in one call:", float(fs.median(x)))
    assert float(middle) == float(fs.median(x))

    try:
        x.compute()  # would not fit
    except MemoryError as error:
        print("refused:", error)
    else:
        raise AssertionError("256 MB in 48 MiB")

print("spilled", runtime.counters()["spilled_bytes"] / 1e6, "MB")
