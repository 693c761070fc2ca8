"""The sender loops inside a worker process: one green thread and calls of its own for every partner, so that a slow
partner holds nobody up."""

from __future__ import annotations

from functools import partial
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from nameko.extensions import DependencyProvider
from sqlalchemy.exc import SQLAlchemyError

from services.integration.sender import Sender
from services.integration.settings import integration_settings
from services.integration.storage import deliveries, messages
from services.integration.storage import partners as partner_rows
from shared.errors import HubError
from shared.logs import logger
from shared.storage import UnitOfWork, engine

log = logger(__name__)

_LOOK_SECONDS = 2.0
_TROUBLE_SECONDS = 1.0


class Sending(DependencyProvider):
    """What a worker class declares as `sending = Sending()`: starts and stops the loops with the service."""

    def setup(self) -> None:
        """Called by nameko before the service starts."""
        self._settings = integration_settings()
        self._service = self.container.service_name.partition(".")[0]
        self._unit = UnitOfWork.for_engine(engine(self._service), self._service)
        self._stopping = Signal()
        self._threads: dict[str, Any] = {}
        self._keeper: Any = None

    def start(self) -> None:
        """Called by nameko: begin to send."""
        self._keeper = self.container.spawn_managed_thread(self._keep, identifier="senders")

    def stop(self) -> None:
        """Called by nameko on shutdown: return when every delivery in hand is recorded."""
        if not self._stopping.ready():
            self._stopping.send(None)
        for thread in [self._keeper, *self._threads.values()]:
            if thread is not None:
                thread.wait()

    def _keep(self) -> None:
        """Take back what this process was sending when it died, then see that every partner has its senders."""
        taken_back = False
        while not self._stopping.ready():
            try:
                with self._unit() as unit:
                    if not taken_back:
                        orphans = deliveries.orphaned(unit.connection, self._settings.process)
                        messages.keep_interrupted(unit.connection, orphans)
                        taken_back = True
                        log.info("sender.started", taken_back=len(orphans))
                    partners = [
                        partner.id for partner in partner_rows.load_all(unit.connection) if partner.protocol != "push"
                    ]
                for partner in partners:
                    if partner not in self._threads:
                        self._threads[partner] = self.container.spawn_managed_thread(
                            partial(self._send, partner), identifier=f"sender {partner}"
                        )
            except (HubError, SQLAlchemyError) as error:
                log.warning("sender.trouble", error=str(error))
            self._pause(_LOOK_SECONDS)

    def _send(self, partner: str) -> None:
        sender = Sender(self._unit, partner, self._settings)
        while True:
            try:
                if self._stopping.ready():
                    return sender.stop()
                if not sender.step() and not sender.in_hand:
                    self._pause(self._settings.poll_seconds)
            except Exception as error:
                # Mostly the database away: what has ended is recorded later, or in doubt when the lease ends.
                known = isinstance(error, HubError)
                log.warning("sender.trouble", partner=partner, error=str(error), exc_info=None if known else error)
                if self._stopping.ready():
                    return None
                self._pause(_TROUBLE_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Wait so long, or until told to stop."""
        with eventlet.Timeout(seconds, False):
            self._stopping.wait()
