"""xarray with our chunk manager: what its users do stays lazy, and gives what xarray gives of NumPy's arrays."""

import subprocess
import sys

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
    "ffill": lambda d: d.where(d > 0).ffill("time"), "bfill": lambda d: d.where(d > 0).bfill("time"), "differentiate": lambda d: d.differentiate("lat"),
    "integrate": lambda d: d.integrate("lat"), "cumulative_integrate": lambda d: d.cumulative_integrate("lat"), "cumprod": lambda d: d.isel(time=slice(4)).cumprod("time"),
    "rank": lambda d: d.chunk({"time": -1}, **KW).rank("time"), "corr": lambda d: xr.corr(d, d.shift(time=1), "time"), "cov": lambda d: xr.cov(d, d * 2, "time"),
    "bins": lambda d: d.groupby_bins("lat", [0, 15, 45]).mean(), "season": lambda d: d.groupby("time.season").mean("time"),
    "grouped_max": lambda d: d.groupby("time.month").max(), "grouped_std": lambda d: d.groupby("zone").std(), "grouped_first": lambda d: d.groupby("time.month").first(),
    "standardised": lambda d: (d.groupby("time.month") - d.groupby("time.month").mean()) / 2.0, "upsample": lambda d: d.resample(time="12h").ffill(),
    "resample_max": lambda d: d.resample(time="MS").max(), "rolling_sum": lambda d: d.rolling(time=4, min_periods=2).sum(),
    "rolling_construct": lambda d: d.rolling(time=3).construct("window").mean("window"), "rolling_two": lambda d: d.rolling(time=3, lat=2).mean(),
    "merge": lambda d: xr.merge([d.rename("one"), (d + 1).rename("two")])["two"], "combine_first": lambda d: d.where(d > 0).combine_first(d * 2),
    "align": lambda d: xr.align(d, d.isel(lat=slice(1, 3)), join="outer")[1], "xr_where": lambda d: xr.where(d > 0, d, -d), "drop_isel": lambda d: d.drop_isel(time=[0, 3]),
    "vectorised_isel": lambda d: d.isel(time=xr.DataArray([0, 5, 9], dims="p"), lat=xr.DataArray([1, 2, 0], dims="p")), "map_function": lambda d: d.to_dataset(name="p").map(np.tanh).p,
    "weighted_sum": lambda d: d.weighted(abs(d.lat)).sum(), "weighted_std": lambda d: d.weighted(abs(d.lat)).std("lat"), "unstack": lambda d: d.stack(c=["time", "lat"]).unstack("c"),
    "quantiles": lambda d: d.chunk({"time": -1}, **KW).quantile([0.1, 0.9], "time"), "dropna": lambda d: d.fillna(0).isel(time=slice(1, None)), "argmin": lambda d: d.argmin("lat"),
    "pad_wrap": lambda d: d.pad(lat=1, mode="wrap"), "coarsen_construct": lambda d: d.isel(time=slice(58)).coarsen(time=29).construct(time=("month", "day")).mean("day"),
    "dot_two": lambda d: xr.dot(d, d, dim="time"), "broadcast_like": lambda d: d.isel(time=0).broadcast_like(d), "to_dataset": lambda d: d.to_dataset(name="p").p,
    "chunk_one": lambda d: d.chunk({"time": 7}, **KW), "unify": lambda d: xr.unify_chunks(d, d.chunk({"time": 7}, **KW))[0], "mean_skipna": lambda d: d.where(d > 0).mean("time", skipna=True),
    "points_and_axes": lambda d: d.isel(lat=xr.DataArray([[1, 2], [0, 3]], dims=("p", "q"))), "points_by_name": lambda d: d.sel(lat=xr.DataArray([12.0, 38], dims="p"), method="nearest"),
    "ffill_limit": lambda d: d.where(d > 0).ffill("time", limit=2), "idx": lambda d: d.idxmax("lat"),
    "interp_time": lambda d: d.interp(time=["2001-01-02T12"]), "upsample_linear": lambda d: d.resample(time="12h").interpolate("linear"),
    "idxmax_line": lambda d: d.isel(time=3).idxmax("lat"), "weighted_lazy": lambda d: d.weighted(abs(d)).mean("lat"),
    "points_apart": lambda d: d.expand_dims(z=2, axis=1).isel(time=xr.DataArray([0, 9], dims="p"), lat=xr.DataArray([1, 2], dims="p")),
    "where_outer": lambda d: d.where(d.lat > 15), "cumsum_all": lambda d: d.cumsum(), "sum_all": lambda d: d.sum(...), "equal": lambda d: d == d.shift(time=1, fill_value=0),
    "clip_other": lambda d: d.clip(max=d.mean("time")), "first_difference": lambda d: d.diff("time", n=2, label="lower"), "mean_by_zone_and_time": lambda d: d.groupby("zone").mean("lat"),
    "sum_min_count": lambda d: d.where(d > 9).sum("time", min_count=1), "compare": lambda d: d >= 0, "floor": lambda d: d // 2, "power": lambda d: d**2, "mod": lambda d: d % 3, "isin": lambda d: d.isin([0.0]),
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


