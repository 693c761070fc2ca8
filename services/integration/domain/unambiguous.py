"""Whether a mapping leads there and back: what would give two things of the hub one name of the partner's, and what
could not be read back, is found when a partner is saved. Pure.

Rules are checked against what the catalogue knows at that time; a unit or an indicator that comes later is checked when
the partner is saved or checked the next time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.integration.domain.mapping import (
    FIELDS,
    ROUNDINGS,
    Breakdown,
    CodeMapping,
    Edition,
    Measure,
    last_day,
    placeholders,
    spell,
)
from shared.calendar import Period
from shared.errors import Invalid

Fault = tuple[str, str]
"""A place in a mapping (`later[0].indicators.A`) and what is wrong there."""

_SAMPLE_YEARS = range(1996, 2056)  # sixty years, leap years among them: every number of a pattern comes up


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows: bodies of units by id, and the measure of each indicator."""

    units: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)


def faults(mapping: CodeMapping, known: Known) -> Iterator[Fault]:
    """Yield what is wrong with a mapping."""
    for number, edition in enumerate(mapping.editions):
        at = "mapping." if number == 0 else f"mapping.later[{number - 1}]."
        if edition.version != number + 1:
            yield f"{at}version", f"editions are numbered from 1 on: this is {number + 1}"
        if number and edition.valid_from <= mapping.editions[number - 1].valid_from:
            yield f"{at}valid_from", "is not later than that of the edition before"
        for place, told in _edition(edition, known):
            yield at + place, told


def _edition(edition: Edition, known: Known) -> Iterator[Fault]:
    yield from _indicators(edition, known)
    yield from _units(edition, known)
    yield from _periods(edition)
    for indicator, measure in edition.measures.items():
        yield from _measure(f"measures.{indicator}", measure, known.measures.get(indicator))


def _indicators(edition: Edition, known: Known) -> Iterator[Fault]:
    named: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, broken in edition.breakdowns.items():
        place = f"breakdowns.{code}"
        if not broken.base or not all(name and part for name, part in broken.parts.items()):
            yield place, "base, dimensions and parts have names"
            continue
        if Breakdown.parse(broken.text) != broken:
            yield place, f"{broken.base!r} reads as a breakdown itself: write its parts apart"
        if code in edition.indicators:
            yield f"indicators.{code}", f"{code} has a breakdown, too"
        named[broken.text].append((place, code))
    for code, theirs in edition.indicators.items():
        if not theirs:
            yield f"indicators.{code}", "the partner's code is empty"
        elif Breakdown.parse(theirs).parts:
            yield f"indicators.{code}", f"{theirs!r} reads as a breakdown: write it under breakdowns"
        if code not in edition.breakdowns:
            named[theirs].append((f"indicators.{code}", code))
    for code in known.measures:
        if code not in edition.indicators and code not in edition.breakdowns:
            named[edition.indicator_prefix + code].append(("", code))
    yield from _doubled(named, "indicators")


def _units(edition: Edition, known: Known) -> Iterator[Fault]:
    """Compare exceptions with one another, and with the codes that other units bear at any time."""
    named: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for unit, theirs in edition.units.items():
        if not theirs:
            yield f"units.{unit}", "the partner's code is empty"
        named[theirs].append((f"units.{unit}", unit))
    for unit, body in known.units.items():
        if unit in edition.units:
            continue
        for theirs in sorted(_borne(edition, unit, body) & named.keys()):
            named[theirs].append(("", unit))
    yield from _doubled(named, "units")


def _borne(edition: Edition, unit: str, body: Mapping[str, Any]) -> set[str]:
    if not edition.unit_scheme:
        return {unit}
    ends = [str(code.get(name)) for code in body.get("codes", []) for name in ("valid_from", "valid_to")]
    days = {last_day(day) for day in ends if day != "None"} | {last_day("")}
    try:
        return {edition.unit(unit, body, str(Period.of("day", day)) if day.year < 2200 else "") for day in days}
    except Invalid:
        return set()  # it has no such code: nothing of it goes out


def _doubled(named: Mapping[str, list[tuple[str, str]]], what: str) -> Iterator[Fault]:
    for theirs, bearers in named.items():
        told = [place for place, _ in bearers if place]
        if len(bearers) > 1:
            codes = ", ".join(code for _, code in bearers[:5])
            yield told[-1] if told else what, f"{codes} would all be {theirs!r} there: nothing could be read back"


def _measure(place: str, measure: Measure, hubs: str | None) -> Iterator[Fault]:
    if not measure.unit:
        yield f"{place}.unit", "names the partner's unit of measure"
    if not measure.factor.is_finite() or measure.factor == 0 or not _reversible(measure.factor):
        yield f"{place}.factor", f"{measure.factor} has no exact inverse: values could not be read back"
    if measure.decimals is not None and not 0 <= measure.decimals <= 20:
        yield f"{place}.decimals", "is 0 to 20"
    if (measure.decimals is not None) != bool(measure.rounding):
        yield f"{place}.rounding", "is said where decimals are said, and only there"
    if measure.rounding and measure.rounding not in ROUNDINGS:
        yield f"{place}.rounding", f"{measure.rounding!r} is none of {', '.join(ROUNDINGS)}"
    if measure.hub and hubs is not None and measure.hub != hubs:
        yield f"{place}.hub", f"the indicator is measured in {hubs!r}"


def _reversible(factor: Decimal) -> bool:
    _, digits, exponent = factor.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > 30 or len(digits) > 30:
        return False
    left = int("".join(map(str, digits)))
    for prime in (2, 5):
        while left and left % prime == 0:
            left //= prime
    return left == 1


def _periods(edition: Edition) -> Iterator[Fault]:
    spelled: dict[str, str] = {}
    for kind, pattern in edition.periods.items():
        place = f"periods.{kind}"
        if kind not in FIELDS:
            yield place, f"{kind!r} is no kind of period: {', '.join(FIELDS)}"
            continue
        named = placeholders(pattern)
        if len({name.partition(":")[0] for name in named}) < len(named) or not set(named) <= FIELDS[kind].keys():
            yield place, f"names each once: {', '.join('{' + name + '}' for name in FIELDS[kind])}"
            continue
        for period in _sample(kind):
            text = spell(pattern, period)
            if spelled.setdefault(text, str(period)) != str(period) or edition.hub_period(text) != str(period):
                yield place, f"{period} would be {text!r}, which reads back as another period"
                break


def _sample(kind: str) -> Iterable[Period]:
    for year in _SAMPLE_YEARS:
        for number in range(1, Period(kind, year).in_year + 1):
            yield Period(kind, year, number)
