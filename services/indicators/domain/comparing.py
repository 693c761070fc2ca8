"""The monthly grid of comparisons: what it looks at, through reforms, and what its cells say. Pure.

For a period it shows the same period of last year, the period before, this one, the comparisons between them in per
cent, and what was reached since January in both years. A figure is a unit's own where there is one. Where the unit did
not stand yet, it is the roll-up of those it came from by the indicator's rule, and the cell says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import IntFlag

from services.indicators.domain.adding_up import Found, Segment, YearRow, found_in, with_parts
from services.indicators.domain.cells import Cell
from shared.calendar import Period
from shared.canonical import decimal_text
from shared.catalogue.entries import Definition, Indicator
from shared.catalogue.looks import total as total_of
from shared.catalogue.organisation import Organisation
from shared.catalogue.rollup import ESTIMATED, PREDECESSORS, SUM
from shared.contracts.views.warehouse import GridCell

AREAS = frozenset({"province", "district", "commune"})
"""The kinds of unit whose figures are about a territory."""
_TENTH = Decimal("0.1")
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Slot(IntFlag):
    """A column of the grid; one period may stand in several."""

    THIS = 1
    LAST = 2
    SAME = 4
    SINCE_JANUARY = 8
    SINCE_JANUARY_LAST_YEAR = 16


SLOTS = tuple(Slot)


def looked_at(period: Period) -> dict[Period, Slot]:
    """Return the periods that the grid of `period` looks at, each with the columns it stands in."""
    columns = [
        (Slot.THIS, [period]),
        (Slot.LAST, [period.previous]),
        (Slot.SAME, [period.year_before]),
        (Slot.SINCE_JANUARY, since_january(period)),
        (Slot.SINCE_JANUARY_LAST_YEAR, since_january(period.year_before)),
    ]
    found: dict[Period, Slot] = {}
    for slot, periods in columns:
        for each in periods:
            found[each] = found.get(each, Slot(0)) | slot
    return found


def since_january(period: Period) -> list[Period]:
    """Return the periods of this kind from the year's first to this one."""
    return [Period(period.kind, period.year, number) for number in range(1, period.number + 1)]


def units_below(organisation: Organisation, unit: str, day: date) -> list[str]:
    """Return the units that stood directly below this one: below an area the areas, below a body all of them."""
    kinds = {name: organisation.units[name].kind for name in (unit, *organisation.children(unit, day))
             if name in organisation.units}  # fmt: skip
    below = [name for name in kinds if name != unit]
    return [name for name in below if kinds[name] in AREAS] if kinds.get(unit) in AREAS else below


@dataclass(frozen=True, slots=True)
class Sources:
    """What the grid reads for some units: by unit and year, the periods in which those it came from may stand in."""

    segments: dict[tuple[str, int], list[Segment]]
    estimated: frozenset[tuple[str, Slot]]
    """The (unit, column) pairs in which shares of a split unit are added up."""

    @property
    def years(self) -> set[tuple[str, int]]:
        """The (unit, year) pairs of which there may be figures that count."""
        parts = {(unit, year) for (_, year), found in self.segments.items() for each in found for unit, _ in each.parts}
        return parts | self.segments.keys()


def sources(organisation: Organisation, units: Iterable[str], period: Period) -> Sources:
    """Return whose figures are read for these units, which stand on the period's last day."""
    looks = looked_at(period)
    years = {each.year for each in looks}
    segments: dict[tuple[str, int], list[Segment]] = {}
    estimated: set[tuple[str, Slot]] = set()
    for unit in units:
        periods: dict[tuple[int, tuple[tuple[str, Decimal], ...]], int] = {}
        for each, slots in looks.items():
            lineage = organisation.lineage(unit, each.end, period.end)
            if lineage.is_itself:
                continue
            key = each.year, tuple((part.unit, part.share) for part in lineage.parts)
            periods[key] = periods.get(key, 0) | bit_of(each)
            if not lineage.is_exact:
                estimated |= {(unit, slot) for slot in SLOTS if slot & slots}
        segments |= {(unit, year): [] for year in years}
        for (year, parts), mask in periods.items():
            if parts:
                segments[unit, year].append(Segment(mask, parts))
    return Sources(segments, frozenset(estimated))


