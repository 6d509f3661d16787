"""Functions of Python that are given blocks as arrays of NumPy."""

import inspect
import re

import numpy as np

from . import _flagstone
from ._flagstone import Array
from ._sources import rechunked


def _unified(arrays):
    """The arrays broadcast to one shape, in the chunks of the one that is cut most."""
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    arrays = [x if x.shape == shape else _flagstone.functions["broadcast_to"](x, shape) for x in arrays]
    finest = tuple(max((x.chunks[axis] for x in arrays), key=len) for axis in range(len(shape)))
    return [x if x.chunks == finest else x.rechunk(finest) for x in arrays], shape, finest


def _arrays(args):
    """The arguments that are arrays, and a function that puts blocks in their places."""
    places = [at for at, arg in enumerate(args) if isinstance(arg, (Array, np.ndarray)) and np.ndim(arg) > 0]
    arrays = [args[at] if isinstance(args[at], Array) else _flagstone.lend(args[at]) for at in places]

    def put(blocks):
        out = list(args)
        for at, block in zip(places, blocks):
            out[at] = block
        return out

    return arrays, put


def _takes(function, name):
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _dtype_of(function, args, kwargs):
    """The dtype that `function` gives of tiny blocks."""
    try:
        return np.asarray(function(*args, **kwargs)).dtype
    except Exception as error:
        raise ValueError(f"map_blocks: the function could not be tried on blocks of one element ({error!r}); give dtype=") from error


def map_blocks(func, *args, dtype=None, chunks=None, drop_axis=None, new_axis=None, meta=None, name=None, token=None, enforce_ndim=False, **kwargs):
    """`func` of every block of the arrays in `args`, which are broadcast to one shape, as dask.array.map_blocks.

    Blocks come as arrays of NumPy of their own. `chunks` says what a block becomes, where that is not its own shape. A function that
    raises stops the computation: the exception keeps its traceback, and a note names the block.
    """
    arrays, put = _arrays(args)
    if not arrays:
        raise TypeError("map_blocks: no array among the arguments; expected one at least")
    if not callable(func):
        raise TypeError(f"map_blocks: {func!r} cannot be called")
    informed = _takes(func, "block_info") or _takes(func, "block_id")
    if dtype is None and meta is not None:
        dtype = meta.dtype
    if dtype is None:
        extra = {}
        if _takes(func, "block_info"):
            extra["block_info"] = None
        if _takes(func, "block_id"):
            extra["block_id"] = (0,) * arrays[0].ndim
        dtype = _dtype_of(func, put([np.ones((1,) * x.ndim, x.dtype) for x in arrays]), {**kwargs, **extra})
    arrays, shape, cuts = _unified(arrays)
    drop = {axis % len(shape) for axis in ([drop_axis] if isinstance(drop_axis, int) else drop_axis or [])}
    new = sorted([new_axis] if isinstance(new_axis, int) else new_axis or [])
    kept = [axis for axis in range(len(shape)) if axis not in drop]
    for axis in drop:
        if len(cuts[axis]) != 1:
            raise ValueError(f"map_blocks: axis {axis} is dropped and has {len(cuts[axis])} chunks; rechunk it to one first")
    # Calls stand along the axes of the result, then along what is dropped.
    order = [("kept", axis) for axis in kept]
    for axis in new:
        order.insert(axis, ("new", None))
    calls = [cuts[axis] if kind == "kept" else (1,) for kind, axis in order] + [cuts[axis] for axis in sorted(drop)]
    place = {axis: at for at, (kind, axis) in enumerate(order) if kind == "kept"}
    place.update({axis: len(order) + at for at, axis in enumerate(sorted(drop))})
    if chunks is None:
        lengths = [cuts[axis] if kind == "kept" else (1,) for kind, axis in order]
    else:
        lengths = [
            tuple(n) if isinstance(n, (tuple, list)) else (n,) * len(calls[at]) for at, n in enumerate(chunks)
        ]
    wants_info, wants_id = _takes(func, "block_info"), _takes(func, "block_id")

    def call(*blocks, block_info=None):
        extra = {}
        if wants_id:
            extra["block_id"] = block_info["chunk-location"]
        if wants_info:
            extra["block_info"] = {None: block_info, 0: block_info}
        return func(*put(blocks), **kwargs, **extra)

    along = [place[axis] for axis in range(len(shape))]
    label = name or token or "map_blocks"
    return _flagstone.call_blocks(label, call, [(x, along) for x in arrays], calls, np.dtype(dtype), lengths, informed)


