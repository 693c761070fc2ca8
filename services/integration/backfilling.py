"""Bringing what partners are to hold in line with their forms and mappings, after either changed.

Page by page, each page a transaction: what a partner is due and is not expected to hold is planned; what it is expected
to hold under other codes or in another measure is expected anew and goes out again, at the version it had. A unit's
bucket under a code that is no longer its own is emptied there, where the partner may be told to drop something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from services.integration import intake
from services.integration.domain.ledger import Key
from services.integration.domain.partners import Partner
from services.integration.storage import deliveries, ledger, mapping_gaps, partner_versions, remapping
from services.integration.storage import partners as partner_rows
from services.integration.storage.deliveries import Planned
from services.integration.storage.ledger import Content, Holding
from services.integration.storage.remapping import Head
from shared.failpoints import failpoint
from shared.logs import logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

PAGE = 200
_GRACE = timedelta(seconds=1)


@dataclass(slots=True)
class Due:
    """What of a page is due: what was not expected at this version; what was, otherwise, with how it stood; and what
    has no code there."""

    fresh: list[Holding] = field(default_factory=list)
    changed: list[tuple[Holding, Head]] = field(default_factory=list)
    gaps: dict[Key, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many deliveries that makes."""
        return len(self.fresh) + len(self.changed)


def ask(unit: Unit, partner: str) -> None:
    """Have all that this partner is due gone through by the worker."""
    partner_versions.ask_backfill(unit.connection, partner, unit.correlation_id, unit.now)


def ask_for_gaps(unit: Unit) -> None:
    """Have those partners gone through that cannot be given something: the catalogue may have a code now."""
    for partner in mapping_gaps.counts(unit.connection):
        ask(unit, partner)


def work(unit_of_work: UnitOfWork) -> int:
    """Work off all backfills; return how many deliveries they planned."""
    with unit_of_work() as unit:
        waiting = partner_versions.open_backfills(unit.connection)
    return sum(_whole(unit_of_work, partner) for partner in waiting)


def estimate(unit: Unit, partner: Partner, pages: int) -> tuple[int, bool]:
    """Return how many deliveries a backfill would plan as far as so many pages tell, and whether that is all of it."""
    units = intake.catalogue.cached(unit.connection).entries["unit"]
    after, count = ("", "", ""), 0
    for _ in range(pages):
        page = ledger.contents_after(unit.connection, partner.forms, after, PAGE)
        if not page:
            return count, True
        count += _due(unit, partner, page, units).count
        after = page[-1].key
    return count, not ledger.contents_after(unit.connection, partner.forms, after, 1)


def _whole(unit_of_work: UnitOfWork, partner: str) -> int:
    planned, more = 0, True
    while more:
        with unit_of_work() as unit:
            found, more = _page(unit, partner)
            if more:
                failpoint("backfill.before_commit")
        if more:
            failpoint("backfill.after_page")
        planned += found
    return planned


def _page(unit: Unit, partner_id: str) -> tuple[int, bool]:
    """Bring one page in line; return how many deliveries that planned and whether there is more."""
    held = partner_versions.take_backfill(unit.connection, partner_id)
    if held is None:
        return 0, False
    partner = partner_rows.load(unit.connection, partner_id)
    page = ledger.contents_after(unit.connection, partner.forms, held.after, PAGE)
    about = unit.about(held.correlation_id)
    if not page:
        partner_versions.end_backfill(unit.connection, partner_id)
        about.audit("partner.backfilled", partner_id, {"planned": held.planned})
        log.info("partner.backfilled", partner=partner_id, planned=held.planned)
        return 0, False
    units = intake.catalogue.cached(unit.connection).entries["unit"]
    due = _due(unit, partner, page, units)
    _expect(unit, partner, due, held.correlation_id)
    mapping_gaps.close(unit.connection, partner_id, [item.key for item in page if item.key not in due.gaps])
    mapping_gaps.note(unit.connection, partner_id, due.gaps)
    partner_versions.move_backfill(unit.connection, partner_id, page[-1].key, due.count)
    return due.count, True


def _due(unit: Unit, partner: Partner, page: Iterable[Content], units: Mapping[str, Mapping[str, Any]]) -> Due:
    found = Due()
    taken = [content for content in page if partner.takes(content.form, content.level)]
    heads = remapping.heads(unit.connection, partner.id, [content.key for content in taken])
    mapped, found.gaps = intake.mapped_to(partner, taken, units)
    versions = {content.key: content.version for content in taken}
    for holding in mapped:
        head = heads.get(holding.place)
        if head is None or head.expected_version != versions[holding.place]:
            found.fresh.append(holding)
        elif (head.partner_unit, head.expected) != (holding.partner_unit, holding.digest):
            found.changed.append((holding, head))
    return found


def _expect(unit: Unit, partner: Partner, due: Due, correlation_id: str) -> None:
    again = [holding for holding, _ in due.changed]
    under_way = remapping.make_room(unit.connection, partner.id, again)
    remapping.take_buckets(unit.connection, partner.id, [*again, *due.fresh])
    settled = unit.now + timedelta(seconds=partner.max_processing_seconds) + _GRACE
    every = [(partner, holding, correlation_id) for holding in (*due.fresh, *again)]
    intake.plan(unit, every, dict.fromkeys(under_way, settled))
    if partner.deletes:
        _empty_left(unit, partner, due.changed, correlation_id)


def _empty_left(unit: Unit, partner: Partner, changed: Sequence[tuple[Holding, Head]], correlation_id: str) -> None:
    """Plan that buckets are emptied whose units go under other codes now, if the partner may hold anything there."""
    left = [
        (holding.form, holding.period, head.partner_unit, head.expected_version)
        for holding, head in changed
        if head.partner_unit != holding.partner_unit and head.acknowledged_version is not None
    ]
    deliveries.plan(
        unit.connection,
        [
            Planned(
                partner=partner.id,
                form=form,
                unit=code,
                period=period,
                partner_unit=code,
                agency="",
                version=version,
                kind="repair",
                correlation_id=correlation_id,
            )
            for form, code, period, version in remapping.adopt_left(unit.connection, partner.id, left)
        ],
    )
