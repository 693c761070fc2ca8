"""Checking ourselves: digests against the ledger's rows. What is known of the warehouse: see warehouse.py."""

from __future__ import annotations

from services.integration.metrics import SCRUBBED
from services.integration.storage import partners as partner_rows
from services.integration.storage import scrubs
from shared.logs import logger
from shared.storage import UnitOfWork

log = logger(__name__)


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
