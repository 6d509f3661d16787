"""Rows of the engine's table as Python's signatures."""

import ast
import inspect


class _Shown:
    """A default that is a name of NumPy's, such as float64."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def default(text):
    """The value of a default that is written as Python."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return _Shown(text)


def signature(parameters, method):
    """The signature of (name, default as text or None, by name only) of each parameter."""
    kinds = inspect.Parameter
    out = []
    starred = False
    for at, (name, text, by_name) in enumerate(parameters):
        if method and at == 0:
            name = "self"
        if name.startswith("**"):
            kind = kinds.VAR_KEYWORD
        elif name.startswith("*"):
            kind, starred = kinds.VAR_POSITIONAL, True
        else:
            kind = kinds.KEYWORD_ONLY if by_name or starred else kinds.POSITIONAL_OR_KEYWORD
        value = kinds.empty if text is None else default(text)
        out.append(inspect.Parameter(name.lstrip("*"), kind, default=value))
    return inspect.Signature(out)
