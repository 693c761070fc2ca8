"""Formulas of derived indicators: arithmetic over indicator codes, parsed by hand, computed in exact decimals.

    expression = term { ("+" | "-") term }       term   = factor { ("*" | "/") factor }
    factor     = ["-"] ( number | code | "(" expression ")" )

Nothing is evaluated as Python. A formula has no value where an input has none (missing, or nothing occurred) and
where it divides by zero. The result is rounded once, half to even.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from shared.canonical import MAX_DIGITS, MAX_SCALE
from shared.errors import Invalid

MAX_LENGTH = 500
MAX_DEPTH = 30
_PRECISION = 60  # enough for 20 + 4 digits through a few products; the result is rounded to at most 4 places
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)(?![\w.])|([^\W\d_]\w*(?:\.\w+)*)|([-+*/()]))")

Step = Decimal | str  # a number, a code, or an operator ("+", "-", "*", "/", "neg") in reverse Polish order
_OPERATORS = frozenset({"+", "-", "*", "/", "neg"})


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula: its text, the codes it needs, and its steps in reverse Polish order."""

    text: str
    codes: frozenset[str]
    steps: tuple[Step, ...]

    def evaluate(self, values: Mapping[str, Decimal | None], decimals: int = MAX_SCALE) -> Decimal | None:
        """Return the value for these inputs, rounded half to even to `decimals` places, or None if it has none
        (an input is absent, a division by zero, or a result beyond what the warehouse can hold)."""
        with localcontext() as context:
            context.prec = _PRECISION
            stack: list[Decimal] = []
            for step in self.steps:
                if isinstance(step, Decimal):
                    stack.append(step)
                elif step in _OPERATORS:
                    result = _apply(step, stack)
                    if result is None:
                        return None
                    stack.append(result)
                else:
                    value = values.get(step)
                    if value is None:
                        return None
                    stack.append(value)
            exact = stack.pop()
            if abs(exact) >= Decimal(10) ** MAX_DIGITS - 1:
                return None
            return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)


def _apply(operator: str, stack: list[Decimal]) -> Decimal | None:
    right = stack.pop()
    if operator == "neg":
        return -right
    left = stack.pop()
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    return None if right == 0 else left / right


def parse(text: str) -> Formula:
    """Read a formula. Raises Invalid("indicators.formula_invalid") naming the place (column from 1) of the error."""
    if len(text) > MAX_LENGTH:
        raise _fault(text, MAX_LENGTH + 1, f"longer than {MAX_LENGTH} characters", f"dài quá {MAX_LENGTH} ký tự")
    reader = _Reader(text)
    reader.expression(0)
    reader.end()
    codes = frozenset(step for step in reader.steps if isinstance(step, str) and step not in _OPERATORS)
    return Formula(text, codes, tuple(reader.steps))


def order(formulas: Mapping[str, Formula]) -> tuple[str, ...]:
    """Return the codes of `formulas` so that each comes after those it needs.

    Raises Invalid("indicators.formula_cycle") with the path of the cycle in `context["cycle"]`.
    """
    needs: dict[str, Iterable[str]] = {
        code: sorted(formulas[code].codes & formulas.keys()) for code in sorted(formulas)
    }
    try:
        return tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        path = [str(code) for code in error.args[1]]
        raise Invalid(
            "indicators.formula_cycle",
            f"formulas need one another: {' -> '.join(path)}",
            f"Các công thức tham chiếu vòng tròn: {' → '.join(path)}.",
            {"cycle": path},
        ) from None


class _Reader:
    """A reader by recursive descent; `steps` is what it has read so far, in reverse Polish order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: list[Step] = []
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def column(self) -> int:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else len(self.text) + 1

    def expression(self, depth: int) -> None:
        self.term(depth)
        while (operator := self.peek()) in ("+", "-"):
            self.at += 1
            self.term(depth)
            self.steps.append(operator)

    def term(self, depth: int) -> None:
        self.factor(depth)
        while (operator := self.peek()) in ("*", "/"):
            self.at += 1
            self.factor(depth)
            self.steps.append(operator)

    def factor(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _fault(self.text, self.column(), "nested too deeply", "lồng quá nhiều cấp")
        sign = self.peek()
        if sign == "-":
            self.at += 1
            self.factor(depth + 1)
            self.steps.append("neg")
        elif sign == "(":
            self.at += 1
            self.expression(depth + 1)
            if self.peek() != ")":
                raise _fault(self.text, self.column(), "a closing bracket is missing", "thiếu dấu ngoặc đóng")
            self.at += 1
        elif sign and sign not in "+*/)":
            self.at += 1
            self.steps.append(Decimal(sign) if sign[0].isdigit() else sign)
        else:
            raise _fault(
                self.text, self.column(), "a number, a code or a bracket is missing", "thiếu số, mã hoặc ngoặc"
            )

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise _fault(self.text, self.column(), f"{self.peek()!r} is not expected", f"thừa “{self.peek()}”")


def _tokens(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            column = position + len(text[position:]) - len(text[position:].lstrip()) + 1
            raise _fault(text, column, f"{text[column - 1]!r} cannot be read", f"không đọc được “{text[column - 1]}”")
        found.append((match.start(match.lastindex or 0) + 1, match[match.lastindex or 0]))
        position = match.end()
    return found


def _fault(text: str, column: int, message: str, detail: str) -> Invalid:
    return Invalid(
        "indicators.formula_invalid",
        f"{text!r}, column {column}: {message}",
        f"Công thức “{text}”, vị trí {column}: {detail}.",
        {"formula": text, "column": column},
    )
