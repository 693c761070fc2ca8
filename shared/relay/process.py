"""Runs the relay's parts as one process: an event loop with one outbox relay per service, and the housekeeping."""

from __future__ import annotations

import asyncio
import os
import signal

from shared import health, logs, memory, traces
from shared.relay.housekeeping import Housekeeping
from shared.relay.outbox import OutboxRelay
from shared.relay.settings import relay_settings
from shared.settings import backbone_settings

log = logs.logger(__name__)

_HOUSEKEEPING_GRACE_SECONDS = 10.0


def main(services: list[str]) -> None:
    """Relay these services' outboxes until SIGTERM or SIGINT; then wait for the confirms in hand, mark, and return."""
    settings = backbone_settings()
    logs.configure(os.environ.get("HUB_PROCESS_NAME", "relay"), settings.log_level)
    traces.configure(settings, os.environ.get("HUB_PROCESS_NAME", "relay"))
    standing = health.Standing("serving")
    health.serve(settings, {**health.checks_of(settings, services), "standing": standing.check})
    memory.settle()
    log.info("process.ready", services=services)
    asyncio.run(_run({service: settings.database_url(service) for service in services}, settings.amqp_url, standing))
    traces.end()
    log.info("process.ended")


async def _run(databases: dict[str, str], amqp_url: str, standing: health.Standing) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = relay_settings()
    housekeeping = Housekeeping(databases, settings)
    housekeeping.start()
    relays = [OutboxRelay(service, url, amqp_url, settings) for service, url in databases.items()]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_end(stop, standing))
            for relay in relays:
                group.create_task(relay.run(stop), name=f"relay {relay.service}")
    finally:
        housekeeping.stop()
        await asyncio.to_thread(housekeeping.join, _HOUSEKEEPING_GRACE_SECONDS)


async def _end(stop: asyncio.Event, standing: health.Standing) -> None:
    await stop.wait()
    standing.end()
