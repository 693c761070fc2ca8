"""What a partner's codes mean here: the hub's names for what it lists, and what the hub knows about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
Side = tuple[Head, Ours, Theirs, int]  # and the version under which the partner names it, 0 if it names none


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

    def buckets(self, sides: Iterable[Side]) -> list[classification.Bucket]:
        """Return keys, each with both its sides, under the hub's names, with what is needed to say why they differ."""
        named = [
            (head, dict(ours.values()), *self._found(head, ours, listed), self._newer(head, version))
            for head, ours, listed, version in sides
        ]
        odd = [
            (head.form, head.unit, head.period, name)
            for head, expected_cells, found, _, _ in named
            for name, cells in found.items()
            if list(cells) != [expected_cells.get(name)]
        ]
        with self._unit() as unit:
            earlier = expected.earlier(unit.connection, self._partner.id, odd)
        return [
            classification.Bucket(
                form=head.form,
                unit=head.unit,
                period=head.period,
                expected=expected_cells,
                found=found,
                earlier={name: earlier.get((head.form, head.unit, head.period, name), ()) for name in found},
                unmapped=unmapped,
                unit_mapped=head.acknowledged_version is not None or self._unit_known(head),
                due=head.form in self._partner.forms,
                factors=partial(self._factors, head.period),
                versions=versions,
            )
            for head, expected_cells, found, unmapped, versions in named
        ]

    def _found(self, head: Head, ours: Ours, listed: Theirs) -> tuple[dict[str, Sequence[Cell]], set[str]]:
        """Return what is listed by the hub's names, and which of them are none. A code that means nothing here, or what
        another one means already, keeps the partner's spelling."""
        names = {code: name for code, (name, _) in ours.items()}
        found: dict[str, Sequence[Cell]] = {}
        unmapped: set[str] = set()
        for code in listed.keys() & names.keys():
            found[names[code]] = [normal(cell) for cell in listed[code]]
        for code in [code for code in listed if code not in names]:
            name, mapped = self._named(head, code)
            if name in found or name in names.values():
                name, mapped = f"{self._partner.id}:{code}", False
            found[name] = [normal(cell) for cell in listed[code]]
            if not mapped:
                unmapped.add(name)
        return found, unmapped

    def _newer(self, head: Head, version: int) -> tuple[int, int] | None:
        """Return our version and the partner's if it holds the key under a newer one, and so would refuse ours."""
        theirs = version or head.held_version or 0  # where nothing is listed, what a refusal said
        newer = self._partner.refuses_older and theirs > head.sent_version
        return (head.sent_version, theirs) if newer else None

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


def normal(cell: Cell) -> Cell:
    """Return the cell with its value in normal form; what is no figure of the hub's stays as it was written."""
    if cell.value is None:
        return cell
    try:
        return Cell(decimal_text(Decimal(cell.value)), cell.status)
    except (InvalidOperation, Invalid):
        return cell
