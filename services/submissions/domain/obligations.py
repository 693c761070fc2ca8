"""Who owes which form for which period by when, told from the catalogue alone. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.submissions.domain.catalogue import Catalogue, Form
from shared.calendar import Period, deadline

_NAMESPACE = uuid.UUID("5b0c9c5e-6f0e-5d0a-9a53-1f5f6f2a7c11")
_PER_YEAR = {"year": 1, "nine_months": 1, "half": 2, "quarter": 4, "month": 12}


class Obligation(NamedTuple):
    """One submission that is owed. `id` is the same wherever and whenever it is computed."""

    id: str
    form: str
    unit: str
    agency: str
    period: str
    deadline: datetime | None


def submission_id(form: str, unit: str, period: str) -> str:
    """Return the id of the one submission for this form, unit and period (a name-based UUID, RFC 9562 §5.5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{form}\x1f{unit}\x1f{period}"))


def periods(form: Form) -> Iterator[Period]:
    """Yield the periods for which the form is owed, in order."""
    for year in range(form.first, form.last + 1):
        for number in range(1, _PER_YEAR[form.period_kind] + 1):
            yield Period(form.period_kind, year, number)


def obligations(catalogue: Catalogue) -> list[Obligation]:
    """Return everything that is owed. A unit owes what it existed for at the period's end; later reforms do not
    change what was owed before them."""
    return [
        item for form in catalogue.forms.values() for period in periods(form) for item in _owed(catalogue, form, period)
    ]


def _owed(catalogue: Catalogue, form: Form, period: Period) -> Iterator[Obligation]:
    regime = catalogue.regimes.get(form.regime)
    due = None if regime is None else deadline(period, regime.month, regime.day, regime.hour)
    pairs = [(unit, agency) for unit, agency in form.owed_by if catalogue.resolve(unit, period) == unit]
    if form.each is not None:
        pairs += [(unit, unit) for unit in catalogue.units_of_kind(form.each, period.end)]
    text = str(period)
    for unit, agency in pairs:
        yield Obligation(submission_id(form.id, unit, text), form.id, unit, agency, text, due)
