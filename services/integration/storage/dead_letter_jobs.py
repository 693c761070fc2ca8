"""Jobs that replay or discard many dead letters: begun with exactly what matches then, worked off in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.storage.dead_letters import WHERE, Filter

_BY_KEY = text("SELECT * FROM dead_letter_jobs WHERE requested_by = :by AND key = :key")
_RUNNING = text(
    "SELECT * FROM dead_letter_jobs WHERE action = :action AND wanted = cast(:wanted AS jsonb) AND finished_at IS NULL"
)
_BEGIN = text(
    """
    INSERT INTO dead_letter_jobs (action, wanted, reason, requested_by, key, correlation_id, rate, state)
    VALUES (:action, cast(:wanted AS jsonb), :reason, :by, :key, :correlation_id, :rate, 'running')
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_FREEZE = text(
    f"""
    WITH items AS (INSERT INTO dead_letter_job_items (job, letter)
        SELECT :job, id FROM dead_letters WHERE {WHERE} RETURNING letter)
    UPDATE dead_letter_jobs SET matched = (SELECT count(*) FROM items) WHERE id = :job
    """  # noqa: S608 -- a constant
)
_ONE = text("SELECT * FROM dead_letter_jobs WHERE id = :id")
_LOCK = text("SELECT * FROM dead_letter_jobs WHERE id = :id FOR UPDATE")
_PAGE = text(
    "SELECT * FROM dead_letter_jobs WHERE (cast(:before AS bigint) IS NULL OR id < :before) "
    "ORDER BY id DESC LIMIT :limit"
)
_OPEN = text("SELECT id FROM dead_letter_jobs WHERE finished_at IS NULL ORDER BY id")
_CLAIM = text("SELECT * FROM dead_letter_jobs WHERE id = :id AND finished_at IS NULL FOR UPDATE SKIP LOCKED")
_TAKE = text(
    "DELETE FROM dead_letter_job_items WHERE job = :job AND letter IN (SELECT letter FROM dead_letter_job_items "
    "WHERE job = :job ORDER BY letter LIMIT :limit) RETURNING letter"
)
_PUT_BACK = text("INSERT INTO dead_letter_job_items (job, letter) SELECT :job, unnest(cast(:letters AS bigint[]))")
_COUNT = text(
    "UPDATE dead_letter_jobs SET done = done + :done, skipped = skipped + :skipped, worked_at = :at WHERE id = :job"
)
_END = text(
    "UPDATE dead_letter_jobs SET state = :state, stopped_by = :by, finished_at = now() WHERE id = :job RETURNING *"
)
_SWEEP = text("DELETE FROM dead_letter_job_items WHERE job = :job")
_DIED_AGAIN = text(
    "SELECT h.job, count(*) AS n FROM dead_letter_history h JOIN dead_letters l ON l.id = h.letter "
    "WHERE h.job = ANY(:jobs) AND h.what = 'replayed' AND l.state = 'dead' AND l.died_at > h.at GROUP BY h.job"
)


def begin(
    connection: Connection,
    action: str,
    wanted: Filter,
    *,
    reason: str | None,
    by: str,
    key: str | None,
    correlation_id: str,
    rate: int,
) -> tuple[Row[Any], bool]:
    """Begin a job over what matches now; return it and whether it is new.

    One that was begun under the same `key` of the same person, or does the same to the same filter now, is returned
    instead.
    """
    told = {"action": action, "wanted": _told(wanted), "by": by, "key": key}
    if key is not None and (known := connection.execute(_BY_KEY, told).one_or_none()) is not None:
        return known, False
    made = connection.execute(
        _BEGIN, told | {"reason": reason, "correlation_id": correlation_id, "rate": rate}
    ).scalar_one_or_none()
    if made is None:  # another begun at the same moment was waited for
        known = connection.execute(_BY_KEY, told).one_or_none() if key is not None else None
        return known or connection.execute(_RUNNING, told).one(), False
    connection.execute(_FREEZE, wanted.values | {"job": made})
    return connection.execute(_ONE, {"id": made}).one(), True


def load(connection: Connection, job: int) -> Row[Any] | None:
    """Return this job; None if there is none."""
    return connection.execute(_ONE, {"id": job}).one_or_none()


def page(connection: Connection, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Return jobs, newest first."""
    return connection.execute(_PAGE, {"before": before, "limit": limit}).all()


def died_again(connection: Connection, jobs: Sequence[int]) -> dict[int, int]:
    """Return per job how many of the letters it replayed are dead again."""
    return {row.job: row.n for row in connection.execute(_DIED_AGAIN, {"jobs": list(jobs)})}


def unfinished(connection: Connection) -> list[int]:
    """Return the jobs that are not finished, the oldest first."""
    return list(connection.execute(_OPEN).scalars())


def claim(connection: Connection, job: int) -> Row[Any] | None:
    """Return this job, locked; None if it is finished or another worker has it in hand."""
    return connection.execute(_CLAIM, {"id": job}).one_or_none()


def take(connection: Connection, job: int, limit: int) -> list[int]:
    """Take the next letters off a job's list and return them."""
    return sorted(connection.execute(_TAKE, {"job": job, "limit": limit}).scalars())


def put_back(connection: Connection, job: int, letters: Sequence[int]) -> None:
    """Put letters that could not be done yet back on a job's list."""
    connection.execute(_PUT_BACK, {"job": job, "letters": list(letters)})


def count(connection: Connection, job: int, *, done: int, skipped: int, at: Any) -> None:
    """Note how far a job came."""
    connection.execute(_COUNT, {"job": job, "done": done, "skipped": skipped, "at": at})


def end(connection: Connection, job: int, state: str, by: str | None = None) -> Row[Any]:
    """End a job, `finished` or `stopped`; return it as it stands then."""
    connection.execute(_SWEEP, {"job": job})
    return connection.execute(_END, {"job": job, "state": state, "by": by}).one()


def lock(connection: Connection, job: int) -> Row[Any] | None:
    """Return this job, locked, waiting for the batch in hand; None if there is none."""
    return connection.execute(_LOCK, {"id": job}).one_or_none()


def _told(wanted: Filter) -> str:
    values = {name: value for name, value in wanted.values.items() if value is not None}
    return msgspec.json.encode(values, order="sorted").decode()
