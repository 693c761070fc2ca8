"""Pulls as rows: runs begun and claimed, pages stored, what is new picked out, runs ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Row, insert, text

from services.integration.domain import pulled
from services.integration.domain.pulls import Ask
from services.integration.storage.tables import pull_faults, pull_receipts, pull_rows

KEPT_FAULTS = 1_000
_STREAMED = 2_000

_BEGIN = text(
    """
    INSERT INTO pull_runs (token, partner, state, requested_by, correlation_id, since, again, ask)
    VALUES (:token, :partner, 'running', :by, :correlation_id, :since, :again, cast(:ask AS jsonb))
    ON CONFLICT (partner) WHERE finished_at IS NULL DO NOTHING RETURNING *
    """
)
_BEGAN = text(
    "INSERT INTO pull_sources (partner, began_at) VALUES (:partner, now()) "
    "ON CONFLICT (partner) DO UPDATE SET began_at = excluded.began_at, more = false"
)
_OPEN = text("SELECT * FROM pull_runs WHERE partner = :partner AND finished_at IS NULL")
_CLAIM = text(
    """
    UPDATE pull_runs SET claimed_by = :process, claimed_until = now() + make_interval(secs => :seconds)
    WHERE id = (SELECT id FROM pull_runs WHERE partner = :partner AND finished_at IS NULL
        AND (claimed_by IS NULL OR claimed_by = :process OR claimed_until < now())
        AND (next_try_at IS NULL OR next_try_at <= now()) FOR UPDATE SKIP LOCKED)
    RETURNING *
    """
)
_LOCK = text("SELECT * FROM pull_runs WHERE id = :id AND finished_at IS NULL FOR UPDATE")
_SOURCE = text("SELECT * FROM pull_sources WHERE partner = :partner")
_SOURCES = text("SELECT * FROM pull_sources ORDER BY partner")
_ASKED = text("SELECT 1 FROM pull_pages WHERE run = :run AND ask = :ask LIMIT 1")
_LAST_PAGES = text("SELECT content, rows FROM pull_pages WHERE run = :run ORDER BY number DESC LIMIT :limit")
_PAGE = text("INSERT INTO pull_pages (run, number, ask, content, rows) VALUES (:run, :number, :ask, :content, :rows)")
_TURN = text(
    """
    UPDATE pull_runs SET pages = pages + 1, ask = cast(:ask AS jsonb), cut = :cut, total = coalesce(:total, total),
        highest = greatest(highest, :highest),
        in_order = in_order AND :in_order AND coalesce(highest <= :first, true),
        read = read + :read, unmapped = unmapped + :unmapped, refused = refused + :refused,
        tries = 0, next_try_at = NULL
    WHERE id = :run
    """
)
_PUT_OFF = text(
    "UPDATE pull_runs SET tries = tries + 1, next_try_at = now() + make_interval(secs => :seconds), error = :error, "
    "error_code = :code, claimed_by = NULL WHERE id = :run"
)
_REST = text(
    "UPDATE pull_runs SET next_try_at = now() + make_interval(secs => :seconds), claimed_by = NULL WHERE id = :run"
)
_NEWEST = """
    SELECT DISTINCT ON (form, unit, period, indicator) form, unit, period, indicator, value, status, deleted, mark, hash
    FROM pull_rows WHERE run = :run ORDER BY form, unit, period, indicator, mark DESC, id DESC
