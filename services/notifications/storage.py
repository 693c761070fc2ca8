"""The notifications service's tables: entries addressed to audiences, and each person's marks of what was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    and_,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from services.notifications.domain import Audience, Notice
from shared.contracts.actor import EVERYWHERE, Actor
from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()

entries = Table(
    "entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("audience_right", Text, nullable=False),
    Column("agency", Text),
    Column("unit", Text),
    Column("form", Text),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("link", Text, nullable=False),
    UniqueConstraint("topic", "audience_right", "agency", name="entries_once", postgresql_nulls_not_distinct=True),
)
"""What was told. The same topic is told the same audience once, however often its event comes."""

marks = Table(
    "marks",
    metadata,
    Column("person", Text, primary_key=True),
    Column("entry", BigInteger, ForeignKey("entries.id", name="marks_of_entry", ondelete="CASCADE"), primary_key=True),
    Column("read_at", DateTime(timezone=True), nullable=False),
)
"""Who has read what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A notice as it is kept."""

    id: int
    at: datetime
    notice: Notice
    read: bool


def tell(connection: Connection, notice: Notice, at: datetime) -> bool:
    """Keep a notice unless its audience was told already; return whether it is new."""
    audience = notice.audience
    written = connection.execute(
        insert(entries)
        .values(
            at=at,
            topic=notice.topic,
            audience_right=audience.right,
            agency=audience.agency,
            unit=audience.unit,
            form=audience.form,
            title=notice.title,
            text=notice.text,
            subject=notice.subject,
            link=notice.link,
        )
        .on_conflict_do_nothing(constraint="entries_once")
        .returning(entries.c.id)
    )
    return written.one_or_none() is not None


def page(
    connection: Connection, actor: Actor, *, unread_only: bool, before: int | None, limit: int
) -> tuple[list[Entry], int | None]:
    """Return up to `limit` entries for this actor, newest first, and the cursor of the next page."""
    read = _read_by(actor)
    query = select(entries, read.label("read")).where(_for(actor)).order_by(entries.c.id.desc()).limit(limit + 1)
    if unread_only:
        query = query.where(~read)
    if before is not None:
        query = query.where(entries.c.id < before)
    rows = connection.execute(query).mappings().all()
    cursor = rows[limit - 1]["id"] if len(rows) > limit else None
    return [_entry(row) for row in rows[:limit]], cursor


def unread(connection: Connection, actor: Actor) -> int:
    """Return how many entries the actor has not read."""
    return connection.execute(
        select(func.count()).select_from(entries).where(_for(actor), ~_read_by(actor))
    ).scalar_one()


def find(connection: Connection, actor: Actor, entry_id: int) -> Entry | None:
    """Return one entry if it is there and for this actor."""
    query = select(entries, _read_by(actor).label("read")).where(entries.c.id == entry_id, _for(actor))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _entry(row)


def mark(connection: Connection, actor: Actor, entry_id: int, at: datetime) -> None:
    """Note that the actor has read an entry; the first time stands."""
    connection.execute(insert(marks).values(person=actor.id, entry=entry_id, read_at=at).on_conflict_do_nothing())


def _for(actor: Actor) -> ColumnElement[bool]:
    # The same rule as Audience.includes, in SQL; a test holds them together.
    conditions: list[ColumnElement[bool]] = [entries.c.audience_right.in_(actor.rights)]
    if not (actor.agency is None and EVERYWHERE in actor.units):
        conditions.append(or_(entries.c.agency.is_(None), entries.c.agency == actor.agency))
    if EVERYWHERE not in actor.units:
        conditions.append(or_(entries.c.unit.is_(None), entries.c.unit.in_(actor.units)))
    if EVERYWHERE not in actor.forms:
        conditions.append(or_(entries.c.form.is_(None), entries.c.form.in_(actor.forms)))
    return and_(*conditions)


def _read_by(actor: Actor) -> ColumnElement[bool]:
    return exists().where(marks.c.entry == entries.c.id, marks.c.person == actor.id)


def _entry(row: RowMapping) -> Entry:
    notice = Notice(
        topic=row["topic"],
        audience=Audience(row["audience_right"], row["agency"], row["unit"], row["form"]),
        title=row["title"],
        text=row["text"],
        subject=row["subject"],
        link=row["link"],
    )
    return Entry(id=row["id"], at=row["at"], notice=notice, read=row["read"])
