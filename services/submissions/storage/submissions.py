"""Submissions and their rounds as rows."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Text, cast, insert, select, tuple_, update

from services.submissions.domain.rounds import Submission
from services.submissions.storage.tables import rounds, submissions
from shared.contracts.events import Paper
from shared.contracts.views.submissions import CommentView, FigureView

COLUMNS = [cast(column, Text).label("id") if column.name == "id" else column for column in submissions.c]

_LOOK_UP = """
SELECT number, id::text, form, unit, agency, period, state, round,
    deadline, extended_to, opens_at, closes_at, intake, intake_until FROM submissions
WHERE id = ANY(%b::uuid[]) ORDER BY id
"""
_LOCK = _LOOK_UP + "FOR UPDATE"
_LOOKED_UP = (
    "number", "id", "form", "unit", "agency", "period", "state", "round",
    "deadline", "extended_to", "opens_at", "closes_at", "intake", "intake_until",
)  # fmt: skip
_DRAFT = "UPDATE submissions SET state = 'draft' WHERE number = ANY(%b::bigint[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A submitted round: its frozen figures and what became of it."""

    submission: int
    round: int
    state: str
    content_hash: str
    figures: list[FigureView]
    submitted_by: str
    submitted_at: datetime
    authors: list[str]
    reasons: list[dict[str, Any]]
    paper: Paper | None = None
    paper_confirmed_by: str | None = None
    paper_confirmed_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    level: str | None = None
    comments: list[CommentView] = field(default_factory=list)


def lock_for_intake(connection: Connection, ids: Collection[str]) -> dict[str, Submission]:
    """Lock these submissions in one order and return them by id, with what intake needs to know of them."""
    return _for_intake(connection, _LOCK, ids)


def look_up(connection: Connection, ids: Collection[str]) -> dict[str, Submission]:
    """Return the same of these submissions without locking them."""
    return _for_intake(connection, _LOOK_UP, ids)


def _for_intake(connection: Connection, statement: str, ids: Collection[str]) -> dict[str, Submission]:
    if not ids:
        return {}
    rows = connection.exec_driver_sql(statement, (sorted(ids),))
    return {row[1]: Submission(**dict(zip(_LOOKED_UP, row, strict=True))) for row in rows}


def begin_drafts(connection: Connection, numbers: Collection[int]) -> None:
    """Make drafts of these obligations, which were only due."""
    if numbers:
        connection.exec_driver_sql(_DRAFT, (list(numbers),))


def find(connection: Connection, submission_id: str, *, lock: bool = False) -> Submission | None:
    """Return the submission, its row locked if asked, or None. An id that is no UUID names none."""
    try:
        key = str(uuid.UUID(submission_id))
    except ValueError:
        return None
    found = select(*COLUMNS).where(submissions.c.id == key)
    row = connection.execute(found.with_for_update() if lock else found).mappings().first()
    return None if row is None else _submission(row)


def save(connection: Connection, submission: Submission) -> None:
    """Write the submission's state back."""
    values = {k: v for k, v in asdict(submission).items() if k not in ("number", "id", "form", "unit", "period")}
    connection.execute(update(submissions).where(submissions.c.number == submission.number).values(values))


def page(
    connection: Connection, filters: Sequence[ColumnElement[bool]], after: tuple[str, str, str] | None, limit: int
) -> list[Submission]:
    """Return up to `limit` submissions in key order (form, unit, period), after the key given."""
    found = select(*COLUMNS).where(*filters).order_by(submissions.c.form, submissions.c.unit, submissions.c.period)
    if after is not None:
        found = found.where(tuple_(submissions.c.form, submissions.c.unit, submissions.c.period) > tuple_(*after))
    return [_submission(row) for row in connection.execute(found.limit(limit)).mappings()]


def filters(
    *,
    form: str | None,
    unit: str | None,
    agency: str | None,
    period: str | None,
    state: str | None,
    units: Collection[str] | None,
    forms: Collection[str] | None,
) -> list[ColumnElement[bool]]:
    """Return the conditions for `page`. `units` and `forms` are the caller's scope, None for all."""
    c = submissions.c
    asked = ((c.form, form), (c.unit, unit), (c.agency, agency), (c.period, period), (c.state, state))
    conditions = [column == value for column, value in asked if value is not None]
    if units is not None:
        conditions.append(c.unit.in_(units))
    if forms is not None:
        conditions.append(c.form.in_(forms))
    return conditions


def add_round(connection: Connection, added: Round) -> None:
    """Freeze a round."""
    connection.execute(
        insert(rounds).values(
            submission=added.submission,
            round=added.round,
            state=added.state,
            content_hash=added.content_hash,
            content=msgspec.json.encode(added.figures),
            figure_count=len(added.figures),
            submitted_by=added.submitted_by,
            submitted_at=added.submitted_at,
            authors=added.authors,
            reasons=added.reasons,
            comments=msgspec.to_builtins(added.comments),
            paper=msgspec.to_builtins(added.paper),
        )
    )


def find_round(connection: Connection, number: int, round_: int) -> Round | None:
    """Return a submitted round, None if that number was never submitted."""
    found = select(rounds).where(rounds.c.submission == number, rounds.c.round == round_)
    row = connection.execute(found).mappings().first()
    return None if row is None else _round(row)


def rounds_of(connection: Connection, number: int) -> list[Round]:
    """Return all submitted rounds, oldest first."""
    found = select(rounds).where(rounds.c.submission == number).order_by(rounds.c.round)
    return [_round(row) for row in connection.execute(found).mappings()]


def confirm_paper(connection: Connection, number: int, round_: int, by: str, at: datetime) -> None:
    """Note who confirmed that a round had come on paper."""
    connection.execute(
        update(rounds)
        .where(rounds.c.submission == number, rounds.c.round == round_)
        .values(paper_confirmed_by=by, paper_confirmed_at=at)
    )


def decide_round(
    connection: Connection,
    number: int,
    round_: int,
    *,
    state: str,
    decided_by: str,
    decided_at: datetime,
    reasons: list[dict[str, Any]] | None = None,
    level: str | None = None,
) -> None:
    """Write what was decided about a round; its content stays."""
    connection.execute(
        update(rounds)
        .where(rounds.c.submission == number, rounds.c.round == round_)
        .values(state=state, decided_by=decided_by, decided_at=decided_at, reasons=reasons or [], level=level)
    )


def _submission(row: RowMapping) -> Submission:
    return Submission(**row)


def _round(row: RowMapping) -> Round:
    values = {name: row[name] for name in row if name not in ("content", "figure_count")}
    values["paper"] = msgspec.convert(row["paper"], Paper | None)
    values["comments"] = msgspec.convert(row["comments"], list[CommentView])
    return Round(**values, figures=msgspec.json.decode(row["content"], type=list[FigureView]))
