"""Changing a partner: one transaction that checks, keeps the version, plans what follows, and tells.

Everybody who changes one comes through here: the administrator's calls, and the loading of the catalogue's partners.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from services.integration import backfilling, intake
from services.integration.domain.partner_rules import check
from services.integration.domain.partners import LEVELS, Partner
from services.integration.domain.unambiguous import Known
from services.integration.storage import deliveries, partner_versions, remapping
from services.integration.storage import partners as partner_rows
from shared.contracts.events import PartnerChanged
from shared.contracts.views.catalogue import FieldChange
from shared.errors import Invalid
from shared.storage import Unit

ESTIMATED_PAGES = 25
"""Pages of contents that an estimate reads: five thousand keys tell enough."""

KEPT_APART = ("active", "suspension")
"""What a document does not say: suspending and resuming are acts of their own."""


def read_document(partner: str, document: Any) -> Partner:
    """Return the partner that a document describes. Raises Invalid("integration.bad_partner") naming the place of what
    is not of a partner's shape."""
    given = document if isinstance(document, dict) else {}
    unknown = sorted(given.keys() - (set(Partner.__dataclass_fields__) - set(KEPT_APART)))
    try:
        if unknown:
            raise msgspec.ValidationError(f"a document has no {', '.join(unknown)} - at `$.{unknown[0]}`")
        read = msgspec.convert({"id": partner} | document, Partner)
    except (msgspec.ValidationError, TypeError) as error:
        message, _, place = str(error).partition(" - at ")
        place = place.strip("`").removeprefix("$.") or "$"
        raise _malformed(partner, place, message) from error
    if read.id != partner:
        raise _malformed(partner, "id", f"is {read.id!r} here and {partner!r} in the address")
    return read


def document_of(partner: Partner) -> dict[str, Any]:
    """Return the partner as the document that `read_document` reads."""
    whole: dict[str, Any] = msgspec.to_builtins(partner)
    return {name: value for name, value in whole.items() if name not in KEPT_APART}


def verify(unit: Unit, partner: Partner) -> None:
    """Check a partner against its rules and the catalogue's copy. Raises Invalid("integration.bad_partner")."""
    indicators = intake.definitions.cached(unit.connection).entries["indicator"]
    measures = {code: str(body.get("measure", "")) for code, body in indicators.items()}
    check(partner, Known(units=intake.catalogue.cached(unit.connection).entries["unit"], measures=measures))


def changes(before: Partner | None, after: Partner) -> list[FieldChange]:
    """Return the fields (`mapping.indicators.A`) that differ, with their values."""
    old: Any = {} if before is None else msgspec.to_builtins(before)
    return list(_differing("", old, msgspec.to_builtins(after)))


def put(unit: Unit, partner: Partner, *, action: str, reason: str = "") -> int:
    """Write a partner that was verified and plan what follows of it; return the number of its version.

    What it is due anew is planned by the worker, page by page; what it is no longer due does not leave.
    """
    before = partner_rows.lock(unit.connection, partner.id)
    changed = changes(before, partner)
    partner_rows.save(unit.connection, partner)
    version = partner_versions.add(
        unit.connection,
        partner.id,
        at=unit.now,
        by=unit.actor.id,
        action=action,
        reason=reason,
        changes=changed,
        document=partner,
    )
    if _gives_less(before, partner):
        levels = LEVELS[LEVELS.index(partner.min_level) :]
        remapping.withdraw(unit.connection, partner.id, partner.forms, levels)
    if refills(before, partner):
        backfilling.ask(unit, partner.id)
    if before is not None and before.timetable != partner.timetable:
        deliveries.retime(unit.connection, partner.id, intake.leaving(unit, partner))
    fields = [change.field for change in changed][:50]
    unit.audit(f"partner.{action}", partner.id, {"version": version, "fields": fields, "reason": reason})
    unit.emit(told(partner, version))
    return version


def told(partner: Partner, version: int) -> PartnerChanged:
    """Return what others are told of a partner."""
    permission = partner.permission
    return PartnerChanged(
        partner=partner.id,
        version=version,
        active=partner.active,
        valid_from=None if permission is None else permission.valid_from,
        valid_to=None if permission is None else permission.valid_to,
        signs=partner.signs,
    )


def refills(before: Partner | None, after: Partner) -> bool:
    """Tell whether a partner may be due what it is not expected to hold, or not so."""
    if before is None:
        return bool(after.forms)
    return (before.mapping, before.min_level) != (after.mapping, after.min_level) or not set(after.forms) <= set(
        before.forms
    )


def with_state_of(partner: Partner, standing: Partner | None) -> Partner:
    """Return the partner with the state of the one that stands: a document changes nobody's suspension."""
    if standing is None:
        return replace(partner, active=True, suspension="")
    return replace(partner, active=standing.active, suspension=standing.suspension)


def _gives_less(before: Partner | None, after: Partner) -> bool:
    if before is None:
        return False
    raised = LEVELS.index(after.min_level) > LEVELS.index(before.min_level)
    return raised or not set(before.forms) <= set(after.forms)


def _differing(place: str, old: Any, new: Any) -> list[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        return [
            change
            for name in names
            for change in _differing(f"{place}.{name}".lstrip("."), old.get(name), new.get(name))
        ]
    return [] if old == new else [FieldChange(field=place, before=old, after=new)]


def _malformed(partner: str, place: str, message: str) -> Invalid:
    return Invalid(
        "integration.bad_partner",
        f"{partner}: {place} {message}",
        f"Khai báo hệ thống {partner} chưa hợp lệ tại {place}.",
        {"errors": [{"place": place, "code": "integration.bad_partner", "message": message}]},
    )