"""
_CHANGED = text(
    f"""
    SELECT n.form, n.unit, n.period, n.indicator, n.value, n.status, n.deleted, c.value AS before
    FROM ({_NEWEST}) n LEFT JOIN pull_cells c ON c.partner = :partner AND c.form = n.form AND c.unit = n.unit
        AND c.period = n.period AND c.indicator = n.indicator
    WHERE (c.mark IS NULL OR n.mark >= c.mark) AND (:again OR c.hash IS DISTINCT FROM n.hash)
    ORDER BY n.form, n.unit, n.period, n.indicator
    """  # noqa: S608 -- a constant
)
_SEEN = text(
    f"""
    INSERT INTO pull_cells AS held (partner, form, unit, period, indicator, value, status, deleted, mark, hash, run)
    SELECT :partner, form, unit, period, indicator, value, status, deleted, mark, hash, :run FROM ({_NEWEST}) n
    ON CONFLICT (partner, form, unit, period, indicator) DO UPDATE SET value = excluded.value,
        status = excluded.status, deleted = excluded.deleted, mark = excluded.mark, hash = excluded.hash,
        run = excluded.run
    WHERE excluded.mark > held.mark OR (excluded.mark = held.mark AND excluded.hash <> held.hash)
    """  # noqa: S608 -- a constant
)
_END = text(
    """
    UPDATE pull_runs SET state = :state, finished_at = now(), fresh = :fresh, deleted = :deleted, pushes = :pushes,
        unchanged = CASE :state WHEN 'failed' THEN 0 ELSE read - unmapped - refused - :fresh - :deleted END,
        error_code = :code, error = :error,
        claimed_by = NULL, next_try_at = NULL
    WHERE id = :run RETURNING *
    """
)
_GOOD = text(
    "UPDATE pull_sources SET watermark = greatest(watermark, :watermark), last_good_at = now(), failures = 0, "
    "more = :more WHERE partner = :partner"
)
_BAD = text("UPDATE pull_sources SET failures = failures + 1 WHERE partner = :partner")
_DISTINCT = text("SELECT count(DISTINCT raw) FROM pull_rows WHERE run = :run")
_SWEEP = (text("DELETE FROM pull_rows WHERE run = :run"), text("DELETE FROM pull_pages WHERE run = :run"))
_ONE = text("SELECT * FROM pull_runs WHERE id = :id")
_LIST = text(
    "SELECT * FROM pull_runs WHERE partner = :partner AND (cast(:before AS bigint) IS NULL OR id < :before) "
    "ORDER BY id DESC LIMIT :limit"
)
_FAULTS = text("SELECT * FROM pull_faults WHERE run = :run ORDER BY number")
_RECEIPTS = text("SELECT * FROM pull_receipts WHERE run = :run ORDER BY form, unit, period, receipt_id LIMIT :limit")
_RECEIPT = text("SELECT 1 FROM pull_receipts WHERE run = :run AND receipt_id = :receipt_id")
_FORGET = text(
    """
    WITH old AS (DELETE FROM pull_runs r WHERE r.id IN (SELECT id FROM pull_runs
            WHERE finished_at < now() - make_interval(days => :days) ORDER BY id LIMIT :limit) RETURNING r.id),
        faults AS (DELETE FROM pull_faults USING old WHERE pull_faults.run = old.id),
        receipts AS (DELETE FROM pull_receipts USING old WHERE pull_receipts.run = old.id)
    SELECT count(*) FROM old
    """
)


class Changed(NamedTuple):
    """A cell in which the source holds something else than was last seen (`before`)."""

    form: str
    unit: str
    period: str
    indicator: str
    value: str | None
    status: str
    deleted: bool
    before: str | None


class Receipt(NamedTuple):
    """One push of a run."""

    receipt_id: str
    form: str
    unit: str
    period: str
    figures: int


def begin(
    connection: Connection, partner: str, *, by: str, correlation_id: str, since: int | None, again: bool, ask: Ask
) -> tuple[Row[Any], bool]:
    """Begin a run and return it; the one that is under way if there is one. The second tells whether it is new."""
    given: dict[str, Any] = {"token": uuid4().hex, "partner": partner, "by": by, "correlation_id": correlation_id}
    given |= {"since": since, "again": again, "ask": msgspec.json.encode(ask).decode()}
    made = connection.execute(_BEGIN, given).one_or_none()
    if made is None:
        return connection.execute(_OPEN, {"partner": partner}).one(), False
    connection.execute(_BEGAN, {"partner": partner})
    return made, True


def is_open(connection: Connection, partner: str) -> bool:
    """Tell whether a run of this source is under way."""
    return connection.execute(_OPEN, {"partner": partner}).first() is not None


def claim(connection: Connection, partner: str, process: str, seconds: float) -> Row[Any] | None:
    """Take the run that is under way into this process's hands; None if there is none, it is in another's, or rests."""
    return connection.execute(_CLAIM, {"partner": partner, "process": process, "seconds": seconds}).one_or_none()


def lock(connection: Connection, run: int) -> Row[Any] | None:
    """Return the run, locked; None if it has ended."""
    return connection.execute(_LOCK, {"id": run}).one_or_none()


def source(connection: Connection, partner: str) -> Row[Any] | None:
    """Return how far this source was pulled; None if it never was."""
    return connection.execute(_SOURCE, {"partner": partner}).one_or_none()


def sources(connection: Connection) -> Sequence[Row[Any]]:
    """Return how far every source was pulled."""
    return connection.execute(_SOURCES).all()


def was_asked(connection: Connection, run: int, ask: Ask) -> bool:
    """Tell whether this run made the same request before."""
    return connection.execute(_ASKED, {"run": run, "ask": _hash(ask)}).first() is not None


def last_pages(connection: Connection, run: int, limit: int) -> list[tuple[bytes, int]]:
    """Return hash and number of rows of the run's last pages, the newest first."""
    rows = connection.execute(_LAST_PAGES, {"run": run, "limit": limit})
    return [(bytes(row.content), row.rows) for row in rows]


def store_page(
    connection: Connection,
    run: Row[Any],
    ask: Ask,
    content: bytes,
    page: pulled.Page,
    following: Ask | None,
    *,
    cut: bool,
) -> None:
    """Store a page of a run, which must be locked, by the hash of its `content`, with the request for the next one;
    `cut`: there is one, which is left to the next run."""
    number = run.pages + 1
    given = {"run": run.id, "number": number, "ask": _hash(ask), "content": content, "rows": page.read}
    connection.execute(_PAGE, given)
    if page.rows:
        kept = [
            {"run": run.id, "hash": row.hash, **{name: value for name, value in row._asdict().items() if name in _KEPT}}
            for row in page.rows
        ]
        connection.execute(insert(pull_rows), kept)
    known = run.unmapped + run.refused
    add_faults(connection, run.id, known, number, page.faults)
    unmapped = sum(fault.kind == pulled.UNMAPPED for fault in page.faults)
    turned = {
        "run": run.id,
        "ask": None if following is None else msgspec.json.encode(following).decode(),
        "cut": cut,
        "total": page.total,
        "highest": page.highest,
        "first": page.first,
        "in_order": page.in_order,
        "read": page.read,
        "unmapped": unmapped,
        "refused": len(page.faults) - unmapped,
    }
    connection.execute(_TURN, turned)


