"""What others' healing asks of approval. Its own needs nothing more: cases come from submissions, decisions from the
journal, signed anew by the same key over the same content, person and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from services.approval.storage import cases


def rounds(connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return every round that a case was opened for: submission id, round, content hash, state."""
    columns = (cases.c.submission_id, cases.c.round, cases.c.content_hash, cases.c.state)
    return connection.execute(select(*columns)).all()
