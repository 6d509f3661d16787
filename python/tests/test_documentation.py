"""Every function and method has an example in its documentation, and it runs."""

import numpy as np
import pytest

import flagstone as fs
from flagstone import _examples, _flagstone

METHODS = [member for member in vars(fs.Array).values() if isinstance(member, _flagstone.Function)]
ALL = [*_flagstone.functions.values(), *METHODS]


def computed(value):
    if isinstance(value, (fs.Array, fs.MaskedArray)):
        value.compute()
    elif isinstance(value, (list, tuple)):
        for item in value:
            computed(item)


@pytest.mark.filterwarnings("ignore")
def test_examples_run():
    failed = {}
    for function in ALL:
        *made, call = (line.removeprefix(">>> ") for line in function.__doc__.splitlines() if line.startswith(">>> "))
        assert f".{function.__name__}" in call and call == _examples.line(function)
        names = {"fs": fs, "np": np}
        try:
            for line in made:
                exec(line, names)
            computed(eval(call, names))
        except Exception as error:
            failed[call] = error
    assert not failed


def test_no_example_is_of_a_function_that_is_not_there():
    known = {("x." if function.is_method else "") + function.name for function in ALL}
    assert set(_examples._LINES) <= known
