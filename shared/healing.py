"""Healing a service whose database was restored from an older copy: what it has missed is done again, in order.

All that a service holds came to it by events, by pushes and by commands. Other services' outboxes still hold the
events they sent, integration's journal holds pushes and commands, and the restored inbox tells what the copy has seen.
The rest goes, in order of time and at the time it was done first, through the service's own handlers and methods, each
in its own transaction; what they tell anew is old to its readers, who ignore it. Run again it finds nothing: every
message leaves its row in the inbox. A service adds in `healing.py` what only it knows: `prepare` before, `settle`
after, questions that others' healing may put to it, and REPEATS_COMMANDS = False if its commands need no repeating.

None of the service's processes runs meanwhile: `python -m shared.healing SERVICE`, the server's URL for reading the
others on standard input, answers with a Healing as JSON. Operators type `hub heal`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Engine, bindparam, text

from shared import inbox
from shared.batches import DEAD, DONE, RETRY, BatchRun
from shared.commands import repeated
from shared.contracts.events import EVENTS, EVERY_SERVICE, CommandDone, Event
from shared.entrypoints import Handles
from shared.envelope import Received
from shared.errors import HubError
from shared.logs import correlated
from shared.relay.settings import relay_settings
from shared.rpc import Arguments, Remote
from shared.settings import backbone_settings, database_url
from shared.storage import UnitOfWork, engine, engine_for_url
from shared.topology import CONSUMERS, queue_name

KEEPER = "integration"
"""Whose journal it is."""

OVERLAP = timedelta(hours=1)
"""Commands may have begun so long before the copy was taken and not be in it."""

_ROUNDS = 3
_SERVICES = tuple(sorted({event.source for event in EVENTS} - {EVERY_SERVICE, "gateway"}))
_POINT = "SELECT greatest((SELECT max(at) FROM audit), (SELECT max(received_at) FROM inbox))"
_SENT = text(
    "SELECT id, message_id, event, created_at AS at, subject, correlation_id FROM outbox "
    "WHERE event IN :events AND (queue IS NULL OR queue IN :queues) ORDER BY id"
).bindparams(bindparam("events", expanding=True), bindparam("queues", expanding=True))
_BODY = text("SELECT body FROM outbox WHERE id = :id")
_SEEN = (
    "SELECT message_id FROM inbox WHERE message_id = ANY(%b::uuid[])"
    " UNION SELECT message_id FROM outbox WHERE message_id = ANY(%b::uuid[])"
)


@dataclass(frozen=True, slots=True)
class Missed:
    """One message that the restored copy has not seen; `body` fetches it."""

    at: datetime
    place: int
    id: UUID
    event: str
    subject: str
    correlation_id: str
    body: Callable[[], bytes]


@dataclass(slots=True)
class Healing:
    """What was found and done. `refused` and `differences` want a person."""

    service: str
    restored_to: datetime | None = None
    events: int = 0
    commands: int = 0
    refused: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


class Neighbour:
    """Another service as a handler's Remote, answered from its database while no process of it need run."""

    def __init__(self, neighbours: Neighbours, service: str) -> None:
        self._neighbours = neighbours
        self._service = service

    def call(self, method: str, returns: Any, /, *, timeout_seconds: float | None = None, **arguments: Any) -> Any:
        """Return what the service's method answers."""
        name = f"{self._service.capitalize()}Service"
        cls = getattr(importlib.import_module(f"services.{self._service}.service"), name)
        asked = cls()
        asked.unit = UnitOfWork.for_engine(self._neighbours.engine(self._service), self._service)
        return getattr(asked, method)(**arguments)


class Neighbours:
    """The other services' databases, read by their own code."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._prefix = backbone_settings().database_prefix
        self._engines: dict[str, Engine] = {}

    def engine(self, service: str) -> Engine:
        """Return the engine of a service's database."""
        if service not in self._engines:
            self._engines[service] = engine_for_url(database_url(self._server_url, self._prefix + service))
        return self._engines[service]

    def ask(self, service: str, question: str, *arguments: Any) -> Any:
        """Return what `services.<service>.healing` answers to this question about its database."""
        asked = getattr(importlib.import_module(f"services.{service}.healing"), question)
        with self.engine(service).begin() as connection:
            return asked(connection, *arguments)


def heal(service: str, neighbours: Neighbours) -> Healing:
    """Do again what the service's database has missed, and say what could not be."""
    healer = _Healer(service, neighbours)
    with healer.unit() as unit:
        healer.healing.restored_to = point = unit.connection.exec_driver_sql(_POINT).scalar()
    reach = datetime.now(UTC) - timedelta(days=relay_settings().outbox_days)
    if point is not None and point < reach:
        told = (
            f"the copy's last entry is of {point.isoformat()}; what is older than {reach.isoformat()} is kept nowhere"
        )
        healer.healing.differences.append(told)
    if service != KEEPER:
        neighbours.ask(KEEPER, "drain", backbone_settings().amqp_url)
    with healer.unit() as unit:
        _hook(healer.own, "prepare", unit, neighbours)
    waiting = healer.missed()
    for _ in range(_ROUNDS):
        before, waiting = waiting, [item for item in waiting if not healer.do(item)]
        if not waiting or len(waiting) == len(before):
            break
    healer.healing.refused += [f"{item.at.isoformat()} {item.event} {item.subject}: waits" for item in waiting]
    with healer.unit() as unit:
        healer.healing.differences += _hook(healer.own, "settle", unit, neighbours, point) or []
        found = msgspec.to_builtins(healer.healing)
        unit.audit("service.healed", service, found | {name: len(found[name]) for name in ("refused", "differences")})
    return healer.healing


