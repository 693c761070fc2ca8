"""Seals audit entries and messages, deletes what is past its retention and reads the backbone's gauges, for all
services in turn.

Runs in a thread of its own on plain connections, so that a slow database of one service delays no publishing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import psycopg

from shared.audit import AUDIT
from shared.chain import SEAL_BATCH, Chain
from shared.logs import logger
from shared.message_log import MESSAGES
from shared.relay import metrics
from shared.relay.settings import RelaySettings

log = logger(__name__)

_ROUNDS = 10
_DELETE_ROWS = 5_000
_DELETE_OUTBOX = (
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox "
    "WHERE sent_at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s)"
)
_DELETE_INBOX = (
    "DELETE FROM inbox WHERE (queue, message_id) IN (SELECT queue, message_id FROM inbox "
    "WHERE received_at < now() - make_interval(secs => %s) ORDER BY received_at LIMIT %s)"
)
_GAUGES = """
    SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL),
           (SELECT extract(epoch FROM now() - min(created_at)) FROM outbox WHERE sent_at IS NULL),
           (SELECT count(*) FROM audit WHERE sealed_as IS NULL),
           (SELECT extract(epoch FROM now() - min(at)) FROM audit WHERE sealed_as IS NULL),
           (SELECT count(DISTINCT set_id) FROM chunks),
           (SELECT extract(epoch FROM now() - min(received_at)) FROM chunks)
"""
_SECONDS_PER_DAY = 86_400
_FAILED_PAUSE = 5.0


def delete_old(connection: psycopg.Connection[Any], settings: RelaySettings) -> dict[str, int]:
    """Delete sent outbox rows and inbox rows past their retention, at most some batches each; return rows by table."""
    wanted = {
        "outbox": (_DELETE_OUTBOX, settings.outbox_days * _SECONDS_PER_DAY),
        "inbox": (_DELETE_INBOX, settings.inbox_days * _SECONDS_PER_DAY),
    }
    deleted = dict.fromkeys(wanted, 0)
    for table, (statement, seconds) in wanted.items():
        for _ in range(_ROUNDS):
            count = connection.execute(statement, (seconds, _DELETE_ROWS)).rowcount
            deleted[table] += count
            if count < _DELETE_ROWS:
                break
    return deleted


class Housekeeping(threading.Thread):
    """The thread; `stop` ends it after the step in hand."""

    def __init__(self, databases: Mapping[str, str], settings: RelaySettings) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._databases = databases
        self._settings = settings
        self._ending = threading.Event()
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._logging: set[str] = set()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._ending.set()

    def run(self) -> None:
        """Called by `start`: look after each service in turn until told to stop."""
        while not self._ending.is_set():
            for service in self._databases:
                if not self._ending.is_set() and self._is_due(service, "retry", 0):
                    self._attend(service)
            self._ending.wait(self._settings.housekeeping_seconds)
        for connection in self._connections.values():
            connection.close()

    def _attend(self, service: str) -> None:
        try:
            connection = self._connection(service)
            self._seal(service, connection)
            if self._is_due(service, "gauges", self._settings.gauges_seconds):
                self._read_gauges(service, connection)
            if self._is_due(service, "retention", self._settings.retention_seconds):
                for table, count in delete_old(connection, self._settings).items():
                    metrics.DELETED.labels(service, table).inc(count)
            metrics.HOUSEKEEPING_AT.labels(service).set_to_current_time()
        except psycopg.Error as error:
            log.warning("housekeeping.failed", service=service, error=repr(error), again_in=_FAILED_PAUSE)
            self._due[service, "retry"] = time.monotonic() + _FAILED_PAUSE
            broken = self._connections.pop(service, None)
            if broken is not None:
                broken.close()

    def _seal(self, service: str, connection: psycopg.Connection[Any]) -> None:
        metrics.SEALED.labels(service).inc(self._sealed(AUDIT, connection))
        if service in self._logging or MESSAGES.stands_in(connection):
            self._logging.add(service)
            self._sealed(MESSAGES, connection)

    def _sealed(self, chain: Chain, connection: psycopg.Connection[Any]) -> int:
        total = 0
        for _ in range(_ROUNDS):
            total += (sealed := chain.seal(connection))
            if sealed < SEAL_BATCH or self._ending.is_set():
                break
        return total

    def _read_gauges(self, service: str, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(_GAUGES).fetchone() or (0,) * 6
        gauges = (
            metrics.OUTBOX_UNSENT,
            metrics.OUTBOX_OLDEST,
            metrics.AUDIT_UNSEALED,
            metrics.AUDIT_OLDEST,
            metrics.CHUNKS_SETS,
            metrics.CHUNKS_OLDEST,
        )
        for gauge, value in zip(gauges, row, strict=True):
            gauge.labels(service).set(float(value or 0))

    def _is_due(self, service: str, task: str, every: float) -> bool:
        now = time.monotonic()
        if self._due.get((service, task), 0.0) > now:
            return False
        self._due[service, task] = now + every
        return True

    def _connection(self, service: str) -> psycopg.Connection[Any]:
        if service not in self._connections:
            self._connections[service] = psycopg.connect(
                self._databases[service],
                autocommit=True,
                application_name=f"hub housekeeping {service}",
                connect_timeout=5,
                options="-c timezone=UTC -c statement_timeout=60000 -c lock_timeout=5000",
            )
        return self._connections[service]
