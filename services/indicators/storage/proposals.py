"""Proposals and what others say about them, in and out of the database."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from services.indicators.domain.proposals import Proposal, Review
from services.indicators.storage.tables import metadata
from shared.contracts.actor import Actor

_TIME = DateTime(timezone=True)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("owner", Text),
    Column("authors", ARRAY(Text), nullable=False),
    Column("content", JSONB, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("state", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("decision", Text),
    Column("reason", Text),
    Column("decided_by", Text),
    Column("decided_at", _TIME),
    Column("catalogue_version", BigInteger),
    CheckConstraint("state IN ('draft', 'proposed', 'published', 'rejected', 'withdrawn')", name="proposals_state"),
    CheckConstraint("(state = 'published') = (catalogue_version IS NOT NULL)", name="proposals_published"),
    Index("proposals_in_state", "state", "number"),
)
"""One row per proposal; `number` counts them in the order in which they were begun and is the cursor of lists."""

reviews = Table(
    "proposal_reviews",
    metadata,
    Column("proposal", Text(collation="C"), ForeignKey("proposals.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("agency", Text),
    Column("agrees", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", _TIME, nullable=False),
)
"""What each reviewer thinks, once per round."""

_NAMES = tuple(Proposal.__dataclass_fields__)


def find(connection: Connection, proposal_id: str, *, lock: bool = False) -> Proposal | None:
    """Return a proposal or None; with `lock` others wait until this transaction ends."""
    query = select(proposals).where(proposals.c.id == proposal_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else _proposal(row)


def add(connection: Connection, proposal: Proposal) -> bool:
    """Write a new proposal; False if its id was taken meanwhile."""
    statement = insert(proposals).values(_values(proposal)).on_conflict_do_nothing().returning(proposals.c.id)
    return connection.execute(statement).one_or_none() is not None


def save(connection: Connection, proposal: Proposal) -> None:
    """Write a proposal that was locked."""
    values = {name: value for name, value in _values(proposal).items() if name not in ("id", "created_at")}
    connection.execute(proposals.update().where(proposals.c.id == proposal.id).values(values))


def page(
    connection: Connection, actor: Actor, state: str | None, before: int | None, limit: int
) -> tuple[list[Proposal], int | None]:
    """Return up to `limit` proposals that the actor may see, newest first, and the cursor of the next page."""
    query = select(proposals).where(_seen_by(actor)).order_by(proposals.c.number.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(proposals.c.state == state)
    if before is not None:
        query = query.where(proposals.c.number < before)
    rows = connection.execute(query).mappings().all()
    cursor = rows[limit - 1]["number"] if len(rows) > limit else None
    return [_proposal(row) for row in rows[:limit]], cursor


def put_review(connection: Connection, proposal_id: str, review: Review) -> None:
    """Keep what a reviewer thinks, in place of what the same person said in this round before."""
    statement = insert(reviews).values(proposal=proposal_id, **asdict(review))
    kept = {name: statement.excluded[name] for name in ("agency", "agrees", "text", "at")}
    connection.execute(statement.on_conflict_do_update(index_elements=["proposal", "round", "by"], set_=kept))


def reviews_of(connection: Connection, proposal_id: str) -> list[Review]:
    """Return all opinions, oldest round first."""
    query = select(reviews).where(reviews.c.proposal == proposal_id).order_by(reviews.c.round, reviews.c.at)
    return [
        Review(**{name: row[name] for name in Review.__dataclass_fields__})
        for row in connection.execute(query).mappings()
    ]


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    # The same rule as Proposal.seen_by, in SQL.
    c = proposals.c
    seen = [c.state.not_in(("draft", "withdrawn")), c.authors.contains([actor.id])]
    return or_(*seen) if actor.agency is None else or_(*seen, c.owner == actor.agency)


def _values(proposal: Proposal) -> dict[str, object]:
    return {name: getattr(proposal, name) for name in _NAMES} | {"authors": list(proposal.authors)}


def _proposal(row: RowMapping) -> Proposal:
    return Proposal(**{name: row[name] for name in _NAMES} | {"authors": tuple(row["authors"])})
