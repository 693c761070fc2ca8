"""Pulling from one source, a step at a time: begin a run that is due, fetch and store a page, end the run.

    due? -> run begun -> page fetched outside a transaction, stored with the request for the next -> ... -> all pages
    all pages -> newest state per cell -> what differs from last time -> pushes, receipts, watermark     one transaction

A process may die anywhere: a run goes on with the page it had not stored yet, or ends once. Its pushes have receipt ids
of their own, made of the run's token, so that they count once however often they are said. What goes wrong keeps the
old watermark, so that the next run asks for the same again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from services.integration import intake
from services.integration.clients import Recorder, about
from services.integration.clients.sources import SourceAway, SourceClient, open_source
from services.integration.domain import pulled, timetable
from services.integration.domain.delivery import Pace
from services.integration.domain.governor import MAX_PAUSE_SECONDS
from services.integration.domain.messages import Message
from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import Source, mark_of, source_of
from services.integration.domain.pulled import PART, Fault, Page, Reader
from services.integration.domain.pulls import Ask, first_ask, next_ask
from services.integration.governing import Governed, HeldBack, rests
from services.integration.metrics import PULLED_ROWS, PULLS
from services.integration.settings import IntegrationSettings, endpoint_of
from services.integration.storage import messages, pulls
from services.integration.storage import partners as partner_rows
from services.integration.storage.pulls import Changed, Receipt
from shared.contracts.events import PushAccepted
from shared.errors import Forbidden, HubError, Internal, Invalid
from shared.failpoints import failpoint
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

_SAME_PAGES = 3
_FLUSHED = 20
_REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run in hand: what it was when it was taken, and the source it is of."""

    run: Row[Any]
    partner: Partner
    source: Source[Any]

    @property
    def ask(self) -> Ask | None:
        """The next request, None when all pages are read."""
        return None if self.run.ask is None else msgspec.convert(self.run.ask, Ask)


