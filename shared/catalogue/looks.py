"""At which period a formula looks: its own, the one before, the same of last year, those since January. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from shared.calendar import Period


class Look(StrEnum):
    """Where a formula finds an input, seen from the period it is computed for. All are of the same kind of period."""

    THIS = "this"
    LAST = "last"
    SAME = "same"
    CUMULATIVE = "cumulative"


class Input(NamedTuple):
    """One thing that a formula needs: an indicator, and at which period."""

    code: str
    look: Look = Look.THIS


Values = Mapping[str, Decimal | None]
"""Figures of one period by code. None: nothing occurred; absent: there is no figure."""

Earlier = Mapping[Input, Decimal | None]
"""What `look_back` found for the inputs of other periods. Of a CUMULATIVE input it is the sum of the year's earlier
periods, None where nothing occurred in them or there are none."""


def periods_before(look: Look, period: Period) -> tuple[Period, ...]:
    """Return the earlier periods that a look from `period` reads."""
    match look:
        case Look.LAST:
            return (period.previous,)
        case Look.SAME:
            return (period.year_before,)
        case Look.CUMULATIVE:
            return tuple(Period(period.kind, period.year, number) for number in range(1, period.number))
    return ()


def periods_after(look: Look, period: Period) -> tuple[Period, ...]:
    """Return the later periods from which this look reads `period`."""
    match look:
        case Look.LAST:
            return (period.next,)
        case Look.SAME:
            # Days count on by one after 29 February, and both it and the 28th look at the 28th.
            first = Period(period.kind, period.year + 1)
            twin = Period(first.kind, first.year, min(period.number, first.in_year))
            return tuple(later for later in (twin.previous, twin, twin.next) if later.year_before == period)
        case Look.CUMULATIVE:
            return tuple(Period(period.kind, period.year, at) for at in range(period.number + 1, period.in_year + 1))
    return ()


def needed(inputs: Iterable[Input], period: Period) -> set[tuple[str, Period]]:
    """Return the (code, earlier period) pairs that these inputs read from `period`."""
    return {(item.code, before) for item in inputs for before in periods_before(item.look, period)}


def look_back(
    inputs: Iterable[Input], period: Period, held: Mapping[tuple[str, Period], Decimal | None]
) -> dict[Input, Decimal | None]:
    """Return the earlier values for these inputs out of `held`, by code and period. An input that lacks one is left
    out: a sum over a month that nobody reported is none."""
    found: dict[Input, Decimal | None] = {}
    for item in inputs:
        keys = [(item.code, before) for before in periods_before(item.look, period)]
        if item.look is not Look.THIS and all(key in held for key in keys):
            found[item] = total(held[key] for key in keys)
    return found


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum; where nothing occurred, nothing is added, and nothing at all is None."""
    occurred = [value for value in values if value is not None]
    return sum(occurred, Decimal(0)) if occurred else None
