"""What healing asks of integration, whose journal it is, and what integration's own healing adds.

What it sent after the copy was taken it sends once more, as repairs: under new message ids, because the old ones are
lost, at the same versions, which partners apply over themselves. Commands to it (send now, compare, put aside) are not
repeated: whoever gave them sees what is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import pika
from sqlalchemy import Connection, Engine, Row, text

from services.integration import journaling
from services.integration.storage import journal
from shared import inbox
from shared.contracts.actor import service_actor
from shared.contracts.events import CommandDone, Event, PushAccepted
from shared.envelope import Decoder, Received
from shared.healing import Neighbours
from shared.storage import Unit, transaction
from shared.topology import queue_name

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

E = TypeVar("E", bound=Event)

REPEATS_COMMANDS = False

_AS_REPAIRS = text(
    "UPDATE deliveries SET kind = 'repair' WHERE kind = 'release' AND state = 'planned' AND attempts = 0 "
    "AND (cast(:since AS timestamptz) IS NULL OR created_at > :since)"
)
# A run that was under way ended in the original, and its receipt ids were used: taken up again it needs others.
_NEW_TOKENS = text("UPDATE pull_runs SET token = replace(gen_random_uuid()::text, '-', '') WHERE finished_at IS NULL")
_HELD = text("SELECT form, unit, period, version, batch, content_hash FROM contents")


def journal_of(connection: Connection, service: str) -> list[Row[Any]]:
    """Return what took effect in a service, as far back as the journal goes, in order and without bodies."""
    return journal.of(connection, service, datetime.min.replace(tzinfo=UTC))


def journal_body(connection: Connection, message_id: UUID) -> bytes:
    """Return the body of one message of the journal."""
    return journal.body(connection, message_id)


def held(connection: Connection) -> Sequence[Row[Any]]:
    """Return the contents that integration holds: form, unit, period, version, batch, content hash."""
    return connection.execute(_HELD).all()


def drain(connection: Connection, amqp_url: str) -> int:
    """Take what still waits for the journal out of its queues; return how much."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as broker, broker.channel() as channel:
        pushes = _drain(channel, connection.engine, PushAccepted, journaling.keep_pushes)
        return pushes + _drain(channel, connection.engine, CommandDone, journaling.keep_commands)


def settle(unit: Unit, neighbours: Neighbours, restored_to: datetime | None) -> list[str]:
    """Mark what was planned again as repairs; let pulls that were under way push as new ones."""
    unit.connection.execute(_AS_REPAIRS, {"since": restored_to})
    unit.connection.execute(_NEW_TOKENS)
    return []


def _drain(
    channel: BlockingChannel, engine: Engine, event: type[E], keep: Callable[[Unit, list[Received[E]]], None]
) -> int:
    queue = queue_name("integration", event.event)
    decoder = Decoder(event, queue)
    drained = 0
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None or properties is None or body is None:
            return drained
        message = decoder.read(body, properties.headers or {})
        with transaction(engine, service_actor("integration"), message.correlation_id) as unit:
            if inbox.record(unit.connection, queue, [message.id]):
                keep(unit, [message])
        channel.basic_ack(method.delivery_tag)
        drained += 1