def add_faults(connection: Connection, run: int, known: int, page: int | None, faults: Sequence[pulled.Fault]) -> None:
    """Keep these faults beside the `known` ones of the run, as far as there is room."""
    kept = [
        {"run": run, "number": number, "page": page, **fault._asdict()}
        for number, fault in enumerate(faults[: max(0, KEPT_FAULTS - known)], known + 1)
    ]
    if kept:
        connection.execute(insert(pull_faults), kept)


def put_off(connection: Connection, run: int, seconds: float, code: str, error: str) -> None:
    """Let the run rest after a try that failed."""
    connection.execute(_PUT_OFF, {"run": run, "seconds": seconds, "code": code, "error": error[:1000]})


def rest(connection: Connection, run: int, seconds: float) -> None:
    """Let the run rest without counting a try: its partner is not to be called."""
    connection.execute(_REST, {"run": run, "seconds": seconds})


def different_rows(connection: Connection, run: Row[Any]) -> int:
    """Return how many rows a run read, those that came more than once counted once."""
    return int(connection.execute(_DISTINCT, {"run": run.id}).scalar_one()) + int(run.unmapped + run.refused)


def changed(connection: Connection, run: Row[Any]) -> Iterator[Changed]:
    """Yield the cells in which the source holds something new, in order of their keys, not all in memory at once."""
    given = {"run": run.id, "partner": run.partner, "again": run.again}
    with connection.execute(_CHANGED, given, execution_options={"yield_per": _STREAMED}) as found:
        for row in found:
            yield Changed(*row)


def add_receipts(connection: Connection, run: int, receipts: Sequence[Receipt]) -> None:
    """Note which pushes a run became."""
    if receipts:
        connection.execute(insert(pull_receipts), [{"run": run, **receipt._asdict()} for receipt in receipts])


def succeed(
    connection: Connection,
    run: Row[Any],
    *,
    fresh: int,
    deleted: int,
    pushes: int,
    watermark: int | None,
    more: bool,
) -> Row[Any]:
    """End a run well: what it saw is remembered, the watermark moves. Return the run as it stands then."""
    connection.execute(_SEEN, {"run": run.id, "partner": run.partner})
    connection.execute(_GOOD, {"partner": run.partner, "watermark": watermark, "more": more})
    counts = {"fresh": fresh, "deleted": deleted, "pushes": pushes, "code": None, "error": None}
    return _end(connection, run.id, state="succeeded", **counts)


def fail(connection: Connection, run: Row[Any], code: str, error: str) -> Row[Any]:
    """End a run badly: nothing of it counts. Return the run as it stands then."""
    connection.execute(_BAD, {"partner": run.partner})
    counts = {"fresh": 0, "deleted": 0, "pushes": 0}
    return _end(connection, run.id, state="failed", code=code, error=error[:1000], **counts)


def load(connection: Connection, run: int) -> Row[Any] | None:
    """Return this run; None if there is none."""
    return connection.execute(_ONE, {"id": run}).one_or_none()


def page(connection: Connection, partner: str, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Return runs of this source, newest first."""
    return connection.execute(_LIST, {"partner": partner, "before": before, "limit": limit}).all()


def faults_of(connection: Connection, run: int) -> Sequence[Row[Any]]:
    """Return the rows that a run did not send on, as far as they are kept."""
    return connection.execute(_FAULTS, {"run": run}).all()


def receipts_of(connection: Connection, run: int, limit: int) -> Sequence[Row[Any]]:
    """Return the pushes that a run became."""
    return connection.execute(_RECEIPTS, {"run": run, "limit": limit}).all()


def has_receipt(connection: Connection, run: int, receipt_id: str) -> bool:
    """Tell whether this push came of this run."""
    return connection.execute(_RECEIPT, {"run": run, "receipt_id": receipt_id}).first() is not None


def forget(connection: Connection, days: int) -> int:
    """Delete runs that ended longer ago, at most some hundred; what sources were last seen to hold stays."""
    return int(connection.execute(_FORGET, {"days": days, "limit": 500}).scalar_one())


_KEPT = frozenset(("form", "unit", "period", "indicator", "value", "status", "mark", "deleted", "raw"))


def _hash(ask: Ask) -> bytes:
    return sha256(msgspec.json.encode(ask, order="deterministic")).digest()


def _end(connection: Connection, run: int, **given: Any) -> Row[Any]:
    for statement in _SWEEP:
        connection.execute(statement, {"run": run})
    return connection.execute(_END, {"run": run, **given}).one()
