"""xarray with our chunk manager: what its users do stays lazy, and gives what xarray gives of NumPy's arrays."""

import numpy as np
import pytest

import flagstone as fs

xr = pytest.importorskip("xarray")
KW = {"chunked_array_type": "flagstone"}


@pytest.fixture
def plain(rng):
    time = np.arange("2001-01-01", "2001-03-01", dtype="M8[D]").astype("M8[ns]")
    return xr.Dataset(
        {
            "t": (("time", "lat", "lon"), 280 + rng.normal(size=(59, 4, 6)).astype("f4"), {"units": "K"}),
            "p": (("time", "lat"), rng.normal(size=(59, 4))),
        },
        coords={"time": time, "lat": [10.0, 20, 30, 40], "lon": np.arange(6) * 60.0, "zone": ("lat", [0, 0, 1, 1])},
    )


@pytest.fixture
def lazy(plain):
    # what is grouped by has to be known, as with dask
    return plain.chunk({"time": 20, "lat": 3}, **KW).assign_coords(zone=plain.zone)


def is_lazy(found):
    names = found.data_vars.values() if isinstance(found, xr.Dataset) else [found]
    return all(isinstance(v.data, fs.Array) for v in names)


CALLS = {
    "add": lambda d: d + 1, "scale": lambda d: d * 2.5 - d, "where": lambda d: d.where(d > 0), "where_other": lambda d: d.where(d > 0, 0),
    "mean": lambda d: d.mean(), "mean_time": lambda d: d.mean("time"), "sum_two": lambda d: d.sum(["time", "lat"]),
    "max": lambda d: d.max("lat"), "min": lambda d: d.min(), "std": lambda d: d.std("time"), "var": lambda d: d.var("time", ddof=1),
    "any": lambda d: (d > 0).any("time"), "all": lambda d: (d > 0).all("lat"), "count": lambda d: d.where(d > 0).count("time"),
    "prod": lambda d: d.isel(time=slice(3)).prod("time"), "median": lambda d: d.chunk({"time": -1}, **KW).median("time"),
    "isel": lambda d: d.isel(time=3), "isel_list": lambda d: d.isel(time=[0, 5, 7]), "slice": lambda d: d.isel(time=slice(2, 40, 3)),
    "sel": lambda d: d.sel(lat=20.0), "sel_nearest": lambda d: d.sel(lat=[11, 38], method="nearest"), "sel_time": lambda d: d.sel(time="2001-02"),
    "transpose": lambda d: d.transpose("lat", ...), "expand_dims": lambda d: d.expand_dims("member"), "squeeze": lambda d: d.isel(lat=[0]).squeeze(),
    "shift": lambda d: d.shift(time=2), "roll": lambda d: d.roll(lat=1), "diff": lambda d: d.diff("time"), "cumsum": lambda d: d.cumsum("time"),
    "concat": lambda d: xr.concat([d, d], "time"), "fillna": lambda d: d.where(d > 0).fillna(-1), "isnull": lambda d: d.where(d > 0).isnull(),
    "notnull": lambda d: d.notnull(), "astype": lambda d: d.astype("f8"), "clip": lambda d: d.clip(-1, 1), "abs": lambda d: abs(d),
    "sqrt": lambda d: np.sqrt(abs(d)), "round": lambda d: d.round(1), "rename": lambda d: d.rename(lat="y"), "pad": lambda d: d.pad(lat=1),
    "stack": lambda d: d.stack(cell=["time", "lat"]).drop_vars(["cell", "time", "lat"]), "sortby": lambda d: d.sortby("lat", ascending=False),
    "coarsen": lambda d: d.isel(time=slice(58)).coarsen(time=2).mean(), "weighted": lambda d: d.weighted(np.cos(np.deg2rad(d.lat))).mean("lat"),
    "groupby_month": lambda d: d.groupby("time.month").mean(), "groupby_zone": lambda d: d.groupby("zone").sum(),
    "anomaly": lambda d: d.groupby("time.month") - d.groupby("time.month").mean(), "resample": lambda d: d.resample(time="1W").mean(),
    "rolling": lambda d: d.rolling(time=5).mean(), "rolling_centred": lambda d: d.rolling(time=3, center=True).max(),
    "quantile": lambda d: d.chunk({"time": -1}, **KW).quantile(0.3, "time"), "idxmax": lambda d: d.argmax("time"),
    "dot": lambda d: xr.dot(d, d.lat, dim="lat"), "polyval": lambda d: xr.polyval(d, xr.DataArray([1.0, 2.0], dims="degree", coords={"degree": [0, 1]})),
    "ufunc": lambda d: xr.apply_ufunc(np.exp, d, dask="allowed"),
    "parallelized": lambda d: xr.apply_ufunc(lambda b: b - b.mean(-1, keepdims=True), d.chunk({"time": -1}, **KW), input_core_dims=[["time"]],
                                             output_core_dims=[["time"]], dask="parallelized", output_dtypes=[d.dtype]),
    "vectorized": lambda d: xr.apply_ufunc(lambda b: np.float64(b.sum()), d.chunk({"time": -1}, **KW), input_core_dims=[["time"]], vectorize=True,
                                           dask="parallelized", output_dtypes=["f8"]),
    "interp": lambda d: d.interp(lat=[15.0, 35.0]), "interp_cubic": lambda d: d.interp(lat=[15.0, 35.0], method="cubic"),
    "interp_like": lambda d: d.interp_like(xr.DataArray([0.0, 0.0], dims="lat", coords={"lat": [12.0, 31.0]})),
    "interp_at_points": lambda d: d.interp(lat=xr.DataArray([12.0, 31.0], dims="point")),
    "interpolate_na": lambda d: d.where(d > -1).chunk({"time": -1}, **KW).interpolate_na("time"), "interp_like_nearest": lambda d: d.interp(lat=[12.0], method="nearest"),
    "broadcast": lambda d: xr.broadcast(d, xr.DataArray([1, 2], dims="z"))[0], "assign": lambda d: (d * 1).assign_coords(k=1),
    "thin": lambda d: d.thin(time=7), "head": lambda d: d.head(time=4),
    "reindex": lambda d: d.reindex(lat=[10.0, 25.0, 40.0]), "swap": lambda d: d.swap_dims(lat="zone"), "unary": lambda d: -d,
    "compare": lambda d: d >= 0, "floor": lambda d: d // 2, "power": lambda d: d**2, "mod": lambda d: d % 3, "isin": lambda d: d.isin([0.0]),
}


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.filterwarnings("ignore")
def test_what_users_do_is_lazy_and_right(name, plain, lazy, monkeypatch):
    call = CALLS[name]
    expected = call(plain.p.copy() if name not in ("stack",) else plain.p)
    if isinstance(expected.data, fs.Array):  # where the call rechunks, it made ours of NumPy's
        expected = expected.compute()
    refuse = lambda *_, **__: pytest.fail("an array was computed in silence")
    with monkeypatch.context() as patched:
        for method in ("__array__", "compute", "__bool__", "__float__"):
            patched.setattr(fs.Array, method, refuse)
        found = call(lazy.p)
    assert is_lazy(found), f"{name} gave {type(found.data)}"
    xr.testing.assert_allclose(found.compute(), expected)