class Puller:
    """Pulls from one source; not shared between green threads."""

    def __init__(
        self,
        unit: UnitOfWork,
        partner: str,
        settings: IntegrationSettings,
        connect: Callable[[Partner, Source[Any], IntegrationSettings, Recorder], SourceClient] = open_source,
    ) -> None:
        self._unit = unit
        self._partner = partner
        self._settings = settings
        self._connect = connect
        self._client: SourceClient | None = None
        self._recorder = Governed(unit, partner, settings)
        self._notes: list[Message] = []

    def step(self) -> bool:
        """Do the next thing for this source; tell whether there was any."""
        claimed = self._claim()
        if claimed is None:
            return False
        with correlated(claimed.run.correlation_id):
            try:
                if claimed.ask is None:
                    self.close()
                    self._end(claimed)
                else:
                    self._read(claimed, claimed.ask)
            except HeldBack as error:
                self.close()
                self._hold(claimed, error)
            except SourceAway as error:
                self.close()
                self._put_off(claimed, error)
            except HubError as error:
                if error.retryable:
                    raise  # the database is away, or was asked too much at once: the same again, later
                self._fail(claimed, error)
            except Exception as error:
                log.error("pull.fault", partner=self._partner, run=claimed.run.id, exc_info=error)
                self._fail(claimed, Internal("integration.pull_fault", f"{type(error).__name__}: {error}"[:500]))
        return True

    def close(self) -> None:
        """Give the connection to the source back; the next page gets a new one, to the address that holds then."""
        if self._client is not None:
            self._client.close()
        self._client = None

    @contextmanager
    def _recording(self) -> Iterator[Unit]:
        """Open a unit of work that writes what was noted of calls, too; what a failed one could not, the next does."""
        self._notes += self._recorder.take()
        with self._unit() as unit:
            messages.keep(unit.connection, self._notes)
            yield unit
        self._notes = []

    # -- beginning -----------------------------------------------------------------------------------------------------

    def _claim(self) -> Claimed | None:
        """Return the run that is to be taken further, begun if one is due."""
        with self._unit() as unit:
            partner = partner_rows.load(unit.connection, self._partner)
            hold = timetable.held(partner, unit.now)
            if hold is not None and hold.until is not None:
                return None  # its quiet hours end by themselves
            if hold is None and rests(unit, partner) is not None:
                return None  # nor does a run wear out while the breaker is open or a pause lasts
            permitted = hold is None
            source = source_of(partner) if permitted else None
            if source is not None and not pulls.is_open(unit.connection, partner.id) and self._due(unit, source):
                begin(unit, partner, source, by="schedule")
            seconds = self._settings.pull_timeout_seconds + 60.0
            run = pulls.claim(unit.connection, partner.id, self._settings.process, seconds)
            if run is None:
                return None
            if source is None:
                _fail(unit, run, not_permitted(partner))
                return None
        return Claimed(run, partner, source)

    def _due(self, unit: Unit, source: Source[Any]) -> bool:
        known = pulls.source(unit.connection, self._partner)
        return known is None or known.more or source.schedule.due(known.began_at, unit.now)

    # -- pages ---------------------------------------------------------------------------------------------------------

    def _read(self, claimed: Claimed, ask: Ask) -> None:
        """Fetch a page and store it with the request for the next one."""
        endpoint = endpoint_of(claimed.partner.id, claimed.partner.endpoint)
        if self._client is None:
            self._client = self._connect(claimed.partner, claimed.source, self._settings, self._recorder)
        with about("pull", message_id=claimed.run.token):
            heard = self._client.fetch(ask)
        failpoint("pull.before_page")
        with self._recording() as unit:
            run = pulls.lock(unit.connection, claimed.run.id)
            if run is None or run.pages != claimed.run.pages:
                return  # another process has taken it further meanwhile
            page = reader_of(unit.connection, claimed.partner, claimed.source).page(heard.document)
            following = next_ask(claimed.source, ask, page.document, page.read, endpoint)
            self._check_progress(unit, run, ask, heard.body_hash, page, following)
            cut = following is not None and run.pages + 1 >= claimed.source.paging.max_pages
            if cut:
                _check_cut(claimed, run, page)
            pulls.store_page(unit.connection, run, ask, heard.body_hash, page, None if cut else following, cut=cut)
        failpoint("pull.after_page")

    @staticmethod
    def _check_progress(unit: Unit, run: Row[Any], ask: Ask, content: bytes, page: Page, following: Ask | None) -> None:
        """Raise Invalid("integration.pull_repeats") if the pages go round in circles."""
        last = pulls.last_pages(unit.connection, run.id, _SAME_PAGES - 1)
        same = (content, page.read)
        stuck = bool(page.read) and len(last) == _SAME_PAGES - 1 and all(known == same for known in last)
        if stuck or following == ask or (following is not None and pulls.was_asked(unit.connection, run.id, following)):
            raise Invalid(
                "integration.pull_repeats",
                f"page {run.pages + 1} leads to one that was read before",
                "Hệ thống nguồn trả lặp lại các trang đã đọc.",
            )

    # -- the end -------------------------------------------------------------------------------------------------------

    def _end(self, claimed: Claimed) -> None:
        """Turn what is new into pushes and move the watermark, all or nothing."""
        with self._unit() as unit:
            run = pulls.lock(unit.connection, claimed.run.id)
            if run is None:
                return
            if run.total is not None and not run.cut:
                _check_complete(run.total, pulls.different_rows(unit.connection, run))
            sent = _Sent(unit, run, claimed)
            sent.send(pulls.changed(unit.connection, run))
            ended = pulls.succeed(
                unit.connection,
                run,
                fresh=sent.fresh,
                deleted=len(sent.deleted),
                pushes=sent.pushes,
                watermark=_reached(claimed.source, run),
                more=run.cut,
            )
            unit.audit("pull.succeeded", str(run.id), {"partner": self._partner, **counts_of(ended)})
            failpoint("pull.before_commit")
        failpoint("pull.after_commit")
        PULLS.labels(self._partner, "succeeded").inc()
        for outcome in ("fresh", "unchanged", "unmapped", "refused", "deleted"):
            PULLED_ROWS.labels(self._partner, outcome).inc(getattr(ended, outcome))
        log.info("pull.succeeded", partner=self._partner, run=ended.id, **counts_of(ended))

    def _put_off(self, claimed: Claimed, error: SourceAway) -> None:
        if claimed.run.tries + 1 >= self._settings.pull_tries:
            return self._fail(claimed, error)
        settings = self._settings
        pace = Pace(settings.backoff_seconds, settings.backoff_cap_seconds, settings.pull_tries, 0.0)
        wait = pace.wait(claimed.run.tries + 1, random.random(), min(error.retry_after or 0.0, MAX_PAUSE_SECONDS))
        with self._recording() as unit:
            pulls.put_off(unit.connection, claimed.run.id, wait, error.code, error.message)
        log.warning("pull.put_off", partner=self._partner, run=claimed.run.id, seconds=wait, error=str(error))
        return None

    def _hold(self, claimed: Claimed, error: HeldBack) -> None:
        """Let the run rest as long as the partner is not to be called; that was no try of it."""
        with self._recording() as unit:
            wait = _REST_SECONDS if error.until is None else (error.until - unit.now).total_seconds()
            pulls.rest(unit.connection, claimed.run.id, max(0.0, wait))

    def _fail(self, claimed: Claimed, error: HubError) -> None:
        self.close()
        with self._recording() as unit:
            run = pulls.lock(unit.connection, claimed.run.id)
            if run is not None and run.pages == claimed.run.pages:
                _fail(unit, run, error)


