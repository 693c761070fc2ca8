"""Reading what stands in for a unit's earlier figures: the roll-up of those it came from, by the indicator's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from services.indicators.domain import looking_back
from services.indicators.domain.cells import Cell
from services.indicators.domain.derivations import Rules
from services.indicators.domain.looking_back import Place
from services.indicators.storage import readings
from shared.calendar import Period


def standing_in(
    connection: Connection,
    known: Rules,
    wanted: Mapping[str, Sequence[tuple[str, Period]]],
    on: date,
    *,
    as_of: int | None,
    forms: Sequence[str] | None,
) -> dict[tuple[str, str, Period], Cell]:
    """Return by (unit, indicator, period) what was rolled up for the units as they are on this day, among the
    (indicator, period) pairs that are wanted of each. Where the unit has a figure of its own nothing stands in.

    What it is made of is read as of the same batch and from the same forms: whose scope lacks a weight gets no mean.
    """
    asked = [looking_back.reading_of(known, pairs, unit, on) for unit, pairs in wanted.items()]
    places = frozenset[Place]().union(*(item.places for item in asked))
    codes = frozenset[str]().union(*(item.indicators for item in asked))
    held = readings.cells(connection, places, codes, as_of=as_of, forms=forms)
    return {
        (unit, code, period): cell
        for unit, pairs in wanted.items()
        for (code, period), cell in looking_back.earlier(known, pairs, unit, on, held).items()
        if (Place(unit, period), code) not in held
    }
