"""xarray asks our functions first (`_xarray_hooks`) as soon as both are imported, in whichever order; it is not imported for that."""

import importlib.util
import sys


class _Finder:
    """Finds xarray as it is found anyway."""

    def find_spec(self, name, path=None, target=None):
        if name != "xarray":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec  # none is there
        execute = spec.loader.exec_module

        def executed(module):
            execute(module)
            _install()

        spec.loader.exec_module = executed
        return spec


def _install():
    from . import _xarray_hooks

    _xarray_hooks.install()


def wait():
    """Installs the hooks now, or when xarray comes."""
    if "xarray" in sys.modules:
        _install()
    else:
        sys.meta_path.insert(0, _Finder())
