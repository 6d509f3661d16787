"""What computations run on, and who watches them."""

import contextvars

from . import _flagstone
from ._flagstone import Runtime

_current = contextvars.ContextVar("flagstone runtime", default=None)
_outer = contextvars.ContextVar("flagstone runtimes around it", default=None)


def _enter(self):
    _outer.set((_current.get(), _outer.get()))
    _current.set(self)
    return self


def _exit(self, *_):
    around, further = _outer.get()
    _current.set(around)
    _outer.set(further)


Runtime.__enter__ = _enter
Runtime.__exit__ = _exit


class _Config:
    """What computations outside of any `with Runtime(...)` run on: `config.set(memory_limit="1GiB", threads=4)`."""

    def set(self, memory_limit=None, threads=None, spill_dir=None):
        """Makes a runtime of these settings the default one, and returns it. What is not given is as in a new process."""
        runtime = Runtime(memory_limit, threads, spill_dir)
        _flagstone.set_default(runtime)
        return runtime

    @property
    def memory_limit(self):
        """The limit in use, in bytes."""
        return _flagstone.current_runtime().memory_limit

    @property
    def threads(self):
        """Worker threads in use."""
        return _flagstone.current_runtime().threads

    def __repr__(self):
        return f"config(memory_limit={self.memory_limit}, threads={self.threads})"


config = _Config()


class _Watch:
    def __enter__(self):
        self._listener = self._listen()
        return self

    def __exit__(self, *_):
        self._listener.close()


class ProgressBar(_Watch):
    """`with ProgressBar(): x.compute()` shows how far it is: on stderr, in a notebook below the cell."""

    def _listen(self):
        display = _notebook()
        if display is None:
            return _flagstone.show_progress()
        handle = display(_Bar(0, 0), display_id=True)
        return _flagstone.report_progress(lambda done, tasks: handle.update(_Bar(done, tasks)))


class _Bar:
    def __init__(self, done, tasks):
        self.done, self.tasks = done, tasks

    def __repr__(self):
        return f"{self.done}/{self.tasks} tasks"

    def _repr_html_(self):
        return f'<progress value="{self.done}" max="{max(self.tasks, 1)}" style="width: 20em"></progress> {self!r}'


def _notebook():
    """The `display` of a notebook that we run in."""
    import sys

    shell = sys.modules.get("IPython")
    shell = shell and shell.get_ipython()
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    from IPython.display import display

    return display


class profile(_Watch):
    """`with profile("trace.json"): x.compute()` writes every task to a file that ui.perfetto.dev opens."""

    def __init__(self, path):
        self._path = path

    def _listen(self):
        return _flagstone.write_trace(self._path)
