"""Recording what was approved: one batch, with what follows from it, told to every form whose content it changed."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from services.indicators.domain import warehouse as rules
from services.indicators.domain.catalogue import Catalogue, Rules
from services.indicators.storage import catalogue as entries
from services.indicators.storage import warehouse
from services.indicators.storage.warehouse import Origin, Release
from shared import chunks
from shared.contracts.events import Figure, Observation, ObservationsRecorded, SubmissionFinalised
from shared.contracts.hashes import release_hash
from shared.storage import Unit


def record(unit: Unit, part: SubmissionFinalised, figures: Iterable[Figure], catalogue: Rules) -> None:
    """Record a whole round as one batch, with what follows from it, and tell every form whose content it changed."""
    form, about, period = part.form, part.unit, part.period
    derivations = catalogue.derivations(about, period)
    entered = rules.cells_of(form, part.level, figures, catalogue.derived)
    change = rules.settle(warehouse.cells(unit.connection, about, period), form, entered, derivations)
    origin = Origin(part.submission_id, part.round)
    batch = warehouse.open_batch(unit.connection, (form, about, period), origin)
    known = warehouse.releases_of(unit.connection, change.touched, about, period)
    versions = {name: known[name].version + 1 if name in known else 1 for name in change.touched}
    warehouse.apply(unit.connection, about, period, batch, change, versions)
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
        tell(unit, release, content)
    details = {"batch": batch, "put": len(change.put), "ended": len(change.end), "forms": list(change.touched)}
    unit.audit("observations.recorded", part.subject, details)


def tell(unit: Unit, release: Release, content: list[Observation], *, queue: str | None = None) -> None:
    """Tell all who listen, or one `queue`, the whole content at this version, in chunks."""
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
            ),
            queue=queue,
        )


_rules_at: WeakKeyDictionary[Engine, tuple[int, Rules]] = WeakKeyDictionary()


def current_rules(connection: Connection) -> Rules:
    """Return the catalogue's rules, parsed once per version and process."""
    version = entries.version(connection)
    known = _rules_at.get(connection.engine)
    if known is None or known[0] != version:
        known = version, Rules(Catalogue.of(entries.bodies(connection)))
        _rules_at[connection.engine] = known
    return known[1]
