"""What a source file says, without its comments, docstrings, layout and what its study says of
itself.
"""

import ast
from functools import lru_cache
from typing import Any

FUNCTIONS = ("trainable", "valid")
"""What a call of ``Study``, or of a search within it, says of its code. Their other values are held
against the records one by one.
"""


@lru_cache(maxsize=512)
def meaning(source: bytes) -> str:
    """What a file says but for comments, docstrings and layout, and for what a study says of
    itself.
    """
    try:
        return ast.dump(_Meaning().visit(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return source.decode(errors="replace")


class _Meaning(ast.NodeTransformer):
    """Leaves out texts that stand alone, what a call of ``Study`` says besides its functions, and
    variables and names of ``tuning`` that are there for that.
    """

    def __init__(self) -> None:
        self._study: set[str] = set()
        self._said: set[str] = set()

    def visit_Module(self, node: ast.Module) -> ast.Module:
        imports = [
            line
            for line in node.body
            if isinstance(line, ast.ImportFrom) and line.module in ("tuning", "tuning.spec.study")
        ]
        self._study = {
            each.asname or each.name
            for line in imports
            for each in line.names
            if each.name == "Study"
        }
        self.generic_visit(node)
        only_said = self._said - _names(node)
        for line in imports:
            line.names = [
                each for each in line.names if (each.asname or each.name) not in only_said
            ]
        node.body = [
            line
            for line in node.body
            if (_assigned(line) not in only_said or _functions(line))
            and (line not in imports or line.names)
        ]
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Name) and node.func.id in self._study:
            said = [each for each in node.keywords if each.arg and each.arg not in FUNCTIONS]
            node.keywords = [each for each in node.keywords if each not in said]
            node.keywords += [each for one in said for each in _functions(one)]
            self._said |= {name for each in said for name in _names(each)}
        self.generic_visit(node)
        return node


def _functions(node: ast.AST) -> list[ast.keyword]:
    """What calls within a value say of code."""
    return [
        each for each in ast.walk(node) if isinstance(each, ast.keyword) and each.arg in FUNCTIONS
    ]


def _names(node: ast.AST) -> set[str]:
    return {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }


def _assigned(line: ast.stmt) -> str | None:
    """The one variable that a line sets."""
    targets = (
        line.targets
        if isinstance(line, ast.Assign)
        else [line.target]
        if isinstance(line, ast.AnnAssign)
        else []
    )
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None
