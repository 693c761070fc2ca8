"""Completeness and timeliness: counts of obligations added up, also along the tree of units. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from services.submissions.domain.catalogue import Catalogue
from shared.contracts.views.obligations import CompletenessRow, CompletenessView

By = Literal["unit", "form", "period", "agency"]
TALLIES = ("expected", "actual", "on_time", "late", "overdue", "approved", "waived")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many obligations of one key, unit and period there are, and how far they have come."""

    key: str
    unit: str
    period: str
    expected: int
    actual: int
    on_time: int
    late: int
    overdue: int
    approved: int
    waived: int


def add_up(counts: Iterable[Count], by: By, under: str | None, catalogue: Catalogue) -> CompletenessView:
    """Return the counts by key. By unit, each one's numbers are those of itself and of all below it as of the period's
    last day; `under` leaves out what is not that unit or below it. Names are those of the last period counted."""
    sums: dict[str, Counter[str]] = {}
    last: dict[str, str] = {}  # period of each key, whose names are shown
    total: Counter[str] = Counter()
    for count in counts:
        path = _path(count, catalogue)
        if under is not None and under not in path:
            continue
        own = {name: getattr(count, name) for name in TALLIES}
        total.update(own)
        keys = path[: path.index(under) + 1] if under is not None else path
        for key in keys if by == "unit" else (count.key,):
            sums.setdefault(key, Counter()).update(own)
            last[key] = max(last.get(key, ""), count.period)
    rows = [_row(key, _name(key, by, last[key], catalogue), sums[key]) for key in sorted(sums)]
    return CompletenessView(by=by, rows=rows, total=_row("", None, total))


def _path(count: Count, catalogue: Catalogue) -> tuple[str, ...]:
    period = catalogue.period(count.period)
    path = () if period is None else catalogue.organisation.path(count.unit, period.end)
    return path or (count.unit,)


def _name(key: str, by: By, period: str, catalogue: Catalogue) -> str | None:
    if by == "form":
        form = catalogue.forms.get(key)
        return None if form is None else form.name
    return None if by == "period" else catalogue.name_of(key, period)


def _row(key: str, name: str | None, sums: Counter[str]) -> CompletenessRow:
    return CompletenessRow(
        key=key,
        name=name,
        missing=sums["expected"] - sums["actual"],
        completeness=_percent(sums["actual"], sums["expected"]),
        timeliness=_percent(sums["on_time"], sums["expected"]),
        **{tally: sums[tally] for tally in TALLIES},
    )


def _percent(part: int, whole: int) -> str | None:
    return None if not whole else str((Decimal(100 * part) / whole).quantize(Decimal("0.1")))
