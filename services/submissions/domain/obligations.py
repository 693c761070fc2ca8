"""Who owes which form for which period by when, told from the catalogue alone. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from services.submissions.domain.catalogue import Catalogue, Form
from shared.calendar import Period
from shared.catalogue.schedules import Schedule, asked

_NAMESPACE = uuid.UUID("5b0c9c5e-6f0e-5d0a-9a53-1f5f6f2a7c11")


class Obligation(NamedTuple):
    """One submission that is owed. `id` is the same wherever and whenever it is computed."""

    id: str
    form: str
    unit: str
    agency: str
    period: str
    deadline: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None


def submission_id(form: str, unit: str, period: str) -> str:
    """Return the id of the one submission for this form, unit and period (a name-based UUID, RFC 9562 §5.5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{form}\x1f{unit}\x1f{period}"))


def obligations(catalogue: Catalogue, until: date) -> list[Obligation]:
    """Return everything that is owed for periods that begin by this day. A unit owes what it existed for at the
    period's end, under a regime that was in force then; later reforms do not change what was owed before them."""
    return [
        item
        for form in catalogue.forms.values()
        for period in asked(form.period_kind, form.periods, until)
        for item in _owed(catalogue, form, period)
    ]


def _owed(catalogue: Catalogue, form: Form, period: Period) -> Iterator[Obligation]:
    schedule = catalogue.schedules.get(form.regime)
    if schedule is not None and not schedule.regime.holds(period.end):
        return
    pairs = [(unit, agency) for unit, agency in form.owed_by if catalogue.resolve(unit, period) == unit]
    if form.each is not None:
        below = None if form.under is None else catalogue.organisation.under(form.under, period.end)
        each = catalogue.units_of_kind(form.each, period.end)
        pairs += [(unit, unit) for unit in each if below is None or unit in below]
    text = str(period)
    times: dict[str | None, _Times] = {}
    for unit, agency in pairs:
        level = catalogue.kind(agency)
        if level not in times:
            times[level] = _times(schedule, period, level)
        yield Obligation(submission_id(form.id, unit, text), form.id, unit, agency, text, *times[level])


class _Times(NamedTuple):
    deadline: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None


def _times(schedule: Schedule | None, period: Period, level: str | None) -> _Times:
    if schedule is None:
        return _Times(None, None, None)
    return _Times(schedule.due(period, level).at, schedule.opens(period), schedule.closes(period, level))
