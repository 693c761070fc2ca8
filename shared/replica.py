"""The reader's side of state by event: a local copy of what another service owns, such as the catalogue.

The owner numbers its versions without gaps and publishes each as a delta. A reader applies version n+1 to n; an older
one is ignored; anything else is a gap, which a snapshot read page by page over RPC closes. A new reader starts with a
gap and heals the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection, Engine, text

from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views.catalogue import CataloguePage
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.storage import Unit

PAGE = 500
_RESTARTS = 5

_ENSURE = text(
    "INSERT INTO replica_state (source, version, refreshed_at) VALUES (:source, 0, now()) ON CONFLICT DO NOTHING"
)
_LOCK = text("SELECT version FROM replica_state WHERE source = :source FOR UPDATE")
_VERSION = text("SELECT version FROM replica_state WHERE source = :source")
_MOVE = text("UPDATE replica_state SET version = :version, refreshed_at = now() WHERE source = :source")
_PUT = text(
    "INSERT INTO replica_entries (source, kind, id, body) "
    "SELECT :source, e.kind, e.id, e.body FROM jsonb_to_recordset(cast(:entries AS jsonb)) "
    "AS e(kind text, id text, body jsonb) ON CONFLICT (source, kind, id) DO UPDATE SET body = excluded.body"
)
_REMOVE = text("DELETE FROM replica_entries WHERE source = :source AND kind = :kind AND id = :id")
_CLEAR = text("DELETE FROM replica_entries WHERE source = :source")
# One statement, so that version and entries are of one moment.
_LOAD = text(
    "SELECT s.version, e.kind, e.id, e.body FROM replica_state s "
    "LEFT JOIN replica_entries e ON e.source = s.source WHERE s.source = :source ORDER BY e.kind, e.id"
)


class Caller(Protocol):
    """What `refresh` needs of a Remote."""

    def call(self, method: str, result: type[CataloguePage], /, **arguments: Any) -> CataloguePage:
        """Call the owner's RPC method and return its answer as `result`."""
        ...


class Snapshot(NamedTuple):
    """The copy at one version: `entries[kind][id]` is the body. Shared within the process: read it, never change it."""

    version: int
    entries: dict[str, dict[str, dict[str, Any]]]


class Replica:
    """The copy that one service keeps of `source`'s entries of these `kinds`, in its own database."""

    def __init__(self, source: str, kinds: Iterable[str]) -> None:
        self.source = source
        self.kinds = frozenset(kinds)
        self._cache: WeakKeyDictionary[Engine, Snapshot] = WeakKeyDictionary()

    def apply(self, unit: Unit, event: CatalogueChanged) -> Literal["applied", "old", "gap"]:
        """Take one version's delta. On "gap" nothing was changed and the caller must `refresh`."""
        held = self._lock(unit)
        if event.version <= held:
            return "old"
        if event.version != held + 1 or event.entries is None:
            return "gap"
        self._write(unit, event.entries)
        unit.connection.execute(_MOVE, {"source": self.source, "version": event.version})
        return "applied"

    def refresh(self, unit: Unit, remote: Caller) -> int:
        """Replace the copy by the owner's snapshot and return its version; a copy that is newer stays.

        Raises Unavailable if the owner does not answer, or moves on faster than it can be read.
        """
        version, entries = _read(remote)
        held = self._lock(unit)
        if version < held:
            return held
        unit.connection.execute(_CLEAR, {"source": self.source})
        self._write(unit, entries)
        unit.connection.execute(_MOVE, {"source": self.source, "version": version})
        return version

    def version(self, connection: Connection) -> int:
        """Return the version held here; 0 if nothing was ever read."""
        return int(connection.execute(_VERSION, {"source": self.source}).scalar() or 0)

    def load(self, connection: Connection) -> Snapshot:
        """Read the whole copy; every kind is there, if need be empty. Kinds that a process of a newer version keeps in
        the same database are passed over."""
        version = 0
        entries: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in sorted(self.kinds)}
        for row in connection.execute(_LOAD, {"source": self.source}):
            version = row.version
            if row.kind in self.kinds:
                entries[row.kind][row.id] = row.body
        return Snapshot(version, entries)

    def cached(self, connection: Connection) -> Snapshot:
        """Return the copy as this process last read it if it is still the current version: one cheap query."""
        held = self._cache.get(connection.engine)
        if held is None or held.version != self.version(connection):
            held = self._cache[connection.engine] = self.load(connection)
        return held

    def _lock(self, unit: Unit) -> int:
        unit.connection.execute(_ENSURE, {"source": self.source})
        return int(unit.connection.execute(_LOCK, {"source": self.source}).scalar_one())

    def _write(self, unit: Unit, entries: Iterable[CatalogueEntry]) -> None:
        # The last entry of an id counts: one INSERT may not touch a row twice.
        wanted = {(entry.kind, entry.id): entry for entry in entries if entry.kind in self.kinds}
        present = [entry for entry in wanted.values() if entry.body is not None]
        gone = [
            {"source": self.source, "kind": entry.kind, "id": entry.id}
            for entry in wanted.values()
            if entry.body is None
        ]
        if present:
            body = msgspec.json.encode(present).decode()
            unit.connection.execute(_PUT, {"source": self.source, "entries": body})
        if gone:
            unit.connection.execute(_REMOVE, gone)


def _read(remote: Caller) -> tuple[int, list[CatalogueEntry]]:
    """Read all pages of one version, starting again when the owner moves on in between."""
    for _ in range(_RESTARTS):
        first = page = remote.call("read_catalogue", CataloguePage, after=None, limit=PAGE)
        entries = list(page.entries)
        while page.next is not None and page.version == first.version:
            page = remote.call("read_catalogue", CataloguePage, after=page.next, limit=PAGE)
            entries.extend(page.entries)
        if page.version == first.version:
            return first.version, entries
    raise Unavailable(
        "replica.moving",
        f"the catalogue moved during {_RESTARTS} readings",
        "Danh mục đang được cập nhật, hãy thử lại.",
    )