def bit_of(period: Period) -> int:
    """Return the bit that tells the period in its year."""
    return 1 << (period.number - 1)


def columns(period: Period) -> dict[Slot, tuple[int, int]]:
    """Return the year and the periods in it, as bits, that each column of the grid adds up."""
    found: dict[Slot, tuple[int, int]] = {}
    for each, slots in looked_at(period).items():
        for slot in SLOTS:
            if slot & slots:
                found[slot] = each.year, found.get(slot, (each.year, 0))[1] | bit_of(each)
    return found


def added_up(
    asked: Sources,
    years: Mapping[tuple[str, int], Mapping[str, YearRow]],
    units: Iterable[str],
    indicators: Iterable[str],
    period: Period,
    added: frozenset[str],
) -> dict[tuple[str, str], Mapping[Slot, Found]]:
    """Return what each (unit, indicator) has in the columns of the grid; what has nothing at all is left out. Those a
    unit came from count only for the indicators that are `added`."""
    looks, size, codes = columns(period), period.in_year, list(indicators)
    nothing: Mapping[str, YearRow] = {}
    found: dict[tuple[str, str], Mapping[Slot, Found]] = {}
    for unit in units:
        held = {year: years.get((unit, year), nothing) for year, _ in looks.values()}
        before = {year: asked.segments.get((unit, year), []) for year in held}
        parts = {
            year: {part: years.get((part, year), nothing) for each in segments for part, _ in each.parts}
            for year, segments in before.items()
        }
        for code in codes:
            made: dict[int, YearRow | None] = {}
            for year, rows in held.items():
                row = rows.get(code)
                if before[year] and code in added:
                    others = {part: of[code] for part, of in parts[year].items() if code in of}
                    row = with_parts(row, before[year], others, size)
                made[year] = row
            having = {
                slot: found_in(row, mask)
                for slot, (year, mask) in looks.items()
                if (row := made[year]) is not None and row.present & mask
            }
            if having:
                found[unit, code] = having
    return found


def and_inherited(found: Found, cell: Cell) -> Found:
    """Return this with one more period, whose figure was rolled up from those the unit came from."""
    value = None if cell.value is None else Decimal(cell.value)
    occurred = found.occurred + (value is not None)
    return Found(found.periods + 1, occurred, found.inherited + 1, total_of((found.total, value)))


NOTHING = Found()


def is_added(indicator: Indicator, period: Period) -> bool:
    """Tell whether units add the indicator up in every period that the grid of this one looks at; then the warehouse
    does so by itself."""
    if not indicator.earlier:
        return indicator.rollup == SUM
    return all(indicator.on(each.end).rollup == SUM for each in looked_at(period))


def inherited(
    organisation: Organisation, unit: str, period: Period, definitions: Mapping[str, Definition]
) -> list[tuple[str, Period]]:
    """Return the earlier figures, by indicator and period, that others than the unit may stand in for."""
    earlier = [
        (each, slots)
        for each, slots in looked_at(period).items()
        if not organisation.lineage(unit, each.end, period.end).is_itself
    ]
    return [
        (code, each)
        for each, slots in earlier
        for code, definition in definitions.items()
        if definition.over_time == "sum" or slots & (Slot.THIS | Slot.LAST | Slot.SAME)
    ]


