"""The pull loops inside a worker process, one green thread per source, so that a slow source holds nobody up; and what
the worker does beside them: gauges, and forgetting old runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from nameko.extensions import DependencyProvider
from sqlalchemy.exc import SQLAlchemyError

from services.integration.metrics import FAILED_PULLS, PULL_AGE_SECONDS
from services.integration.puller import Puller
from services.integration.settings import integration_settings
from services.integration.storage import partners as partner_rows
from services.integration.storage import pulls
from shared.entrypoints import every
from shared.errors import HubError
from shared.logs import logger
from shared.storage import UnitOfWork, engine

log = logger(__name__)

_LOOK_SECONDS = 2.0
_IDLE_SECONDS = 0.5
_TROUBLE_SECONDS = 10.0


class Pulling(DependencyProvider):
    """What a worker class declares as `pulling = Pulling()`: starts and stops the loops with the service."""

    def setup(self) -> None:
        """Called by nameko before the service starts."""
        self._settings = integration_settings()
        self._service = self.container.service_name.partition(".")[0]
        self._unit = UnitOfWork.for_engine(engine(self._service), self._service)
        self._stopping = Signal()
        self._threads: dict[str, Any] = {}
        self._keeper: Any = None

    def start(self) -> None:
        """Called by nameko: begin to pull."""
        self._keeper = self.container.spawn_managed_thread(self._keep, identifier="pullers")

    def stop(self) -> None:
        """Called by nameko on shutdown: return when the page in hand is stored. The run goes on after the restart."""
        if not self._stopping.ready():
            self._stopping.send(None)
        for thread in [self._keeper, *self._threads.values()]:
            if thread is not None:
                thread.wait()

    def _keep(self) -> None:
        """See that every source has its puller."""
        while not self._stopping.ready():
            try:
                with self._unit() as unit:
                    sources = {item.id for item in partner_rows.load_all(unit.connection) if item.source}
                for name in sources - self._threads.keys():
                    run = partial(self._pull, name)
                    self._threads[name] = self.container.spawn_managed_thread(run, identifier=f"puller {name}")
            except (HubError, SQLAlchemyError) as error:
                log.warning("puller.trouble", error=str(error))
            self._pause(_LOOK_SECONDS)

    def _pull(self, name: str) -> None:
        puller = Puller(self._unit, name, self._settings)
        while not self._stopping.ready():
            try:
                if not puller.step():
                    self._pause(_IDLE_SECONDS)
            except Exception as error:
                # The database away, or a source that is declared wrongly: neither ends the loop.
                known = isinstance(error, HubError)
                log.warning("puller.trouble", partner=name, error=str(error), exc_info=None if known else error)
                self._pause(_TROUBLE_SECONDS)
        puller.close()

    def _pause(self, seconds: float) -> None:
        """Wait so long, or until told to stop."""
        with eventlet.Timeout(seconds, False):
            self._stopping.wait()


class PullKeeping:
    """The worker's part that keeps account of pulls."""

    unit: UnitOfWork

    @every(seconds=10)
    def measure_pulls(self) -> None:
        """Set the gauges of pulls."""
        with self.unit() as unit:
            for row in pulls.sources(unit.connection):
                FAILED_PULLS.labels(row.partner).set(row.failures)
                if row.last_good_at is not None:
                    PULL_AGE_SECONDS.labels(row.partner).set((unit.now - row.last_good_at).total_seconds())

    @every(seconds=3600)
    def forget_old_pulls(self) -> None:
        """Delete runs that nobody asks about any more."""
        with self.unit() as unit:
            pulls.forget(unit.connection, integration_settings().pull_days)
