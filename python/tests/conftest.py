"""What the tests share: arrays small enough to look at, runtimes so tight that they split."""

import numpy as np
import pytest

import flagstone as fs


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def never_computed(monkeypatch):
    """Any value that is asked for is an error: what passes was lazy."""

    def refuse(*_, **__):
        raise AssertionError("an array was computed")

    for name in ("__array__", "compute", "__bool__", "__float__", "__int__", "item", "__index__"):
        monkeypatch.setattr(fs.Array, name, refuse)
    return refuse