def _on_axes(given, ndim, fill):
    """What is given for every axis, or for some of them by number, as a list with one a axis."""
    if isinstance(given, dict):
        return [given.get(axis, given.get(axis - ndim, fill)) for axis in range(ndim)]
    if isinstance(given, (tuple, list)):
        if len(given) != ndim:
            raise ValueError(f"map_overlap: {len(given)} values for {ndim} axes; expected one for all, or one an axis")
        return list(given)
    return [given] * ndim


def _held(number, dtype):
    """A number that stands beyond the ends of an array of `dtype`, in that dtype; one that it does not hold is an error."""
    if isinstance(dtype, str):
        return float(number)  # NumPy has no such dtype, as is said where a block of it is asked for
    try:
        number = np.asarray(number).item()
        held = dtype.type(number).item()
        if dtype.kind in "fc" or held == number:
            return held
    except (TypeError, ValueError, OverflowError):
        pass  # said below
    raise ValueError(f"map_overlap: boundary {number!r} of an array of {dtype}; expected a number that {dtype} holds")


def _is_float(held):
    return held.imag == 0 and (isinstance(held.real, float) or abs(held) < 2**53)


def _set_beyond(block, location, shape, depths, ends):
    """Sets the numbers beyond the ends of the array in what a block sees; where axes meet the last one's, as in `fill` of the engine."""
    for axis, ((start, stop), n, (before, after), (end, held)) in enumerate(zip(location, shape, depths, ends)):
        if end == "constant":
            lanes = np.moveaxis(block, axis, 0)
            lanes[: max(before - start, 0)] = held
            lanes[len(lanes) - max(stop + after - n, 0):] = held


def map_overlap(func, *args, depth=None, boundary=None, trim=True, dtype=None, meta=None, name=None, token=None, align_arrays=True, allow_rechunk=True, **kwargs):
    """`func` of every block with what lies around it, as dask.array.map_overlap; what it gives is as large as what it is given, and
    is trimmed to the block.

    `depth` is how far it sees, `boundary` what stands beyond the ends: 'none', 'reflect', 'nearest', 'periodic' or a number that the
    array's dtype holds; both for all axes, one an axis, or by number of the axis. A depth of two numbers is that before and behind. With
    several arrays depth and boundary may be lists, one an array. With `trim=False` the function gives the block alone. A block may be
    smaller than the depth.
    """
    arrays, put = _arrays(args)
    if not arrays:
        raise TypeError("map_overlap: no array among the arguments; expected one at least")
    if not callable(func):
        raise TypeError(f"map_overlap: {func!r} cannot be called")
    if dtype is None:
        dtype = meta.dtype if meta is not None else _dtype_of(func, put([np.ones((1,) * x.ndim, x.dtype) for x in arrays]), kwargs)
    arrays, shape, _ = _unified(arrays)
    ndim = len(shape)
    each = lambda given: list(given) if isinstance(given, list) else [given] * len(arrays)
    depths = [[(d, d) if isinstance(d, (int, np.integer)) else tuple(d or (0, 0)) for d in _on_axes(0 if one is None else one, ndim, 0)] for one in each(depth)]
    boundaries = each(boundary)
    if len(depths) != len(arrays) or len(boundaries) != len(arrays):
        raise ValueError(f"map_overlap: depths or boundaries for {len(depths)} and {len(boundaries)} of {len(arrays)} arrays; expected one, or one an array")
    ends = [
        [("none", 0.0) if b is None else (b, 0.0) if isinstance(b, str) else ("constant", _held(b, x.dtype)) for b in _on_axes(one, ndim, None)]
        for x, one in zip(arrays, boundaries)
    ]
    # the engine sets floats; other numbers are set in the blocks, which are the call's own
    told = [[(end, held.real if _is_float(held) else 0.0) for end, held in own] for own in ends]
    late = [at for at, own in enumerate(ends) if not all(_is_float(held) for _, held in own)]

    def call(*blocks, block_info):
        for at in late:
            _set_beyond(blocks[at], block_info["array-location"], shape, depths[at], ends[at])
        made = np.asarray(func(*put(blocks), **kwargs))
        if not trim:
            return made
        if made.shape != blocks[0].shape:
            raise ValueError(f"map_overlap: the function gave {made.shape} of {blocks[0].shape}; expected the shape that it was given, or trim=False")
        kept = []
        for (start, stop), (before, _), (end, _) in zip(block_info["array-location"], depths[0], ends[0]):
            before = min(before, start) if end == "none" else before
            kept.append(slice(before, before + stop - start))
        return made[tuple(kept)]

    return _flagstone.call_around(name or token or "map_overlap", call, list(zip(arrays, zip(depths, told))), np.dtype(dtype))


