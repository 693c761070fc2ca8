"""Reconciliations at work: compare, save what differs, repair, read again what was repaired, say how it ended.

Each step commits what it found, so a run whose process dies is taken up where it stood: one that was comparing compares
anew, one whose repairs were planned waits for them and reads again. A partner is asked outside every transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Engine, Row

from services.integration import scrubbing, tracking
from services.integration.clients import Client, Connect, open_client
from services.integration.clients.protocol import Unanswered
from services.integration.comparing import Comparer, DigestComparer, Found
from services.integration.domain import timetable
from services.integration.domain.difference_life import Life, Standing
from services.integration.domain.governor import Allowance, Hold
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import EXTRA, Difference, Direction, Kind, Place
from services.integration.governing import Governed, HeldBack, rests
from services.integration.listings import ListingComparer
from services.integration.metrics import DIFFERENCES, RECONCILIATIONS
from services.integration.settings import IntegrationSettings
from services.integration.storage import deliveries, differences, expected, messages, reports, scrubs
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as rows
from services.integration.storage.deliveries import Planned
from services.integration.storage.expected import Head
from services.integration.tracking import Course
from shared.contracts.events import NewerKey, PartnerHoldsNewer, ReconciliationFinished
from shared.errors import HubError
from shared.failpoints import failpoint
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

INCOMPARABLE = "incomparable"
"""How a run with a partner ends whose store cannot be read."""

_LOCK_SPACE = 0x1A1C_0007
_TOLD_KEYS = 20
"""Keys of which a notice names both versions."""


@dataclass(slots=True)
class Findings:
    """What a comparison found, without the differences themselves: how many, the keys to repair, the keys that could
    not be judged, and of some that the partner holds under a newer version than ours, both versions."""

    equal: bool
    count: int = 0
    repairs: list[tuple[Head, bool]] = field(default_factory=list)  # with whether only the partner knows the key
    pending: set[tuple[str, str, str]] = field(default_factory=set)
    newer: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)


class Reconciler:
    """Takes every reconciliation with a receiver that is under way one step further."""

    _asked: Governed

    def __init__(
        self,
        unit: UnitOfWork,
        settings: IntegrationSettings,
        connect: Connect = open_client,
    ) -> None:
        self._unit = unit
        self._settings = settings
        self._connect = connect

    def work(self) -> None:
        """One round over all that is under way; each is another worker's or is worked here."""
        with self._unit() as unit:
            under_way = [row for row in rows.under_way(unit.connection) if row.direction == Direction.RECEIVER]
        for row in under_way:
            with alone(self._unit.engine, row.id) as mine, correlated(row.correlation_id):
                if mine:
                    self._work(row.id)

    def _work(self, number: int) -> None:
        with self._unit() as unit:
            row = rows.load(unit.connection, number)  # anew: under the lock it no longer changes
            if row is None or row.finished_at is not None:
                return
            partner = partner_rows.load(unit.connection, row.partner)
            hold = timetable.held(partner, unit.now)
            if hold is not None and hold.until is not None:
                return  # taken up again when it may be called
            if row.state == "repairing" and deliveries.unsettled(unit.connection, number) and hold is None:
                return
            if hold is None and _waits(row, rests(unit, partner)):
                return
            scrubbed = scrubs.last(unit.connection, row.partner) is not None
        if partner.comparing == "none":
            finish(self._unit, number, INCOMPARABLE, None, "what this partner holds cannot be read")
            return
        if hold is not None:
            finish(self._unit, number, "failed", None, hold.detail)
            return
        if not scrubbed:  # equality shown by digests that nobody ever recomputed would prove nothing
            scrubbing.scrub(self._unit, row.partner)
        # What was asked stands in the log before what follows from the answers is written.
        self._asked = Governed(self._unit, partner.id, self._settings, partial(messages.keep_apart, self._unit))
        try:
            client = self._connect(partner, self._settings, self._asked)
            try:
                step = self._prove if row.state == "repairing" else self._compare
                step(row, partner, client)
            finally:
                client.close()
                self._asked.flush()
        except HeldBack as error:
            if error.lasts and not (error.hold == Hold.BREAKER and row.state == "repairing"):
                finish(self._unit, number, "failed", None, error.message)
        except (Unanswered, HubError) as error:
            finish(self._unit, number, "failed", None, str(error))

    # -- comparing and saving --------------------------------------------------------------------------------------

    def _compare(self, row: Row[Any], partner: Partner, client: Client) -> None:
        course = Course.towards(partner, row.id)
        comparer = self._comparer(partner, client)
        with self._unit() as unit:
            rows.clear_differences(unit.connection, row.id)
        findings = Findings(comparer.equal())
        if not findings.equal:
            for found in comparer.found():
                self._asked.flush()
                failpoint("reconciliation.before_save")
                self._save(row, partner, course, found, findings)
                failpoint("reconciliation.after_save")
            # What differed at first and no longer does was on its way: both sides have met meanwhile.
            if not findings.count and not findings.pending:
                findings.equal = comparer.equal()
        self._asked.flush()
        with self._unit() as unit:
            tracking.settle_unseen(unit, course)
            _tell_of_newer(unit, row, partner, findings)
            self._note(unit, row, comparer, client, findings)
            if findings.repairs:
                self._plan(unit, row, course, findings)
        if findings.repairs:
            failpoint("reconciliation.after_plan")
        else:
            failpoint("reconciliation.before_finish")
            self._end(row.id, findings)

    def _comparer(self, partner: Partner, client: Client) -> Comparer:
        if partner.comparing == "listing":
            return ListingComparer(self._unit, partner, client)
        return DigestComparer(self._unit, partner, client)

    def _save(self, row: Row[Any], partner: Partner, course: Course, found: Found, findings: Findings) -> None:
        """Write what one step found, and remember which keys are to be repaired."""
        findings.pending |= found.pending
        findings.count += sum(len(repair.differences) for repair in found.repairs)
        with self._unit() as unit:
            lives = tracking.seen(unit, course, found.differences)
            states: dict[Place, str] = {
                place: "accepted" if life.state is Standing.ACCEPTED else "new" for place, life in lives.items()
            }
            for repair in found.repairs if row.repair else []:
                places = [item.place for item in repair.differences if lives[item.place].repairable]
                if not places:
                    continue
                if allowed(partner, repair.differences):
                    findings.repairs.append((repair.head, repair.stranger))
                else:
                    tracking.changed(unit, course, places, Life.left_to_owner)
                    states |= dict.fromkeys(places, "task")
            newer = {
                (item.head.form, item.head.unit, item.head.period): item.versions
                for item in found.repairs
                if item.versions is not None
            }
            expected.note_newer(unit.connection, partner.id, {key: theirs for key, (_, theirs) in newer.items()})
            rows.save_differences(unit.connection, row.id, found.differences, states)
        findings.newer |= dict(list(newer.items())[: max(0, _TOLD_KEYS - len(findings.newer))])

    def _end(self, number: int, findings: Findings) -> None:
        if findings.equal:
            finish(self._unit, number, "equal", True, None)
        elif findings.count or findings.pending:
            finish(self._unit, number, "different", False, _pending(findings.pending))
        else:
            story = "the digests differ, and what is listed does not: they do not follow from what the partner holds"
            finish(self._unit, number, "different", False, story)

    # -- repairing and proving ---------------------------------------------------------------------------------------

    def _plan(self, unit: Unit, row: Row[Any], course: Course, findings: Findings) -> None:
        for head, stranger in findings.repairs:
            if stranger:
                expected.adopt(unit.connection, row.partner, head)
        keys = {(head.form, head.unit, head.period) for head, _ in findings.repairs}
        tracking.begin_repairs(unit, course, keys)
        deliveries.plan(unit.connection, [_planned(head, row) for head, _ in findings.repairs])
        rows.mark(unit.connection, row.id, keys, "repairing", ("new",))
        rows.change(unit.connection, row.id, state="repairing")
        unit.audit("reconciliation.repairing", str(row.id), {"partner": row.partner, "keys": len(keys)})

    def _prove(self, row: Row[Any], partner: Partner, client: Client) -> None:
        """Read again what was repaired, and only that, and say what came of it."""
        course = Course.towards(partner, row.id)
        comparer = self._comparer(partner, client)
        with self._unit() as unit:
            repaired = deliveries.of_reconciliation(unit.connection, row.id)
        findings = Findings(False)
        left: dict[Place, Difference] = {}
        for found in comparer.again([(item.period, item.form, item.partner_unit) for item in repaired]):
            left |= {item.place: item for item in found.differences}
            findings.pending |= found.pending
        findings.count = len(left)
        read = {
            (item.form, item.unit, item.period)
            for item in repaired
            if (item.period, item.form, item.partner_unit) not in findings.pending
        }
        self._asked.flush()
        failpoint("reconciliation.before_record")
        with self._unit() as unit:
            tracking.judge_repairs(unit, course, left, lambda place: place[:3] in read)
            rows.mark(unit.connection, row.id, read, "repaired", ("repairing",))
            rows.save_differences(unit.connection, row.id, left.values(), dict.fromkeys(left, "unrepaired"))
        if not left:
            findings.equal = comparer.equal()
            self._asked.flush()
        with self._unit() as unit:
            self._note(unit, row, comparer, client, findings)
        failpoint("reconciliation.before_finish")
        if left:
            finish(self._unit, row.id, "failed", False, "repair did not help")
        else:
            finish(self._unit, row.id, "repaired", findings.equal, _pending(findings.pending))

    def _note(self, unit: Unit, row: Row[Any], comparer: Comparer, client: Client, findings: Findings) -> None:
        last = scrubs.last(unit.connection, row.partner)
        rows.change(
            unit.connection,
            row.id,
            entries=comparer.entries or row.entries,
            buckets=expected.bucket_count(unit.connection, row.partner),
            pending=len(findings.pending),
            calls=row.calls + client.cost.calls,
            bytes_compared=row.bytes_compared + client.cost.bytes,
            scrub_age_seconds=rows.finished_age(last, unit.now),
            method=comparer.method,
        )


