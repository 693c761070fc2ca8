"""Two equal stores for the equality row: integration's own tables on our side, a table of entries on the far side.

Both are filled by the same generator, set-wise and on two connections. The big tables are unlogged: the row reads them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench import far
from bench.ground import Connection
from services.integration.domain.partners import Partner
from services.integration.storage import partners as partner_rows
from shared.digest import LANES
from shared.settings import database_url
from shared.storage import UnitOfWork, create_database, drop_database, engine_for_url, migrate_engine

_LANES = range(LANES)
_KEY = "ALTER TABLE ledger ADD PRIMARY KEY (partner, form, unit, period, indicator)"
_BUCKETS = """
INSERT INTO buckets SELECT row_number() OVER (ORDER BY p, f, u) - 1, 'F' || lpad(f::text, 2, '0') || '-NAM',
    lpad(u::text, 5, '0'), (2000 + p)::text
FROM generate_series(1, %s::int) p, generate_series(1, %s::int) f, generate_series(1, %s::int) u
"""
# Values in normal form: the last of one decimal is never zero. OFFSET 0 keeps the hash from being computed twice.
_VALUE = "((b.number * 7919 + i * 104729) %% 99991)::text || '.' || (1 + (b.number + i) %% 9)::text"
_NAME = "'N' || lpad(i::text, 3, '0') || '.SL'"
_LEDGER = f"""
INSERT INTO ledger SELECT %(partner)s, form, unit, period, name, name, value, 'official', 1, hash, value, 'official', 1,
    hash
FROM (SELECT b.form, b.unit, b.period, {_NAME} AS name, {_VALUE} AS value,
        sha256(head || hub_field({_NAME}) || hub_field({_VALUE}) || hub_field('official')) AS hash
    FROM (SELECT *, hub_field(form) || hub_field(unit) || hub_field(period) AS head FROM buckets
        WHERE number BETWEEN %(first)s AND %(last)s ORDER BY number OFFSET 0) b, generate_series(1, %(size)s::int) i
    OFFSET 0) AS made
"""
_ENTRIES = f"""
INSERT INTO entries SELECT b.number, {_NAME}, {_VALUE}, 'official'
FROM (SELECT * FROM buckets WHERE number BETWEEN %(first)s AND %(last)s ORDER BY number OFFSET 0) b,
    generate_series(1, %(size)s::int) i
"""
_HOLDINGS = f"""
INSERT INTO holdings (partner, form, unit, period, partner_unit, agency, expected_version, acknowledged_version,
    expected_count, acknowledged_count, {", ".join(f"expected_l{n}, acknowledged_l{n}" for n in _LANES)})
SELECT partner, form, unit, period, unit, 'a', 1, 1, n, n, {", ".join(f"l{n}, l{n}" for n in _LANES)}
FROM (SELECT partner, form, unit, period, count(*) AS n,
        {", ".join(f"sum(hub_lane(expected_hash, {n})) %% 4294967296 AS l{n}" for n in _LANES)}
    FROM ledger WHERE form = ANY(%(forms)s) GROUP BY partner, form, unit, period) AS summed
"""


# The same entries in one table under a whole number, as table differs like them best.
_FLAT = f"""
INSERT INTO flat SELECT b.number::bigint * 1000 + i, b.form, b.unit, b.period, {_NAME}, {_VALUE}, 'official'
FROM (SELECT * FROM buckets WHERE number BETWEEN %(first)s AND %(last)s ORDER BY number OFFSET 0) b,
    generate_series(1, %(size)s::int) i
"""
_FLAT_TABLE = (
    "CREATE UNLOGGED TABLE flat (id bigint, form text, unit text, period text, indicator text, value text, status text)"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of each make the stores."""

    periods: int
    forms: int
    units: int
    indicators: int

    @property
    def buckets(self) -> int:
        """Keys of (form, unit, period)."""
        return self.periods * self.forms * self.units

    @property
    def entries(self) -> int:
        """Values in all."""
        return self.buckets * self.indicators

    @property
    def form_names(self) -> list[str]:
        """The forms."""
        return [f"F{number:02}-NAM" for number in range(1, self.forms + 1)]


