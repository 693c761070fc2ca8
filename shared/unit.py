"""The unit of work: one call is one transaction with its state, its audit entries and its events, or none of them.

`with self.unit(actor) as unit:` opens it; leaving the block commits, an exception rolls back. Nothing else commits.
Events and audit entries are collected and written by one statement each just before the commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared import commands
from shared.contracts.actor import Actor, service_actor
from shared.contracts.events import CommandDone, Event
from shared.envelope import new_message_id
from shared.errors import HubError, Unavailable
from shared.failpoints import failpoint
from shared.logs import correlation
from shared.waking import WOKEN

AWAY = "storage.unavailable"
"""Code of the Unavailable raised when the database cannot be reached or has cut the connection."""
CONTENTION = "storage.contention"
"""Code of the Unavailable raised on deadlock or serialisation failure: trying again at once usually helps."""
SLOW = "storage.slow"
"""Code of the Unavailable raised when a statement or a wait for a lock took too long."""

_CONTENTION_STATES = frozenset({"40001", "40P01"})
_SLOW_STATES = frozenset({"57014", "55P03"})
_AWAY_CLASSES = ("08", "53", "57", "58")  # connection, resources, operator intervention, system error

_INSERT_OUTBOX = (
    "INSERT INTO outbox (message_id, event, schema, subject, correlation_id, body, queue, created_at)"  # noqa: S608 -- constants only
    " SELECT message_id, event, schema, subject, correlation_id, body, queue, coalesce(at, now())"
    " FROM unnest(%b::uuid[], %b::text[], %b::int[], %b::text[], %b::text[], %b::bytea[], %b::text[],"
    " %b::timestamptz[])"
    " WITH ORDINALITY AS row (message_id, event, schema, subject, correlation_id, body, queue, at, position)"
    f" CROSS JOIN {WOKEN} ORDER BY position"
)
_INSERT_AUDIT = (
    "INSERT INTO audit (at, actor, action, subject, correlation_id, details)"
    " SELECT at, actor, action, subject, correlation_id, details::jsonb"
    " FROM unnest(%b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])"
    " WITH ORDINALITY AS row (at, actor, action, subject, correlation_id, details, position)"
    " ORDER BY position"
)


def _insert(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    # One statement however many rows: arrays in binary, so that bodies are not spelled out in hexadecimal.
    connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


class _Pending:
    """What a transaction still has to write before it commits."""

    __slots__ = ("audit", "outbox", "written")

    def __init__(self) -> None:
        self.written = False
        self.outbox: list[tuple[Any, ...]] = []
        self.audit: list[tuple[Any, ...]] = []

    def flush(self, connection: Connection) -> None:
        if self.outbox:
            _insert(connection, _INSERT_OUTBOX, self.outbox)
        if self.audit:
            _insert(connection, _INSERT_AUDIT, self.audit)
        self.written = self.written or bool(self.outbox or self.audit)
        self.outbox, self.audit = [], []


class Unit:
    """One transaction as a service sees it.

    `connection` executes SQLAlchemy Core statements, `now` is the UTC time at which the unit (or the message in hand)
    began, `actor` who acts, `correlation_id` what all of it belongs to. `repeated`: a restored service does again what
    was accepted before, `now` being then; it is not judged a second time.
    """

    __slots__ = ("_pending", "actor", "connection", "correlation_id", "now", "repeated")

    def __init__(
        self, connection: Connection, actor: Actor, correlation_id: str, pending: _Pending | None = None
    ) -> None:
        self.connection = connection
        self.actor = actor
        self.correlation_id = correlation_id
        before = commands.repeated_at.get()
        self.repeated = before is not None
        self.now = before or datetime.now(UTC)
        self._pending = pending or _Pending()

    def emit(self, event: Event, *, queue: str | None = None) -> None:
        """Send this event with the transaction: to all who take it, or to one `queue` alone."""
        self._pending.outbox.append(
            (
                new_message_id(),
                event.event,
                event.schema,
                event.subject,
                self.correlation_id,
                msgspec.json.encode(event),
                queue,
                self.now if self.repeated else None,
            )
        )

    def audit(self, action: str, subject: str, details: Mapping[str, object] | None = None) -> None:
        """Record that the actor did `action` (`submission.approved`) to `subject`, with what is needed to understand it
        later. Never put secrets or whole documents into `details`."""
        text = msgspec.json.encode(details or {}).decode()
        self._pending.audit.append((self.now, self.actor.id, action, subject, self.correlation_id, text))

    def about(self, correlation_id: str) -> Unit:
        """Return a unit on the same transaction for another message of the batch."""
        return Unit(self.connection, self.actor, correlation_id, self._pending)

    def flush(self) -> None:
        """Write collected events and audit entries now; the unit of work does so before it commits."""
        self._pending.flush(self.connection)

    def tell_command(self) -> None:
        """Tell the journal which command did this, if one did and it changed anything."""
        command = commands.in_hand.get()
        if command is None or not (self._pending.written or self._pending.outbox or self._pending.audit):
            return
        self.emit(
            CommandDone(
                service=command.service,
                method=command.method,
                arguments=msgspec.Raw(msgspec.json.encode(command.arguments)),
                at=self.now,
                done_at=datetime.now(UTC),
            )
        )


def translated(error: Exception) -> HubError | None:
    """Return what a database error means to a caller: an Unavailable if waiting can help, None if it is a fault."""
    if isinstance(error, PoolTimeout):
        return _unavailable(AWAY, "no database connection is free")
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _CONTENTION_STATES:
        return _unavailable(CONTENTION, "the transaction collided with another one")
    if state in _SLOW_STATES:
        return _unavailable(SLOW, "the database took too long")
    no_answer = not state and type(error.orig).__name__ in ("OperationalError", "InterfaceError")
    if error.connection_invalidated or state[:2] in _AWAY_CLASSES or no_answer:
        return _unavailable(AWAY, "the database is not available")
    return None


def _unavailable(code: str, message: str) -> Unavailable:
    return Unavailable(code, message, "Cơ sở dữ liệu tạm thời chưa đáp ứng được, xin thử lại sau.")


@contextmanager
def transaction(engine: Engine, actor: Actor, correlation_id: str) -> Iterator[Unit]:
    """Run one unit of work on `engine`. Database trouble that waiting can cure leaves as Unavailable."""
    try:
        with engine.begin() as connection:
            unit = Unit(connection, actor, correlation_id)
            yield unit
            unit.tell_command()
            unit.flush()
            failpoint("unit.before_commit")
        failpoint("unit.after_commit")
    except (DBAPIError, PoolTimeout) as error:
        known = translated(error)
        if known is None:
            raise
        raise known from error


class UnitOfWork(DependencyProvider):
    """What a service declares as `unit = UnitOfWork()`; calling it opens a unit of work on the service's database.

    Outside nameko (tests, bootstrap commands): `service.unit = UnitOfWork.for_engine(engine)`.
    """

    engine: Engine
    service = "service"

    @classmethod
    def for_engine(cls, engine: Engine, service: str = "service") -> UnitOfWork:
        """Return a unit of work on this engine that needs no nameko container."""
        made = cls()
        made.engine, made.service = engine, service
        return made

    def __call__(self, actor: Actor | None = None) -> AbstractContextManager[Unit]:
        """Open a unit of work for `actor`; without one the service acts for itself."""
        return transaction(self.engine, actor or service_actor(self.service), correlation.get() or uuid.uuid4().hex)

    def setup(self) -> None:
        """Called by nameko before the service starts: make the engine of this service's database (not connecting)."""
        from shared.storage import engine

        self.service = self.container.service_name.partition(".")[0]
        self.engine = engine(self.service)

    def get_dependency(self, worker_ctx: WorkerContext) -> UnitOfWork:
        """Called by nameko for each call: hand out what `self.unit` is."""
        return self

    def worker_setup(self, worker_ctx: WorkerContext) -> None:
        """Called by nameko in the greenlet of each call: everything in it belongs to the caller's correlation id, and
        to the command that the call is."""
        commands.in_hand.set(worker_ctx.data.get("command"))
        correlation.set(cast("str", worker_ctx.data.get("correlation_id")) or uuid.uuid4().hex)
