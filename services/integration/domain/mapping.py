"""Under which codes, in which measure and under which spelling a partner knows figures, and the way back. Pure.

A mapping has editions: which one is valid is decided by the last day of the period a figure is about, so that figures
of old periods keep the codes they went out under. Every edition maps both ways; what would map two things of the hub
to one of the partner's is refused when a partner is saved (domain/unambiguous.py).

Periods are respelled by dialects alone: our own protocol names them as the hub does, whatever a mapping says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from msgspec.structs import replace

from shared.calendar import Period
from shared.catalogue import identifiers
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Code
from shared.errors import Invalid

ROUNDINGS = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
"""How a partner may round what it keeps: a half away from zero, or to the even neighbour."""

FIELDS = {
    "year": {"year": r"\d{4}"},
    "nine_months": {"year": r"\d{4}"},
    "half": {"year": r"\d{4}", "half": "[12]"},
    "quarter": {"year": r"\d{4}", "quarter": "[1-4]"},
    "month": {"year": r"\d{4}", "month": r"0?[1-9]|1[0-2]", "month:02": r"0[1-9]|1[0-2]"},
    "day": {"year": r"\d{4}", "month:02": r"0[1-9]|1[0-2]", "day:02": r"\d{2}"},
}
"""What a period's pattern may name in braces, by kind of period, and how each is read back."""

