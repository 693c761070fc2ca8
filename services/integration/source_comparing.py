"""Comparisons with sources at work: sum up what was received, take the source's word level by level, judge each key
that differs, and say how it ended.

The source's word comes to the gateway, or is asked for where the source can be called. submissions is asked, page by
page and outside every transaction, for what was received. Each step can be done again after its process died.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Row

from services.integration import intake, tracking
from services.integration.clients import Connect, open_client
from services.integration.clients.protocol import Unanswered
from services.integration.domain import source_levels as levels
from services.integration.domain import timetable
from services.integration.domain.difference_life import Life, Standing
from services.integration.domain.governor import Hold
from services.integration.domain.ledger import digest_of, entries_of
from services.integration.domain.mapping import Edition
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell, Direction, Place
from services.integration.domain.sources import (
    APPROVED,
    OF_ENTRY_DESK,
    Held,
    Judged,
    Key,
    Stated,
    counted,
    judge,
    owners,
)
from services.integration.governing import HeldBack, rests
from services.integration.meanings import normal
from services.integration.reconciling import alone, finish
from services.integration.settings import IntegrationSettings
from services.integration.source_asking import CALLED, Asking, compare_level
from services.integration.storage import differences, scrubs, sources
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as rows
from services.integration.storage.sources import Received
from services.integration.tracking import Course
from shared.contracts.actor import EVERYWHERE, Actor, service_actor
from shared.contracts.events import Observation, SourceDiffered
from shared.contracts.views.sources import ReceivedPage, ReceivedView
from shared.errors import HubError, Invalid, Unavailable
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)
T = TypeVar("T")

PATIENCE = timedelta(hours=24)
"""How long a source may take for its next word."""

_PAGE = 2_000
_KEYS = 100


class Submissions(Protocol):
    """What is needed of a Remote."""

    def call(self, method: str, returns: type[T], /, **arguments: Any) -> T:
        """Call `submissions.list_received` or `read_received`."""


@dataclass(slots=True)
class _Outcome:
    """What judging came to so far."""

    count: int = 0
    pending: set[tuple[str, str, str]] = field(default_factory=set)


class SourceComparing:
    """Takes every comparison with a source that is under way one step further."""

    def __init__(
        self,
        unit: UnitOfWork,
        submissions: Submissions,
        settings: IntegrationSettings,
        connect: Connect = open_client,
    ) -> None:
        self._unit = unit
        self._submissions = submissions
        self._settings = settings
        self._connect = connect

    def work(self) -> None:
        """One round over all that is under way."""
        with self._unit() as unit:
            sources.forget_ended(unit.connection)
            under_way = sources.under_way(unit.connection)
        for row in under_way:
            if row.phase in (levels.READING, levels.COMPARING) or row.idle > PATIENCE:
                with alone(self._unit.engine, row.id) as mine, correlated(row.correlation_id):
                    if mine:
                        self._work(row.id)

    def _work(self, number: int) -> None:
        with self._unit() as unit:
            row = next((item for item in sources.under_way(unit.connection) if item.id == number), None)
            partner = None if row is None else partner_rows.load(unit.connection, row.partner)
            waits = row is not None and partner is not None and row.level == CALLED and _rests(unit, row, partner)
        if row is None or partner is None or waits:
            return
        try:
            if row.phase == levels.READING:
                self._read(row, partner)
                if row.level == CALLED:
                    Asking(self._unit, self._settings, self._connect).ask(row.id, partner)
            elif row.phase == levels.COMPARING:
                self._judge(row, partner)
            else:
                finish(self._unit, number, "failed", None, f"the source has posted nothing more for {PATIENCE}")
        except HeldBack as error:
            if error.lasts:
                finish(self._unit, number, "failed", None, error.message)
        except Unavailable as error:  # submissions is away: the next round tries again
            log.warning("source.waiting", partner=partner.id, reconciliation=number, error=str(error))
        except (Unanswered, HubError) as error:
            finish(self._unit, number, "failed", None, str(error))

    # -- what was received -------------------------------------------------------------------------------------------

    def _read(self, row: Row[Any], partner: Partner) -> None:
        for cells in _batches(self._keys(row), _KEYS):
            with self._unit() as unit:
                approved = sources.approved(unit.connection, cells)
                found = [
                    _received(partner, key, of_key, approved.get(key, {}), unit.connection)
                    for key, of_key in cells.items()
                ]
                sources.put_received(unit.connection, row.id, found)
        with self._unit() as unit:
            run = sources.run(unit.connection, row.id)
            if run is not None and run.phase == levels.READING and run.level != CALLED:
                compare_level(unit.connection, row.id, run.level)

    def _keys(self, row: Row[Any]) -> Iterator[tuple[tuple[str, str, str], list[ReceivedView]]]:
        for key, cells in groupby(self._cells(row), lambda cell: (cell.form, cell.unit, cell.period)):
            yield key, list(cells)

    def _cells(self, row: Row[Any]) -> Iterator[ReceivedView]:
        after = None
        while True:
            page = self._submissions.call(
                "list_received", ReceivedPage, actor=_for(row), clients=row.clients, after=after, limit=_PAGE
            )
            yield from page.cells
            after = page.next
            if after is None:
                return

    # -- judging -----------------------------------------------------------------------------------------------------

    def _judge(self, row: Row[Any], partner: Partner) -> None:
        with self._unit() as unit:
            rows.clear_differences(unit.connection, row.id)
        outcome, after = _Outcome(), ("", "", "")
        while True:
            with self._unit() as unit:
                batch = sources.to_judge(unit.connection, row.id, after, _KEYS)
            if not batch:
                break
            self._judge_batch(row, partner, batch, outcome)
            after = batch[-1].period, batch[-1].form, batch[-1].unit
        self._conclude(row, partner, outcome)

    def _judge_batch(self, row: Row[Any], partner: Partner, batch: Sequence[Row[Any]], outcome: _Outcome) -> None:
        with self._unit() as unit:
            named = [_hub_key(partner, item, unit.connection) for item in batch]
        inside = [key for key in named if _covers(row, key[0], key[1])]
        page = self._submissions.call("read_received", ReceivedPage, actor=_for(row), clients=row.clients, keys=inside)
        cells: dict[tuple[str, str, str], list[ReceivedView]] = {}
        for cell in page.cells:
            cells.setdefault((cell.form, cell.unit, cell.period), []).append(cell)
        focal = _focal_agency(partner)
        with self._unit() as unit:
            approved = sources.approved(unit.connection, inside)
            for key, item in zip(named, batch, strict=True):
                if key not in inside:
                    continue
                found = _judged(partner, row, item, key, cells.get(key, []), approved.get(key, {}), unit.connection)
                outcome.count += len(found.differences)
                if found.pending:
                    outcome.pending.add(key)
                agency = next((cell.agency for cell in cells.get(key, [])), item.agency or "")
                for owner, owned in owners(found.differences, agency, focal).items():
                    course = Course(Direction.SOURCE, partner.id, row.id, owner)
                    lives = tracking.seen(unit, course, owned)
                    open_places = [place for place, life in lives.items() if life.repairable]
                    tracking.changed(unit, course, open_places, Life.left_to_owner)
                    states: dict[Place, str] = {
                        place: "accepted" if life.state is Standing.ACCEPTED else "task"
                        for place, life in lives.items()
                    }
                    rows.save_differences(unit.connection, row.id, owned, states)

    def _conclude(self, row: Row[Any], partner: Partner, outcome: _Outcome) -> None:
        with self._unit() as unit:
            course = Course(Direction.SOURCE, partner.id, row.id)
            tracking.settle_unseen(unit, course, lambda place: _covers(row, place[0], place[1]))
            entries, keys = sources.totals(unit.connection, row.id)
            compared = sources.compared_levels(unit.connection, row.id)
            last = scrubs.last(unit.connection, None, "warehouse")
            rows.change(
                unit.connection,
                row.id,
                entries=entries,
                buckets=keys,
                pending=len(outcome.pending),
                scrub_age_seconds=rows.finished_age(last, unit.now),
                method=row.method or "posted",
            )
            _tell(unit, row, partner)
        # Digests that differ above and nowhere below are no word to rest equality on.
        torn = bool(compared) and levels.LEVELS[-1] not in compared
        equal = not outcome.count and not outcome.pending and not torn
        story = f"{len(outcome.pending)} keys wait for an approval" if outcome.pending else None
        story = "the source's digests differ above and not below" if torn else story
        finish(self._unit, row.id, "equal" if equal else "different", equal, story)


def _rests(unit: Unit, row: Row[Any], partner: Partner) -> bool:
    """Tell whether a source that is to be asked is left alone for now: its quiet hours, or a pause it wants."""
    if row.phase != levels.READING:
        return False
    if (hold := timetable.held(partner, unit.now)) is not None:
        return hold.until is not None
    rest = rests(unit, partner)
    return rest is not None and rest.hold is not Hold.BREAKER


def _tell(unit: Unit, row: Row[Any], partner: Partner) -> None:
    """Tell each agency of its new tasks; of those it was told of, it is told again only when they come back or become
    another class."""
    tasks: dict[tuple[str, str], dict[str, int]] = {}
    for owner, kind, count in differences.tell(unit.connection, Direction.SOURCE, partner.id, row.id):
        desk = "entry_desk" if kind in OF_ENTRY_DESK else "source"
        tasks.setdefault((owner, desk), {})[kind.value] = count
    for (agency, task_of), counts in sorted(tasks.items()):
        unit.emit(
            SourceDiffered(
                reconciliation_id=str(row.id),
                partner=partner.id,
                partner_name=partner.name,
                agency=agency,
                task_of=task_of,
                differences=counts,
            )
        )


def _received(
    partner: Partner,
    key: tuple[str, str, str],
    cells: Sequence[ReceivedView],
    approved: Mapping[str, Cell],
    connection: Connection,
) -> Received:
    form, unit, period = key
    mapping = partner.mapping.at(period)
    held = {cell.indicator: counted(_held(cell)) for cell in cells}
    values = {name: cell for name, cell in held.items() if cell is not None}
    theirs = _their_unit(mapping, unit, period, connection)
    observations = [Observation(name, cell.value, cell.status) for name, cell in values.items()]
    digest = digest_of([entry.hash for entry in entries_of(mapping, form, theirs, period, observations)])
    return Received(
        group=(period, form, theirs),
        hub_unit=unit,
        agency=cells[0].agency,
        digest=digest,
        unapproved=any(approved.get(name) != cell for name, cell in values.items()),
    )


def _judged(
    partner: Partner,
    row: Row[Any],
    item: Row[Any],
    key: tuple[str, str, str],
    cells: Sequence[ReceivedView],
    approved: Mapping[str, Cell],
    connection: Connection,
) -> Judged:
    form, unit, period = key
    held = {cell.indicator: _held(cell) for cell in cells}
    unmapped: frozenset[str] = frozenset()
    if item.differs:
        listed = sources.values_of(connection, row.id, (item.period, item.form, item.unit))
        stated, unmapped = _stated(partner.mapping.at(period), form, listed, held, connection)
    else:  # the digests are equal: the source holds what was received
        sent = {name: counted(cell) for name, cell in held.items()}
        stated = {name: Stated((cell,)) for name, cell in sent.items() if cell is not None}
    return judge(
        Key(
            form=form,
            unit=unit,
            period=period,
            held=held,
            stated=stated,
            approved=approved,
            settled=bool(cells) and all(cell.state == APPROVED for cell in cells),
            unit_mapped=unit in intake.organisation(connection).units,
            unmapped=unmapped,
        )
    )


def _stated(
    mapping: Edition,
    form: str,
    listed: Sequence[sources.Value],
    held: Mapping[str, Held],
    connection: Connection,
) -> tuple[dict[str, Stated], frozenset[str]]:
    """Return what the source lists by the hub's indicators, and which of these mean nothing here."""
    names = {mapping.indicator(name): name for name in held}
    known = intake.indicators_of(connection, form)
    found: dict[str, Stated] = {}
    unmapped = set()
    for value in listed:
        name = names.get(value.indicator) or mapping.hub_indicator(value.indicator)
        if known and name not in known and name not in held and name.rpartition(".R")[0] not in known:
            unmapped.add(name)
        cell = normal(Cell(mapping.hub_value(name, value.cell.value), value.cell.status))
        before = found.get(name, Stated(()))
        found[name] = Stated((*before.cells, cell), value.changed_at or before.changed_at)
    return found, frozenset(unmapped)