class _Sent:
    """What a run's end sends: pushes into the outbox, what is gone there into the run's faults."""

    def __init__(self, unit: Unit, run: Row[Any], claimed: Claimed) -> None:
        self._unit = unit.about(run.correlation_id)
        self._run = run
        self._source = claimed.source
        self._began = time.time_ns()
        self.fresh = self.pushes = 0
        self.deleted: list[Fault] = []

    def send(self, changed: Iterable[Changed]) -> None:
        """Emit one push per (form, unit, period) and some thousand figures."""
        receipts: list[Receipt] = []
        for (form, unit, period), group in groupby(changed, key=lambda cell: (cell.form, cell.unit, cell.period)):
            for part, figures in enumerate(_parts(self._there(group))):
                receipt = pulled.receipt_id(self._run.token, form, unit, period, part)
                self._emit(receipt, pulled.push_body(form, unit, period, figures))
                receipts.append(Receipt(receipt, form, unit, period, len(figures)))
                if len(receipts) >= _FLUSHED:
                    self._unit.flush()
                    pulls.add_receipts(self._unit.connection, self._run.id, receipts)
                    receipts = []
        pulls.add_receipts(self._unit.connection, self._run.id, receipts)
        known = self._run.unmapped + self._run.refused
        pulls.add_faults(self._unit.connection, self._run.id, known, None, self.deleted)

    def _there(self, group: Iterable[Changed]) -> Iterator[tuple[str, str | None, str]]:
        for cell in group:
            if cell.deleted:
                self.deleted.append(_gone(cell, len(self.deleted)))
            else:
                self.fresh += 1
                yield cell.indicator, cell.value, cell.status

    def _emit(self, receipt: str, body: bytes) -> None:
        self.pushes += 1
        self._unit.emit(
            PushAccepted(
                receipt_id=receipt,
                client_id=self._run.partner,
                partner=self._run.partner,
                fingerprint=sha256(body).hexdigest(),
                accepted_at=self._unit.now,
                tie_breaker=f"{self._began:016x}{receipt[2:12]}",
                units=list(self._source.units),
                forms=list(self._source.forms),
                body=msgspec.Raw(body),
                origin="pull",
            )
        )