_EXACT = Context(prec=200)  # longer than any product of a figure and a factor: nothing is rounded by reckoning
_PARTS = re.compile(r"(?P<base>[^\[\]]+)\[(?P<parts>[^\[\]=;]+=[^\[\]=;]+(?:;[^\[\]=;]+=[^\[\]=;]+)*)\]")
_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?")
_PLACEHOLDER = re.compile(r"\{([a-z]+(?::02)?)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A partner's indicator with the parts of its dimensions, such as population by sex and age: one of the hub's
    indicators is one cell of it."""

    base: str
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The one spelling: `base[dimension=part;...]`, dimensions in order, reserved characters as %XX; the base alone
        if it has no parts."""
        if not self.parts:
            return self.base
        parts = ";".join(f"{_escaped(name)}={_escaped(part)}" for name, part in sorted(self.parts.items()))
        return f"{_escaped(self.base)}[{parts}]"

    @classmethod
    def parse(cls, text: str) -> Breakdown:
        """Read what `text` wrote; what has no parts is a base."""
        found = _PARTS.fullmatch(text)
        if found is None:
            return cls(base=text)
        parts = (item.split("=") for item in found["parts"].split(";"))
        return cls(base=unquote(found["base"]), parts={unquote(name): unquote(part) for name, part in parts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How a partner measures an indicator: its unit of measure, the factor by which the hub's value is multiplied to
    get its (tấn to nghìn tấn: 0.001), and to how many decimals it rounds, which way; None: it keeps all.

    `hub` is the hub's measure that the factor starts from; where it is said, it must be the indicator's.
    """

    unit: str
    factor: Decimal = Decimal(1)
    decimals: int | None = None
    rounding: str = ""
    hub: str = ""

    def theirs(self, value: str) -> str:
        """Return the partner's value: multiplied exactly, then rounded only if and as the measure says."""
        with localcontext(_EXACT):
            given = Decimal(value) * self.factor
            if self.decimals is not None:
                given = given.quantize(Decimal(1).scaleb(-self.decimals), ROUNDINGS[self.rounding])
            return _plain(given)

    def ours(self, value: str) -> str:
        """Return the hub's value for a partner's: exact, because factors have a finite inverse. What is no plain number
        is kept as it is."""
        if _NUMBER.fullmatch(value) is None:
            return value
        with localcontext(_EXACT):
            return _plain(Decimal(value) / self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One edition, for periods that end on `valid_from` or later.

    - units: by exceptions of `units` (hub unit to partner's code), else by their code of `unit_scheme` (empty: the
      hub's id);
    - indicators: by `breakdowns`, else by exceptions of `indicators`, else `indicator_prefix` before the hub's code;
    - values: by `measures` (of an indicator; "" for those without one of their own);
    - periods: by the pattern of their kind, such as `month` to `{month:02}/{year}`.
    """

    version: int = 1
    valid_from: date = date.min
    unit_scheme: str = "gso"
    units: Mapping[str, str] = field(default_factory=dict)
    indicator_prefix: str = ""
    indicators: Mapping[str, str] = field(default_factory=dict)
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    periods: Mapping[str, str] = field(default_factory=dict)

    def indicator(self, code: str) -> str:
        """Return the partner's code of this indicator, with the parts of its dimensions (see `Breakdown.text`)."""
        if (broken := self.breakdowns.get(code)) is not None:
            return broken.text
        return self.indicators.get(code) or self.indicator_prefix + code

    def hub_indicator(self, code: str) -> str:
        """Return the hub's code for a partner's; one that maps to nothing is kept as it is."""
        for ours, broken in self.breakdowns.items():
            if broken.text == code:
                return ours
        for ours, theirs in self.indicators.items():
            if theirs == code:
                return ours
        bare = code.removeprefix(self.indicator_prefix)
        return code if bare in self.indicators or bare in self.breakdowns else bare

    def value(self, indicator: str, value: str | None) -> str | None:
        """Return the value that the partner is to hold for this indicator of the hub's; None stays None."""
        measure = self.measures.get(indicator) or self.measures.get("")
        return value if measure is None or value is None else measure.theirs(value)

    def hub_value(self, indicator: str, value: str | None) -> str | None:
        """Return what a partner's value is in the hub's measure; what the partner rounded away is not there again."""
        measure = self.measures.get(indicator) or self.measures.get("")
        return value if measure is None or value is None else measure.ours(value)

    def period(self, period: str) -> str:
        """Return the partner's spelling of a period. Raises Invalid("period.malformed")."""
        if not self.periods:
            return period
        read = Period.parse(period)
        pattern = self.periods.get(read.kind)
        return period if pattern is None else spell(pattern, read)

    def hub_period(self, text: str) -> str:
        """Return the hub's spelling of a partner's period; what no pattern reads is kept as it is."""
        for kind, pattern in self.periods.items():
            found = _reader(kind, pattern).fullmatch(text)
            if found is not None:
                return _read(kind, {name: int(number) for name, number in found.groupdict().items()}) or text
        return text

    def unit(self, unit: str, body: Mapping[str, Any] | None, period: str) -> str:
        """Return the partner's code of this unit in this period (as the hub spells it); `body` is the unit's catalogue
        entry.

        A code valid at the period's end goes before others. Raises Invalid("integration.unmapped_unit").
        """
        if unit in self.units:
            return self.units[unit]
        if not self.unit_scheme:
            return unit
        codes = self._codes(body or {})
        if not codes:
            raise Invalid(
                "integration.unmapped_unit",
                f"unit {unit} has no code of scheme {self.unit_scheme}",
                f"Đơn vị {unit} chưa có mã {self.unit_scheme} để gửi cho hệ thống nhận.",
            )
        end = last_day(period)
        valid = [code for code in codes if code.holds(end)]
        return (valid or codes)[-1].code

    def hub_unit(self, code: str, period: str, organisation: Organisation) -> str:
        """Return the unit that a partner's code means in this period (as the hub spells it). Codes are reused: the one
        that bore it at the period's end goes before others; a code that nobody bore is kept as it is."""
        for ours, theirs in self.units.items():
            if theirs == code:
                return ours
        if not self.unit_scheme:
            return code
        text = f"{self.unit_scheme}:{code}"
        unit = organisation.resolve(text, last_day(period)) or next(iter(organisation.bearers(text)), code)
        return code if unit in self.units else unit

    def _codes(self, body: Mapping[str, Any]) -> list[Code]:
        """Return the unit's codes as this partner spells them: an identifier is one in either scheme and order."""
        schemes = identifiers.SCHEMES if self.unit_scheme in identifiers.SCHEMES else {self.unit_scheme}
        codes = [code for code in msgspec.convert(body.get("codes", []), list[Code]) if code.scheme in schemes]
        return [replace(code, code=identifiers.respell(code.code, self.unit_scheme)) for code in codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMapping(Edition):
    """A partner's mapping: its first edition and those that followed it. Ask `at(period)` before anything else."""

    later: tuple[Edition, ...] = ()

    def at(self, period: str) -> Edition:
        """Return the edition for a period, as the hub spells it: the last that is valid from its end or before."""
        if not self.later:
            return self
        end = last_day(period)
        held: Edition = self
        for edition in self.later:
            if edition.valid_from <= end:
                held = edition
        return held

    def read_period(self, text: str) -> str:
        """Return the hub's spelling of a partner's period, by the edition that spells it so."""
        for edition in reversed(self.editions):
            period = edition.hub_period(text)
            if _is_period(period) and self.at(period) is edition and edition.period(period) == text:
                return period
        return text

    @property
    def editions(self) -> tuple[Edition, ...]:
        """All editions, the first one first."""
        return (self, *self.later)


def last_day(period: str) -> date:
    """Return the period's last day; what is no period of the hub's is taken for the latest one."""
    try:
        return Period.parse(period).end
    except Invalid:
        return date.max


def _is_period(text: str) -> bool:
    try:
        Period.parse(text)
    except Invalid:
        return False
    return True


def spell(pattern: str, period: Period) -> str:
    """Return a period as a pattern spells it. Raises KeyError for a name in braces that its kind has not."""
    numbers = {period.kind: period.number, "year": period.year, "month": period.last_month}
    if period.kind == "day":
        numbers |= {"month": period.start.month, "day": period.start.day}
    return _PLACEHOLDER.sub(lambda found: _number(found[1], numbers), pattern)


def placeholders(pattern: str) -> list[str]:
    """Return what a pattern names in braces."""
    return _PLACEHOLDER.findall(pattern)


def _number(name: str, numbers: Mapping[str, int]) -> str:
    bare, _, width = name.partition(":")
    return f"{numbers[bare]:02d}" if width else str(numbers[bare])


@lru_cache(maxsize=256)
def _reader(kind: str, pattern: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(pattern)
    read = []
    for place, part in enumerate(parts):
        named = place % 2 == 1
        read.append(f"(?P<{part.partition(':')[0]}>{FIELDS[kind][part]})" if named else re.escape(part))
    return re.compile("".join(read))


def _read(kind: str, numbers: Mapping[str, int]) -> str | None:
    try:
        if kind == "day":
            return str(Period.of("day", date(numbers["year"], numbers["month"], numbers["day"])))
        return str(Period.parse(str(Period(kind, numbers["year"], numbers.get(kind, 1)))))
    except (ValueError, Invalid):
        return None


def _escaped(text: str) -> str:
    return "".join(quote(sign) if sign in "%[]=;" else sign for sign in text)


def _plain(value: Decimal) -> str:
    """Return a number without exponent, trailing zeros or negative zero, with as many decimals as it has."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
