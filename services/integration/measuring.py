"""Setting the gauges that are read from the database."""

from __future__ import annotations

from datetime import datetime

from services.integration.domain.delivery import OPEN
from services.integration.domain.governor import Circuit, Standing
from services.integration.domain.partners import Limits
from services.integration.domain.reconciliation import Kind
from services.integration.metrics import (
    BREAKER,
    EQUALITY_AGE_SECONDS,
    MESSAGE_LOG_BYTES,
    MESSAGES_UNSEALED,
    MESSAGES_UNSEALED_SECONDS,
    OLDEST_OPEN_SECONDS,
    OPEN_DEAD_LETTERS,
    OPEN_DELIVERIES,
    OPEN_DIFFERENCES,
    PAUSED_SECONDS,
    REPEATS_LEFT,
    SCRUB_AGE_SECONDS,
    SUSPENDED,
    begin,
)
from services.integration.storage import dead_letters, differences, messages, standings
from services.integration.storage import partners as partner_rows
from services.integration.storage.dead_letters import DEAD, Filter
from shared.entrypoints import every
from shared.storage import UnitOfWork

_SHOWN = {Circuit.CLOSED: 0, Circuit.HALF_OPEN: 1, Circuit.OPEN: 2}


class Measuring:
    """The worker's part that measures."""

    unit: UnitOfWork

    @every(seconds=5, eager=True)
    def measure(self) -> None:
        """Set the gauges that are read from the database."""
        with self.unit() as unit:
            counts = partner_rows.delivery_counts(unit.connection)
            oldest = partner_rows.oldest_open(unit.connection)
            last = partner_rows.last_scrubs(unit.connection)
            proven = partner_rows.last_proofs(unit.connection)
            stand = standings.load_all(unit.connection)
            found = differences.open_by_partner(unit.connection)
            known = partner_rows.load_all(unit.connection)
            OPEN_DEAD_LETTERS.set(dead_letters.count(unit.connection, Filter(state=DEAD)))
            unsealed, age, size = messages.size(unit.connection)
        MESSAGES_UNSEALED.set(unsealed)
        MESSAGES_UNSEALED_SECONDS.set(age)
        MESSAGE_LOG_BYTES.set(size)
        for partner in known:
            begin(partner.id)
        for partner in (item for item in known if item.protocol != "push"):
            SUSPENDED.labels(partner.id).set(not partner.active)
            for state in OPEN:
                OPEN_DELIVERIES.labels(partner.id, state.value).set(counts.get(partner.id, {}).get(state, 0))
            OLDEST_OPEN_SECONDS.labels(partner.id).set(oldest.get(partner.id, 0.0))
            for kind in Kind:
                OPEN_DIFFERENCES.labels(partner.id, kind.value).set(found.get(partner.id, {}).get(kind, 0))
            if partner.id in proven:
                EQUALITY_AGE_SECONDS.labels(partner.id).set((unit.now - proven[partner.id]).total_seconds())
            if partner.id in last:
                SCRUB_AGE_SECONDS.labels(partner.id).set((unit.now - last[partner.id]).total_seconds())
            _measure_standing(partner.id, partner.limits, stand.get(partner.id, Standing()), unit.now)


def _measure_standing(partner: str, limits: Limits, standing: Standing, now: datetime) -> None:
    BREAKER.labels(partner).set(_SHOWN[standing.circuit])
    paused = standing.paused_until or now
    PAUSED_SECONDS.labels(partner).set(max(0.0, (paused - now).total_seconds()))
    if (left := standing.repeats_left(limits, now)) is not None:
        REPEATS_LEFT.labels(partner).set(left)
