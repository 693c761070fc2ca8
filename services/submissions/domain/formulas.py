"""Ratio formulas of derived indicators ("NN01.SL / NN01.DT * 10"), evaluated exactly enough to check a given value.

Only names, numbers, parentheses and + - * / are read; anything else is refused. What the warehouse derives is the
indicators service's own; here a formula only judges what somebody entered.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext

from shared.errors import Invalid

_OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_DIGITS = 40


class Undefined(ArithmeticError):
    """The formula divides by zero for these figures."""


def inputs(formula: str) -> frozenset[str]:
    """Return the indicator codes a formula needs. Raises Invalid("submissions.formula") if it cannot be read."""
    return frozenset(_codes(_parse(formula)))


def evaluate(formula: str, values: Mapping[str, Decimal]) -> Decimal:
    """Return the formula's value over `values`, which must hold all its inputs; unrounded (40 digits).

    Raises Undefined for a division by zero, Invalid("submissions.formula") if the formula cannot be read.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        return _value(_parse(formula), values)


def _parse(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _unreadable(formula) from error


def _unreadable(formula: str) -> Invalid:
    return Invalid("submissions.formula", f"formula {formula!r} cannot be read", "Công thức không đọc được.")


def _code(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _code(node.value)
        return None if head is None else f"{head}.{node.attr}"
    return None


def _codes(node: ast.expr) -> set[str]:
    if isinstance(node, ast.BinOp):
        return _codes(node.left) | _codes(node.right)
    if isinstance(node, ast.UnaryOp):
        return _codes(node.operand)
    code = _code(node)
    return set() if code is None else {code}


def _value(node: ast.expr, values: Mapping[str, Decimal]) -> Decimal:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left, values), _value(node.right, values)
        if isinstance(node.op, ast.Div) and right == 0:
            raise Undefined
        return _OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Decimal(str(node.value))
    code = _code(node)
    if code is None:
        raise _unreadable(ast.unparse(node))
    return values[code]
