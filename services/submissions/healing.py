"""What healing submissions adds: whether every round that approval knows stands here, with the same content."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from services.submissions.storage.tables import reference_releases, rounds, submissions
from shared.healing import Neighbours
from shared.storage import Unit


def last_batch(connection: Connection) -> int:
    """Return the newest batch of the warehouse that was heard of here."""
    return int(connection.execute(select(func.max(reference_releases.c.batch))).scalar() or 0)


def settle(unit: Unit, neighbours: Neighbours, _restored_to: Any) -> list[str]:
    """Return the rounds that approval knows and that are not here, or not with that content."""
    numbered = rounds.join(submissions, submissions.c.number == rounds.c.submission)
    statement = select(submissions.c.id, rounds.c.round, rounds.c.content_hash).select_from(numbered)
    held = {(row.id, row.round): row.content_hash for row in unit.connection.execute(statement)}
    return [
        f"{row.submission_id}/{row.round}: approval knows content {row.content_hash}, here is "
        f"{held.get((row.submission_id, row.round), 'none')}"
        for row in neighbours.ask("approval", "rounds")
        if held.get((row.submission_id, row.round)) != row.content_hash
    ]
