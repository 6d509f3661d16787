"""The stubs that are checked in are those of the table."""

import pathlib

import flagstone
from flagstone import _stubs


def test_the_stubs_are_fresh():
    directory = pathlib.Path(flagstone.__file__).parent
    for name, text in _stubs.stubs().items():
        assert (directory / name).read_text(encoding="utf-8") == text, f"{name}: run python -m flagstone._stubs python/flagstone"
