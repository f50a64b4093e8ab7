"""Arithmetic in scenario files: numbers, names and a few functions, walked as a tree; nothing is ever executed.

A text is parsed, every node of the tree is held against a list of what is allowed, and only then is a value computed.
Length, depth and size of numbers are bounded, so that no text can take long or much memory.

>>> evaluate("ego_speed * headway > 5", {"ego_speed": 10.0, "headway": 0.8})
True
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

MAX_LENGTH = 500  # characters
MAX_DEPTH = 64  # of the tree: also the number of terms in a sum
Value = float | int | bool | str

_ALLOWED = "numbers, text, names, + - * / // % **, comparisons, and, or, not, if else, min, max, abs and round"


class ExpressionError(ValueError):
    """An expression that has no value. ``found`` and ``expected`` are the two halves of the message."""

    def __init__(self, found: str, expected: str) -> None:
        """Say what was found and what was expected."""
        super().__init__(f"found {found}, expected {expected}")
        self.found, self.expected = found, expected


def evaluate(text: str, names: Mapping[str, Any]) -> Value:
    """The value of ``text``, in which ``names`` stand for their values. Raises `ExpressionError`.

    Allowed are numbers, text in quotes, True and False, names, ``+ - * / // % **``, comparisons, ``and``, ``or``,
    ``not``, ``a if c else b``, parentheses and the functions min, max, abs and round. Arithmetic wants numbers;
    conditions want True or False; text can only be compared. Whole numbers stay whole, except by ``/``.

    >>> evaluate("min(lanes, 2) ** 3 if lanes > 1 else 0", {"lanes": 3})
    8
    """
    return _value(_parse(text), names)


def names_in(text: str) -> set[str]:
    """The names whose values ``text`` needs. Raises `ExpressionError` where it is no expression.

    >>> sorted(names_in("max(gap, 5) / speed"))
    ['gap', 'speed']
    """
    nodes = list(ast.walk(_parse(text)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in functions}


def _power(base: float, exponent: float) -> float:
    value = float(base) ** exponent  # fails at once where the exact power of whole numbers would fill the memory
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if whole else value


def _round(value: float, digits: int = 0) -> float:
    if not isinstance(digits, int) or not 0 <= digits <= 15:
        raise ExpressionError(f"{digits} digits to round to", "a whole number from 0 to 15")
    return round(value, digits) if digits else round(value)


_ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_ORDER: dict[type[ast.AST], Callable[..., bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITY: dict[type[ast.AST], Callable[..., bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {  # with the least and the greatest number of arguments
    "min": (min, 2, MAX_LENGTH),
    "max": (max, 2, MAX_LENGTH),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
}
_KNOWN = (
    *(ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.IfExp),
    *(ast.And, ast.Or, ast.Not),
    *(*_ARITHMETIC, *_ORDER, *_EQUALITY),
)


# --- from text to a tree of allowed nodes ---


@lru_cache(maxsize=256)
def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"{len(text)} characters", f"an expression of at most {MAX_LENGTH}")
    text = text.strip()
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise ExpressionError(f"{_quote(text)} ({why})", "an expression such as 'speed * 2 + 1'") from None
    _check(tree, text)
    return tree


def _check(tree: ast.expr, text: str) -> None:
    """Refuse what is not allowed. Without recursion: the tree may still be deep."""
    rest: list[tuple[ast.AST, str, int]] = [(tree, text, 1)]
    while rest:
        node, around, depth = rest.pop()
        source = ast.get_source_segment(text, node) or around  # operators have no place of their own
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nesting deeper than {MAX_DEPTH} in {_quote(text)}", "a simpler expression")
        if not isinstance(node, _KNOWN):
            raise ExpressionError(_quote(source), _ALLOWED)
        if isinstance(node, ast.Constant):
            _scalar(node.value, _quote(source))
        if isinstance(node, ast.Call):
            _check_call(node, source)
        rest += [(child, source, depth + 1) for child in ast.iter_child_nodes(node)]


def _check_call(node: ast.Call, source: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _FUNCTIONS:
        raise ExpressionError(f"the call {_quote(source)}", _one_of(name, _FUNCTIONS))
    _, least, most = _FUNCTIONS[name]
    if not least <= len(node.args) <= most:
        wanted = "1" if most == 1 else "1 or 2" if most == 2 else f"at least {least}"
        raise ExpressionError(f"{len(node.args)} arguments in {_quote(source)}", wanted)


# --- from the tree to a value ---


def _value(node: ast.expr, names: Mapping[str, Any]) -> Value:
    if isinstance(node, ast.Constant):
        return node.value  # type: ignore[return-value]  # _check let only values pass
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise ExpressionError(f"name {_quote(node.id)}", _one_of(node.id, [*names, "True", "False"]))
        return _scalar(names[node.id], _quote(node.id))
    if isinstance(node, ast.BinOp):
        return _compute(_ARITHMETIC[type(node.op)], [node.left, node.right], node, names)
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return not _truth(node.operand, names)
        return _compute(_ARITHMETIC[type(node.op)], [node.operand], node, names)
    if isinstance(node, ast.BoolOp):
        truths = (_truth(part, names) for part in node.values)
        return all(truths) if isinstance(node.op, ast.And) else any(truths)
    if isinstance(node, ast.IfExp):
        return _value(node.body if _truth(node.test, names) else node.orelse, names)
    if isinstance(node, ast.Compare):
        return _compare(node, names)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return _compute(_FUNCTIONS[node.func.id][0], node.args, node, names)


def _compute(function: Callable[..., Any], parts: list[ast.expr], node: ast.expr, names: Mapping[str, Any]) -> Value:
    numbers = [_number(part, names) for part in parts]
    try:
        value = function(*numbers)
    except ZeroDivisionError:
        raise ExpressionError(f"a division by zero in {_source(node)}", "another divisor") from None
    except OverflowError:
        raise ExpressionError(f"a number too large in {_source(node)}", "a finite one") from None
    return _scalar(value, _source(node))


def _compare(node: ast.Compare, names: Mapping[str, Any]) -> bool:
    left = _value(node.left, names)
    for sign, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, names)
        if type(sign) in _ORDER and not (_is_number(left) and _is_number(right)):
            raise ExpressionError(f"{left!r} beside {right!r} in {_source(node)}", "numbers to put in order")
        if isinstance(left, str) != isinstance(right, str):
            raise ExpressionError(f"{left!r} beside {right!r} in {_source(node)}", "two values of one kind")
        if not (_ORDER | _EQUALITY)[type(sign)](left, right):
            return False
        left = right
    return True


def _number(node: ast.expr, names: Mapping[str, Any]) -> float:
    value = _value(node, names)
    if not _is_number(value):
        raise ExpressionError(f"{value!r} for {_source(node)}", "a number")
    return value  # type: ignore[return-value]


def _truth(node: ast.expr, names: Mapping[str, Any]) -> bool:
    value = _value(node, names)
    if not isinstance(value, bool):
        raise ExpressionError(f"{value!r} for {_source(node)}", "True or False, as a comparison gives")
    return value


def _scalar(value: Any, source: str) -> Value:
    """``value`` if it is text, True, False or a number that a float can hold."""
    if isinstance(value, (bool, str)):
        return value
    if not isinstance(value, (int, float)):
        raise ExpressionError(f"{source} with a value of kind {type(value).__name__}", "a number, text, True or False")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise ExpressionError(f"{source}, which is not finite", "a finite number")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _source(node: ast.expr) -> str:
    return _quote(ast.unparse(node))


def _quote(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _one_of(word: str, known: Iterable[str]) -> str:
    from scenarios.problem import near_miss  # the checks read the schema, which may read this module

    return f"one of {', '.join(known)}{near_miss(word, known)}"
