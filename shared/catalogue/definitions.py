"""Definitions of indicators through time: which are there, on which days they change, what is computed when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from shared.catalogue.entries import Definition, Indicator
from shared.catalogue.formulas import Formula, parse


def versions(indicator: Indicator) -> list[Definition]:
    """Return every definition of the indicator, oldest first; the indicator itself is the newest."""
    return [*indicator.earlier, indicator]


def change_days(indicators: Iterable[Indicator]) -> list[date]:
    """Return, in order, the days from which some definition took another's place."""
    days = {later.valid_from for item in indicators for later in versions(item)[1:]}
    return sorted(day for day in days if day is not None)


def exists(indicator: Indicator, day: date) -> bool:
    """Tell whether the indicator was there on this day, under whichever definition."""
    oldest = versions(indicator)[0].valid_from
    return (oldest is None or oldest <= day) and (indicator.valid_to is None or day < indicator.valid_to)


def formulas_on(indicators: Mapping[str, Indicator], day: date) -> dict[str, Formula]:
    """Return the formulas in force on this day, by code."""
    found = {code: indicator.on(day).formula for code, indicator in indicators.items()}
    return {code: parse(text) for code, text in found.items() if text is not None}
