"""Comparing what is kept here of the warehouse, from which partners are given their figures, with the warehouse.

A reconciliation like those with partners, in the direction `warehouse`. The other side is read page by page and only
digests per key are held; a key whose digest differs is asked for once more by itself, because something may have been
recorded meanwhile, and then compared value by value. What differs is asked to be told again: that is its repair, and
the next comparison, which no longer finds it, is the proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from services.integration import tracking
from services.integration.domain import classification
from services.integration.domain.difference_life import Life
from services.integration.domain.ledger import Key
from services.integration.domain.reconciliation import Cell, Difference, Direction, Kind, unequal
from services.integration.intake import content_digest
from services.integration.metrics import REQUESTED
from services.integration.reconciling import alone, finish
from services.integration.storage import ledger, scrubs
from services.integration.storage import reconciliations as rows
from services.integration.tracking import Course
from shared.contracts.actor import Actor, service_actor
from shared.contracts.events import ObservationsRequested
from shared.contracts.views.warehouse import ObservationPage
from shared.digest import Digest
from shared.logs import logger
from shared.storage import UnitOfWork

log = logger(__name__)
T = TypeVar("T")

WAREHOUSE = "kho-so-lieu"
"""Under this name the warehouse stands where a partner's id would."""

_PAGE = 1_000
_MOST_REQUESTS = 1_000


class Caller(Protocol):
    """What is needed of a Remote."""

    def call(
        self,
        method: str,
        returns: type[T],
        /,
        *,
        actor: Actor,
        after: str | None,
        limit: int,
        form: str | None,
        unit: str | None,
        period_from: str | None,
        period_to: str | None,
    ) -> T:
        """Call `indicators.list_observations`."""


def check_warehouse(unit_of_work: UnitOfWork, remote: Caller) -> list[Key]:
    """Compare, note what differs, ask for it again, and return those keys; one comparison at a time.

    Raises Unavailable if indicators does not answer; the comparison is then taken up by the next call.
    """
    with unit_of_work() as unit:
        row = rows.begin(
            unit.connection,
            WAREHOUSE,
            repair=True,
            by="schedule",
            correlation_id=unit.correlation_id,
            direction=Direction.WAREHOUSE,
        )
    with alone(unit_of_work.engine, row.id) as mine:
        return _checked(unit_of_work, remote, row.id) if mine else []


def _checked(unit_of_work: UnitOfWork, remote: Caller, number: int) -> list[Key]:
    with unit_of_work() as unit:
        row = rows.load(unit.connection, number)
        if row is None or row.finished_at is not None:
            return []
        started = unit.now
        rows.clear_differences(unit.connection, number)
    theirs, entries, calls = _digests(remote)
    with unit_of_work() as unit:
        ours = ledger.content_digests(unit.connection)
    behind: list[Key] = []
    found: list[Difference] = []
    suspects = sorted(unequal(ours, theirs))
    for key in suspects[:_MOST_REQUESTS]:
        differences = _compared(unit_of_work, remote, key)
        calls += 1
        if differences:
            behind.append(key)
            found += differences
    course = Course(Direction.WAREHOUSE, WAREHOUSE, number)
    with unit_of_work() as unit:
        tracking.seen(unit, course, found)
        if len(suspects) <= _MOST_REQUESTS:
            tracking.settle_unseen(unit, course)
        tracking.changed(unit, course, [item.place for item in found], _asked_again)
        rows.save_differences(unit.connection, number, found, {item.place: "repairing" for item in found})
        rows.change(
            unit.connection,
            number,
            entries=entries,
            buckets=len(theirs),
            calls=calls,
            method="warehouse",
        )
        for form, about, period in behind:
            unit.emit(ObservationsRequested(form=form, unit=about, period=period))
            REQUESTED.labels("differs").inc()
        scrubs.note(
            unit.connection, partner=None, kind="warehouse", started=started, entries=entries, corrected=len(behind)
        )
    if behind:
        log.warning("warehouse.differs", keys=len(behind))
    finish(unit_of_work, number, "different" if behind else "equal", not behind, None)
    return behind


def _asked_again(life: Life) -> Life:
    return life.repair_begun() if life.repairable else life


def _compared(unit_of_work: UnitOfWork, remote: Caller, key: Key) -> list[Difference]:
    """Return how a key differs now, value by value; where only our digest is wrong, the key as a whole."""
    form, about, period = key
    theirs: dict[str, Cell] = {}
    after: str | None = None
    while True:
        page = _page(remote, after, form, about, period)
        theirs |= {item.indicator: Cell(item.value, item.status) for item in page.observations if item.form == form}
        if page.next is None:
            break
        after = page.next
    with unit_of_work() as unit:
        held = ledger.content(unit.connection, key)
        digest = ledger.content_digest_of(unit.connection, key)
    ours = {} if held is None else {name: Cell(value, status) for name, (value, status) in held.observations.items()}
    listed: Mapping[str, Sequence[Cell]] = {name: [cell] for name, cell in theirs.items()}
    differences = classification.differences(
        classification.Bucket(form=form, unit=about, period=period, expected=ours, found=listed)
    )
    actual = content_digest(*key, [(name, cell.value, cell.status) for name, cell in theirs.items()])
    if not differences and digest != actual:
        return [Difference(form, about, period, "", Kind.VALUE, digest.text, actual.text)]
    return differences


def _digests(remote: Caller) -> tuple[dict[Key, Digest], int, int]:
    """Return the digest of each key that the warehouse has, how many entries those are, and the calls it took."""
    found: dict[Key, Digest] = {}
    after: str | None = None
    entries = calls = 0
    while True:
        page = _page(remote, after)
        calls += 1
        for item in page.observations:
            key = item.form, item.unit, item.period
            one = content_digest(*key, [(item.indicator, item.value, item.status)])
            found[key] = found.get(key, Digest()) + one
        entries += len(page.observations)
        if page.next is None:
            return found, entries, calls
        after = page.next


def _page(
    remote: Caller, after: str | None, form: str | None = None, unit: str | None = None, period: str | None = None
) -> ObservationPage:
    return remote.call(
        "list_observations",
        ObservationPage,
        actor=service_actor("integration"),
        after=after,
        limit=_PAGE,
        form=form,
        unit=unit,
        period_from=period,
        period_to=period,
    )