def test_chunks_are_xarrays(lazy):
    assert lazy.chunksizes["time"] == (20, 20, 19) and lazy.t.chunks == ((20, 20, 19), (3, 1), (6,))
    assert lazy.t.chunk(lat=2, **KW).chunks[1] == (2, 2) and lazy.nbytes > 0
    assert "flagstone.Array" in repr(lazy.t) and "<svg" in lazy.t._repr_html_()


def test_datasets_of_files_are_opened_lazily_and_decoded(plain, tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    encoding = {"t": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}}
    plain.to_netcdf(path, encoding=encoding, engine="netcdf4")
    with monkeypatch.context() as patched:
        patched.setattr(fs.Array, "__array__", lambda *_, **__: pytest.fail("an eager load"))
        opened = xr.open_dataset(path, chunks={}, **KW)
        mean = opened.t.mean("time")
    assert is_lazy(opened.t) and is_lazy(mean)
    xr.testing.assert_allclose(mean.compute(), plain.t.mean("time"), atol=0.02)


def test_zarr_there_and_back(plain, lazy, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(fs.Array, "__array__", lambda *_, **__: pytest.fail("an eager load"))
        (lazy + 1).to_zarr(tmp_path / "a.zarr")
        back = xr.open_zarr(tmp_path / "a.zarr", **KW)
    assert is_lazy(back.t)
    xr.testing.assert_allclose(back.compute(), plain + 1)


def test_netcdf_is_written_block_by_block(plain, lazy, tmp_path):
    lazy.to_netcdf(tmp_path / "b.nc")
    xr.testing.assert_allclose(xr.open_dataset(tmp_path / "b.nc").load(), plain)


def test_compute_load_and_persist(plain, lazy):
    xr.testing.assert_allclose(lazy.compute(), plain)
    kept = lazy.persist()
    assert is_lazy(kept)
    xr.testing.assert_allclose(kept.load(), plain)
