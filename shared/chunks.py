"""Content that crosses in parts: cut into chunks of bounded size, kept until all parts are there, then handed on whole.

A set's parts share a set id, their number and the hash of the whole content; parts that differ in either are never put
together. Parts may come in any order and more than once. A set that stays incomplete is told by `overdue`, so that its
reader asks for all of it again; a part that comes late, after its set was complete, starts such a set anew, and asking
again heals that too, because whole contents carry versions and a repeated one is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, text

from shared.errors import Invalid

if TYPE_CHECKING:
    from shared.storage import Unit

MAX_ITEMS = 5_000
_Item = TypeVar("_Item")

# One set's parts may arrive in two workers at once: without the lock each would see the set incomplete.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_KEEP = text(
    'INSERT INTO chunks (set_id, "index", total, content_hash, body) VALUES (:key, :index, :total, :hash, :body) '
    'ON CONFLICT (set_id, "index") DO NOTHING'
)
_COUNT = text("SELECT count(*) FROM chunks WHERE set_id = :key")
_BODIES = text('SELECT body FROM chunks WHERE set_id = :key ORDER BY "index"')
_DROP_CONTENT = text("DELETE FROM chunks WHERE starts_with(set_id, :prefix) AND content_hash = :hash")
_DROP = text("DELETE FROM chunks WHERE starts_with(set_id, :prefix)")
_OVERDUE = text(
    "SELECT DISTINCT split_part(set_id, '#', 1) FROM chunks GROUP BY set_id "
    "HAVING max(received_at) < now() - make_interval(secs => :seconds) ORDER BY 1"
)


def split(items: Sequence[_Item], size: int = MAX_ITEMS) -> list[list[_Item]]:
    """Cut items into chunks of at most `size`, in order; nothing at all is still one, empty, chunk, because an empty
    content must reach its reader too."""
    return [list(items[start : start + size]) for start in range(0, max(len(items), 1), size)]


def add(unit: Unit, set_id: str, index: int, total: int, content_hash: str, body: bytes) -> list[bytes] | None:
    """Keep one part; return all bodies in order (and forget them) when with it the set is whole, else None.

    `index` counts from 0. A repeated part is ignored. The same content cut in another way counts as another set, and
    is forgotten when one of them is whole. `set_id` names the content: it holds no "#".
    Raises Invalid("chunks.malformed") for an index outside the set or a "#" in the id.
    """
    if not 0 <= index < total or "#" in set_id:
        raise Invalid("chunks.malformed", f"part {index} of {total} in set {set_id}", "Gói dữ liệu bị chia sai.")
    if total == 1:
        return [body]
    key = f"{set_id}#{content_hash}#{total}"
    run = unit.connection.execute
    run(_LOCK, {"key": key})
    run(_KEEP, {"key": key, "index": index, "total": total, "hash": content_hash, "body": body})
    if run(_COUNT, {"key": key}).scalar_one() < total:
        return None
    bodies = [bytes(row.body) for row in run(_BODIES, {"key": key})]
    run(_DROP_CONTENT, {"prefix": f"{set_id}#", "hash": content_hash})
    return bodies


def overdue(connection: Connection, older_than_seconds: float) -> list[str]:
    """Return the ids of sets that are incomplete and got no new part for this long."""
    return [str(row[0]) for row in connection.execute(_OVERDUE, {"seconds": older_than_seconds})]


def drop(unit: Unit, set_id: str) -> None:
    """Forget what was kept of this set: its content is known already, or no longer wanted."""
    unit.connection.execute(_DROP, {"prefix": f"{set_id}#"})
