"""How a partner stands, as callers see it."""

from __future__ import annotations

from datetime import datetime

from services.integration.domain.governor import Hold, Standing
from services.integration.domain.partners import Limits
from shared.contracts.views.integration import PartnerStanding


def standing_view(standing: Standing, limits: Limits, at: datetime) -> PartnerStanding:
    """Return it as callers see it; which of our processes sends is nothing that keeps a delivery waiting."""
    found = standing.allows(limits, at, standing.led_by, 1)
    hold = None if found.hold is Hold.ELSEWHERE else found.hold
    return PartnerStanding(
        circuit=standing.circuit.value,
        failures=standing.failures,
        story=standing.story or None,
        hold=hold,
        until=found.until if hold is not None else None,
        repeats_left=standing.repeats_left(limits, at),
    )
