"""xarray's chunk manager: `xr.open_dataset(path, chunks={}, chunked_array_type="flagstone")`."""

import math

import numpy as np
from xarray.namedarray.parallelcompat import ChunkManagerEntrypoint

import flagstone as fs

from . import _blocks, _flagstone, _sources, _xarray_files
from ._flagstone import Array

#: Bytes of a chunk where nobody says how long chunks are.
AUTO_BYTES = 64 << 20


class FlagstoneManager(ChunkManagerEntrypoint):
    """What xarray asks of lazy arrays, answered by Flagstone's."""

    array_cls = Array
    available = True

    def __init__(self):
        pass

    def is_chunked_array(self, data):
        return isinstance(data, Array)

    def chunks(self, data):
        return data.chunks

    def normalize_chunks(self, chunks, shape=None, limit=None, dtype=None, previous_chunks=None):
        if shape is None:
            raise ValueError("normalize_chunks: no shape; expected the lengths of the axes")
        if chunks is None or isinstance(chunks, (int, str)):
            chunks = (chunks,) * len(shape)
        if isinstance(chunks, dict):
            chunks = tuple(chunks.get(axis) for axis in range(len(shape)))
        if len(chunks) != len(shape):
            raise ValueError(f"normalize_chunks: chunks {chunks} for an array of {len(shape)} axes, shape {shape}")
        auto = [axis for axis, n in enumerate(chunks) if isinstance(n, str)]
        out = [n if axis in auto else _sources._lengths(n, shape[axis]) for axis, n in enumerate(chunks)]
        if auto:
            item = np.dtype(dtype or "f8").itemsize
            fixed = math.prod(max(n, default=1) for axis, n in enumerate(out) if axis not in auto)
            room = max((limit or AUTO_BYTES) // max(item * fixed, 1), 1)
            # axes from the last on are kept whole as long as there is room
            for axis in reversed(auto):
                length = max(min(shape[axis], room), 1)
                out[axis] = _sources._lengths(length, shape[axis])
                room = max(room // length, 1)
        return tuple(tuple(n) for n in out)

    def from_array(self, data, chunks, **kwargs):
        kwargs = {k: v for k, v in kwargs.items() if k in ("name",) and isinstance(v, str)}
        if np.dtype(data.dtype).kind in "OUSMmVT":
            # times, texts and objects stay as xarray has them: in memory, or loaded when they are asked for
            return data if isinstance(data, np.ndarray) else data.array
        chunks = self.normalize_chunks(chunks, data.shape, dtype=data.dtype)
        found = _xarray_files.opened(data)
        return _sources.from_array(data if found is None else found, chunks, **kwargs)

    def rechunk(self, data, chunks, **kwargs):
        return _sources.rechunked(data, chunks)

    def compute(self, *data, **kwargs):
        return tuple(np.asarray(x) for x in fs.compute(*data))

    def persist(self, *data, **kwargs):
        return fs.persist(*data)

    @property
    def array_api(self):
        return fs

    def reduction(self, arr, func, combine_func=None, aggregate_func=None, axis=None, dtype=None, keepdims=False):
        axes = tuple(range(arr.ndim)) if axis is None else tuple(np.atleast_1d(axis) % arr.ndim)
        whole = _sources.rechunked(arr, {axis: -1 for axis in axes})
        last = aggregate_func or combine_func or (lambda x, **_: x)

        def reduced(block):
            return last(func(block, axis=axes, keepdims=True), axis=axes, keepdims=keepdims)

        if keepdims:
            chunks = tuple((1,) if axis in axes else n for axis, n in enumerate(whole.chunks))
            return _blocks.map_blocks(reduced, whole, dtype=dtype or arr.dtype, chunks=chunks)
        chunks = tuple(n for axis, n in enumerate(whole.chunks) if axis not in axes)
        return _blocks.map_blocks(reduced, whole, dtype=dtype or arr.dtype, chunks=chunks, drop_axis=list(axes))

    def scan(self, func, binop, ident, arr, axis=None, dtype=None, **kwargs):
        whole = _sources.rechunked(arr, {axis: -1})
        return _blocks.map_blocks(lambda block: func(block, axis=axis, **kwargs), whole, dtype=dtype or arr.dtype)

    def apply_gufunc(self, func, signature, *args, axes=None, axis=None, keepdims=False, output_dtypes=None, output_sizes=None,
                     vectorize=None, allow_rechunk=False, meta=None, **kwargs):
        if not allow_rechunk:
            for x, core in zip(args, _blocks._parsed(signature)[0]):
                if isinstance(x, Array) and any(len(n) > 1 for n in x.chunks[x.ndim - len(core):]):
                    raise ValueError(
                        "apply_gufunc: a core dimension consists of several chunks; rechunk it to one, or use "
                        "dask_gufunc_kwargs={'allow_rechunk': True}"
                    )
        return _blocks.apply_gufunc(
            func, signature, *args, axes=axes, axis=axis, keepdims=keepdims, output_dtypes=output_dtypes, output_sizes=output_sizes,
            vectorize=bool(vectorize), meta=meta, **kwargs,
        )

    def map_blocks(self, func, *args, dtype=None, chunks=None, drop_axis=None, new_axis=None, **kwargs):
        return _blocks.map_blocks(func, *args, dtype=dtype, chunks=chunks, drop_axis=drop_axis, new_axis=new_axis, **kwargs)

    def blockwise(self, func, out_ind, *args, **kwargs):
        return _blocks.blockwise(func, out_ind, *args, **kwargs)

    def unify_chunks(self, *args, **kwargs):
        pairs = list(zip(args[::2], args[1::2]))
        cuts = {}
        for x, labels in pairs:
            for label, lengths in zip(labels or (), x.chunks):
                if label not in cuts or len(lengths) > len(cuts[label]):
                    cuts[label] = lengths
        return cuts, [x if not labels else x.rechunk(tuple(cuts[label] for label in labels)) for x, labels in pairs]

    def store(self, sources, targets, regions=None, compute=True, lock=None, return_stored=False, flush=None, **kwargs):
        sources = [sources] if isinstance(sources, Array) else list(sources)
        targets = targets if isinstance(targets, (list, tuple)) else [targets]
        regions = regions if isinstance(regions, list) else [regions] * len(sources)
        items = []
        for source, target, region in zip(sources, targets, regions):
            region = region or (slice(None),) * source.ndim
            origin = [0 if part.start is None else part.start for part in region]
            if any(part.step not in (None, 1) for part in region):
                raise NotImplementedError("store: a region with steps")
            # one call writes whole chunks of the target, so that two never write one
            own = getattr(target, "shards", None) or getattr(target, "chunks", None)
            if own is None:
                inner = getattr(target, "array", None)
                own = getattr(inner, "chunks", None)
            whole = isinstance(own, (tuple, list)) and len(own) == source.ndim and all(isinstance(n, (int, np.integer)) for n in own)
            granule = [max(min(int(n), length), 1) for n, length in zip(own, source.shape)] if whole else [max(n, 1) for n in source.chunksize]
            if whole and any(at % n for at, n in zip(origin, own)):
                granule = [max(n, 1) for n in source.chunksize]
            items.append((source, target, origin, granule))
        if compute:
            _flagstone.store_into(items)
            return None
        return _later(items)

    def shuffle(self, x, indexer, axis, chunks):
        flat = [place for group in indexer for place in group]
        return fs.take(x, flat, axis=axis)

    def get_auto_chunk_size(self):
        return AUTO_BYTES


def _later(items):
    """A `store` that waits for `compute()`: xarray closes files behind it by dask, which must know it."""
    import dask

    return dask.delayed(lambda: _flagstone.store_into(items))()