def _held(cell: ReceivedView) -> Held:
    return Held(
        cell=None if cell.removed else Cell(cell.value, cell.status),
        sent=cell.sent and not cell.removed,
        by_hand=cell.removed or cell.origin != "push",
        waiting=Cell(cell.waiting_value, cell.waiting_status) if cell.waiting else None,
        accepted_at=cell.accepted_at,
    )


def _their_unit(mapping: Edition, unit: str, period: str, connection: Connection) -> str:
    body = intake.catalogue.cached(connection).entries["unit"].get(unit)
    try:
        return mapping.unit(unit, body, period)
    except Invalid:
        return unit  # the source has pushed it by our own name, for it has no other


def _hub_key(partner: Partner, item: Row[Any], connection: Connection) -> tuple[str, str, str]:
    unit = item.hub_unit
    if unit is None:
        mapping = partner.mapping.at(item.period)
        unit = mapping.hub_unit(item.unit, item.period, intake.organisation(connection))
    return item.form, unit, item.period


def _covers(row: Row[Any], form: str, unit: str) -> bool:
    return (EVERYWHERE in row.forms or form in row.forms) and (EVERYWHERE in row.units or unit in row.units)


def _for(row: Row[Any]) -> Actor:
    return replace(service_actor("integration"), units=tuple(row.units), forms=tuple(row.forms))


def _focal_agency(partner: Partner) -> str:
    return "" if partner.permission is None else partner.permission.focal_agency


def _batches(
    keys: Iterator[tuple[tuple[str, str, str], list[ReceivedView]]], size: int
) -> Iterator[dict[tuple[str, str, str], list[ReceivedView]]]:
    batch: dict[tuple[str, str, str], list[ReceivedView]] = {}
    for key, cells in keys:
        batch[key] = cells
        if len(batch) == size:
            yield batch
            batch = {}
    if batch:
        yield batch