def reader_of(connection: Connection, partner: Partner, source: Source[Any]) -> Reader:
    """Return who reads this source's pages, by the catalogue as it is now."""
    units = intake.catalogue.cached(connection).entries["unit"]
    return Reader(source, partner.mapping, intake.organisation(connection), units)


def begin(
    unit: Unit, partner: Partner, source: Source[Any], *, by: str, since: int | None = None, again: bool = False
) -> Row[Any]:
    """Begin a run from the watermark, or from the mark `since`; return it, or the one that is under way.

    Raises Forbidden("integration.not_permitted").
    """
    if not partner.permitted(unit.now):
        raise not_permitted(partner)
    known = pulls.source(unit.connection, partner.id)
    start = source.watermark.since(known.watermark if known is not None else None) if since is None else since
    run, new = pulls.begin(
        unit.connection,
        partner.id,
        by=by,
        correlation_id=unit.correlation_id,
        since=start,
        again=again,
        ask=first_ask(source, start),
    )
    if new:
        unit.audit("pull.started", str(run.id), {"partner": partner.id, "since": start, "again": again})
    return run


def not_permitted(partner: Partner) -> Forbidden:
    """Return the refusal of an exchange that no permission covers."""
    return Forbidden(
        "integration.not_permitted",
        f"no permission to exchange with {partner.id} holds now",
        f"Hệ thống {partner.id} chưa được phép kết nối hoặc đã hết hạn.",
    )


def counts_of(run: Row[Any]) -> dict[str, int]:
    """Return a run's counts by name."""
    names = ("pages", "read", "fresh", "unchanged", "unmapped", "refused", "deleted", "pushes")
    return {name: getattr(run, name) for name in names}


def _fail(unit: Unit, run: Row[Any], error: HubError) -> None:
    pulls.fail(unit.connection, run, error.code, error.message)
    unit.audit("pull.failed", str(run.id), {"partner": run.partner, "error": str(error)[:500]})
    PULLS.labels(run.partner, "failed").inc()
    log.warning("pull.failed", partner=run.partner, run=run.id, error=str(error))


def _check_cut(claimed: Claimed, run: Row[Any], page: Page) -> None:
    """See that a run may end at its number of pages. Raises Invalid("integration.pull_too_long") where the next one
    could not go on from there: rows do not come by rising mark, or all had marks that were reached before."""
    highest = max(page.highest or 0, run.highest or 0)
    ordered = claimed.source.paging.ordered and run.in_order and page.in_order
    ordered = ordered and (run.highest is None or page.first is None or run.highest <= page.first)
    if not ordered or highest <= (run.since or 0) or claimed.source.watermark.since(highest) == run.since:
        raise Invalid(
            "integration.pull_too_long",
            f"more than {claimed.source.paging.max_pages} pages, and the next run could not go on from there",
            "Nguồn có nhiều trang hơn mức cho phép trong một lần lấy.",
        )


def _check_complete(told: int, read: int) -> None:
    if read < told:
        raise Invalid(
            "integration.pull_incomplete",
            f"the source told of {told} rows and gave {read}",
            "Hệ thống nguồn trả thiếu dòng dữ liệu.",
        )


def _reached(source: Source[Any], run: Row[Any]) -> int | None:
    """Return the watermark a run has reached: never later than its own beginning, whatever the source's clock says."""
    if run.highest is None or source.watermark.kind == "number":
        return run.highest if run.highest is None else int(run.highest)
    began: datetime = run.started_at
    return min(int(run.highest), mark_of(began))


def _parts(figures: Iterator[tuple[str, str | None, str]]) -> Iterator[list[tuple[str, str | None, str]]]:
    part: list[tuple[str, str | None, str]] = []
    for figure in figures:
        part.append(figure)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


def _gone(cell: Changed, position: int) -> Fault:
    held = "nothing" if cell.before is None else cell.before
    message = f"{cell.indicator} of {cell.unit}, {cell.period}, is gone at the source; it held {held} when last seen"
    return Fault(position, pulled.DELETED, f"{cell.form}/{cell.unit}/{cell.period}", "pulls.deleted_there", message, "")