def _waits(row: Row[Any], rest: Allowance | None) -> bool:
    """Tell whether a run waits for a partner that is asked nothing now: what was repaired is proven once it answers,
    and a pause or the next hour's budget is waited for; a comparison with one that does not answer has failed."""
    return rest is not None and (rest.hold is not Hold.BREAKER or row.state == "repairing")


def allowed(partner: Partner, found: Iterable[Difference]) -> bool:
    """Tell whether sending a key again is allowed, and of use: it drops there whatever stands there too much, and is
    refused where they hold a newer version."""
    kinds = {item.kind for item in found}
    return Kind.NEWER_VERSION not in kinds and (partner.deletes or not kinds & EXTRA)


def _tell_of_newer(unit: Unit, row: Row[Any], partner: Partner, findings: Findings) -> None:
    """Tell owners, once, of what the partner holds under newer versions than ours."""
    told = differences.tell(unit.connection, Direction.RECEIVER, partner.id, row.id, Kind.NEWER_VERSION)
    for owner, _, count in told:
        unit.emit(
            PartnerHoldsNewer(
                reconciliation_id=str(row.id),
                partner=partner.id,
                partner_name=partner.name,
                agency=owner,
                differences=count,
                keys=[
                    NewerKey(form=form, unit=about, period=period, ours=ours, theirs=theirs)
                    for (form, about, period), (ours, theirs) in sorted(findings.newer.items())
                ],
            )
        )


