"""Checking ourselves: digests against the ledger's rows, and what we know of the warehouse against the warehouse."""

from __future__ import annotations

from typing import Protocol, TypeVar

from services.integration.domain.ledger import Key
from services.integration.domain.reconciliation import unequal
from services.integration.intake import content_digest
from services.integration.metrics import REQUESTED, SCRUBBED
from services.integration.storage import ledger, scrubs
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor, service_actor
from shared.contracts.events import ObservationsRequested
from shared.contracts.views import ObservationPage
from shared.digest import Digest
from shared.logs import logger
from shared.storage import UnitOfWork

log = logger(__name__)
T = TypeVar("T")

_PAGE = 1_000
_MOST_REQUESTS = 1_000


class Caller(Protocol):
    """What is needed of a Remote."""

    def call(self, method: str, returns: type[T], /, *, actor: Actor, after: str | None, limit: int) -> T:
        """Call `indicators.list_observations`."""


def scrub(unit_of_work: UnitOfWork, partner: str) -> int:
    """Recompute this partner's digests from its ledger rows; correct, audit and return how many were wrong."""
    with unit_of_work() as unit:
        started = unit.now
        groups = scrubs.groups(unit.connection, partner)
    corrected = 0
    for period, form in groups:
        with unit_of_work() as unit:
            wrong = scrubs.correct(unit.connection, partner, period, form)
            if wrong:
                corrected += wrong
                unit.audit("ledger.corrected", f"{partner}/{form}/{period}", {"corrected": wrong})
    with unit_of_work() as unit:
        entries = scrubs.entry_count(unit.connection, partner)
        scrubs.note(
            unit.connection, partner=partner, kind="digests", started=started, entries=entries, corrected=corrected
        )
    if corrected:
        SCRUBBED.labels(partner).inc(corrected)
        log.error("scrub.corrected", partner=partner, corrected=corrected)
    return corrected


def scrub_all(unit_of_work: UnitOfWork, every_seconds: float) -> None:
    """Scrub each partner whose last scrub is older than that."""
    with unit_of_work() as unit:
        last = partner_rows.last_scrubs(unit.connection)
        due = [
            partner.id
            for partner in partner_rows.load_all(unit.connection)
            if partner.id not in last or (unit.now - last[partner.id]).total_seconds() >= every_seconds
        ]
    for partner in due:
        scrub(unit_of_work, partner)


def check_warehouse(unit_of_work: UnitOfWork, remote: Caller) -> list[Key]:
    """Compare what we know of the warehouse with the warehouse and ask again for what differs; return those keys.

    Raises Unavailable if indicators does not answer.
    """
    with unit_of_work() as unit:
        started = unit.now
    theirs, entries = _warehouse(remote)
    with unit_of_work() as unit:
        ours = ledger.content_digests(unit.connection)
        # What was recorded while the pages were read is asked for too: its second coming changes nothing.
        behind = sorted(unequal(ours, theirs))
        for form, about, period in behind[:_MOST_REQUESTS]:
            unit.emit(ObservationsRequested(form=form, unit=about, period=period))
            REQUESTED.labels("differs").inc()
        scrubs.note(
            unit.connection, partner=None, kind="warehouse", started=started, entries=entries, corrected=len(behind)
        )
    if behind:
        log.warning("warehouse.differs", keys=len(behind))
    return behind


def _warehouse(remote: Caller) -> tuple[dict[Key, Digest], int]:
    found: dict[Key, Digest] = {}
    after, entries = None, 0
    while True:
        page = remote.call(
            "list_observations", ObservationPage, actor=service_actor("integration"), after=after, limit=_PAGE
        )
        for item in page.observations:
            key = item.form, item.unit, item.period
            one = content_digest(*key, [(item.indicator, item.value, item.status)])
            found[key] = found.get(key, Digest()) + one
        entries += len(page.observations)
        if page.next is None:
            return found, entries
        after = page.next