class _Healer:
    """One service's handlers and methods, bound to its restored database."""

    def __init__(self, service: str, neighbours: Neighbours) -> None:
        self.service = service
        self.neighbours = neighbours
        self.unit = UnitOfWork.for_engine(engine(service), service)
        self.healing = Healing(service)
        self.own = _module(f"services.{service}.healing")
        self._calls = self._bound("service")
        self._worker = self._bound("worker")

    def _bound(self, role: str) -> Any:
        module = importlib.import_module(f"services.{self.service}.{role}")
        made = getattr(module, self.service.capitalize() + role.capitalize())()
        made.unit = self.unit
        for name, asked in vars(type(made)).items():
            if isinstance(asked, Remote):
                setattr(made, name, Neighbour(self.neighbours, asked.target))
        return made

    def missed(self) -> list[Missed]:
        """Return what outboxes and journal hold for this service and its database has not seen, in order."""
        found = [*self._sent(), *self._journal()]
        seen: set[UUID] = set()
        ids = [item.id for item in found]
        with self.unit() as unit:
            seen.update(row[0] for row in unit.connection.exec_driver_sql(_SEEN, (ids, ids)))
        return sorted((item for item in found if item.id not in seen), key=lambda item: (item.at, item.place))

    def _sent(self) -> Iterator[Missed]:
        events = [event for event, services in CONSUMERS.items() if self.service in services]
        queues = [queue_name(self.service, event) for event in events]
        for other in _SERVICES:
            if other == self.service or not events:
                continue
            with self.neighbours.engine(other).connect() as connection:
                rows = connection.execute(_SENT, {"events": events, "queues": queues}).all()
            for row in rows:
                yield Missed(
                    row.at, row.id, row.message_id, row.event, row.subject, row.correlation_id, self._of(other, row.id)
                )

    def _of(self, other: str, number: int) -> Callable[[], bytes]:
        def body() -> bytes:
            with self.neighbours.engine(other).connect() as connection:
                return bytes(connection.execute(_BODY, {"id": number}).scalar_one())

        return body

    def _journal(self) -> Iterator[Missed]:
        if self.service == KEEPER:
            return
        for place, row in enumerate(self.neighbours.ask(KEEPER, "journal_of", self.service)):
            if row.event == CommandDone.event and not self._repeats(row.at):
                continue
            yield Missed(
                row.at, place, row.message_id, row.event, row.subject, row.correlation_id, self._kept(row.message_id)
            )

    def _repeats(self, at: datetime) -> bool:
        point = self.healing.restored_to
        return getattr(self.own, "REPEATS_COMMANDS", True) and (point is None or at >= point - OVERLAP)

    def _kept(self, message_id: UUID) -> Callable[[], bytes]:
        return lambda: bytes(self.neighbours.ask(KEEPER, "journal_body", message_id))

    def do(self, item: Missed) -> bool:
        """Do one thing again; False if it has to wait for another."""
        with correlated(item.correlation_id), repeated(item.at):
            # To the journal's keeper a command is an event like others: one that is to be kept.
            own = item.event == CommandDone.event and self.service != KEEPER
            return self._repeat(item) if own else self._handle(item)

    def _handle(self, item: Missed) -> bool:
        handler = getattr(self._worker, f"on_{item.event}")
        entry = next(each for each in handler.nameko_entrypoints if isinstance(each, Handles))
        queue = queue_name(self.service, item.event)
        message: Received[Event] = Received(
            data=msgspec.json.decode(item.body(), type=entry.event),
            id=item.id,
            correlation_id=item.correlation_id,
            time=item.at,
            subject=item.subject,
            queue=queue,
        )
        [outcome] = handler(BatchRun(queue, [message], entry.setwise))
        if outcome.kind == RETRY:
            return False
        self.healing.events += outcome.kind == DONE
        if outcome.kind == DEAD:
            self.healing.refused.append(f"{item.at.isoformat()} {item.event} {item.subject}: {outcome.error}")
        return True

    def _repeat(self, item: Missed) -> bool:
        done = msgspec.json.decode(item.body(), type=CommandDone)
        arguments = msgspec.json.decode(done.arguments)
        method = getattr(self._calls, done.method)
        try:
            with repeated(done.at):
                method(**Arguments(getattr(type(self._calls), done.method)).convert([], arguments))
        except HubError as error:
            self.healing.refused.append(f"{item.at.isoformat()} {item.subject}: {error}")
        else:
            self.healing.commands += 1
        with self.unit() as unit:
            inbox.record(unit.connection, queue_name(self.service, CommandDone.event), [item.id])
        return True


def main() -> None:
    """Heal the service named on the command line; print what was found as JSON."""
    neighbours = Neighbours(sys.stdin.readline().strip())
    sys.stdout.buffer.write(msgspec.json.encode(heal(sys.argv[1], neighbours)) + b"\n")


def _module(name: str) -> ModuleType | None:
    with suppress(ModuleNotFoundError):
        return importlib.import_module(name)
    return None


def _hook(own: ModuleType | None, name: str, *arguments: Any) -> Any:
    hook = getattr(own, name, None)
    return None if hook is None else hook(*arguments)


if __name__ == "__main__":
    main()
