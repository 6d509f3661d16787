"""The jobs: what Flagstone is asked, which file is read, and which peers can do the same."""

from dataclasses import KW_ONLY, dataclass, field

DASK_LIKE = ("dask", "dask-array")


@dataclass
class Job:
    name: str
    expression: str
    # name in gen.files() and dataset inside of it
    source: str | None = None
    dataset: str = ""
    _: KW_ONLY
    # further files: name in the expression -> name in gen.files()
    also: dict = field(default_factory=dict)
    peers: tuple = DASK_LIKE
    # arguments of `flagstone eval` that say how a result is stored; None: it is printed
    store: list | None = None
    memory_limit: str = "256MiB"
    # bytes of values read, and the limits of the machine that bound them, by the probe's names without `_gb_s`
    decoded_bytes: int = 0
    bound: str | None = None
    cold: bool = False
    # whether every engine computes the same values
    same_values: bool = True
    settings: dict = field(default_factory=dict)  # name -> chunks, for dask
    # whose seconds are divided by the others': dask at its best chunking, or a peer by its name
    base: str = "dask"
    # rounds at most, of what takes minutes
    runs: int = 5
    # whether the command line has it: a user's own function is Python's alone
    command_line: bool = True
    # of values in another order than the base's, or stored: the check is the sum of every so many-th value of the stored result
    step: int = 1


FLOATS = {"default": None, "1e6": 1_000_000, "1e7": 10_000_000, "auto": "auto"}
SQUARE = {"default": None, "auto": "auto", "rows": (1000, 16000), "4000": (4000, 4000)}
TABLE = {"default": None, "auto": "auto", "rows": (1000, 20000)}
RANDOM_2D = {"default": "auto", "auto": "auto", "1000": (1000, 1000), "5000": (5000, 5000)}
RANDOM_1D = {"default": "auto", "auto": "auto", "1e6": 1_000_000, "1e7": 10_000_000}
TENSOR = {"default": "auto", "whole": -1, "500": (500, 400, 50)}
TALL = {"rows": (50_000, 200), "more rows": (200_000, 200)}
CLIMATE = {"default": None, "whole maps": (200, 180, 360), "whole lanes": (4000, 60, 60)}
IMAGE = {"default": None, "4000": (4000, 4000)}
FOUR_GB = 4_000_000_000
SQUARE_BYTES = 16000 * 16000 * 8

DAY_CLIMATOLOGY = """days = arange(4000) % 365
apart = abs(expand_dims(arange(365), 1) - arange(365))
weights = maximum(31.0 - minimum(apart, 365 - apart), 0)
sums = groupby_reduce(x, days, func='sum', num_groups=365)
counts = groupby_reduce(ones(4000), days, func='sum', num_groups=365)
(tensordot(weights, sums, 1) / expand_dims(weights @ counts, (1, 2))).max(axis=0).sum()"""

# a hundred thousand chunks of 100 × 100, each with a rim of its neighbours
MAP_OVERLAP = """def smooth(b):
    c = b.copy()
    c[1:-1, 1:-1] = (b[:-2, 1:-1] + b[2:, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:]) / 4
    return c
map_overlap(smooth, random.random((31600, 31600), chunks=(100, 100), seed=0), depth=1, boundary='reflect').mean()"""

