"""Deriving anew what is recorded already, a page at a time: how a changed definition takes effect on the past."""

from __future__ import annotations

from services.indicators.domain.looking_back import Place
from services.indicators.recording import Source, current_rules, follow, rederived, write
from services.indicators.storage import warehouse
from services.indicators.storage.warehouse import Origin
from shared.calendar import Period
from shared.contracts.views.indicators import RecomputeResult
from shared.storage import Unit


def recompute(
    unit: Unit, indicator: str, periods: tuple[str, str], after: tuple[str, str], limit: int
) -> RecomputeResult | None:
    """Derive anew up to `limit` places after this (period, unit), in order of time, each that changes as one batch;
    None if there is no such indicator."""
    warehouse.lock(unit.connection)
    catalogue = current_rules(unit.connection)
    if indicator not in catalogue.catalogue.indicators:
        return None
    forms = catalogue.forms_with(indicator)
    found = warehouse.reported(unit.connection, forms, periods, after, limit + 1)
    changed = 0
    for period, about in found[:limit]:
        place = Place(about, Period.parse(period))
        change = rederived(unit.connection, catalogue, place)
        if change is None:
            continue
        # What changes keeps pointing at the round it rests on: that of a form it touches, or of one beside it.
        known = warehouse.releases_of(unit.connection, forms | set(change.touched), about, period)
        origin = next((known[name] for name in change.touched if name in known), next(iter(known.values())))
        batch = warehouse.open_batch(
            unit.connection, (origin.form, about, period), Origin(origin.submission_id, origin.round)
        )
        source = Source(place, "", origin.agency, origin.level, origin.submission_id, origin.round)
        write(unit, catalogue, batch, place, change, source)
        changed += 1 + follow(unit, catalogue, batch, place, change, source)
    result = RecomputeResult(
        looked_at=min(len(found), limit),
        changed=changed,
        next="|".join(found[limit - 1]) if len(found) > limit else None,
    )
    details = {"from": periods[0], "to": periods[1], "looked_at": result.looked_at, "changed": changed}
    unit.audit("observations.recomputed", f"indicator/{indicator}", details)
    return result
