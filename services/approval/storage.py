"""The approval service's tables, and the translation between rows and cases. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from services.approval.domain import Case
from services.approval.signatures import SignedDecision
from shared.contracts.events import Paper, Reason
from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()

cases = Table(
    "cases",
    metadata,
    Column("submission_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    Column("content_hash", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("authors", ARRAY(Text), nullable=False),
    Column("submitted_at", DateTime(timezone=True), nullable=False),
    Column("figure_count", Integer, nullable=False),
    Column("reaches", Text, nullable=False, server_default=""),
    Column("approvers", ARRAY(Text), nullable=False, server_default="{}"),
    Column("receivers", ARRAY(Text), nullable=False, server_default="{}"),
    Column("paper", JSONB(none_as_null=True)),
    Column("state", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("reasons", JSONB, nullable=False),
    CheckConstraint("state IN ('open', 'approved', 'returned', 'withdrawn')", name="cases_state"),
    CheckConstraint("(state = 'open') = (decided_by IS NULL AND decided_at IS NULL)", name="cases_decided"),
    CheckConstraint("(state = 'returned') = (jsonb_array_length(reasons) > 0)", name="cases_reason"),
    Index("cases_of_agency", "agency", "number"),
    Index("cases_in_state", "state", "number"),
)
"""One row per submitted round. `number` counts cases in the order of their arrival and is the cursor of lists."""

decisions = Table(
    "decisions",
    metadata,
    Column("submission_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("record_hash", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    ForeignKeyConstraint(["submission_id", "round"], ["cases.submission_id", "cases.round"], name="decisions_of_case"),
)
"""The signature over each decision; written with it and never changed."""


_LISTS = ("authors", "approvers", "receivers")


def open_case(connection: Connection, case: Case) -> tuple[Case, bool]:
    """Write this open case unless its round has one already; return the one that stands and whether it is new."""
    values = {name: getattr(case, name) for name in Case.__dataclass_fields__}
    values |= {name: list(getattr(case, name)) for name in _LISTS}
    values |= {"reasons": msgspec.to_builtins(list(case.reasons)), "paper": msgspec.to_builtins(case.paper)}
    written = connection.execute(insert(cases).values(values).on_conflict_do_nothing().returning(cases.c.number))
    new = written.one_or_none() is not None
    standing = load(connection, case.submission_id, case.round)
    assert standing is not None  # noqa: S101 - written or found in this very transaction; cases are never deleted
    return standing, new


def load(connection: Connection, submission_id: str, round: int, *, for_update: bool = False) -> Case | None:
    """Return a case or None. With `for_update` decisions over it stand in line until this transaction ends."""
    if "\x00" in submission_id:  # PostgreSQL keeps no such text
        return None
    query = select(cases).where(cases.c.submission_id == submission_id, cases.c.round == round)
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _case(row)


def save_decision(connection: Connection, case: Case, signed: SignedDecision) -> None:
    """Write the decision of a case that was loaded for update, and its signature."""
    connection.execute(
        cases.update()
        .where(cases.c.submission_id == case.submission_id, cases.c.round == case.round)
        .values(
            state=case.state,
            decided_by=case.decided_by,
            decided_at=case.decided_at,
            reasons=msgspec.to_builtins(list(case.reasons)),
        )
    )
    connection.execute(
        decisions.insert().values(
            submission_id=case.submission_id,
            round=case.round,
            record_hash=signed.record_hash,
            key_id=signed.key_id,
            signature=signed.signature,
        )
    )


def page(
    connection: Connection,
    *,
    state: str | None,
    agency: str | None,
    involved: str | None,
    units: Collection[str] | None,
    forms: Collection[str] | None,
    before: int | None,
    limit: int,
) -> tuple[list[Case], int | None]:
    """Return up to `limit` cases, newest first, and the cursor of the next page. `involved` owes or decides them.
    None filters nothing."""
    query = select(cases).order_by(cases.c.number.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(cases.c.state == state)
    if agency is not None:
        query = query.where(cases.c.agency == agency)
    if involved is not None:
        query = query.where(or_(cases.c.agency == involved, cases.c.approvers.contains([involved])))
    if units is not None:
        query = query.where(cases.c.unit.in_(units))
    if forms is not None:
        query = query.where(cases.c.form.in_(forms))
    if before is not None:
        query = query.where(cases.c.number < before)
    rows = connection.execute(query).mappings().all()
    cursor = rows[limit - 1]["number"] if len(rows) > limit else None
    return [_case(row) for row in rows[:limit]], cursor


def signed_decisions(connection: Connection) -> Iterator[tuple[Case, SignedDecision | None]]:
    """Yield every decided case with its signature (None: it lacks one), in order of arrival."""
    query = (
        select(cases, decisions.c.record_hash, decisions.c.key_id, decisions.c.signature)
        .outerjoin(
            decisions, (decisions.c.submission_id == cases.c.submission_id) & (decisions.c.round == cases.c.round)
        )
        .where(cases.c.state != "open")
        .order_by(cases.c.number)
    )
    for row in connection.execute(query).mappings():
        signed = None
        if row["signature"] is not None:
            signed = SignedDecision(row["record_hash"], row["key_id"], row["signature"])
        yield _case(row), signed


def _case(row: RowMapping) -> Case:
    values: dict[str, Any] = {name: row[name] for name in Case.__dataclass_fields__}
    values |= {name: tuple(row[name]) for name in _LISTS}
    values["reasons"] = tuple(msgspec.convert(row["reasons"], list[Reason]))
    values["paper"] = msgspec.convert(row["paper"], Paper | None)
    return Case(**values)
