"""Taking in what the warehouse recorded: contents, ledger, digests and planned deliveries, all in the caller's unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.integration.domain.ledger import Key, digest_of, entries_of
from services.integration.domain.partners import Partner
from services.integration.domain.timetable import leaves_at
from services.integration.metrics import REQUESTED
from services.integration.storage import deliveries, ledger, mapping_gaps
from services.integration.storage import partners as partner_rows
from services.integration.storage.deliveries import Planned
from services.integration.storage.ledger import Content, Holding
from shared import chunks
from shared.calendar import WorkingCalendar
from shared.catalogue.entries import CalendarDay
from shared.catalogue.organisation import Organisation
from shared.catalogue.schedules import working_calendar
from shared.catalogue.units import Unit as CatalogueUnit
from shared.contracts.events import Observation, ObservationsRecorded, ObservationsRequested
from shared.contracts.hashes import release_hash
from shared.digest import Digest, entry_hash
from shared.entrypoints import Received
from shared.errors import Invalid, Unavailable
from shared.replica import Replica, Snapshot
from shared.storage import Unit

catalogue = Replica("indicators", ("unit", "form", "indicator"))
"""This service's copy of the units, whose codes mappings need, of the forms with their indicators, and of the names
that reports give."""

definitions = Replica("indicators/definitions", ("indicator", "calendar_day"))
"""Its copy of what partners' documents are checked against and of the administrator's calendar: a copy of its own, so
that a process of the version before, which keeps units alone, does not clear it."""

_compiled: dict[int, tuple[Snapshot, Organisation]] = {}
_PAGE = 200
_decode = msgspec.json.Decoder(list[Observation]).decode


def organisation(connection: Connection) -> Organisation:
    """Return the units of this service's copy, compiled once per version and process."""
    snapshot = catalogue.cached(connection)
    held = _compiled.get(0)
    if held is None or held[0] is not snapshot:
        bodies = [{"id": key, **body} for key, body in snapshot.entries["unit"].items()]
        held = _compiled[0] = snapshot, Organisation(msgspec.convert(bodies, list[CatalogueUnit]))
    return held[1]


def indicators_of(connection: Connection, form: str) -> set[str]:
    """Return the indicators of all versions of a form, entered and derived; none if it is not known here."""
    body = catalogue.cached(connection).entries["form"].get(form, {})
    versions = [body, *body.get("earlier", [])]
    return {name for version in versions for part in ("indicators", "derived") for name in version.get(part, [])}


def calendar(connection: Connection) -> WorkingCalendar:
    """Return the working days as the administrator's calendar has them."""
    days = definitions.cached(connection).entries["calendar_day"]
    return working_calendar(msgspec.convert([{"id": key, **body} for key, body in days.items()], list[CalendarDay]))


def take(unit: Unit, messages: Sequence[Received[ObservationsRecorded]]) -> int:
    """Take these chunks in; return how many keys changed. Per key only the newest complete version counts.

    Raises Invalid("integration.content_differs") if values are not those that the warehouse recorded.
    """
    newest: dict[tuple[str, str, str], tuple[Content, str]] = {}
    for message in messages:
        content = _whole(unit, message.data)
        if content is not None and (content.key not in newest or newest[content.key][0].version <= content.version):
            newest[content.key] = content, message.correlation_id
    changed = ledger.keep(unit.connection, [content for content, _ in newest.values()])
    fresh = [newest[key] for key in sorted(changed)]
    _plan(unit, partner_rows.load_all(unit.connection, standing=True), fresh)
    return len(changed)


def ask_for_overdue(unit: Unit, older_than_seconds: float) -> int:
    """Ask again for contents whose chunks stay incomplete; return how many."""
    overdue = chunks.overdue(unit.connection, older_than_seconds)
    for set_id in overdue:
        form, about, period, _ = set_id.rsplit("/", 3)
        chunks.drop(unit, set_id)
        unit.emit(ObservationsRequested(form=form, unit=about, period=period))
        REQUESTED.labels("overdue").inc()
    return len(overdue)


def content_digest(form: str, unit: str, period: str, values: Iterable[tuple[str, str | None, str]]) -> Digest:
    """Return the digest of a content in hub codes: how contents are compared with the warehouse."""
    return digest_of([entry_hash(form, unit, period, name, value, status) for name, value, status in values])


