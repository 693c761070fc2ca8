"""How a province is set up, as tables: its units, its regimes with their deadlines, and who owes which form.

`hub regimes` shows them; `python -m hub.overview` writes docs/lai-chau.md, and a test fails while that is not current.
Read from the catalogue's files, so it needs no running hub.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

import catalogue
from shared.calendar import Period, WorkingCalendar
from shared.catalogue.entries import Deadline, Form, OwedByEach, Regime
from shared.catalogue.schedules import Schedule, asked
from shared.catalogue.units import Unit

DOCUMENT = Path(__file__).parents[1] / "docs" / "lai-chau.md"
YEAR = 2026
"""The year in which units and submissions are counted: the first whole one after the reform of 2025."""
_INTRODUCTION = f"""# Lai Châu at a glance

How the province is set up in `catalogue/`: what is fact and what is assumed stands in catalogue/README.md. Written by
`python -m hub.overview`; a test fails while it is not current. `hub regimes` shows the same. Counts are of {YEAR}.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its title."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]]


def tables(body: dict[str, list[dict[str, Any]]]) -> list[Table]:
    """Return the tables that tell how a province is set up."""
    units = msgspec.convert(body["units"], list[Unit])
    regimes = msgspec.convert(body["regimes"], list[Regime])
    forms = msgspec.convert(body["forms"], list[Form])
    return [
        _units(units),
        Table(
            "Regimes",
            ("regime", "name", "kind", "window of the first period", "due", "rests on"),
            [_regime(regime, forms) for regime in regimes],
        ),
        Table(
            "Forms",
            ("form", "name", "regime", "owed by", "entered + computed", "rolls up", f"owed in {YEAR}"),
            [_form(form, units) for regime in regimes for form in forms if form.regime == regime.id],
        ),
    ]


def markdown(found: Iterable[Table]) -> str:
    """Return the document."""
    parts = [_INTRODUCTION]
    for table in found:
        lines = [f"## {table.title}", "", _line(table.columns), _line(["---"] * len(table.columns))]
        parts.append("\n".join([*lines, *(_line(row) for row in table.rows)]) + "\n")
    return "\n".join(parts)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _units(units: list[Unit]) -> Table:
    standing = [unit for unit in units if unit.holds(date(YEAR, 12, 31))]
    kinds = Counter(unit.kind for unit in standing)
    ended = Counter(unit.kind for unit in units if unit not in standing)
    rows: list[Sequence[str]] = [
        (kind, str(kinds[kind]), str(ended[kind] or "")) for kind in dict.fromkeys(unit.kind for unit in units)
    ]
    return Table("Units", ("kind", "standing", "ended"), rows)


def _regime(regime: Regime, forms: list[Form]) -> Sequence[str]:
    own = [form for form in forms if form.regime == regime.id]
    periods = [next(asked(form.period_kind, form.periods, date.max)) for form in own]
    window = ""
    if periods:
        last = max(periods, key=lambda period: period.start)
        days = Schedule(regime, WorkingCalendar()).window(last)
        window = f"{last}: {days.first} to {days.last}"
    steps = [f"{step.level} {_due(step)}" for step in regime.ladder]
    due = ", ".join([*steps, f"else {_due(regime.deadline)}" if steps else _due(regime.deadline)])
    kind = f"{regime.kind}, {regime.period_kind}"
    return regime.id, regime.name, kind, window, due, regime.decision


def _due(deadline: Deadline) -> str:
    after = f" +{deadline.months_after} months" if deadline.months_after else ""
    month = f"/{deadline.month}" if deadline.month is not None else ""
    return f"{deadline.day}{month}{after} {deadline.hour:02d}:{deadline.minute:02d}"


def _form(form: Form, units: list[Unit]) -> Sequence[str]:
    owed = form.owed_by
    if isinstance(owed, OwedByEach):
        who = f"each {owed.each}"
    else:
        who = ", ".join(item.agency if item.unit == "LC" else f"{item.agency} about itself" for item in owed)
    if form.parties.enters:
        who += f" (enters: {', '.join(form.parties.enters)})"
    lists = f" + {len(form.open_lists)} list" if form.open_lists else ""
    return (
        form.id,
        form.name,
        form.regime,
        who,
        f"{len(form.indicators)} + {len(form.derived)}{lists}",
        form.rolls_up or "",
        str(sum(_owing(form, period, units) for period in _in_year(form))),
    )


def _in_year(form: Form) -> list[Period]:
    return [period for period in asked(form.period_kind, form.periods, date(YEAR, 12, 31)) if period.year == YEAR]


def _owing(form: Form, period: Period, units: list[Unit]) -> int:
    owed = form.owed_by
    if isinstance(owed, OwedByEach):
        return sum(unit.kind == owed.each and unit.holds(period.end) for unit in units)
    return len(owed)


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(markdown(tables(catalogue.read())), encoding="utf-8")


if __name__ == "__main__":
    main()
