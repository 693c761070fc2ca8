"""Formulas of derived indicators and rules of forms: read by hand, computed in exact decimals.

    rule       = expression ("<=" | ">=" | "<>" | "<" | ">" | "=") expression
    expression = term { ("+" | "-") term }       term = factor { ("*" | "/") factor }
    factor     = ["-"] ( number | code | "(" expression ")" | function )
    function   = ("last" | "same" | "growth_last" | "growth_same" | "cumulative") "(" code ")"
               | "ratio" "(" expression "," expression ")"
               | "wmean" "(" expression "," expression { "," expression "," expression } ")"

Nothing is evaluated as Python. A formula has no value where an input has none (missing, or nothing occurred) and
where it divides by zero. The result is rounded once, half to even. docs/catalogue.md says what each function means.
"""

from __future__ import annotations

import graphlib
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cached_property
from typing import NamedTuple, NoReturn

from shared.canonical import MAX_DIGITS, MAX_SCALE
from shared.catalogue.looks import Earlier, Input, Look, Values, total
from shared.errors import Invalid

MAX_LENGTH = 500
MAX_DEPTH = 30
_PRECISION = 60  # enough for 20 + 4 digits through a few products; the result is rounded to at most 4 places
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)(?![\w.])|([^\W\d_]\w*(?:\.\w+)*)|(<=|>=|<>|[-+*/(),<>=]))")
_LOOKS = {"last": Look.LAST, "same": Look.SAME, "cumulative": Look.CUMULATIVE}
_GROWTH = {"growth_last": Look.LAST, "growth_same": Look.SAME}
_FUNCTIONS = (*_LOOKS, *_GROWTH, "ratio", "wmean")
_NOTHING: dict[Input, Decimal | None] = {}


class Operator(NamedTuple):
    """What a step does with the last `operands` results."""

    name: str
    operands: int


Step = Decimal | Input | Operator
"""A number, an input, or an operator, in reverse Polish order."""


@dataclass(frozen=True)
class Formula:
    """A parsed formula: its text and its steps. `inputs` are the figures it needs, of its own period and of others."""

    text: str
    steps: tuple[Step, ...]

    @cached_property
    def inputs(self) -> frozenset[Input]:
        """What the formula needs; a cumulative input needs its own period's figure too."""
        return frozenset(step for step in self.steps if isinstance(step, Input))

    @cached_property
    def codes(self) -> frozenset[str]:
        """The indicators it needs, of whichever period."""
        return frozenset(item.code for item in self.inputs)

    @cached_property
    def current(self) -> frozenset[str]:
        """The indicators of which it needs the figure of its own period."""
        return frozenset(item.code for item in self.inputs if item.look in (Look.THIS, Look.CUMULATIVE))

    @cached_property
    def past(self) -> frozenset[Input]:
        """The inputs that are read from other periods too (see shared.catalogue.looks.look_back)."""
        return frozenset(item for item in self.inputs if item.look is not Look.THIS)

    def evaluate(self, values: Values, decimals: int = MAX_SCALE, earlier: Earlier = _NOTHING) -> Decimal | None:
        """Return the value for these inputs, rounded half to even to `decimals` places, or None if it has none
        (an input is absent or did not occur, a division by zero, a result beyond what the warehouse can hold)."""
        with localcontext() as context:
            context.prec = _PRECISION
            stack: list[Decimal] = []
            for step in self.steps:
                if isinstance(step, Decimal):
                    result: Decimal | None = step
                elif isinstance(step, Input):
                    result = _read(step, values, earlier)
                else:
                    operands = stack[-step.operands :]
                    del stack[-step.operands :]
                    result = _COMPUTED[step.name](*operands)
                if result is None:
                    return None
                stack.append(result)
            exact = stack.pop()
            if abs(exact) >= Decimal(10) ** MAX_DIGITS - 1:
                return None
            return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Rule:
    """A comparison of two formulas, as forms use it between their cells."""

    text: str
    left: Formula
    comparison: str
    right: Formula

    @property
    def inputs(self) -> frozenset[Input]:
        """What both sides need."""
        return self.left.inputs | self.right.inputs

    def holds(self, values: Values, earlier: Earlier = _NOTHING, tolerance: Decimal = Decimal(0)) -> bool | None:
        """Tell whether the rule is kept, None where a side has no value. Both sides are rounded to 4 places; a rule
        is kept where moving them towards each other by less than `tolerance` would keep it."""
        left, right = self.left.evaluate(values, earlier=earlier), self.right.evaluate(values, earlier=earlier)
        if left is None or right is None:
            return None
        return _KEPT[self.comparison](left - right, tolerance)


_KEPT: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda above, slack: abs(above) <= slack,
    "<>": lambda above, slack: abs(above) > slack,
    "<=": lambda above, slack: above <= slack,
    ">=": lambda above, slack: -above <= slack,
    "<": lambda above, slack: above < slack,
    ">": lambda above, slack: -above < slack,
}
"""Whether a comparison is kept, told how far the left side is above the right one, and what may be overlooked."""


def _read(item: Input, values: Values, earlier: Earlier) -> Decimal | None:
    if item.look is Look.THIS:
        return values.get(item.code)
    if item.look is not Look.CUMULATIVE:
        return earlier.get(item)
    if item.code not in values or item not in earlier:
        return None
    return total((earlier[item], values[item.code]))


def _quotient(dividend: Decimal, divisor: Decimal) -> Decimal | None:
    return None if divisor == 0 else dividend / divisor


