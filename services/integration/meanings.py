"""What a partner's codes mean here: the hub's names for what it lists, and what the hub knows about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial

from services.integration import intake
from services.integration.domain import classification
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell
from services.integration.storage import expected
from services.integration.storage.expected import Head
from shared.canonical import decimal_text
from shared.errors import Invalid
from shared.storage import UnitOfWork

Ours = Mapping[str, tuple[str, Cell]]  # by the partner's indicator: the hub's, and what is expected
Theirs = Mapping[str, Sequence[Cell]]  # by the partner's indicator: everything listed under it


class Meanings:
    """The meanings for one partner, during one comparison."""

    def __init__(self, unit: UnitOfWork, partner: Partner) -> None:
        self._unit = unit
        self._partner = partner
        self._indicators: dict[str, set[str]] = {}

    def stranger(self, period: str, form: str, theirs: str, version: int) -> Head:
        """Return the key that a partner holds and we do not know, under the hub's name of its unit, if there is one."""
        with self._unit() as unit:
            ours = self._partner.mapping.at(period).hub_unit(theirs, period, intake.organisation(unit.connection))
        return Head(
            form=form,
            unit=ours,
            period=period,
            partner_unit=theirs,
            agency="",
            expected_version=version,
            acknowledged_version=None,
        )

    def bucket(self, head: Head, ours: Ours, listed: Theirs) -> classification.Bucket:
        """Return both sides of a key under the hub's names, with what is needed to say why they differ."""
        names = {code: name for code, (name, _) in ours.items()}
        found: dict[str, Sequence[Cell]] = {}
        unmapped: set[str] = set()
        strangers = [code for code in listed if code not in names]
        for code in listed.keys() & names.keys():
            found[names[code]] = [normal(cell) for cell in listed[code]]
        for code in strangers:
            name, mapped = self._named(head, code)
            if name in found or name in unmapped or name in names.values():
                name, mapped = f"{self._partner.id}:{code}", False
            found[name] = [normal(cell) for cell in listed[code]]
            if not mapped:
                unmapped.add(name)
        expected_cells = dict(ours.values())
        odd = [name for name, cells in found.items() if list(cells) != [expected_cells.get(name)]]
        return classification.Bucket(
            form=head.form,
            unit=head.unit,
            period=head.period,
            expected=expected_cells,
            found=found,
            earlier=self._earlier(head, odd),
            unmapped=unmapped,
            unit_mapped=head.acknowledged_version is not None or self._unit_known(head),
            due=head.form in self._partner.forms,
            factors=partial(self._factors, head.period),
        )

    def _factors(self, period: str, indicator: str) -> tuple[Decimal, ...]:
        """Return by what the partner's measure of an indicator differs from the hub's: a value kept unconverted is off
        by it."""
        measures = self._partner.mapping.at(period).measures
        measure = measures.get(indicator) or measures.get("")
        return () if measure is None or measure.factor == 1 else (measure.factor,)

    def _named(self, head: Head, code: str) -> tuple[str, bool]:
        """Return the hub's name of an indicator that we do not expect, and whether it means anything here."""
        mapping = self._partner.mapping.at(head.period)
        name = mapping.hub_indicator(code)
        if mapping.indicator(name) != code:
            return code, False
        return name, name in self._known(head.form)

    def _known(self, form: str) -> set[str]:
        """Return the indicators of a form: as the catalogue has it, else those that the partner was ever given."""
        if form not in self._indicators:
            with self._unit() as unit:
                self._indicators[form] = intake.indicators_of(unit.connection, form) or expected.given_indicators(
                    unit.connection, self._partner.id, form
                )
        return self._indicators[form]

    def _unit_known(self, head: Head) -> bool:
        with self._unit() as unit:
            body = intake.catalogue.cached(unit.connection).entries["unit"].get(head.unit)
        mapping = self._partner.mapping.at(head.period)
        try:
            known = body is not None or head.unit in mapping.units
            return known and mapping.unit(head.unit, body, head.period) == head.partner_unit
        except Invalid:
            return False

    def _earlier(self, head: Head, names: Sequence[str]) -> dict[str, set[Cell]]:
        if not names:
            return {}
        places = [(head.form, head.unit, head.period, name) for name in names]
        with self._unit() as unit:
            found = expected.earlier(unit.connection, self._partner.id, places)
        return {place[3]: cells for place, cells in found.items()}


def normal(cell: Cell) -> Cell:
    """Return the cell with its value in normal form; what is no figure of the hub's stays as it was written."""
    if cell.value is None:
        return cell
    try:
        return Cell(decimal_text(Decimal(cell.value)), cell.status)
    except (InvalidOperation, Invalid):
        return cell