#: What each mode of `pad` takes besides.
_PADDING = {
    **{mode: set() for mode in ("empty", "edge", "wrap")}, **{mode: {"stat_length"} for mode in ("maximum", "mean", "median", "minimum")},
    **{mode: {"reflect_type"} for mode in ("reflect", "symmetric")}, "constant": {"constant_values"}, "linear_ramp": {"end_values"},
}


def _widths(pad_width, ndim):
    """The widths of every axis, of those that are given by its number."""
    widths = [(0, 0)] * ndim
    for axis, width in pad_width.items():
        widths[axis] = width if isinstance(width, (tuple, list)) else (width, width)
    return widths


def pad(array, pad_width, mode="constant", **kwargs):
    """The array with new elements at the ends of axes, in all of NumPy's modes. `pad_width` may be a dict by axis.

    A mode may be a function, as with NumPy: it is called as `mode(vector, iaxis_pad_width, iaxis, kwargs)` with every lane along the first
    axis, zeros at its ends, which it changes in place; then with every lane along the second axis, and so on. A task holds whole lanes.
    """
    if isinstance(pad_width, dict):
        pad_width = _widths(pad_width, np.ndim(array))
    if not callable(mode):
        if not isinstance(mode, str) or mode not in _PADDING:
            raise ValueError(f"pad: mode {mode!r}; expected a function, or one of {', '.join(sorted(_PADDING))}")
        if others := set(kwargs) - _PADDING[mode]:
            raise ValueError(f"pad: mode {mode!r} takes no {', '.join(sorted(others))}")
        return _flagstone.functions["pad"](array, pad_width, mode, **kwargs)
    x = _flagstone.functions["pad"](array, pad_width, "empty")
    widths = np.broadcast_to(np.asarray(pad_width, dtype=np.intp), (x.ndim, 2))
    for axis, width in enumerate(widths):

        def filled(block, axis=axis, width=tuple(int(n) for n in width)):
            for at in np.ndindex(block.shape[:-1]):
                mode(block[at], width, axis, kwargs)
            return block

        lanes = _flagstone.functions["moveaxis"](x, axis, -1)
        x = _flagstone.functions["moveaxis"](apply_gufunc(filled, "(n)->(n)", lanes, output_dtypes=x.dtype), -1, axis)
    return x


_DIMS = r"\(([^()]*)\)"


def _parsed(signature):
    """The core dimensions of the inputs and outputs of `(i,j),(j)->(i)`."""
    text = re.sub(r"\s+", "", signature)
    if not re.fullmatch(rf"{_DIMS}(,{_DIMS})*->{_DIMS}(,{_DIMS})*|->{_DIMS}(,{_DIMS})*", text):
        raise ValueError(f"apply_gufunc: {signature!r} is no signature; expected one such as '(i),(j)->(i,j)'")
    left, right = text.split("->")
    split = lambda part: [tuple(filter(None, dims.split(","))) for dims in re.findall(_DIMS, part)]
    return split(left), split(right)


def _last(x, at):
    return _flagstone.functions["moveaxis"](x, at, range(-len(at), 0)) if at else x


def _core_axes(inputs, outputs, axes, axis, keepdims):
    """Where the core dimensions of each input and each output stand, as NumPy's gufuncs take `axes`, `axis` and `keepdims`."""
    cores = [*inputs, *outputs]
    if keepdims and (any(outputs) or len(set(map(len, inputs))) != 1):
        raise ValueError("apply_gufunc: keepdims, where outputs have core dimensions or inputs differ in how many they have")
    if axis is not None:
        if axes is not None:
            raise ValueError("apply_gufunc: both axis and axes; expected one of them")
        if any(len(core) > 1 for core in cores) or not any(inputs):
            raise ValueError("apply_gufunc: axis, for a signature of other than one core dimension; give axes=")
        axes = [(axis,) * len(core) for core in cores]
    if axes is None:
        axes = [tuple(range(-len(core), 0)) for core in cores]
    axes = [(at,) if isinstance(at, int) else tuple(at) for at in ([axes] if isinstance(axes, int) else axes)]
    if len(axes) == len(inputs) and not any(outputs):
        axes += [()] * len(outputs)
    if keepdims:
        axes = axes[: len(inputs)] + [at or axes[0] for at in axes[len(inputs):]]
        cores = [*inputs, *[inputs[0]] * len(outputs)]
    if len(axes) != len(cores) or any(len(at) != len(core) for at, core in zip(axes, cores)):
        raise ValueError(f"apply_gufunc: axes {axes} for the core dimensions {cores}")
    return axes[: len(inputs)], axes[len(inputs):]


