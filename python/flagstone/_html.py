"""How an array is shown in a notebook, and its plan as a picture."""

from html import escape


def _bytes(n):
    for unit in ("B", "kiB", "MiB", "GiB", "TiB", "PiB"):
        if n < 1024 or unit == "PiB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.2f} {unit}"
        n /= 1024


def table(x):
    """Bytes, shape, chunks and dtype of the array and of its largest chunk, and a drawing of the grid. Computes nothing."""
    if x.is_counted:
        return f"<pre>{escape(repr(x))}</pre>"
    largest = x.chunksize
    itemsize = x.itemsize
    size = itemsize
    for n in largest:
        size *= n
    rows = [
        ("Bytes", _bytes(x.nbytes), _bytes(size)),
        ("Shape", x.shape, largest),
        ("Chunks", f"{x.npartitions} in {x.ndim} axes", ""),
        ("dtype", x.dtype, ""),
    ]
    body = "".join(f"<tr><th>{name}</th><td>{escape(str(a))}</td><td>{escape(str(b))}</td></tr>" for name, a, b in rows)
    head = "<thead><tr><td></td><th>Array</th><th>Chunk</th></tr></thead>"
    return f"<table><tr><td><table>{head}<tbody>{body}</tbody></table></td><td>{grid(x.shape, x.chunks)}</td></tr></table>"


def _lines(lengths, pixels, most=30):
    """Where chunks end along an axis, in pixels: all of them, or as many as one can tell apart."""
    whole = sum(lengths) or 1
    at, ends = 0, [0.0]
    for n in lengths:
        at += n
        ends.append(at / whole * pixels)
    return ends if len(ends) <= most else ends[:: -(-len(ends) // most)] + [pixels]


def grid(shape, chunks):
    """The last two axes of the grid as SVG, those before them as layers behind."""
    if not shape or 0 in shape:
        return ""
    longest = max(shape[-2:])
    # long thin arrays stay visible
    sides = [max(16, 120 * (n / longest) ** 0.5) for n in shape[-2:]]
    if len(sides) == 1:
        sides, cut = [24, sides[0]], [(1,), chunks[-1]]
    else:
        cut = chunks[-2:]
    height, width = sides
    layers = min(len(chunks[-3]), 4) if len(shape) > 2 else 1
    out = []
    for layer in reversed(range(layers)):
        dx = 8 * layer
        rows = "".join(f'<line x1="{dx}" y1="{y + dx:.1f}" x2="{width + dx:.1f}" y2="{y + dx:.1f}"/>' for y in _lines(cut[0], height))
        columns = "".join(f'<line x1="{x + dx:.1f}" y1="{dx}" x2="{x + dx:.1f}" y2="{height + dx:.1f}"/>' for x in _lines(cut[1], width))
        out.append(f'<rect x="{dx}" y="{dx}" width="{width:.1f}" height="{height:.1f}" fill="#d8b583"/>{rows}{columns}')
    edge = 8 * (layers - 1) + 2
    return f'<svg width="{width + edge:.0f}" height="{height + edge:.0f}" stroke="#7a5c2e" stroke-width="0.6">{"".join(out)}</svg>'


def plan(x):
    """What `x.explain()` says, as SVG: a box a line."""
    lines = x.explain().splitlines()
    width = 8 * max(map(len, lines), default=1) + 40
    text = "".join(
        f'<rect x="{10 + 8 * (len(line) - len(line.lstrip()))}" y="{8 + 24 * at}" width="{8 * len(line.strip()) + 12}" height="20" '
        f'rx="4" fill="#f3ead9" stroke="#7a5c2e"/><text x="{16 + 8 * (len(line) - len(line.lstrip()))}" y="{22 + 24 * at}">'
        f"{escape(line.strip())}</text>"
        for at, line in enumerate(lines)
        if line.strip()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{24 * len(lines) + 16}" '
        f'font-family="monospace" font-size="13">{text}</svg>\n'
    )
