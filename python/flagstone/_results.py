"""Several results under names, as NumPy has them: `linalg.eigh(x).eigenvalues`."""

import collections

_TYPES = {}


def named(function, names, results):
    """The tuple of `results` of `function`, with `names`."""
    kind = _TYPES.get(function)
    if kind is None:
        title = function.rpartition(".")[2].title().replace("_", "")
        title = {"Qr": "QR", "Svd": "SVD"}.get(title, title)
        kind = _TYPES[function] = collections.namedtuple(f"{title}Result", names, module=__name__)
    return kind._make(results)
