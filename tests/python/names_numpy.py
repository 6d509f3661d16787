"""Prints the names of NumPy's functions, dotted for its submodules: those of arrays, not of files, printing or types."""

import inspect

import numpy as np

# What reads and writes files or text, sets NumPy up, or looks at Python objects: not functions of arrays.
OTHER = """
array2string array_repr array_str asarray_chkfinite asmatrix base_repr binary_repr bmat busday_count busday_offset copyto
datetime_as_string datetime_data einsum_path fill_diagonal format_float_positional format_float_scientific
from_dlpack frombuffer fromfile fromiter frompyfunc fromregex fromstring genfromtxt get_include get_printoptions getbufsize
geterr geterrcall info is_busday isfortran issubdtype iterable load loadtxt may_share_memory mintypecode place printoptions put
putmask random.bytes random.spawn require save savetxt savez savez_compressed set_printoptions setbufsize seterr seterrcall
shares_memory show_config show_runtime test typename nested_iters typename min_scalar_type common_type mask_indices
""".split()


def functions(module, prefix, names):
    for name in names:
        found = getattr(module, name, None)
        if callable(found) and not inspect.isclass(found) and not name.startswith("_") and prefix + name not in OTHER:
            yield prefix + name


names = set(functions(np, "", np.__all__))
names |= set(functions(np.linalg, "linalg.", np.linalg.__all__))
names |= set(functions(np.fft, "fft.", np.fft.__all__))
names |= set(functions(np.random.Generator, "random.", dir(np.random.Generator)))
print("\n".join(sorted(names)))