@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "std", "var", "median"])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 7])
@pytest.mark.filterwarnings("ignore")
def test_rolling_windows_are_those_of_xarray_and_ours(name, window, rng, monkeypatch):
    values = np.where(rng.random((11, 3)) < 0.2, np.nan, rng.random((11, 3)))
    plain = xr.DataArray(values, dims=("t", "y"), coords={"t": np.arange(11)}, attrs={"units": "K"})
    lazy = plain.chunk({"t": 4, "y": 2}, **KW)
    constructed = "flagstone._xarray_rolling.DataArrayRolling.construct"
    for center in [False, True]:
        for least in {None, 1, min(2, window)}:
            for more in [{}, {"ddof": 1}] if name in ("std", "var") else [{}]:
                with monkeypatch.context() as patched:
                    patched.setattr(constructed, lambda *_, **__: pytest.fail("windows were made as an array"))
                    found = getattr(lazy.rolling(t=window, center=center, min_periods=least), name)(**more)
                with xr.set_options(use_bottleneck=False):
                    expected = getattr(plain.rolling(t=window, center=center, min_periods=least), name)(**more)
                xr.testing.assert_allclose(found.compute(), expected)
                assert found.attrs == expected.attrs and found.dtype == expected.dtype
    if name in ("sum", "mean", "min", "max"):
        for center in [False, True, {"t": True, "y": False}]:
            for least in [None, 1, 3]:
                found = getattr(lazy.rolling(t=window, y=2, center=center, min_periods=least), name)()
                expected = getattr(plain.rolling(t=window, y=2, center=center, min_periods=least), name)()
                xr.testing.assert_allclose(found.compute(), expected)
    whole = xr.DataArray(np.arange(12).reshape(6, 2), dims=("t", "y"))
    xr.testing.assert_allclose(
        getattr(whole.chunk({"t": 4}, **KW).rolling(t=3, center=True), name)().compute(), getattr(whole.rolling(t=3, center=True), name)()
    )


@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "std", "var", "median", "count"])
@pytest.mark.filterwarnings("ignore")
def test_windows_of_fewer_places_than_are_asked_for_are_nan(name, plain, lazy):
    for window, least in [(1, 2), (3, 100)]:
        with xr.set_options(use_bottleneck=False):
            expected = getattr(plain.p.rolling(time=window, min_periods=least), name)()
        found = getattr(lazy.p.rolling(time=window, min_periods=least), name)()
        assert is_lazy(found) and found.dtype == expected.dtype
        xr.testing.assert_identical(found.compute(), expected)


COORDINATES = {
    "times": np.arange("2001-01-01", "2001-01-08", dtype="M8[D]").astype("M8[ns]"), "spans": np.arange(7).astype("m8[s]").astype("m8[ns]"),
    "texts": np.array(list("abcdefg")), "integers": np.arange(7) * 10, "floats": np.arange(7) * 1.5, "bools": np.arange(7) > 3,
}