def _as_numbers(func, args, inputs):
    """The arguments as our arrays, and a function of them: of NumPy's, times go as their integers, and what else is of no dtype of ours stays
    as it is where all of its axes are core dimensions."""
    args, restored = list(args), {}
    for number, (x, core) in enumerate(zip(args, inputs)):
        if isinstance(x, Array):
            continue
        x = np.asarray(x)
        if x.dtype.kind in "mM":
            restored[number] = lambda block, dtype=x.dtype: block.view(dtype)
            x = np.ascontiguousarray(x).reshape(x.shape).view("i8")
        elif x.dtype.kind in "OUSTV" and x.ndim == len(core):
            restored[number] = lambda block, x=x: x
            x = np.zeros(x.shape, "i1")
        args[number] = _flagstone.functions["asarray"](x)
    if not restored:
        return func, args

    def of_numbers(*blocks, **kwargs):
        return func(*(restored.get(number, lambda block: block)(block) for number, block in enumerate(blocks)), **kwargs)

    return of_numbers, args


def apply_gufunc(func, signature, *args, axes=None, axis=None, keepdims=False, output_dtypes=None, output_sizes=None, vectorize=False, allow_rechunk=True, meta=None, **kwargs):
    """`func` of arrays along core dimensions, as dask.array.apply_gufunc: core dimensions come last and whole, the others in blocks.

    With several outputs the function is called once for each of them.
    """
    inputs, outputs = _parsed(signature)
    if len(inputs) != len(args):
        raise ValueError(f"apply_gufunc: {len(args)} arrays for the signature {signature!r}; expected {len(inputs)}")
    if vectorize:
        func = np.vectorize(func, signature=signature, excluded=set(kwargs))
    func, args = _as_numbers(func, args, inputs)
    if axes is not None or axis is not None or keepdims:
        before, after = _core_axes(inputs, outputs, axes, axis, keepdims)
        found = apply_gufunc(
            func, signature, *(_last(x, at) for x, at in zip(args, before)), output_dtypes=output_dtypes, output_sizes=output_sizes,
            allow_rechunk=allow_rechunk, meta=meta, **kwargs,
        )
        results = found if isinstance(found, tuple) else (found,)
        if keepdims:
            results = [x.reshape(x.shape + (1,) * len(at)) for x, at in zip(results, after)]
        moved = [_flagstone.functions["moveaxis"](x, range(-len(at), 0), at) if at else x for x, at in zip(results, after)]
        return tuple(moved) if isinstance(found, tuple) else moved[0]
    sizes = dict(output_sizes or {})
    for x, core in zip(args, inputs):
        for dim, n in zip(core, x.shape[x.ndim - len(core):]):
            if sizes.setdefault(dim, n) != n:
                raise ValueError(f"apply_gufunc: core dimension {dim!r} has length {n} in one array and {sizes[dim]} in another")
    missing = {dim for out in outputs for dim in out} - set(sizes)
    if missing:
        raise ValueError(f"apply_gufunc: the lengths of {sorted(missing)} are not known; give output_sizes=")
    if output_dtypes is None and meta is not None:
        output_dtypes = [m.dtype for m in (meta if isinstance(meta, tuple) else (meta,))]
    if output_dtypes is None:
        tried = func(*(np.ones((1,) * (x.ndim - len(core)) + tuple(sizes[d] for d in core), x.dtype) for x, core in zip(args, inputs)), **kwargs)
        tried = tried if isinstance(tried, tuple) else (tried,)
        output_dtypes = [np.asarray(one).dtype for one in tried]
    elif not isinstance(output_dtypes, (list, tuple)):
        output_dtypes = [output_dtypes] * len(outputs)
    # Axes of the loop that an array has are cut alike, and those that it lacks are left out, as NumPy aligns shapes; cores are whole.
    loops = [x.shape[: x.ndim - len(core)] for x, core in zip(args, inputs)]
    loop = np.broadcast_shapes(*loops) if loops else ()
    given, places = [], []
    for x, core, own in zip(args, inputs, loops):
        whole = loop[len(loop) - len(own):] + tuple(sizes[dim] for dim in core)
        given.append(x if x.shape == whole else _flagstone.functions["broadcast_to"](x, whole))
        places.append(range(len(loop) - len(own), len(loop)))
    cuts = tuple(max((x.chunks[at.index(axis)] for x, at in zip(given, places) if axis in at), key=len) for axis in range(len(loop)))
    for number, (x, core, at) in enumerate(zip(given, inputs, places)):
        wanted = tuple(cuts[axis] for axis in at) + tuple((sizes[dim],) for dim in core)
        given[number] = x if x.chunks == wanted else rechunked(x, wanted)
    results = []
    for number, (out, dtype) in enumerate(zip(outputs, output_dtypes)):
        # Calls stand along the loop, the output's own axes (one cut each), then what the inputs have besides.
        dims = list(out) + sorted({dim for core in inputs for dim in core} - set(out))
        calls = list(cuts) + [(sizes[dim],) for dim in dims]
        along = [list(at) + [len(loop) + dims.index(dim) for dim in core] for at, core in zip(places, inputs)]

        def call(*blocks, number=number):
            made = func(*blocks, **kwargs)
            return made[number] if len(outputs) > 1 else made

        lengths = list(cuts) + [(sizes[dim],) for dim in out]
        results.append(_flagstone.call_blocks("apply_gufunc", call, list(zip(given, along)), calls, np.dtype(dtype), lengths, False))
    return tuple(results) if len(outputs) > 1 else results[0]