def finish(unit_of_work: UnitOfWork, number: int, state: str, equal: bool | None, error: str | None) -> None:
    """Write, audit and tell how a reconciliation ended; one that has ended stays as it is."""
    with unit_of_work() as unit:
        row = rows.load(unit.connection, number)
        if row is None or row.finished_at is not None:
            return
        rows.change(unit.connection, number, state=state, equal=equal, error=error, finished_at=unit.now)
        reports.keep_scopes(unit.connection, row)
        counts = rows.difference_counts(unit.connection, number)
        unit.audit(f"reconciliation.{state}", str(number), {"partner": row.partner, "differences": counts})
        if state != INCOMPARABLE:  # nobody knows of a difference
            unit.emit(
                ReconciliationFinished(
                    reconciliation_id=str(number),
                    partner=row.partner,
                    equal=bool(equal),
                    differences=counts,
                    direction=row.direction,
                )
            )
    RECONCILIATIONS.labels(row.partner, state).inc()
    for kind, count in counts.items():
        DIFFERENCES.labels(row.partner, kind).inc(count)
    log.info("reconciliation.finished", partner=row.partner, state=state, differences=counts, error=error)


@contextmanager
def alone(engine: Engine, number: int) -> Iterator[bool]:
    """Tell whether this reconciliation is ours alone for the block's time; the lock ends with its connection."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = (_LOCK_SPACE, number % 2_147_483_647)
        mine = bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", key).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", key)


def _planned(head: Head, row: Row[Any]) -> Planned:
    return repair(row.partner, head, row.correlation_id, row.id)


def repair(partner: str, head: Head, correlation_id: str, reconciliation: int | None = None) -> Planned:
    """Return the delivery that sends this key again at its version."""
    return Planned(
        partner=partner,
        form=head.form,
        unit=head.unit,
        period=head.period,
        partner_unit=head.partner_unit,
        agency=head.agency,
        version=max(head.expected_version, 1),
        kind="repair",
        correlation_id=correlation_id,
        reconciliation=reconciliation,
    )


def _pending(pending: Sequence[object] | set[tuple[str, str, str]]) -> str | None:
    return f"{len(pending)} keys have deliveries under way" if pending else None
