"""One-row reads with 10 callers: HTTP through gateway and RPC to the warehouse, against calls of a bare nameko echo by
the gateway's own broker link."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvloop

import catalogue
from bench.ground import Ground
from bench.result import Measure, Result, middle, percentile
from bench.wire import Wire
from gateway.broker import Broker
from services.indicators.storage import partitions
from shared.settings import database_url
from shared.storage import engine_for_url

CALLERS = 10
_FORM = "XA-NAM"
_FILL = """
INSERT INTO observations (unit, period, indicator, batch, form, value, status, derived, level, version, submission_id,
    round, recorded_at)
SELECT u, p::text, i, 1, %s, 1234.5, 'official', false, 'province', 1, 'bench', 1, now()
FROM unnest(%s::text[]) AS u, generate_series(2005, 2024) AS p, unnest(%s::text[]) AS i ON CONFLICT DO NOTHING
"""


def run(ground: Ground) -> Result:
    """Take turns: hub, baseline, hub, baseline …, and compare the medians."""
    seconds, rounds = (1.5, 2) if ground.quick else (4.0, 3)
    keys = _fill(ground)
    token, url = ground.token(), ground.settings.gateway_url
    ours, baseline, waits = [], [], []
    with _echo(ground.amqp_url):
        for _ in range(rounds):
            rate, took = uvloop.run(_read(url, token, keys, seconds))
            ours.append(rate)
            waits += took
            baseline.append(uvloop.run(_call(ground.amqp_url, keys, seconds)))
    return Result(
        "read",
        [
            Measure("one value read, 10 callers", middle(ours), "calls/s", middle(baseline), 0.7),
            Measure("its median", percentile(waits, 50) * 1000, "ms"),
            Measure("its 99th percentile", percentile(waits, 99) * 1000, "ms"),
        ],
        [f"rounds, ours/baseline: {', '.join(f'{o:.0f}/{b:.0f}' for o, b in zip(ours, baseline, strict=True))}"],
    )


def _fill(ground: Ground) -> list[tuple[str, str, str]]:
    body = catalogue.read()
    units = [item["id"] for item in body["units"] if item["kind"] == "commune"]
    names = next(form["indicators"] for form in body["forms"] if form["id"] == _FORM)
    own = database_url(ground.installation.urls["indicators"], f"{ground.settings.database_prefix}indicators")
    engine = engine_for_url(own)
    with engine.begin() as recording:  # a year's values lie in its partition, as where the warehouse recorded them
        for year in range(2005, 2025):
            partitions.ensure(recording, str(year))
    engine.dispose()
    with ground.database("indicators") as connection:
        connection.execute(_FILL, (_FORM, units, names))
        connection.execute("VACUUM ANALYZE observations")
    keys = [(name, unit, str(year)) for name in names for unit in units for year in range(2005, 2025)]
    random.shuffle(keys)
    return keys


@contextmanager
def _echo(amqp_url: str) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-m", "bench.echo", amqp_url], stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the echo service did not start")
            yield
        finally:
            process.terminate()


async def _read(url: str, token: str, keys: list[tuple[str, str, str]], seconds: float) -> tuple[float, list[float]]:
    wires = [await Wire.open(url, token) for _ in range(CALLERS)]
    turn = itertools.cycle(keys)
    waits: list[float] = []

    async def once(caller: int) -> None:
        name, unit, period = next(turn)
        begun = time.perf_counter()
        await wires[caller].ask("GET", f"/v1/observations/{name}/{unit}/{period}")
        waits.append(time.perf_counter() - begun)

    rate = await _closed_loop(once, seconds)
    for wire in wires:
        wire.close()
    return rate, waits


async def _call(amqp_url: str, keys: list[tuple[str, str, str]], seconds: float) -> float:
    broker = Broker(amqp_url)
    await broker.start()
    turn = itertools.cycle(keys)

    async def once(_caller: int) -> None:
        name, unit, period = next(turn)
        await broker.call("echo", "echo", correlation_id="bench", indicator=name, unit=unit, period=period)

    rate = await _closed_loop(once, seconds)
    await broker.stop()
    return rate


async def _closed_loop(once: Callable[[int], Awaitable[None]], seconds: float) -> float:
    """Let each caller ask again as soon as it is answered; return answers per second after a tenth of warm-up."""
    counted = 0
    counting_from = time.perf_counter() + seconds / 10
    end = counting_from + seconds

    async def caller(number: int) -> None:
        nonlocal counted
        while (now := time.perf_counter()) < end:
            await once(number)
            counted += now >= counting_from

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return counted / (time.perf_counter() - counting_from)