def blockwise(func, out_ind, *args, dtype=None, new_axes=None, adjust_chunks=None, align_arrays=True, concatenate=True, name=None, token=None, meta=None, **kwargs):
    """`func` of blocks that are named by labels of axes, as dask.array.blockwise with `concatenate=True`.

    An axis that the result lacks comes whole, so it is rechunked to one chunk.
    """
    pairs = list(zip(args[::2], args[1::2]))
    arrays = [(x if isinstance(x, Array) else _flagstone.functions["asarray"](x), tuple(ind)) for x, ind in pairs if ind is not None]
    out_ind = tuple(out_ind)
    new_axes = dict(new_axes or {})
    cuts = {}
    for x, ind in arrays:
        if len(ind) != x.ndim:
            raise ValueError(f"blockwise: labels {ind} for an array of {x.ndim} axes")
        for label, lengths in zip(ind, x.chunks):
            best = cuts.get(label)
            if best is not None and sum(best) != sum(lengths) and 1 not in (sum(best), sum(lengths)):
                raise ValueError(f"blockwise: axes {label!r} of lengths {sum(best)} and {sum(lengths)}")
            if best is None or sum(lengths) > sum(best) or (sum(lengths) == sum(best) and len(lengths) > len(best)):
                cuts[label] = lengths
    for label, length in new_axes.items():
        cuts[label] = tuple(length) if isinstance(length, (tuple, list)) else (length,)
    inner = [label for label in cuts if label not in out_ind]
    for label in inner:
        cuts[label] = (sum(cuts[label]),)
    given = []
    for x, ind in arrays:
        shape = tuple(sum(cuts[label]) for label in ind)
        x = x if x.shape == shape else _flagstone.functions["broadcast_to"](x, shape)
        wanted = tuple(cuts[label] for label in ind)
        given.append(x if x.chunks == wanted else x.rechunk(wanted))
    dims = list(out_ind) + inner
    lengths = []
    for label in out_ind:
        adjust = (adjust_chunks or {}).get(label)
        if adjust is None:
            lengths.append(cuts[label])
        elif callable(adjust):
            lengths.append(tuple(adjust(n) for n in cuts[label]))
        else:
            lengths.append(tuple(adjust) if isinstance(adjust, (tuple, list)) else (adjust,) * len(cuts[label]))
    if dtype is None:
        dtype = meta.dtype if meta is not None else _dtype_of(func, [np.ones((1,) * np.ndim(x), x.dtype) if ind is not None else x for x, ind in pairs], kwargs)

    def call(*blocks):
        blocks = iter(blocks)
        return func(*(x if ind is None else next(blocks) for x, ind in pairs), **kwargs)

    along = [[dims.index(label) for label in ind] for _, ind in arrays]
    return _flagstone.call_blocks(name or token or "blockwise", call, list(zip(given, along)), [cuts[d] for d in dims], np.dtype(dtype), lengths, False)
