"""The three ways into a service: `@rpc` (a call), `@handles` (an event), `@every` (a timer).

    class ApprovalWorker:
        name = "approval.worker"
        unit = UnitOfWork()

        @handles(SubmissionSubmitted)
        def on_submission_submitted(self, unit: Unit, message: Received[SubmissionSubmitted]) -> None: ...

        @every(seconds=60)
        def remind(self) -> None: ...

A handler's inbox row, effect, audit entries and events share one transaction per batch; see `batches` for what happens
when one fails and `consumer` for how messages are taken and acknowledged.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from eventlet.event import Event as Signal
from nameko.containers import WorkerContext
from nameko.extensions import Entrypoint, register_entrypoint
from nameko.timer import Timer

from shared.batches import BatchRun
from shared.consumer import Batch, Consumer
from shared.contracts.events import Event
from shared.envelope import Received
from shared.errors import Unavailable
from shared.logs import logger
from shared.metrics import TIMER_RUNS
from shared.rpc import Described, Remote, rpc
from shared.storage import engine
from shared.topology import queue_name

__all__ = ["Batch", "Described", "Received", "Remote", "every", "handles", "rpc"]

log = logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class Handles(Entrypoint):
    """The entrypoint behind `@handles`: consumers in managed green threads, one worker per batch."""

    def __init__(self, event: type[Event], setwise: bool, batch: Batch, lanes: int) -> None:
        super().__init__()
        self.event = event
        self.setwise = setwise
        self.batch = batch
        self.lanes = lanes
        self._consumers: list[Consumer[Event]] = []
        self._threads: list[Any] = []

    def setup(self) -> None:
        """Called by nameko before start."""
        self.service = self.container.service_name.partition(".")[0]
        self.queue = queue_name(self.service, self.event.event)
        self._consumers = [
            Consumer(
                url=self.container.config["AMQP_URI"],
                queue=self.queue,
                event=self.event,
                batch=self.batch,
                begin=self._begin,
                probe=self._probe,
            )
            for _ in range(self.lanes)
        ]

    def start(self) -> None:
        """Called by nameko: begin to consume."""
        self._threads = [
            self.container.spawn_managed_thread(consumer.run, identifier=f"consumer {self.queue}")
            for consumer in self._consumers
        ]

    def stop(self) -> None:
        """Called by nameko on shutdown: return when the batches in hand are settled."""
        for consumer in self._consumers:
            consumer.stop()
        for thread in self._threads:
            thread.wait()

    def kill(self) -> None:
        """Called by nameko when the container dies: what is unacknowledged comes again."""
        for thread in self._threads:
            thread.kill()

    def _begin(self, messages: list[Received[Event]]) -> Signal:
        outcomes = Signal()

        def handle_result(_: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info is None:
                outcomes.send(result)
            else:
                outcomes.send_exception(exc_info[1])
            return None, None

        run = BatchRun(self.queue, messages, self.setwise)
        self.container.spawn_worker(self, (run,), {}, context_data={}, handle_result=handle_result)
        return outcomes

    def _probe(self) -> bool:
        try:
            with engine(self.service).connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except Exception:
            return False
        return True


def handles(
    event: type[Event], *, setwise: bool = False, batch: Batch | None = None, lanes: int = 1
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a method take the service's queue of this event.

    The method takes `(self, unit, message)`; with `setwise`, `(self, unit, messages)` with all new messages of the
    batch. `lanes` batches are in hand at once: for work whose order does not matter and of which the database does
    half. Called directly, as tests do, it is the plain method. Unavailable (and database contention) delays the
    message; any other error puts it with the dead letters.
    """

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def entered(self: Any, *args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], BatchRun):
                return args[0].run(functools.partial(cast("Any", method), self), self.unit)
            return cast("Any", method)(self, *args, **kwargs)

        register_entrypoint(entered, Handles(event, setwise, batch or Batch(), lanes))
        return cast("Callable[P, R]", entered)

    return decorate


class Every(Timer):
    """The entrypoint behind `@every`: nameko's timer; a run that fails is counted and logged, the next one comes."""

    def handle_result(self, worker_ctx: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Called by nameko with what the method returned or raised."""
        outcome = "ok" if exc_info is None else type(exc_info[1]).__name__
        TIMER_RUNS.labels(worker_ctx.service_name, self.method_name, outcome).inc()
        if exc_info is not None:
            error = exc_info[1]
            if isinstance(error, Unavailable):
                log.warning("timer.unavailable", method=self.method_name, error=str(error))
            else:
                log.error("timer.failed", method=self.method_name, error=str(error), exc_info=error)
        super().handle_result(worker_ctx, result, None)
        return None, None


def every(*, seconds: float, eager: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a method without arguments every so many seconds, or as soon as the run before has ended if that is later;
    `eager` runs it at start, too."""

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        register_entrypoint(method, Every(seconds, eager=eager))
        return method

    return decorate
