"""Ten million entries on both sides: what it costs to prove them equal, and to find a thousand differences among them.

Our side is integration's own ledger and reconciler; the far side is a second store behind HTTP (`bench.far`) that
hashes every entry anew for its first digest.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import msgspec
import psycopg
from sqlalchemy import Engine, Row

from bench import far
from bench.ground import Ground, free_port, wait_for
from bench.reladiffing import differs
from bench.result import Measure, Result, middle
from bench.stores import Shape, Stores, fill_flat, stores
from services.integration import intake
from services.integration.clients.recording import Recorder
from services.integration.clients.rest import RestClient
from services.integration.clients.transport import DirectRoad
from services.integration.domain.ledger import digest_of
from services.integration.domain.mapping import CodeMapping
from services.integration.domain.partners import Partner, Permission
from services.integration.reconciling import Reconciler
from services.integration.settings import IntegrationSettings
from services.integration.storage import reconciliations as rows
from services.integration.storage import scrubs
from shared.contracts.events import Observation, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.digest import entry_hash
from shared.envelope import Received, new_message_id
from shared.storage import UnitOfWork, engine_for_url

FULL = Shape(periods=20, forms=10, units=500, indicators=100)
QUICK = Shape(periods=4, forms=2, units=250, indicators=100)
PARTNER = "far"
_LOADED = "TAI-NAM"
_TIMEOUT_SECONDS = 120.0

Named = tuple[str, str, str, str, str]  # form, unit, period, indicator, kind of difference


@dataclass
class Sides:
    """Both sides at work."""

    made: Stores
    unit: UnitOfWork
    endpoint: str
    token: str

    def reconciled(self) -> tuple[Row[tuple[object, ...]], float]:
        """Reconcile without repair; return the finished reconciliation and its seconds."""
        settings = IntegrationSettings(secrets=Path())
        reconciler = Reconciler(self.unit, settings, lambda _, __, recorder: self.client(recorder))
        begun = time.perf_counter()
        with self.unit() as unit:
            number = rows.begin(unit.connection, PARTNER, repair=False, by="bench", correlation_id="bench").id
        reconciler.work()
        seconds = time.perf_counter() - begun
        with self.unit() as unit:
            row = rows.load(unit.connection, number)
        if row is None or row.finished_at is None or row.error is not None:
            raise AssertionError(f"the reconciliation did not finish: {row}")
        return row, seconds

    def client(self, recorder: Recorder) -> RestClient:
        """Return a client of integration's own at the far side."""
        return RestClient(DirectRoad(self.endpoint, _TIMEOUT_SECONDS, recorder), self.token)


def run(ground: Ground) -> Result:
    """Prove equality, scrub a sample, plant differences and find them, load with digests kept up."""
    shape = QUICK if ground.quick else FULL
    partner = Partner(
        id=PARTNER,
        name="far",
        protocol="rest",
        endpoint="",
        credential="",
        forms=(*shape.form_names, _LOADED),
        mapping=CodeMapping(unit_scheme=""),
        permission=Permission(decision="(bench)", focal_agency="LC", valid_from=date(2024, 1, 1)),
    )
    prefix = f"{ground.settings.database_prefix}equality_"
    with stores(ground.postgres.url, prefix, shape, partner) as made, _sides(made) as sides:
        result = Result("equality")
        fill_flat(made)
        _prove(sides, result)
        _scrub(sides, result, groups=4 if ground.quick else 8)
        _differ(sides, result)
        _load(sides, result)
    return result