def with_inherited(
    found: Mapping[Slot, Found], cells: Mapping[Period, Cell], period: Period
) -> tuple[dict[Slot, Found], frozenset[Slot]]:
    """Return what the columns have with these rolled up figures among them, and in which of them one is an estimate."""
    having, estimated = dict(found), Slot(0)
    looks = looked_at(period)
    for each, cell in cells.items():
        for slot in SLOTS:
            if slot & looks[each]:
                having[slot] = and_inherited(having.get(slot, NOTHING), cell)
        if cell.basis == ESTIMATED:
            estimated |= looks[each]
    return having, frozenset(slot for slot in SLOTS if slot & estimated)


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one unit and indicator; a cumulative one is None where the indicator is no flow."""

    cells: Mapping[Slot, GridCell | None]
    against_last: str | None = None
    against_same: str | None = None
    against_last_year: str | None = None


def row_of(
    found: Mapping[Slot, Found], definition: Definition, period: Period, estimated: frozenset[Slot] = frozenset()
) -> Row:
    """Return one row of the grid. A comparison needs both its figures, whole."""
    cells: dict[Slot, GridCell | None] = {}
    for slot in SLOTS:
        cumulative = slot >= Slot.SINCE_JANUARY
        if cumulative and (definition.over_time != "sum" or period.in_year == 1):
            cells[slot] = None
            continue
        expected = period.number if cumulative else 1
        cells[slot] = _cell(found.get(slot, NOTHING), definition, expected, slot in estimated)
    return _compared(cells)


def _cell(found: Found, definition: Definition, expected: int, estimated: bool) -> GridCell:
    if not found.periods:
        return GridCell(value=None, state="missing", basis="none")
    basis = "own" if not found.inherited else ESTIMATED if estimated else PREDECESSORS
    incomplete = found.periods < expected
    if not found.occurred or found.total is None:
        return GridCell(value=None, state="nothing_occurred", basis=basis, incomplete=incomplete)
    total = found.total
    if basis == ESTIMATED:
        total = total.quantize(Decimal(1).scaleb(-definition.decimals), context=_WIDE)
    return GridCell(value=decimal_text(total), state="value", basis=basis, incomplete=incomplete)


def _compared(cells: Mapping[Slot, GridCell | None]) -> Row:
    return Row(
        cells,
        per_cent(cells[Slot.THIS], cells[Slot.LAST]),
        per_cent(cells[Slot.THIS], cells[Slot.SAME]),
        per_cent(cells[Slot.SINCE_JANUARY], cells[Slot.SINCE_JANUARY_LAST_YEAR]),
    )


def per_cent(part: GridCell | None, whole: GridCell | None) -> str | None:
    """Return `part` in per cent of `whole`, rounded half to even to one place; None where one has no whole figure or
    there is nothing to compare with."""
    if part is None or whole is None or part.value is None or whole.value is None:
        return None
    base = Decimal(whole.value)
    if part.incomplete or whole.incomplete or base == 0:
        return None
    return decimal_text(_WIDE.divide(Decimal(part.value) * 100, base).quantize(_TENTH, context=_WIDE))


@dataclass(slots=True)
class Summing:
    """The row of all units together, for an indicator that units add up."""

    rows: list[Row] = field(default_factory=list)

    def row(self) -> Row:
        """Return the sum of the rows. It is incomplete where a unit has no figure or an incomplete one."""
        return _compared({slot: _summed([row.cells[slot] for row in self.rows]) for slot in SLOTS})


def _summed(cells: list[GridCell | None]) -> GridCell | None:
    known = [cell for cell in cells if cell is not None]
    if not known:
        return None
    held = [cell for cell in known if cell.state != "missing"]
    incomplete = len(held) < len(cells) or any(cell.incomplete for cell in held)
    if not held:
        return GridCell(value=None, state="missing", basis="none")
    values = [Decimal(cell.value) for cell in held if cell.value is not None]
    if not values:
        return GridCell(value=None, state="nothing_occurred", basis="units_below", incomplete=incomplete)
    total = decimal_text(sum(values, Decimal(0)))
    return GridCell(value=total, state="value", basis="units_below", incomplete=incomplete)
