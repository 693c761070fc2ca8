"""What the end of a delivery means for the ledger and for people, whether a sender or a person says how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from services.integration.domain.delivery import Step
from services.integration.domain.ledger import Entry, digest_of
from services.integration.storage import ledger
from services.integration.storage.deliveries import Delivery
from shared.contracts.events import DeliveryFailed
from shared.digest import entry_hash
from shared.storage import Unit

Row = tuple[str, str, str | None, str]
"""One value of a packet: the hub's indicator, the partner's, value, status."""


def acknowledge(unit: Unit, delivery: Delivery, standing: ledger.Standing, rows: Sequence[Row]) -> bool:
    """Record what the partner now holds; tell instead whether that is exactly what it is expected to hold, which is
    recorded for many keys at once. The caller has locked key and delivery."""
    if standing.acknowledged_version is not None and standing.acknowledged_version > delivery.version:
        return False  # the partner acknowledged a newer version already, and refused to go back
    place = delivery.form, delivery.partner_unit, delivery.period
    given = [
        Entry(ours, theirs, value, status, entry_hash(*place, theirs, value, status))
        for ours, theirs, value, status in rows
    ]
    digest = digest_of([entry.hash for entry in given])
    if digest == standing.expected and standing.expected_version == delivery.version:
        return True
    ledger.acknowledge_given(unit.connection, delivery.key, delivery.version, given, digest)
    return False


def tell_of_failure(unit: Unit, delivery: Delivery, step: Step) -> None:
    """Tell people that this delivery goes no further without them."""
    error = step.error or step.state
    unit.audit(f"delivery.{step.state}", str(delivery.id), {"partner": delivery.partner, "error": error})
    unit.emit(
        DeliveryFailed(
            delivery_id=str(delivery.id),
            partner=delivery.partner,
            form=delivery.form,
            unit=delivery.unit,
            agency=delivery.agency,
            period=delivery.period,
            state=step.state,
            error=error,
            attempts=delivery.attempts,
        )
    )