@dataclass(slots=True)
class Stores:
    """Both stores' URLs, and how long their digests took to make from nothing."""

    near: str
    far: str
    shape: Shape
    fill_seconds: float = 0.0
    first_digest_seconds: float = 0.0


@contextmanager
def stores(server_url: str, prefix: str, shape: Shape, partner: Partner) -> Iterator[Stores]:
    """Make and fill both; drop them afterwards."""
    names = [f"{prefix}near", f"{prefix}far"]
    try:
        for name in names:
            drop_database(server_url, name)
            create_database(server_url, name)
        made = Stores(database_url(server_url, names[0]), database_url(server_url, names[1]), shape)
        begun = time.monotonic()
        _fill_near(made, partner)
        _fill_far(made)
        made.fill_seconds = time.monotonic() - begun
        made.first_digest_seconds = _first_digest(made)
        yield made
    finally:
        for name in names:
            drop_database(server_url, name)


def _fill_near(made: Stores, partner: Partner) -> None:
    engine = engine_for_url(made.near)
    migrate_engine(engine, "integration")
    with UnitOfWork.for_engine(engine, "integration")() as unit:
        partner_rows.save(unit.connection, partner)
    engine.dispose()
    shape = made.shape
    with _connected(made.near) as connection:
        connection.execute(far.TABLES[0])
        connection.execute(_BUCKETS, (shape.periods, shape.forms, shape.units))
        for statement in ("ledger SET UNLOGGED", "ledger DROP CONSTRAINT ledger_pkey", "holdings SET UNLOGGED"):
            connection.execute(f"ALTER TABLE {statement}")
        _halves(made.near, shape, lambda lane, part: lane.execute(_LEDGER, {**part, "partner": partner.id}))
        _halves_of_forms(made)
        connection.execute(_KEY)
        connection.execute("VACUUM ANALYZE ledger, holdings")


def _fill_far(made: Stores) -> None:
    shape = made.shape
    with _connected(made.near) as near, _connected(made.far) as connection:
        for name in ("hub_field", "hub_entry_hash", "hub_lane"):
            text = near.execute("SELECT pg_get_functiondef(%s::regproc)", (name,)).fetchone()
            connection.execute(text[0] if text else "")
        for statement in far.TABLES:
            connection.execute(statement.replace("CREATE TABLE", "CREATE UNLOGGED TABLE"))
        connection.execute(_BUCKETS, (shape.periods, shape.forms, shape.units))
        _halves(made.far, shape, lambda lane, part: lane.execute(_ENTRIES, part))
        for statement in far.KEYS:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE buckets, entries")


def fill_flat(made: Stores) -> None:
    """Write the entries of both stores into a table `flat` each, for a table differ to compare."""
    for url in (made.near, made.far):
        with _connected(url) as connection:
            connection.execute(_FLAT_TABLE)
            _halves(url, made.shape, lambda lane, part: lane.execute(_FLAT, part))
            connection.execute("ALTER TABLE flat ADD PRIMARY KEY (id)")
            connection.execute("VACUUM ANALYZE flat")


def _first_digest(made: Stores) -> float:
    begun = time.monotonic()
    _halves(made.far, made.shape, lambda lane, part: lane.execute(far.rehash(part["first"], part["last"])))
    seconds = time.monotonic() - begun
    with _connected(made.far) as connection:
        connection.execute("VACUUM ANALYZE digests")
    return seconds


def _halves(url: str, shape: Shape, work: Callable[[Connection, dict[str, int]], object]) -> None:
    """Do the work on two connections, each for half of the buckets."""
    middle = shape.buckets // 2
    parts = [(0, middle - 1), (middle, shape.buckets - 1)]

    def half(part: tuple[int, int]) -> None:
        with _connected(url) as lane:
            work(lane, {"first": part[0], "last": part[1], "size": shape.indicators})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(half, parts))


def _halves_of_forms(made: Stores) -> None:
    names = made.shape.form_names

    def half(forms: list[str]) -> None:
        with _connected(made.near) as lane:
            lane.execute(_HOLDINGS, {"forms": forms})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(half, (names[::2], names[1::2])))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    options = "-c maintenance_work_mem=1GB -c work_mem=256MB -c max_parallel_maintenance_workers=1"
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        yield connection
