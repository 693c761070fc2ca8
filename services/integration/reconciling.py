"""Reconciliation at work: compare digests level by level, list what differs, repair, compare again, say how it ended.

Each step commits what it found, so a run whose process dies is taken up where it stood. A partner is asked outside
every transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine, Row
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from services.integration import scrubbing
from services.integration.clients import Client, Connect, Recorder, about, open_client
from services.integration.clients.protocol import Listing, Unanswered
from services.integration.domain.mapping import Edition
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell, Difference, Group, differences, unequal
from services.integration.intake import organisation
from services.integration.metrics import DIFFERENCES, RECONCILIATIONS
from services.integration.settings import IntegrationSettings
from services.integration.storage import deliveries, messages, scrubs
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as rows
from services.integration.storage.deliveries import Planned
from services.integration.storage.reconciliations import Bucket
from shared.contracts.events import ReconciliationFinished
from shared.digest import Digest
from shared.errors import HubError
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)
T = TypeVar("T")

_LOCK_SPACE = 0x1A1C_0007
_READ_TRIES = 5


@dataclass(slots=True)
class Comparison:
    """What one comparison found. `repairs` are the buckets that differ, with the version their listing named where
    only the partner knows them."""

    equal: bool
    entries: int
    found: list[Difference] = field(default_factory=list)
    repairs: list[Planned] = field(default_factory=list)
    strangers: list[tuple[Planned, int]] = field(default_factory=list)
    pending: int = 0


class Reconciler:
    """Takes every reconciliation that is under way one step further."""

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
            under_way = rows.under_way(unit.connection)
        for row in under_way:
            with _alone(self._unit.engine, row.id) as mine, correlated(row.correlation_id):
                if mine:
                    self._work(row.id)

    def _work(self, number: int) -> None:
        with self._unit() as unit:
            row = rows.load(unit.connection, number)  # anew: under the lock it no longer changes
            if row is None or row.finished_at is not None:
                return
            partner = partner_rows.load(unit.connection, row.partner)
            if row.state == "repairing" and deliveries.unsettled(unit.connection, number):
                return
            scrubbed = scrubs.last(unit.connection, row.partner) is not None
        if not scrubbed:  # equality shown by digests that nobody ever recomputed would prove nothing
            scrubbing.scrub(self._unit, row.partner)
        recorder = Recorder(partner.id, self._settings.message_body_bytes, partial(messages.keep_apart, self._unit))
        try:
            client = self._connect(partner, self._settings, recorder)
            try:
                found = self._compare(partner, client)
            finally:
                client.close()
                recorder.flush()
        except (Unanswered, HubError) as error:
            self._finish(number, "failed", None, str(error))
            return
        self._conclude(row, found, client)

    def _conclude(self, row: Row[Any], found: Comparison, client: Client) -> None:
        again = row.state == "repairing"
        with self._unit() as unit:
            last = scrubs.last(unit.connection, row.partner)
            rows.change(
                unit.connection,
                row.id,
                entries=found.entries,
                buckets=rows.bucket_count(unit.connection, row.partner),
                pending=found.pending,
                calls=row.calls + client.cost.calls,
                bytes_compared=row.bytes_compared + client.cost.bytes,
                scrub_age_seconds=rows.finished_age(last, unit.now),
            )
            if again:
                rows.mark_outcome(unit.connection, row.id, found.found)
            else:
                rows.save_differences(unit.connection, row.id, found.found, "new")
                if found.found and row.repair:
                    self._repair(unit, row, found)
                    return
        if found.found:
            self._finish(row.id, "failed" if again else "different", False, "repair did not help" if again else None)
        elif again:
            self._finish(row.id, "repaired", found.equal, _pending(found))
        else:
            self._finish(row.id, "equal" if found.equal else "different", found.equal, _pending(found))

    def _repair(self, unit: Unit, row: Row[Any], found: Comparison) -> None:
        for planned, version in found.strangers:
            rows.adopt(
                unit.connection,
                partner=planned.partner,
                form=planned.form,
                unit=planned.unit,
                period=planned.period,
                partner_unit=planned.partner_unit,
                version=version,
            )
        repairs = found.repairs + [planned for planned, _ in found.strangers]
        deliveries.plan(unit.connection, [_of(planned, row) for planned in repairs])
        rows.mark_repairing(unit.connection, row.id)
        rows.change(unit.connection, row.id, state="repairing")
        unit.audit("reconciliation.repairing", str(row.id), {"partner": row.partner, "keys": len(repairs)})

    def _finish(self, number: int, state: str, equal: bool | None, error: str | None) -> None:
        with self._unit() as unit:
            row = rows.load(unit.connection, number)
            if row is None or row.finished_at is not None:
                return
            rows.change(unit.connection, number, state=state, equal=equal, error=error, finished_at=unit.now)
            counts = rows.difference_counts(unit.connection, number)
            unit.audit(f"reconciliation.{state}", str(number), {"partner": row.partner, "differences": counts})
            unit.emit(
                ReconciliationFinished(
                    reconciliation_id=str(number), partner=row.partner, equal=bool(equal), differences=counts
                )
            )
        RECONCILIATIONS.labels(row.partner, state).inc()
        for kind, count in counts.items():
            DIFFERENCES.labels(row.partner, kind).inc(count)
        log.info("reconciliation.finished", partner=row.partner, state=state, differences=counts, error=error)

    # -- comparing --------------------------------------------------------------------------------------------------

    def _compare(self, partner: Partner, client: Client) -> Comparison:
        theirs = _asked("digests", lambda: client.digests("root"))
        with self._unit() as unit:
            ours = rows.expected_digests(unit.connection, partner.id, "root")
            waiting = rows.pending(unit.connection, partner.id)
        root = (None, None, None)
        result = Comparison(not unequal(ours, theirs), ours.get(root, Digest()).count)
        if not result.equal:
            for period, form, theirs_unit in self._differing(partner, client):
                if period is None or form is None or theirs_unit is None:
                    continue
                if (period, form, theirs_unit) in waiting:
                    result.pending += 1
                else:
                    self._list(partner, client, (period, form, theirs_unit), result)
            # What differed at first and no longer does was on its way: both sides have met meanwhile.
            if not result.found and not result.pending:
                result.equal = self._proven(partner, client)
        return result

    def _proven(self, partner: Partner, client: Client) -> bool:
        theirs = _asked("digests", lambda: client.digests("root"))
        with self._unit() as unit:
            return not unequal(rows.expected_digests(unit.connection, partner.id, "root"), theirs)

    def _differing(self, partner: Partner, client: Client) -> list[Group]:
        """Return the buckets whose digests differ, asking only below what differs above."""
        found: list[Group] = []
        for period, _, _ in self._level(partner, client, "period"):
            for _, form, _ in self._level(partner, client, "form", period):
                found += self._level(partner, client, "bucket", period, form)
        return found

    def _level(
        self, partner: Partner, client: Client, level: str, period: str | None = None, form: str | None = None
    ) -> list[Group]:
        theirs = _asked("digests", lambda: client.digests(level, period, form), form=form, period=period)
        with self._unit() as unit:
            ours = rows.expected_digests(unit.connection, partner.id, level, period, form)
        return sorted(unequal(ours, theirs), key=lambda group: tuple(part or "" for part in group))

    def _list(self, partner: Partner, client: Client, place: tuple[str, str, str], result: Comparison) -> None:
        period, form, theirs_unit = place
        before = self._bucket(partner, place)
        unit = None if before is None else before.unit
        listing = _asked(
            "values", lambda: client.values(form, theirs_unit, period), form=form, unit=unit, period=period
        )
        after = self._bucket(partner, place)
        if after is None:
            if before is None and listing.values:
                self._stranger(partner, place, listing, result)
            return
        if before is None or after.pending or before.expected_version != after.expected_version:
            result.pending += 1
            return
        names = {theirs: ours for theirs, (ours, _) in after.cells.items()}
        expected = dict(after.cells.values())
        found = differences(
            after.form, after.unit, after.period, expected, _named(partner.mapping.at(period), listing, names)
        )
        if found:
            result.found += found
            result.repairs.append(_repair_of(partner.id, after))

    def _bucket(self, partner: Partner, place: tuple[str, str, str]) -> Bucket | None:
        period, form, theirs_unit = place
        with self._unit() as unit:
            return rows.bucket(unit.connection, partner.id, period, form, theirs_unit)

    def _stranger(self, partner: Partner, place: tuple[str, str, str], listing: Listing, result: Comparison) -> None:
        """Count in a bucket that only the partner knows: all of it is stale there, and a repair empties it."""
        period, form, theirs_unit = place
        with self._unit() as unit:
            ours = partner.mapping.at(period).hub_unit(theirs_unit, period, organisation(unit.connection))
        result.found += differences(form, ours, period, {}, _named(partner.mapping.at(period), listing, {}))
        head = Bucket(
            form=form,
            unit=ours,
            period=period,
            partner_unit=theirs_unit,
            agency="",
            expected_version=max(listing.version, 1),
            acknowledged_version=None,
            cells={},
        )
        result.strangers.append((_repair_of(partner.id, head), listing.version))


def _named(mapping: Edition, listing: Listing, names: Mapping[str, str]) -> dict[str, Cell]:
    return {names.get(code) or mapping.hub_indicator(code): cell for code, cell in listing.values.items()}


def _repair_of(partner: str, bucket: Bucket) -> Planned:
    return Planned(
        partner=partner,
        form=bucket.form,
        unit=bucket.unit,
        period=bucket.period,
        partner_unit=bucket.partner_unit,
        agency=bucket.agency,
        version=bucket.expected_version,
        kind="repair",
        correlation_id="",
    )


def _of(planned: Planned, row: Row[Any]) -> Planned:
    return replace(planned, reconciliation=row.id, correlation_id=row.correlation_id)


def _pending(found: Comparison) -> str | None:
    return f"{found.pending} keys have deliveries under way" if found.pending else None


def _asked(kind: str, question: Callable[[], T], **known: str | None) -> T:
    """Ask, and again for some seconds while there is no usable answer. Raises Unanswered."""
    with about(kind, **known):
        return Retrying(
            retry=retry_if_exception_type(Unanswered),
            stop=stop_after_attempt(_READ_TRIES),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2),
            reraise=True,
        )(question)


@contextmanager
def _alone(engine: Engine, number: int) -> Iterator[bool]:
    """Tell whether this reconciliation is ours alone for the block's time; the lock ends with its connection."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = (_LOCK_SPACE, number % 2_147_483_647)
        mine = bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", key).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", key)
