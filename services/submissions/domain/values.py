"""Reading one value as an indicator wants it. Nothing is rounded or guessed; what is converted says so."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Indicator
from services.submissions.domain.findings import Finding, find
from shared.canonical import MAX_DIGITS, decimal_text
from shared.catalogue.measures import Measures
from shared.errors import Invalid
from shared.text import parse_number

STATUSES = frozenset(("estimate", "preliminary", "official"))
"""Ước tính, sơ bộ, chính thức."""

_LIMIT = 10**MAX_DIGITS
_PLAIN = re.compile(r"-?\d{1,20}\.\d{1,4}", re.ASCII).fullmatch
_SMALLEST = -30
_SHOWN = 40


class JsonFraction(str):
    """A JSON number with a fraction or an exponent, as its text: exact, and cheaper than a Decimal when there are
    thousands. Give it to the decoder as `float_hook`."""

    __slots__ = ()


def read_value(
    indicator: Indicator, raw: object, nothing_occurred: bool, *, by_hand: bool = False
) -> str | Finding | None:
    """Return the value's normal text, None for "nothing occurred", or what is wrong with it.

    `raw` is a JSON number (int, JsonFraction, Decimal, float), a text, or None. `by_hand`: a person typed the text in
    the Vietnamese way, see shared.text.
    """
    if raw is None or nothing_occurred:
        return None if raw is None and nothing_occurred else find(rules.NO_VALUE, indicator.code)
    if type(raw) is int and raw in indicator.whole:
        return str(raw)  # its normal form; this is the common case of bulk pushes
    text = _text(indicator.code, raw, by_hand)
    if isinstance(text, Finding):
        return text
    if indicator.integer and "." in text:
        return find(rules.NOT_INTEGER, indicator.code, value=text)
    if indicator.minimum is None and indicator.maximum is None:
        return text
    return _outside(indicator, text) or text


class Read(NamedTuple):
    """A value that was given in a unit of measure; `converted` says so where it was another than the indicator's."""

    value: str | None
    converted: Finding | None = None


def read_measured(
    indicator: Indicator,
    raw: object,
    nothing_occurred: bool,
    measure: str,
    measures: Measures,
    *,
    by_hand: bool = False,
) -> Read | Finding:
    """Return the value as `read_value` does, converted from `measure` into the indicator's unit of measure where it
    is another of the same dimension. What occurred not at all has no unit, but one that is unlike is refused."""
    code, own = indicator.code, indicator.measure
    if measures.are_same(measure, own):
        same = read_value(indicator, raw, nothing_occurred, by_hand=by_hand)
        return same if isinstance(same, Finding) else Read(same)
    text = None if raw is None or nothing_occurred else _text(code, raw, by_hand)
    if isinstance(text, Finding):
        return text
    try:
        amount = measures.convert(Decimal(text or 0), measure, own)
    except Invalid as error:
        if error.code == "measures.unlike":
            return find(rules.WRONG_MEASURE, code, measure=_shown(measure), expected=own)
        return find(rules.INEXACT, code, value=text, measure=_shown(measure), expected=own)
    value = read_value(indicator, raw if text is None else amount, nothing_occurred)
    if isinstance(value, Finding) or value is None:
        return Read(None) if value is None else value
    return Read(value, find(rules.CONVERTED, code, given=text, measure=_shown(measure), value=value, expected=own))


def _text(code: str, raw: object, by_hand: bool) -> str | Finding:
    if type(raw) is int:
        return str(raw) if -_LIMIT < raw < _LIMIT else find(rules.OUT_OF_RANGE, code, value=_shown(raw))
    if isinstance(raw, JsonFraction) and _PLAIN(raw):
        plain = raw.rstrip("0").rstrip(".")
        return "0" if plain == "-0" else plain
    try:
        if isinstance(raw, JsonFraction):
            number = Decimal(raw)
        elif isinstance(raw, Decimal):
            number = raw
        elif isinstance(raw, float):
            number = Decimal(repr(raw))
        elif isinstance(raw, str):
            number = parse_number(raw, by_hand=by_hand)
        else:
            return find(rules.NOT_A_NUMBER, code, value=_shown(raw))
        # Far exponents are refused before anything spells their zeros out.
        if number and number.is_finite() and not _SMALLEST < number.adjusted() < MAX_DIGITS:
            return find(rules.OUT_OF_RANGE, code, value=_shown(raw))
        return decimal_text(number)
    except Invalid as error:
        rule = {"value.ambiguous": rules.AMBIGUOUS, "value.out_of_range": rules.OUT_OF_RANGE}.get(error.code)
        return find(rule or rules.NOT_A_NUMBER, code, value=_shown(raw))


def _outside(indicator: Indicator, text: str) -> Finding | None:
    if indicator.minimum is not None and Decimal(text) < indicator.minimum:
        return find(rules.BELOW_MINIMUM, indicator.code, value=text, bound=indicator.minimum)
    if indicator.maximum is not None and Decimal(text) > indicator.maximum:
        return find(rules.ABOVE_MAXIMUM, indicator.code, value=text, bound=indicator.maximum)
    return None


def _shown(raw: object) -> str:
    if isinstance(raw, int) and abs(raw) >= _LIMIT:
        return f"({raw.bit_length()} bit)"  # spelling out a huge integer costs quadratic time
    text = str(raw)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
