"""Catalogue entries in and out of the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.indicators.domain.catalogue import Key
from services.indicators.storage.tables import catalogue_entries, catalogue_state
from shared.contracts.events import CatalogueEntry

# One statement, so that version and entries are of one moment.
_PAGE = text(
    "SELECT s.version, e.kind, e.id, e.body FROM catalogue_state s LEFT JOIN LATERAL ("
    "SELECT kind, id, body FROM catalogue_entries WHERE (kind, id) > (:kind, :id) ORDER BY kind, id LIMIT :limit"
    ") e ON true ORDER BY e.kind, e.id"
)


def version(connection: Connection) -> int:
    """Return the catalogue's version; 0 before the first load."""
    return int(connection.execute(select(catalogue_state.c.version)).scalar_one())


def lock(connection: Connection) -> int:
    """Make other loads wait until this transaction ends; return the version."""
    return int(connection.execute(select(catalogue_state.c.version).with_for_update()).scalar_one())


def bodies(connection: Connection) -> dict[Key, dict[str, Any]]:
    """Return all entries by (kind, id)."""
    table = catalogue_entries.c
    return {(row.kind, row.id): row.body for row in connection.execute(select(table.kind, table.id, table.body))}


def save(connection: Connection, changed: Mapping[Key, dict[str, Any]], number: int, at: datetime, by: str) -> None:
    """Write these entries as version `number`."""
    statement = insert(catalogue_entries)
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "id"], set_={"body": statement.excluded.body, "version": statement.excluded.version}
    )
    rows = [{"kind": kind, "id": key, "body": body, "version": number} for (kind, key), body in sorted(changed.items())]
    connection.execute(statement, rows)
    connection.execute(update(catalogue_state).values(version=number, loaded_at=at, loaded_by=by))


def page(connection: Connection, after: tuple[str, str], limit: int) -> tuple[int, list[CatalogueEntry]]:
    """Return the version and up to `limit` entries after this (kind, id), in order."""
    kind, key = after
    rows = connection.execute(_PAGE, {"kind": kind, "id": key, "limit": limit}).all()
    return int(rows[0].version), [CatalogueEntry(row.kind, row.id, row.body) for row in rows if row.kind is not None]


def of_kind(connection: Connection, kind: str, after: str, limit: int | None = None) -> list[dict[str, Any]]:
    """Return bodies of one kind with their `id`, in order of id."""
    table = catalogue_entries.c
    statement = select(table.id, table.body).where(table.kind == kind, table.id > after)
    rows = connection.execute(statement.order_by(table.id).limit(limit))
    return [{"id": row.id, **row.body} for row in rows]


def find(connection: Connection, kind: str, entry_id: str) -> dict[str, Any] | None:
    """Return one body with its `id`; None if there is no such entry."""
    table = catalogue_entries.c
    body = connection.execute(select(table.body).where(table.kind == kind, table.id == entry_id)).scalar()
    return None if body is None else {"id": entry_id, **body}
