"""Docstrings of classes with those of their fields, for ``help``."""

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import Any


class WithFields:
    """The docstring of a class, and below it the one that stands after each of its fields; the
    source is read once that is asked for.
    """

    def __init__(self, text: str | None) -> None:
        self._text = inspect.cleandoc(text or "")

    def __get__(self, it: Any, kind: type) -> str:
        try:
            (node,) = ast.parse(dedent(inspect.getsource(kind))).body
        except (OSError, TypeError, SyntaxError):  # no file has its source
            return self._text
        return "\n\n".join([self._text, *_fields(node)])


def _fields(kind: Any) -> list[str]:
    return [
        f"{field.target.id}: {' '.join(said.value.value.split())}"
        for field, said in pairwise(kind.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    ]
