"""Recording what was approved: one batch, with what follows from it, told to every form whose content it changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from services.indicators.domain import looking_back
from services.indicators.domain import warehouse as rules
from services.indicators.domain.catalogue import Catalogue
from services.indicators.domain.derivations import Derivation, Rules
from services.indicators.domain.looking_back import Past, Place
from services.indicators.domain.warehouse import Change
from services.indicators.storage import catalogue as entries
from services.indicators.storage import readings, warehouse
from services.indicators.storage.warehouse import Origin, Release
from shared import chunks
from shared.calendar import Period
from shared.contracts.events import Figure, Observation, ObservationsRecorded, SubmissionFinalised
from shared.contracts.hashes import release_hash
from shared.storage import Unit


@dataclass(frozen=True, slots=True)
class Source:
    """The round that a batch records, and whose it is."""

    place: Place
    form: str
    agency: str
    level: str
    submission_id: str
    round: int


def record(unit: Unit, part: SubmissionFinalised, figures: Iterable[Figure], catalogue: Rules) -> None:
    """Record a whole round as one batch, with what follows from it, in later periods that look back at it too, and
    tell every form whose content it changed. The caller holds `warehouse.lock`."""
    place = Place(part.unit, Period.parse(part.period))
    source = Source(place, part.form, part.agency, part.level, part.submission_id, part.round)
    derivations = catalogue.derivations(*place)
    entered = rules.cells_of(part.form, part.level, figures, catalogue.derived(place.period))
    current = warehouse.cells(unit.connection, part.unit, part.period)
    past = find_past(unit.connection, catalogue, derivations, place)
    change = rules.settle(current, part.form, entered, derivations, past)
    origin = Origin(part.submission_id, part.round)
    batch = warehouse.open_batch(unit.connection, (part.form, part.unit, part.period), origin)
    write(unit, catalogue, batch, place, change, source)
    later = follow(unit, catalogue, batch, place, change, source)
    details = {"batch": batch, "put": len(change.put), "ended": len(change.end), "forms": list(change.touched)}
    unit.audit("observations.recorded", part.subject, {**details, "later": later} if later else details)


def find_past(connection: Connection, catalogue: Rules, derivations: Sequence[Derivation], place: Place) -> Past:
    """Return what these derivations look at in earlier periods."""
    asked = looking_back.reading(catalogue, derivations, place)
    held = readings.cells(connection, asked.places, asked.indicators)
    return looking_back.found(catalogue, derivations, place, held)


def rederived(connection: Connection, catalogue: Rules, place: Place) -> Change | None:
    """Return what changes when the values of this place are derived anew; None if nothing does."""
    current = warehouse.cells(connection, place.unit, str(place.period))
    derivations = catalogue.derivations(*place)
    past = find_past(connection, catalogue, derivations, place)
    change = rules.rederive(current, derivations, past)
    return change if change.touched else None


def follow(unit: Unit, catalogue: Rules, batch: int, place: Place, change: Change, source: Source) -> int:
    """Derive anew what looks back at what changed, in order of time, until nothing changes any more; return in how many
    places something did."""
    changed = 0
    waiting = _after(unit.connection, catalogue, place, change)
    while waiting:
        # Nothing looks ahead: once the earliest is done, nothing that follows can change it.
        place = min(waiting, key=lambda item: (item.period.end, item.unit))
        waiting.remove(place)
        later = rederived(unit.connection, catalogue, place)
        if later is not None:
            changed += 1
            write(unit, catalogue, batch, place, later, source)
            waiting |= _after(unit.connection, catalogue, place, later)
    return changed


def _after(connection: Connection, catalogue: Rules, place: Place, change: Change) -> set[Place]:
    places = looking_back.looking_back_at(catalogue, place, (*change.put, *change.end))
    return readings.filled(connection, places)


def write(unit: Unit, catalogue: Rules, batch: int, place: Place, change: Change, source: Source) -> None:
    """Write what a batch changes in one place, and tell every form whose content it touches at its new version."""
    about, period = place.unit, str(place.period)
    known = warehouse.releases_of(unit.connection, change.touched, about, period)
    versions = {name: known[name].version + 1 if name in known else 1 for name in change.touched}
    warehouse.apply(unit.connection, about, period, batch, change, versions)
    for name in change.touched:
        content = warehouse.content(unit.connection, name, about, period, batch)
        own, before = name == source.form and place == source.place, known.get(name)
        release = Release(
            form=name,
            unit=about,
            period=period,
            version=versions[name],
            batch=batch,
            agency=source.agency if own else before.agency if before else catalogue.agency(name, about),
            level=source.level if own or not before else before.level,
            submission_id=source.submission_id if own or not before else before.submission_id,
            round=source.round if own else before.round if before else 0,
            content_hash=release_hash(name, about, period, versions[name], content),
        )
        warehouse.save_release(unit.connection, release)
        tell(unit, release, content)


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