JOBS = [
    Job("mean_h5", "x.mean()", "random", "/x", peers=(*DASK_LIKE, "cubed", "numpy"), decoded_bytes=FOUR_GB, bound="file", settings=FLOATS),
    Job("mean_h5_cold", "x.mean()", "random", "/x", peers=DASK_LIKE, decoded_bytes=FOUR_GB, cold=True, settings=FLOATS),
    Job("mean_h5c", "x.mean()", "plain_chunks", "/x", peers=DASK_LIKE, decoded_bytes=FOUR_GB, bound="file", settings=FLOATS),
    Job("mean_h5c_deflate", "x.mean()", "deflated", "/x", peers=DASK_LIKE, decoded_bytes=FOUR_GB, bound="deflated_codec", settings=FLOATS),
    Job("norm_slice", "random.normal(10, .1, (20000, 20000), seed=0)[::100].mean(axis=0).sum()", same_values=False, settings=RANDOM_2D),
    Job("norm_mean", "random.normal(10, .1, 1000000000, seed=0).mean()", peers=(*DASK_LIKE, "numpy"), same_values=False, settings=RANDOM_1D),
    Job("rand80k", "random.random((80000, 80000), seed=0).mean(axis=0)[::10].sum()", peers=(*DASK_LIKE, "cubed"), same_values=False, settings=RANDOM_2D),
    Job("demean", "(x - x.mean(axis=1, keepdims=True)).std(axis=0).sum()", "chunked", "/x", decoded_bytes=640_000_000, bound="hdf5_codec", settings=TABLE),
    Job("zarr_sum", "x.sum()", "square", peers=(*DASK_LIKE, "cubed", "blosc2", "numpy"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE),
    Job("zarr_std0", "x.std(axis=0).sum()", "square", peers=(*DASK_LIKE, "blosc2", "numpy"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE),
    Job("zarr_fused", "(exp(-((x-10)/3)**2/2)*sin(x)).sum()", "square", peers=(*DASK_LIKE, "cubed", "blosc2", "numpy"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE),
    Job("zarr_xxt", "(x + x.T).mean(axis=0).sum()", "square", peers=(*DASK_LIKE, "cubed", "numpy"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE),
    Job("copy_double_same", "x*2", "square", store=["--chunks", "1000,1000", "--codec", "zstd:0"], peers=(*DASK_LIKE, "cubed", "blosc2"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec + zarr_encode", settings=SQUARE),
    Job("copy_double", "x*2", "square", store=["--chunks", "1000,1000"], settings=SQUARE),
    Job("rechunk_same", "x", "square", store=["--chunks", "16000,100", "--codec", "zstd:0"], memory_limit="512MiB", peers=(*DASK_LIKE, "cubed"), decoded_bytes=SQUARE_BYTES, bound="zarr_codec + zarr_encode", settings={"default": None}),
    Job("rechunk", "x", "square", store=["--chunks", "16000,100"], memory_limit="512MiB", settings={"default": None}),
    # the greatest element: no engine can know it without the product. NumPy holds all three matrices in memory
    Job("matmul8000", "(x @ y).max()", "left", also={"y": "right"}, memory_limit="512MiB", peers=("numpy",), base="numpy"),
    Job("tensordot", "tensordot(x, y, 2).max()", "tensor", also={"y": "cotensor"}, memory_limit="512MiB", peers=(*DASK_LIKE, "numpy"), settings=TENSOR),
    Job("matmul8000_f32", "(x @ y).max()", "left32", also={"y": "right32"}, memory_limit="512MiB", peers=("numpy",), base="numpy"),
    # linear algebra: NumPy and SciPy hold all of it in memory
    Job("cholesky8000", "linalg.cholesky(x).diagonal().sum()", "positive", peers=("numpy",), base="numpy", runs=3),
    Job("lu8000", "linalg.slogdet(x)[1]", "left", peers=("numpy",), base="numpy", runs=3),
    Job("solve8000", "abs(linalg.solve(x, y[:, :100])).sum()", "left", also={"y": "right"}, peers=("numpy",), base="numpy", runs=3),
    Job("qr8000_r", "abs(linalg.qr(x, 'r').diagonal()).sum()", "left", peers=("numpy",), base="numpy", runs=2),
    Job("inv8000", "abs(linalg.inv(x)).sum()", "left", memory_limit="512MiB", peers=("numpy",), base="numpy", runs=2),
    Job("cholesky16000", "linalg.cholesky(x).diagonal().sum()", "positive16000", memory_limit="128MiB", peers=("numpy",), base="numpy", runs=1),
    Job("lu16000", "linalg.slogdet(x)[1]", "left16000", memory_limit="128MiB", peers=("numpy",), base="numpy", runs=1),
    Job("qr_tall", "q = linalg.qr(x); abs(q[0]).sum() + abs(q[1]).sum()", "tall", settings=TALL, runs=3),
    Job("svd_tall", "linalg.svdvals(x).sum()", "tall", settings=TALL, runs=3),
    Job("svd_compressed", "linalg.svd_compressed(x - x.mean(axis=0), 20, seed=1)[1][0]", "square", memory_limit="512MiB", same_values=False, settings={"default": None, "rows": (1000, 16000)}, runs=2),
    Job("inv_corner", "linalg.inv(x)[:100, :10].sum()", "left10000", memory_limit="512MiB", settings={"1000": (1000, 1000), "2500": (2500, 2500)}, runs=1),
    Job("eigh4000", "abs(linalg.eigh(x[:4000, :4000])[1]).sum()", "positive", peers=("numpy",), base="numpy", runs=1),
    Job("svd4000", "abs(linalg.svd(x[:4000, :4000])[0]).sum()", "left", peers=("numpy",), base="numpy", runs=1),
    Job("eigh_stack", "linalg.eigvalsh(x).max()", "stack", peers=("numpy",), base="numpy"),
    # what the order of values decides
    Job("median0", "median(x, 0).sum()", "square", memory_limit="512MiB", decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE, runs=2),
    Job("median_all", "median(x)", "random", "/x", memory_limit="512MiB", peers=("numpy",), base="numpy", runs=2),
    Job("sort", "sort(x)", "long", store=["--chunks", "1000000", "--codec", "none"], memory_limit="512MiB", peers=("numpy",), base="numpy", runs=3, step=1000),
    Job("argsort", "argsort(x)", "long", store=["--chunks", "1000000", "--codec", "none"], memory_limit="512MiB", peers=("numpy",), base="numpy", runs=2, step=1000),
    Job("unique_counts", "unique_counts(x)[1].max()", "square", memory_limit="512MiB", settings=SQUARE, runs=2),
    Job("topk", "topk(x, 100).sum()", "random", "/x", memory_limit="512MiB", decoded_bytes=FOUR_GB, bound="file", settings=FLOATS, runs=2),
    Job("histogram", "histogram(x, 100, [0, 20])[0].max()", "square", memory_limit="512MiB", decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE, runs=3),
    # running totals, selections, shapes, transforms
    Job("cumsum", "cumsum(x, 0).max()", "square", memory_limit="512MiB", decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE, runs=3),
    Job("mask", "x[x > 12].mean()", "square", memory_limit="512MiB", decoded_bytes=SQUARE_BYTES, bound="zarr_codec", settings=SQUARE, runs=3),
    Job("reshape", "x.reshape(256000, 1000)", "square", store=["--chunks", "16000,1000", "--codec", "zstd:0"], memory_limit="512MiB", settings={"default": None, "rows": (1000, 16000)}, runs=2),
    Job("shuffle", "x[y]", "square", also={"y": "order"}, store=["--chunks", "1000,1000", "--codec", "zstd:0"], memory_limit="512MiB", decoded_bytes=SQUARE_BYTES, bound="zarr_codec + zarr_encode", settings={"default": None, "rows": (1000, 16000)}, runs=1),
    Job("map_overlap", MAP_OVERLAP, memory_limit="512MiB", peers=("dask",), same_values=False, command_line=False, settings={"100": (100, 100)}, runs=1),
    # what is random is taken in random order: two reads of 400 MB and a result as long
    Job("take", "x[y]", "half", also={"y": "permutation"}, store=["--chunks", "1000000", "--codec", "none"], memory_limit="256MiB", peers=("numpy",), base="numpy", runs=3, step=1000),
    Job("fft", "abs(fft.fft(x, axis=0)).max()", "square", memory_limit="512MiB", peers=(*DASK_LIKE, "numpy"), base="numpy", settings={"columns": (16000, 500)}, runs=2),
    # groups by labels; dask with flox
    Job("monthly_means", "groupby_reduce(x, y, num_groups=12).mean()", "climate", also={"y": "months"}, memory_limit="512MiB", peers=("dask",), settings=CLIMATE, runs=3),
    Job("anomalies", "(x - groupby_reduce(x, y, num_groups=12)[y]).std(axis=0).sum()", "climate", also={"y": "months"}, memory_limit="512MiB", peers=("dask",), settings=CLIMATE, runs=2),
    # the mean of each day of the year and of 30 days before and behind it, those nearer counting more
    Job("day_climatology", DAY_CLIMATOLOGY, "climate", memory_limit="512MiB", peers=("dask",), settings=CLIMATE, runs=2),
    Job("zonal", "groupby_reduce(x, y, num_groups=400).max()", "raster", also={"y": "zones"}, memory_limit="512MiB", peers=("dask",), settings=IMAGE, runs=2),
]
