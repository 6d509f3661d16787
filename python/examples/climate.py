"""xarray over Flagstone: monthly anomalies that never stand in memory as a whole."""

import numpy as np
import xarray as xr

time = np.arange("2001-01-01", "2003-01-01", dtype="M8[D]").astype("M8[ns]")
season = 280 + 10 * np.cos(2 * np.pi * np.arange(time.size) / 365.25)[:, None, None]
t = season + np.random.default_rng(1).normal(size=(time.size, 12, 24)).astype("f4")
xr.Dataset({"t": (("time", "lat", "lon"), t)}, {"time": time}).to_netcdf("t.nc", engine="netcdf4")

data = xr.open_dataset("t.nc", chunks={}, chunked_array_type="flagstone")
months = data.t.groupby("time.month")
anomaly = months - months.mean()
print(type(anomaly.data), anomaly.chunksizes)

anomaly.to_dataset(name="anomaly").to_zarr("anomaly.zarr", mode="w")
mean = xr.open_zarr("anomaly.zarr", chunked_array_type="flagstone").anomaly.groupby("time.month").mean()
print("largest monthly mean of anomalies:", float(abs(mean).max()))
assert float(abs(mean).max()) < 1e-10
