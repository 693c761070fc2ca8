"""Pushes of 5,000 figures over HTTP until they stand in drafts and their receipts can be read, against a bare COPY into
a staging table and INSERT … ON CONFLICT of the very same rows."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import uvloop

import catalogue
from bench.ground import Connection, Ground
from bench.result import Measure, Result, middle
from bench.wire import Wire

_FORM = "XA-NAM"
_FIGURES = 5_000
_CONNECTIONS = 4
_LOOK_SECONDS = 0.03  # asking every connection's receipt more often would cost the hub more than the pushes
_RESET = (
    "UPDATE submissions SET state = 'due', round = 1 WHERE form = 'XA-NAM'",
    "TRUNCATE figures",
    "VACUUM ANALYZE submissions",
    "CHECKPOINT",
)

Places = list[tuple[int, str, str]]  # submission number, unit, period


def run(ground: Ground) -> Result:
    """Each round: all pushes onto empty drafts, then all again with other values; the same rows for the baseline."""
    rounds, pushes = (1, 4) if ground.quick else (3, 10)
    names = next(form["indicators"] for form in catalogue.read()["forms"] if form["id"] == _FORM)
    size = _FIGURES // len(names)
    rates: dict[str, list[float]] = {"fresh": [], "again": [], "bare fresh": [], "bare again": [], "one": []}
    with ground.database("submissions") as connection:
        found = connection.execute(
            "SELECT number, unit, period FROM submissions WHERE form = %s ORDER BY period, unit", (_FORM,)
        ).fetchall()
        groups: list[Places] = [found[at * size : (at + 1) * size] for at in range(pushes)]
        groups = [group for group in groups if len(group) == size]
        for turn in range(rounds):
            for statement in _RESET:
                connection.execute(statement)
            texts = []
            for kind in ("fresh", "again"):
                bodies = [_body(group, names, turn * 10 + (kind == "again")) for group in groups]
                rates[kind].append(uvloop.run(_pushed(ground, bodies)))
                texts.append([_rows(connection, group) for group in groups])
            rates["one"].append(_FIGURES / uvloop.run(_pushed(ground, [_body(groups[0], names, turn * 10 + 2)])))
            for kind, blocks in zip(("bare fresh", "bare again"), _bare(connection, texts), strict=True):
                rates[kind].append(blocks)
    rate = {kind: middle(values) for kind, values in rates.items()}
    return Result(
        "push",
        [
            Measure("pushes of 5,000, empty drafts", rate["fresh"], "figures/s", rate["bare fresh"], 0.5),
            Measure("pushes of 5,000, every figure changes", rate["again"], "figures/s", rate["bare again"], 0.5),
            Measure("one push of 5,000, from request to receipt", rate["one"], "s"),
        ],
        [
            f"{len(groups)} pushes per round, {_CONNECTIONS} connections; rounds, ours/bare: "
            + ", ".join(f"{a:.0f}/{b:.0f}" for a, b in zip(rates["fresh"], rates["bare fresh"], strict=True))
        ],
    )


def _body(group: Places, names: list[str], turn: int) -> bytes:
    figures = [
        {"indicator": name, "unit": unit, "period": period, "value": (number * 31 + at) % 9_000 + turn + 1}
        for number, unit, period in group
        for at, name in enumerate(names)
    ]
    return json.dumps({"form": _FORM, "figures": figures}).encode()


async def _pushed(ground: Ground, bodies: list[bytes]) -> float:
    """Push all, wait until the last receipt reads as processed, return figures per second."""
    url, token = ground.settings.gateway_url, ground.token()
    wires = [await Wire.open(url, token) for _ in range(_CONNECTIONS)]
    waiting = list(bodies)
    begun = time.perf_counter()

    async def worker(wire: Wire) -> None:
        receipts = []
        while waiting:
            key = f"Idempotency-Key: {uuid.uuid4().hex}\r\n"
            answer = await wire.ask("POST", "/v1/data", waiting.pop(), key, settle=(202,))
            receipts.append(json.loads(answer)["receipt_id"])
        for receipt in receipts:
            while True:
                view = json.loads(await wire.ask("GET", f"/v1/receipts/{receipt}"))
                if view["state"] == "processed":
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            taken = view["counts"]["accepted"]
            if taken != _FIGURES:
                raise AssertionError(f"{taken} of {_FIGURES} figures accepted: {view['counts']}")

    await asyncio.gather(*(worker(wire) for wire in wires))
    seconds = time.perf_counter() - begun
    for wire in wires:
        wire.close()
    return len(bodies) * _FIGURES / seconds


def _rows(connection: Connection, group: Places) -> bytes:
    """Return what the hub stored for one push, as COPY text."""
    numbers = ",".join(str(number) for number, _, _ in group)
    with connection.cursor().copy(
        f"COPY (SELECT * FROM figures WHERE submission IN ({numbers}) ORDER BY submission, indicator) TO STDOUT"
    ) as copy:
        return b"".join(bytes(part) for part in copy)


def _bare(connection: Connection, texts: list[list[bytes]]) -> list[float]:
    """Merge the same rows into a table of the same shape, one transaction per push; return figures per second for the
    fresh and for the repeated ones."""
    connection.execute("DROP TABLE IF EXISTS bench_figures")
    connection.execute("CREATE TABLE bench_figures (LIKE figures INCLUDING ALL)")
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'figures'::regclass AND attnum > 0 ORDER BY attnum"
        )
    ]
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns[2:])
    merge = (
        "INSERT INTO bench_figures SELECT * FROM staged ON CONFLICT (submission, indicator) DO UPDATE SET " + changes
    )
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS staged (LIKE figures) ON COMMIT DELETE ROWS")
    rates = []
    for blocks in texts:
        connection.execute("CHECKPOINT")
        begun = time.perf_counter()
        for block in blocks:
            with connection.transaction():
                with connection.cursor().copy("COPY staged FROM STDIN") as copy:
                    copy.write(block)
                connection.execute(merge)
        rates.append(len(blocks) * _FIGURES / (time.perf_counter() - begun))
    connection.execute("DROP TABLE bench_figures")
    return rates