def _prove(sides: Sides, result: Result) -> None:
    found, times = [], []
    for _ in range(5):
        row, seconds = sides.reconciled()
        if not row.equal or row.entries != sides.made.shape.entries:
            raise AssertionError(f"not proven equal: {row}")
        found.append(int(row.bytes_compared))
        times.append(seconds)
    entries = f"{sides.made.shape.entries:,} equal entries"
    differ = differs(sides.made)
    if differ.found:
        raise AssertionError("reladiff finds differences between equal tables")
    result.measures += [
        Measure(f"{entries}: proof of equality", middle(times), "s", bar=1, least=False),
        Measure("the same beside reladiff on two PostgreSQL tables", middle(times), "s", baseline=differ.seconds),
        Measure("its bytes", max(found) / 1000, "KB", bar=100, least=False),
        Measure("time to the first digest, hashing every entry", sides.made.first_digest_seconds, "s"),
    ]
    result.notes.append(f"both stores filled in {sides.made.fill_seconds:.0f} s")


def _scrub(sides: Sides, result: Result, groups: int) -> None:
    """Recompute hashes and digests of some (period, form) groups, as the scrub does for all of them in turn."""
    with sides.unit() as unit:
        known = scrubs.groups(unit.connection, PARTNER)
    some = known[:: len(known) // groups]
    begun = time.perf_counter()
    for period, form in some:
        with sides.unit() as unit:
            if scrubs.correct(unit.connection, PARTNER, period, form):
                raise AssertionError("the scrub corrected what was right")
    entries = len(some) * sides.made.shape.units * sides.made.shape.indicators
    result.measures.append(
        Measure("scrub: entries of both sides hashed anew", entries / (time.perf_counter() - begun), "entries/s")
    )


def _differ(sides: Sides, result: Result) -> None:
    planted = _plant(sides.made)
    row, seconds = sides.reconciled()
    with sides.unit() as unit:
        told = rows.differences_of(unit.connection, row.id, 10 * len(planted))
    found = {(item.form, item.unit, item.period, item.indicator, item.kind) for item in told}
    listing = _listing_bytes(sides)
    differ = differs(sides.made)
    if len(differ.found) != len(planted):
        raise AssertionError(f"reladiff finds {len(differ.found)} of {len(planted)} differences")
    part = row.bytes_compared / listing * 100
    result.measures += [
        Measure(
            f"{len(planted):,} planted differences: found, in their class",
            len(found & planted) / len(planted),
            "of 1",
            bar=1,
        ),
        Measure("invented, or in another class", len(found - planted), "differences", bar=0, least=False),
        Measure("bytes, as part of a full listing", part, "%", bar=1, least=False),
        Measure("the same beside reladiff: part of the far table that is read", part, "%", baseline=differ.read * 100),
        Measure("time, beside reladiff", seconds, "s", baseline=differ.seconds),
    ]
    result.notes.append(
        f"the differences cost {row.bytes_compared / 1e6:.2f} MB in {row.calls} calls (queries and bodies both ways, "
        f"not compressed, without HTTP headers); a full listing, counted alike, is {listing / 1e6:.0f} MB"
    )
    result.notes.append(
        "reladiff compares one table per side by a whole number as key, its best case, and is told of no classes; its "
        "part is the rows of the far table that it fetched"
    )


def _plant(made: Stores) -> set[Named]:
    """Change, lose and add values at the far side, evenly over its buckets; its digests follow."""
    count = made.shape.buckets // 100
    step = made.shape.buckets // count
    planted: set[Named] = set()
    with psycopg.connect(made.far, autocommit=True) as connection:
        for turn in range(count):
            number = turn * step
            key = connection.execute("SELECT form, unit, period FROM buckets WHERE number = %s", (number,)).fetchone()
            form, unit, period = key or ("", "", "")
            place = 1 + turn % made.shape.indicators
            name = f"N{place:03}.SL"
            flat = number * 1000 + place
            if turn % 3 == 0:
                kind, statement = "value", "UPDATE entries SET value = '-1' WHERE bucket = %s AND indicator = %s"
                connection.execute("UPDATE flat SET value = '-1' WHERE id = %s", (flat,))
            elif turn % 3 == 1:
                kind, statement = "missing_there", "DELETE FROM entries WHERE bucket = %s AND indicator = %s"
                connection.execute("DELETE FROM flat WHERE id = %s", (flat,))
            else:
                name = "Z999"
                kind, statement = "mapping_gap", "INSERT INTO entries VALUES (%s, %s, '1', 'official')"
                added = (number * 1000 + 999, form, unit, period, name)
                connection.execute("INSERT INTO flat VALUES (%s, %s, %s, %s, %s, '1', 'official')", added)
            connection.execute(statement, (number, name))
            connection.execute(far.rehash(number, number))
            planted.add((form, unit, period, name, kind))
    return planted


def _listing_bytes(sides: Sides) -> float:
    """Return what listing every bucket would take, from a hundred of them."""
    client = sides.client(Recorder(PARTNER, 0))
    with psycopg.connect(sides.made.far) as connection:
        some = connection.execute("SELECT form, unit, period FROM buckets ORDER BY random() LIMIT 100").fetchall()
    for form, unit, period in some:
        client.values(form, unit, period)
    client.close()
    return client.cost.bytes / len(some) * sides.made.shape.buckets


def _load(sides: Sides, result: Result) -> None:
    """Take new contents in as the worker does, and weigh the time that hashing them takes within."""
    contents = [[Observation(f"N{n:03}", str(key * 100 + n)) for n in range(100)] for key in range(100)]
    messages = [_recorded(key, values) for key, values in enumerate(contents)]
    shares, rates = [], []
    for version in range(1, 4):
        newer = [_at(message, version) for message in messages]
        begun = time.perf_counter()
        with sides.unit() as unit:
            intake.take(unit, newer)
        whole = time.perf_counter() - begun
        shares.append(_hashing(newer) / whole * 100)
        rates.append(len(contents) * 100 / whole)
    result.measures += [
        Measure("upkeep of digests, as part of loading", middle(shares), "%", bar=30, least=False),
        Measure("loading into the ledger", middle(rates), "entries/s"),
    ]


def _hashing(messages: list[Received[ObservationsRecorded]]) -> float:
    """Return the seconds that the hashes and digests of these contents take: of the content, and of one partner."""
    keyed = [(item.data.form, item.data.unit, item.data.period, item.data.observations) for item in messages]
    begun = time.perf_counter()
    for form, unit, period, values in keyed:
        intake.content_digest(form, unit, period, [(item.indicator, item.value, item.status) for item in values])
        digest_of([entry_hash(form, unit, period, item.indicator, item.value, item.status) for item in values])
    return time.perf_counter() - begun


def _recorded(key: int, values: list[Observation]) -> Received[ObservationsRecorded]:
    event = ObservationsRecorded(
        batch=1,
        version=1,
        form=_LOADED,
        unit=f"L{key:04}",
        agency="a",
        period="2024",
        level="province",
        submission_id="bench",
        round=1,
        content_hash=release_hash(_LOADED, f"L{key:04}", "2024", 1, values),
        index=0,
        total=1,
        observations=values,
    )
    return Received(event, new_message_id(), "bench", datetime.now(UTC))


def _at(message: Received[ObservationsRecorded], version: int) -> Received[ObservationsRecorded]:
    """Return the message with all values changed."""
    values = [Observation(item.indicator, f"{item.value}.{version}") for item in message.data.observations]
    data = message.data
    found = release_hash(data.form, data.unit, data.period, version, values)
    newer = msgspec.structs.replace(data, version=version, batch=version, observations=values, content_hash=found)
    return Received(newer, new_message_id(), "bench", message.time)


@contextmanager
def _sides(made: Stores) -> Iterator[Sides]:
    port, token = free_port(), secrets.token_hex(8)
    engine: Engine = engine_for_url(made.near)
    with subprocess.Popen([sys.executable, "-m", "bench.far", made.far, str(port), token]) as process:
        try:
            sides = Sides(made, UnitOfWork.for_engine(engine, "integration"), f"http://127.0.0.1:{port}", token)
            wait_for(lambda: _answers(sides), "the far side")
            yield sides
        finally:
            process.terminate()
            engine.dispose()


def _answers(sides: Sides) -> bool:
    try:
        return httpx.get(f"{sides.endpoint}/", timeout=2).status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False
