"""100 clients, each with one small push a second, in open loop: a slow answer does not slow the next request down, and
its delay counts from when the request was due."""

from __future__ import annotations

import asyncio
import json
import uuid

import uvloop

from bench.ground import Ground, wait_for
from bench.result import Measure, Result, percentile
from bench.wire import Wire

CLIENTS = 100
_WARM_SECONDS = 2


def run(ground: Ground) -> Result:
    """Push for some seconds; then see that every push that was answered 202 has its receipt."""
    seconds = 5 if ground.quick else 20
    with ground.database("submissions") as connection:
        places = connection.execute(
            "SELECT unit, period FROM submissions WHERE form = 'XA-NAM' ORDER BY period, unit LIMIT %s", (CLIENTS,)
        ).fetchall()
        before = connection.execute("SELECT count(*) FROM receipts").fetchone()
        waits, sent = uvloop.run(_push(ground.settings.gateway_url, ground.token(), places, seconds))

        def settled() -> bool:
            now = connection.execute("SELECT count(*) FROM receipts").fetchone()
            return now is not None and before is not None and now[0] - before[0] >= sent

        wait_for(settled, f"{sent} receipts")
    return Result(
        "calls",
        [
            Measure("100 clients, p95 to the durable 202", percentile(waits, 95) * 1000, "ms", bar=60, least=False),
            Measure("its median", percentile(waits, 50) * 1000, "ms"),
            Measure("its 99th percentile", percentile(waits, 99) * 1000, "ms"),
        ],
        [f"{sent} pushes answered 202, {sent} receipts found afterwards"],
    )


async def _push(url: str, token: str, places: list[tuple[str, str]], seconds: int) -> tuple[list[float], int]:
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.5
    waits: list[float] = []
    sent = 0

    async def client(number: int) -> None:
        nonlocal sent
        wire = await Wire.open(url, token)
        unit, period = places[number]
        for second in range(seconds + _WARM_SECONDS):
            due = begin + second + number / CLIENTS
            await asyncio.sleep(max(0.0, due - loop.time()))
            figures = [{"indicator": name, "value": second + 1} for name in ("NN08", "NN09", "NN10", "NN11", "DS01")]
            body = json.dumps({"form": "XA-NAM", "unit": unit, "period": period, "figures": figures}).encode()
            await wire.ask("POST", "/v1/data", body, f"Idempotency-Key: {uuid.uuid4().hex}\r\n", settle=(202,))
            sent += 1
            if second >= _WARM_SECONDS:
                waits.append(loop.time() - due)
        wire.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return waits, sent