def _whole(unit: Unit, data: ObservationsRecorded) -> Content | None:
    body = msgspec.json.encode(data.observations)
    parts = chunks.add(unit, data.subject, data.index, data.total, data.content_hash, body)
    if parts is None:
        return None
    observations = [item for part in parts for item in _decode(part)]
    found = release_hash(data.form, data.unit, data.period, data.version, observations)
    if found != data.content_hash:
        raise Invalid(
            "integration.content_differs",
            f"{data.subject}: the values hash to {found}, recorded was {data.content_hash}",
            "Số liệu nhận được không khớp với số liệu trong kho.",
        )
    kept = {item.indicator: (item.value, item.status) for item in observations if not item.withdrawn}
    digest = content_digest(data.form, data.unit, data.period, [(name, *cell) for name, cell in kept.items()])
    return Content(
        form=data.form,
        unit=data.unit,
        period=data.period,
        agency=data.agency,
        level=data.level,
        version=data.version,
        batch=data.batch,
        content_hash=data.content_hash,
        count=digest.count,
        digest=digest.text,
        observations=kept,
    )


def _plan(unit: Unit, partners: Iterable[Partner], contents: Sequence[tuple[Content, str]]) -> None:
    if not contents:
        return
    units = catalogue.cached(unit.connection).entries["unit"]
    due = []
    for partner in partners:
        taken = {item.key: correlation_id for item, correlation_id in contents if partner.takes(item.form, item.level)}
        mapped, gaps = mapped_to(partner, [item for item, _ in contents if item.key in taken], units)
        mapping_gaps.note(unit.connection, partner.id, gaps)
        due += [(partner, holding, taken[holding.place]) for holding in mapped]
    plan(unit, due)


def plan(
    unit: Unit, due: Sequence[tuple[Partner, Holding, str]], not_before: Mapping[Key, datetime] | None = None
) -> None:
    """Expect partners to hold these, and plan their deliveries as timetables say, each under the correlation id of what
    it comes of, and none before its key's moment."""
    if not due:
        return
    leaves: dict[str, datetime | None] = {}
    planned = []
    for partner, holding, correlation_id in due:
        if partner.id not in leaves:
            leaves[partner.id] = leaving(unit, partner)
        at, hold = leaves[partner.id], (not_before or {}).get(holding.place)
        planned.append(_delivery(holding, correlation_id, at if at is None or hold is None else max(at, hold)))
    ledger.expect(unit.connection, [holding for _, holding, _ in due])
    deliveries.plan(unit.connection, planned)


def leaving(unit: Unit, partner: Partner) -> datetime | None:
    """Return when a delivery that is planned now leaves, None if on demand."""
    scheduled = partner.timetable.when == "schedule"
    return leaves_at(partner.timetable, unit.now, calendar(unit.connection) if scheduled else WorkingCalendar())


def mapped_to(
    partner: Partner, contents: Iterable[Content], units: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Holding], dict[Key, str]]:
    """Return what a partner is to hold of these contents, and why not of those whose unit has no code of its.

    Raises Unavailable("integration.catalogue_behind").
    """
    mapped: list[Holding] = []
    gaps: dict[Key, str] = {}
    for content in contents:
        try:
            mapped.append(_holding(partner, content, units))
        except Invalid as error:
            gaps[content.key] = str(error)
    return mapped, gaps


def _holding(partner: Partner, content: Content, units: Mapping[str, Mapping[str, Any]]) -> Holding:
    mapping = partner.mapping.at(content.period)
    if content.unit not in units and content.unit not in mapping.units and mapping.unit_scheme:
        # The catalogue travels on its own queue and may be a moment behind.
        raise Unavailable(
            "integration.catalogue_behind", f"unit {content.unit} is not known here yet", "Danh mục chưa được cập nhật."
        )
    theirs = mapping.unit(content.unit, units.get(content.unit), content.period)
    values = [Observation(name, value, status) for name, (value, status) in content.observations.items()]
    entries = entries_of(mapping, content.form, theirs, content.period, values)
    return Holding(
        partner=partner.id,
        form=content.form,
        unit=content.unit,
        period=content.period,
        partner_unit=theirs,
        agency=content.agency,
        version=content.version,
        entries=entries,
        digest=digest_of([entry.hash for entry in entries]),
    )


def _delivery(holding: Holding, correlation_id: str, leaves: datetime | None) -> Planned:
    return Planned(
        partner=holding.partner,
        form=holding.form,
        unit=holding.unit,
        period=holding.period,
        partner_unit=holding.partner_unit,
        agency=holding.agency,
        version=holding.version,
        kind="release",
        correlation_id=correlation_id,
        due=leaves,
        on_demand=leaves is None,
    )