@pytest.mark.parametrize("kind", sorted(COORDINATES))
@pytest.mark.parametrize("name", ["idxmax", "idxmin"])
def test_coordinates_of_extremes_are_xarrays(name, kind, rng, monkeypatch):
    values = rng.random((7, 4, 3))
    values[:, 1, 2], values[0] = np.nan, np.nan
    coords = {"time": ("time", COORDINATES[kind], {"of": "time"}), "y": np.arange(4), "zone": ("y", [0, 0, 1, 1])}
    plain = xr.DataArray(values, dims=("time", "y", "x"), coords=coords, attrs={"units": "K"}, name="v")
    is_number = COORDINATES[kind].dtype.kind in "bif"
    for one in (plain, plain[..., 2], plain[:, 0, 0], plain.fillna(0).astype("i4"), plain.to_dataset()):
        for options in ({}, {"fill_value": COORDINATES[kind][2]}, {"skipna": False}, {"skipna": True, "keep_attrs": True}):
            expected = getattr(one, name)("time", **options)
            lazy = one.chunk({"time": 2}, **KW)
            with monkeypatch.context() as patched:
                if is_number:
                    refusing(patched)
                found = getattr(lazy, name)("time", **options)
            assert is_lazy(found) == is_number
            xr.testing.assert_identical(found.compute(), expected)
            assert found.dtypes == expected.dtypes if isinstance(found, xr.Dataset) else found.dtype == expected.dtype
    with pytest.raises(ValueError, match="Must supply 'dim'"):
        getattr(plain.chunk({"time": 2}, **KW), name)()
    with pytest.raises(KeyError, match="not one of the coordinates"):
        getattr(plain.chunk({"time": 2}, **KW), name)("x")


def test_lazy_coordinates_that_are_the_same_are_not_computed(rng, monkeypatch):
    a = rng.random((6, 5))
    data = {"a": (("y", "x"), a), "b": (("y", "x"), a + 1)}
    lazy = xr.Dataset(data, coords={"lat2": (("y", "x"), a * 2)}).chunk(**KW)
    with monkeypatch.context() as patched:
        for method in ("__array__", "compute", "__bool__", "__float__"):
            patched.setattr(fs.Array, method, lambda *_, **__: pytest.fail("an array was computed in silence"))
        found = lazy.a.isel(y=slice(0, 3)) + lazy.b.isel(y=slice(0, 3))
        merged = xr.merge([lazy.a.to_dataset(), lazy.b.to_dataset()])
    np.testing.assert_allclose(found.compute(), (2 * a + 1)[:3])
    assert set(merged) == {"a", "b"} and isinstance(merged.lat2.data, fs.Array)
    # what is not the same graph is compared by value, as ever
    other = lazy.b.assign_coords(lat2=lazy.lat2 + 1)
    with pytest.raises(ValueError, match="conflict|coordinate"):
        xr.merge([lazy.a.to_dataset(), other.to_dataset()], compat="no_conflicts", join="exact")


def test_missing_weights_are_found_when_they_are_used(plain, lazy):
    weights = lazy.p.isel(time=0).where(lazy.lat > 15)
    mean = lazy.p.weighted(weights).mean("lat")
    with pytest.raises(ValueError, match="cannot contain missing values"):
        mean.compute()