def _growth(now: Decimal, base: Decimal) -> Decimal | None:
    # A rate of growth off nothing, or off a loss, would say nothing.
    return (now - base) * 100 / base if base > 0 else None


def _weighted_mean(*operands: Decimal) -> Decimal | None:
    weights = operands[1::2]
    weighed = sum((value * weight for value, weight in zip(operands[::2], weights, strict=True)), Decimal(0))
    return _quotient(weighed, sum(weights, Decimal(0)))


_COMPUTED: dict[str, Callable[..., Decimal | None]] = {
    "neg": operator.neg,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "ratio": lambda part, whole: _quotient(part * 100, whole),
    "growth": _growth,
    "wmean": _weighted_mean,
}


def parse(text: str) -> Formula:
    """Read a formula. Raises Invalid("indicators.formula_invalid") naming the place (column from 1) of the error."""
    reader = _Reader(text)
    formula = reader.formula()
    reader.end()
    return formula


def parse_rule(text: str) -> Rule:
    """Read a comparison of two formulas (`A + B <= C * 2`). Raises Invalid("indicators.formula_invalid") like
    `parse`."""
    reader = _Reader(text)
    left = reader.formula()
    comparison = reader.peek()
    if comparison not in _KEPT:
        reader.refuse("a comparison (<= >= <> < > =) is missing", "thiếu dấu so sánh (<= >= <> < > =)")
    reader.at += 1
    rule = Rule(text, left, comparison, reader.formula())
    reader.end()
    return rule


def order(formulas: Mapping[str, Formula]) -> tuple[str, ...]:
    """Return the codes of `formulas` so that each comes after those whose figures of the same period it needs. A look
    at an earlier period makes no cycle: `A = last(A) + B` is sound, `A = cumulative(A)` is not.

    Raises Invalid("indicators.formula_cycle") with the path of the cycle in `context["cycle"]`.
    """
    needs: dict[str, Iterable[str]] = {
        code: sorted(formulas[code].current & formulas.keys()) for code in sorted(formulas)
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
        if len(text) > MAX_LENGTH:
            raise _fault(text, MAX_LENGTH + 1, f"longer than {MAX_LENGTH} characters", f"dài quá {MAX_LENGTH} ký tự")
        self.text = text
        self.steps: list[Step] = []
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def refuse(self, message: str, detail: str) -> NoReturn:
        column = self.tokens[self.at][0] if self.at < len(self.tokens) else len(self.text) + 1
        raise _fault(self.text, column, message, detail)

    def formula(self) -> Formula:
        """Read an expression and return it; what follows is read next."""
        start, self.steps = self.at, []
        self.expression(0)
        first, last = self.tokens[start], self.tokens[self.at - 1]
        return Formula(self.text[first[0] - 1 : last[0] - 1 + len(last[1])], tuple(self.steps))

    def expression(self, depth: int) -> None:
        self.term(depth)
        while (sign := self.peek()) in ("+", "-"):
            self.at += 1
            self.term(depth)
            self.steps.append(Operator(sign, 2))

    def term(self, depth: int) -> None:
        self.factor(depth)
        while (sign := self.peek()) in ("*", "/"):
            self.at += 1
            self.factor(depth)
            self.steps.append(Operator(sign, 2))

    def factor(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.refuse("nested too deeply", "lồng quá nhiều cấp")
        head = self.peek()
        if head == "-":
            self.at += 1
            self.factor(depth + 1)
            self.steps.append(Operator("neg", 1))
        elif head == "(":
            self.at += 1
            self.expression(depth + 1)
            self.close()
        elif head[:1].isdecimal():
            self.at += 1
            self.steps.append(Decimal(head))
        elif head[:1].isalpha():
            if self.peek(1) == "(":
                self.function(head, depth)
            else:
                self.at += 1
                self.steps.append(Input(head))
        else:
            self.refuse("a number, a code or a bracket is missing", "thiếu số, mã hoặc ngoặc")

    def function(self, name: str, depth: int) -> None:
        if name not in _FUNCTIONS:
            self.refuse(f"there is no function {name}", f"không có hàm “{name}”")
        self.at += 2
        if name in _LOOKS:
            self.steps.append(Input(self.code(name), _LOOKS[name]))
        elif name in _GROWTH:
            code = self.code(name)
            self.steps += [Input(code), Input(code, _GROWTH[name]), Operator("growth", 2)]
        else:
            count = 1
            self.expression(depth + 1)
            while self.peek() == "," and not (name == "ratio" and count == 2):
                self.at += 1
                self.expression(depth + 1)
                count += 1
            if count % 2:
                self.refuse(f"{name} takes its arguments in pairs", f"hàm {name} nhận các tham số theo từng cặp")
            self.steps.append(Operator(name, count))
        self.close()

    def code(self, function: str) -> str:
        """Read the one code that stands alone between the brackets of a function that looks at other periods."""
        code = self.peek()
        if not code[:1].isalpha() or self.peek(1) == "(":
            self.refuse(f"{function} takes one code", f"hàm {function} chỉ nhận một mã chỉ tiêu")
        self.at += 1
        if self.peek() not in (")", ""):
            self.refuse(
                f"{function} takes one code, no expression", f"hàm {function} chỉ nhận một mã, không nhận biểu thức"
            )
        return code

    def close(self) -> None:
        if self.peek() != ")":
            self.refuse("a closing bracket is missing", "thiếu dấu ngoặc đóng")
        self.at += 1

    def end(self) -> None:
        if self.at < len(self.tokens):
            self.refuse(f"{self.peek()!r} is not expected", f"thừa “{self.peek()}”")


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
