"""The warehouse's events: record approved rounds, tell again what integration lacks, ask again for missing parts."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection, Engine

from services.indicators.domain import warehouse as rules
from services.indicators.domain.catalogue import Catalogue, Rules, period_kind
from services.indicators.storage import catalogue as entries
from services.indicators.storage import warehouse
from services.indicators.storage.warehouse import Origin, Release
from shared import chunks
from shared.contracts.events import (
    Figure,
    FinalisedRequested,
    Observation,
    ObservationsRecorded,
    ObservationsRequested,
    SubmissionFinalised,
)
from shared.contracts.hashes import release_hash, round_hash
from shared.entrypoints import Received, every, handles
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork

OVERDUE_SECONDS = 30.0


class IndicatorsWorker:
    """Recording approved rounds, one batch each."""

    name = "indicators.worker"
    unit = UnitOfWork()

    @handles(SubmissionFinalised)
    def on_submission_finalised(self, unit: Unit, message: Received[SubmissionFinalised]) -> None:
        """Record a round once all its parts are there. An older or repeated round changes nothing.

        Raises Invalid("indicators.content_differs") if the figures are not those that were approved.
        """
        part = message.data
        # The lock comes before any look at the warehouse: forms of one unit and period derive from one another.
        warehouse.lock(unit.connection)
        known = warehouse.releases_of(unit.connection, [part.form], part.unit, part.period).get(part.form)
        if known is not None and known.round >= part.round:
            chunks.drop(unit, part.subject)
            if part.index == 0:
                unit.audit("observations.ignored", part.subject, {"held_round": known.round})
            return
        body = msgspec.json.encode(part.figures)
        bodies = chunks.add(unit, part.subject, part.index, part.total, part.content_hash, body)
        if bodies is None:
            return
        figures = [figure for raw in bodies for figure in msgspec.json.decode(raw, type=list[Figure])]
        found = round_hash(part.form, part.unit, part.period, part.round, figures)
        if found != part.content_hash:
            raise Invalid(
                "indicators.content_differs",
                f"{part.subject}: the figures hash to {found}, approved was {part.content_hash}",
                "Số liệu nhận được không khớp với nội dung đã phê duyệt.",
            )
        _record(unit, part, figures, _rules(unit.connection))

    @handles(ObservationsRequested)
    def on_observations_requested(self, unit: Unit, message: Received[ObservationsRequested]) -> None:
        """Tell the newest version of a (form, unit, period) again, exactly as it was told; nothing if there is none."""
        key = message.data
        release = warehouse.releases_of(unit.connection, [key.form], key.unit, key.period).get(key.form)
        if release is not None:
            content = warehouse.content(unit.connection, key.form, key.unit, key.period, release.batch)
            _tell(unit, release, content)

    @every(seconds=10)
    def request_missing(self) -> None:
        """Ask submissions again for rounds of which parts are missing for longer than half a minute."""
        with self.unit() as unit:
            for subject in chunks.overdue(unit.connection, OVERDUE_SECONDS):
                submission_id, _, number = subject.rpartition("/")
                unit.emit(FinalisedRequested(submission_id=submission_id, round=int(number)))


def _record(unit: Unit, part: SubmissionFinalised, figures: Iterable[Figure], catalogue: Rules) -> None:
    """Record a whole round as one batch, with what follows from it, and tell every form whose content it changed."""
    form, about, period = part.form, part.unit, part.period
    derivations = catalogue.derivations(about, period_kind(period))
    entered = rules.cells_of(form, part.level, figures, catalogue.derived)
    change = rules.settle(warehouse.cells(unit.connection, about, period), form, entered, derivations)
    origin = Origin(part.submission_id, part.round, unit.now)
    batch = warehouse.open_batch(unit.connection, (form, about, period), origin)
    known = warehouse.releases_of(unit.connection, change.touched, about, period)
    versions = {name: known[name].version + 1 if name in known else 1 for name in change.touched}
    warehouse.apply(unit.connection, about, period, batch, change, versions, origin)
    for name in change.touched:
        content = warehouse.content(unit.connection, name, about, period, batch)
        own, before = name == form, known.get(name)
        release = Release(
            form=name,
            unit=about,
            period=period,
            version=versions[name],
            batch=batch,
            agency=part.agency if own else before.agency if before else catalogue.agency(name, about),
            level=part.level if own or not before else before.level,
            submission_id=part.submission_id if own or not before else before.submission_id,
            round=part.round if own else before.round if before else 0,
            content_hash=release_hash(name, about, period, versions[name], content),
        )
        warehouse.save_release(unit.connection, release)
        _tell(unit, release, content)
    details = {"batch": batch, "put": len(change.put), "ended": len(change.end), "forms": list(change.touched)}
    unit.audit("observations.recorded", part.subject, details)


def _tell(unit: Unit, release: Release, content: list[Observation]) -> None:
    parts = chunks.split(content)
    for index, observations in enumerate(parts):
        unit.emit(
            ObservationsRecorded(
                batch=release.batch,
                version=release.version,
                form=release.form,
                unit=release.unit,
                agency=release.agency,
                period=release.period,
                level=release.level,
                submission_id=release.submission_id,
                round=release.round,
                content_hash=release.content_hash,
                index=index,
                total=len(parts),
                observations=observations,
            )
        )


_rules_at: WeakKeyDictionary[Engine, tuple[int, Rules]] = WeakKeyDictionary()


def _rules(connection: Connection) -> Rules:
    """Return the catalogue's rules, parsed once per version and process."""
    version = entries.version(connection)
    known = _rules_at.get(connection.engine)
    if known is None or known[0] != version:
        known = version, Rules(Catalogue.of(entries.bodies(connection)))
        _rules_at[connection.engine] = known
    return known[1]