GROUPS = {
    "unique": lambda d: d.groupby("g"), "month": lambda d: d.groupby("time.month"), "resample": lambda d: d.resample(time="5D"),
    "bins": lambda d: d.groupby_bins("g", [0, 2, 4, 9]), "two": lambda d: d.groupby(["g", "half"]), "missing": lambda d: d.groupby("some"),
    "areas": lambda d: d.assign_coords(area=(("time", "y"), np.arange(240).reshape(60, 4) // 7 % 5)).groupby("area"),
}
REDUCTIONS = [(name, {}) for name in ("sum", "mean", "var", "std", "min", "max", "count", "any", "all", "median", "prod", "first")]
REDUCTIONS += [(name, {"skipna": skipna}) for name in ("sum", "mean", "var", "std", "min", "max") for skipna in (False, True)]
REDUCTIONS += [("var", {"ddof": 1}), ("std", {"ddof": 3}), ("sum", {"min_count": 2}), ("sum", {"min_count": 2, "skipna": True})]
REDUCTIONS += [("mean", {"keep_attrs": False}), ("mean", {"dim": "time"}), ("max", {"dim": ...}), ("std", {"dim": ["time", "y"]}), ("count", {"dim": ("y", "time")})]


def of_groups(dtype, rng):
    a = rng.normal(size=(3, 60, 4)) * 20 + 30
    if dtype[0] in "fc":
        a[rng.random(a.shape) < 0.3] = np.nan
        a[:, :5] = np.nan
    time = np.datetime64("2001-01-01", "ns") + np.arange(60) * np.timedelta64(36, "h")
    g, some = rng.integers(0, 7, 60), np.where(np.arange(60) % 4, np.arange(60) // 9.0, np.nan)
    coords = {"time": time, "g": ("time", g), "half": ("time", g % 2), "some": ("time", some), "x": [1, 2, 3], "k": 5}
    return xr.DataArray((a > 30 if dtype == "?" else a.astype(dtype)), dims=("x", "time", "y"), coords=coords, name="v", attrs={"u": "K"})


def refusing(monkeypatch):
    for method in ("__array__", "compute", "__bool__", "__float__"):
        monkeypatch.setattr(fs.Array, method, lambda *_, **__: pytest.fail("an array was computed in silence"))


def assert_same(found, expected, single):
    assert type(found) is type(expected) and found.attrs == expected.attrs and list(found.coords) == list(expected.coords)
    for name in expected.data_vars if isinstance(expected, xr.Dataset) else [None]:
        a, b = (found, expected) if name is None else (found[name], expected[name])
        assert (a.dims, a.dtype, a.attrs, a.name) == (b.dims, b.dtype, b.attrs, b.name)
        np.testing.assert_allclose(a.values, b.values, rtol=2e-4 if single else 1e-9, atol=1e-4 if single else 1e-9)
    for name in expected.coords:
        assert found[name].equals(expected[name]), name


@pytest.mark.parametrize("dtype", ["f4", "i4", "?", "c16"])
@pytest.mark.parametrize("by", sorted(GROUPS))
@pytest.mark.filterwarnings("ignore")
def test_reductions_of_groups_are_xarrays(by, dtype, rng, monkeypatch):
    plain = of_groups(dtype, rng)
    lazy = plain.chunk({"time": 16, "y": 3}, **KW).assign_coords({name: plain[name] for name in ("g", "half", "some")})
    for name, options in REDUCTIONS:
        try:
            expected = getattr(GROUPS[by](plain), name)(**options)
        except Exception as error:  # what xarray refuses of NumPy's arrays is refused of ours
            with pytest.raises(type(error)):
                getattr(GROUPS[by](lazy), name)(**options)
            continue
        with monkeypatch.context() as patched:
            refusing(patched)
            found = getattr(GROUPS[by](lazy), name)(**options)
        assert is_lazy(found), (name, options)
        if expected.dtype != object:  # where bools are missing, which ours are as numbers
            assert_same(found.compute(), expected, dtype == "f4")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("by", sorted(GROUPS))
def test_groups_of_datasets_are_xarrays(by, rng, monkeypatch):
    plain = of_groups("f4", rng).to_dataset(name="v")
    plain["i"] = ("y", "time"), rng.integers(0, 9, (4, 60)), {"of": "i"}
    plain["still"] = "y", rng.normal(size=4)
    plain["w"] = "time", rng.normal(size=60)
    lazy = plain.chunk({"time": 16}, **KW).assign_coords({name: plain[name] for name in ("g", "half", "some")}).assign(w=plain.w)
    for name, options in REDUCTIONS:
        if name in ("median", "prod", "first"):
            continue
        try:
            expected = getattr(GROUPS[by](plain), name)(**options)
        except ValueError:  # along axes that groups of several axes do not have
            continue
        if any(v.dtype == object for v in expected.data_vars.values()):  # where bools are missing, which ours are as numbers
            continue
        with monkeypatch.context() as patched:
            refusing(patched)
            found = getattr(GROUPS[by](lazy), name)(**options)
        assert is_lazy(found[["v", "i"]]) and list(found.data_vars) == list(expected.data_vars), (name, options)
        assert_same(found.compute(), expected, True)


@pytest.mark.filterwarnings("ignore")
def test_groups_read_each_chunk_once_and_anomalies_twice(rng):
    a, reads = rng.normal(size=(730, 6)).astype("f4"), []

    class Counting:
        shape, dtype = a.shape, a.dtype

        def __getitem__(self, at):
            reads.append(a[at].size)
            return a[at]

    time = np.arange("2001-01-01", "2003-01-01", dtype="M8[D]").astype("M8[ns]")
    of = lambda values: xr.DataArray(values, dims=("time", "x"), coords={"time": time}, name="v")
    plain, lazy = of(a), of(fs.from_array(Counting(), chunks=(73, 6)))
    anomalies = lambda d: (d.groupby("time.month") - d.groupby("time.month").mean()).std("time")
    for times, call in [
        (1, lambda d: d.groupby("time.month").mean()), (1, lambda d: d.groupby("time.dayofyear").mean()), (1, lambda d: d.groupby("time.month").max()),
        (1, lambda d: d.resample(time="1W").count()), (1, lambda d: d.to_dataset().groupby("time.season").sum().v), (2, lambda d: d.groupby("time.month").std()),
        (2, anomalies),
    ]:
        reads.clear()
        xr.testing.assert_allclose(call(lazy).compute(), call(plain), rtol=1e-4)
        assert sum(reads) == a.size * times


@pytest.mark.parametrize("order", ["flagstone as fs, xarray as xr", "xarray as xr, flagstone as fs", "flagstone as fs, xarray.core.indexing, xarray as xr"])
def test_imported_in_any_order_arrays_of_ours_stay_lazy(order):
    code = f"""
import {order}
import numpy as np
fs.Array.__array__ = None
x = xr.DataArray(fs.ones((6, 4)), dims=("t", "p"), coords={{"g": ("t", [0, 1, 0, 1, 2, 2])}})
points = x.isel(t=xr.DataArray([0, 1], dims="k"), p=xr.DataArray([2, 3], dims="k"))
assert isinstance(points.data, fs.Array) and isinstance(x.ffill("t").data, fs.Array) and isinstance(x.groupby("g").mean().data, fs.Array)
assert "flagstone._xarray" not in __import__("sys").modules
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


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


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_what_lies_in_a_file_is_read_by_us_decoded_or_not(plain, tmp_path, monkeypatch, suffix):
    from flagstone import _flagstone

    path = tmp_path / f"a.{suffix}"
    encoding = {"t": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}}
    holed = plain.where(plain.p > -1)
    if suffix == "nc":
        holed.to_netcdf(path, encoding=encoding, engine="netcdf4")
    else:
        holed.to_zarr(path, encoding=encoding)
    expected = xr.open_dataset(path).load()
    with monkeypatch.context() as patched:
        patched.setattr(_flagstone, "ask", lambda *_: pytest.fail("xarray is asked for elements"))
        patched.setattr(fs.Array, "__array__", lambda *_, **__: pytest.fail("an eager load"))
        opened = xr.open_dataset(path, chunks={}, **KW)
        part = opened.isel(time=slice(3, 30, 2), lat=1)
    assert is_lazy(opened) and expected.t.isnull().any()
    xr.testing.assert_identical(opened.compute(), expected)
    xr.testing.assert_identical(part.compute(), expected.isel(time=slice(3, 30, 2), lat=1))


def test_times_and_texts_stay_as_xarray_has_them(plain, tmp_path):
    bounds = np.stack([plain.time.values, plain.time.values + np.timedelta64(1, "D")], axis=1)
    data = plain.assign(bounds=(("time", "edge"), bounds), name=("lat", ["a", "b", "c", "d"]))
    chunked = data.chunk({"time": 20}, **KW)
    assert isinstance(chunked.t.data, fs.Array) and isinstance(chunked.bounds.data, np.ndarray)
    data.to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    opened = xr.open_dataset(tmp_path / "a.nc", chunks={}, **KW)
    assert isinstance(opened.t.data, fs.Array) and not opened.bounds.variable._in_memory
    xr.testing.assert_identical(opened.compute(), xr.open_dataset(tmp_path / "a.nc").load())


def test_zarr_there_and_back(plain, lazy, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(fs.Array, "__array__", lambda *_, **__: pytest.fail("an eager load"))
        (lazy + 1).to_zarr(tmp_path / "a.zarr")
        back = xr.open_zarr(tmp_path / "a.zarr", **KW)
    assert is_lazy(back.t)
    xr.testing.assert_allclose(back.compute(), plain + 1)


def test_netcdf_is_written_block_by_block(plain, lazy, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(fs.Array, "__array__", lambda *_, **__: pytest.fail("an eager load"))
        lazy.to_netcdf(tmp_path / "b.nc")
    xr.testing.assert_allclose(xr.open_dataset(tmp_path / "b.nc").load(), plain)


def test_elements_are_set_along_axes_and_at_points(plain, lazy):
    points = {"time": xr.DataArray([0, 5], dims="p"), "lat": xr.DataArray([1, 2], dims="p")}
    for at in ({"time": [0, 5], "lat": [1, 2]}, points, {"time": 3}, {"lat": slice(1, 3)}, {"time": [7], "lat": 0}):
        expected, found = plain.p.copy(), lazy.p.copy()
        expected[at] = -100
        found[at] = -100
        assert is_lazy(found)
        xr.testing.assert_identical(found.compute(), expected)
    xr.testing.assert_identical(lazy.p.compute(), plain.p)


def test_the_chunk_manager_may_be_the_option_of_xarray(plain, tmp_path):
    if "chunk_manager" not in xr.get_options():
        pytest.skip("this xarray has no such option")
    plain.to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    with xr.set_options(chunk_manager="flagstone"):
        opened = xr.open_dataset(tmp_path / "a.nc", chunks={})
        assert is_lazy(opened) and is_lazy(plain.chunk({"time": 10})) and is_lazy(xr.open_dataset(tmp_path / "a.nc", chunks="auto"))
        xr.testing.assert_allclose(opened.compute(), plain)


def test_zarr_is_appended_to_and_written_later_and_in_regions(plain, lazy, tmp_path):
    path = tmp_path / "a.zarr"
    first, rest = lazy.isel(time=slice(40)), lazy.isel(time=slice(40, None))
    first.to_zarr(path)
    rest.to_zarr(path, append_dim="time")
    xr.testing.assert_allclose(xr.open_zarr(path, **KW).compute(), plain)
    (lazy * 2).isel(time=slice(0, 20)).drop_vars(["lat", "lon", "zone"]).to_zarr(path, region={"time": slice(0, 20)})
    found = xr.open_zarr(path, **KW).t.compute()
    xr.testing.assert_allclose(found[:20], plain.t[:20] * 2)
    xr.testing.assert_allclose(found[20:], plain.t[20:])


def test_zarr_is_written_later(plain, lazy, tmp_path):
    pytest.importorskip("dask")  # by which xarray waits
    later = lazy.to_zarr(tmp_path / "b.zarr", compute=False)
    assert not np.asarray(xr.open_zarr(tmp_path / "b.zarr", **KW).p.notnull().all())
    later.compute()
    xr.testing.assert_allclose(xr.open_zarr(tmp_path / "b.zarr", **KW).compute(), plain)


def test_many_files_are_one_data_set(plain, tmp_path):
    for at in range(3):
        plain.isel(time=slice(20 * at, 20 * at + 20)).to_netcdf(tmp_path / f"part_{at}.nc", engine="netcdf4")
    opened = xr.open_mfdataset(sorted(tmp_path.glob("part_*.nc")), chunks={}, **KW)
    assert is_lazy(opened) and opened.t.shape == plain.t.shape
    xr.testing.assert_allclose(opened.mean("time").compute(), plain.mean("time"))


def test_compute_load_and_persist(plain, lazy):
    xr.testing.assert_allclose(lazy.compute(), plain)
    kept = lazy.persist()
    assert is_lazy(kept)
    xr.testing.assert_allclose(kept.load(), plain)
