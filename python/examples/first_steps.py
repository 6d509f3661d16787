"""Arrays on disk as if they were in memory: open, compute, look, store."""

import numpy as np

import flagstone as fs

fs.random.normal(10.0, 2.0, size=(2000, 1000), seed=1).store("table.h5:/x", chunks=(250, 250), codec="gzip:1")

x = fs.open("table.h5:/x")
print(x)  # computes the corners only
standard = (x - x.mean(axis=0)) / x.std(axis=0)
outliers = standard[abs(standard) > 4]
print("outliers:", outliers.shape, "largest:", float(abs(standard).max()))

low, high = fs.compute(x.min(), x.max())  # one pass over the file
standard.store("standard.zarr", chunks=(500, 500), overwrite=True)

values = np.asarray(x)
np.testing.assert_allclose([low, high], [values.min(), values.max()])
np.testing.assert_allclose(fs.open("standard.zarr")[:5].compute(), ((values - values.mean(0)) / values.std(0))[:5], atol=1e-12)
