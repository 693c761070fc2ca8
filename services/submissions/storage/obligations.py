"""Obligations as a set: planned, selected for an act, counted. Single submissions are in `submissions`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Date, FromClause, Text, and_, case, cast, func, select, true

from services.submissions.domain.completeness import Count
from services.submissions.domain.obligations import Obligation
from services.submissions.domain.rounds import APPROVED, EDITABLE, SUBMITTED, WAIVED, Submission
from services.submissions.storage.submissions import COLUMNS
from services.submissions.storage.tables import acts, rounds, submissions

MAX_URGED = 5_000
"""Obligations that one command urges; the next one, the same day, takes those that are left."""

# Rows that stand as they are to be are not touched at all: a planner that changes nothing writes nothing. What is
# approved keeps the deadline under which it was reported.
_PLAN = """
INSERT INTO submissions (id, form, unit, agency, period, deadline, opens_at, closes_at)
SELECT n.* FROM unnest(
    %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[]
) AS n (id, form, unit, agency, period, deadline, opens_at, closes_at)
LEFT JOIN submissions s ON s.id = n.id
WHERE s.id IS NULL OR (s.state <> 'approved' AND (s.agency, s.deadline, s.opens_at, s.closes_at)
    IS DISTINCT FROM (n.agency, n.deadline, n.opens_at, n.closes_at))
ORDER BY n.id
ON CONFLICT (id) DO UPDATE SET agency = excluded.agency, deadline = excluded.deadline,
    opens_at = excluded.opens_at, closes_at = excluded.closes_at
"""
# Only what nobody has touched is taken back: figures and rounds outlive a change of the catalogue.
_CANCEL = "DELETE FROM submissions WHERE state = 'due' AND NOT id = ANY(%b::uuid[])"

_SAVE = """
UPDATE submissions s SET state = n.state, extended_to = n.extended_to, intake = n.intake,
    intake_until = n.intake_until, waived_from = n.waived_from, urged_on = n.urged_on
FROM unnest(
    %b::bigint[], %b::text[], %b::timestamptz[], %b::text[], %b::timestamptz[], %b::text[], %b::date[]
) AS n (number, state, extended_to, intake, intake_until, waived_from, urged_on)
WHERE s.number = n.number
"""


def plan(connection: Connection, owed: Sequence[Obligation]) -> tuple[int, int]:
    """Create what is owed and not there, move agencies and times, take back what is owed no more and untouched.
    Return how many rows were written and how many taken back. In key order, so that two planners cannot deadlock."""
    columns = [list(column) for column in zip(*owed, strict=True)] or [[] for _ in Obligation._fields]
    written = connection.exec_driver_sql(_PLAN, tuple(columns)).rowcount
    return written, connection.exec_driver_sql(_CANCEL, (columns[0],)).rowcount


def of_form(
    connection: Connection, form: str, period: str, unit: str | None, units: Collection[str] | None
) -> list[Submission]:
    """Lock and return the obligations of a form and period, of one unit or of all within `units` (None: everywhere)."""
    c = submissions.c
    found = select(*COLUMNS).where(c.form == form, c.period == period)
    if unit is not None:
        found = found.where(c.unit == unit)
    if units is not None:
        found = found.where(c.unit.in_(units))
    rows = connection.execute(found.order_by(c.id).with_for_update()).mappings()
    return [Submission(**row) for row in rows]


def to_urge(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], by: datetime, today: date
) -> list[Submission]:
    """Lock and return what is owed and due by then and was not urged today, the longest overdue first."""
    c = submissions.c
    found = (
        select(*COLUMNS)
        .where(*conditions, *owed(), due_by() <= by, c.urged_on.is_distinct_from(today))
        .order_by(due_by(), c.id)
        .limit(MAX_URGED)
        .with_for_update(skip_locked=True)
    )
    return [Submission(**row) for row in connection.execute(found).mappings()]


def due_by() -> ColumnElement[datetime]:
    """The deadline in force: as extended, else the regime's."""
    return func.coalesce(submissions.c.extended_to, submissions.c.deadline)


def owed() -> list[ColumnElement[bool]]:
    """The conditions under which something is still owed: not submitted, and never approved."""
    return [submissions.c.state.in_(sorted(EDITABLE)), submissions.c.approved_round.is_(None)]


def late(at: datetime) -> ColumnElement[bool]:
    """What is owed and was due before this moment, in SQL as `Submission.late` tells it of what is not submitted."""
    return and_(*owed(), due_by().is_not(None), due_by() < at)


def of_periods(periods: Collection[str]) -> ColumnElement[bool]:
    """What is owed for one of these periods."""
    return submissions.c.period.in_(periods)


def save_acted(connection: Connection, changed: Sequence[Submission]) -> None:
    """Write back what acts change, for all of these at once."""
    rows = [(s.number, s.state, s.extended_to, s.intake, s.intake_until, s.waived_from, s.urged_on) for s in changed]
    if rows:
        connection.exec_driver_sql(_SAVE, tuple(list(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did to an obligation, with the reason; `until` is the new deadline or the end of an opening."""

    submission: str
    act: str
    at: datetime
    by: str
    reason: str
    until: datetime | None = None
    announcement: str | None = None


def record(connection: Connection, done: Iterable[Act]) -> None:
    """Keep these acts."""
    rows = [{name: getattr(act, name) for name in Act.__dataclass_fields__} for act in done]
    if rows:
        connection.execute(acts.insert(), rows)


def acts_of(connection: Connection, submission_id: str) -> list[Act]:
    """Return what was done to an obligation, oldest first."""
    c = acts.c
    columns = [cast(c[name], Text).label(name) if name in ("submission", "announcement") else c[name]
               for name in Act.__dataclass_fields__]  # fmt: skip
    rows = connection.execute(select(*columns).where(c.submission == submission_id).order_by(c.number)).mappings()
    return [Act(**row) for row in rows]


def count(connection: Connection, key: str, conditions: Sequence[ColumnElement[bool]], at: datetime) -> list[Count]:
    """Count the obligations by this column (form, unit, period, agency), and by unit and period.

    What was approved once counts from its first approved round, however often it is corrected; else the round that
    waits counts. One statement.
    """
    c = submissions.c
    first = _counting_round()
    reported = (c.state.in_((SUBMITTED, APPROVED))) | c.approved_round.is_not(None)
    paper_day = case((first.c.paper_confirmed_at.is_not(None), cast(first.c.paper["received_on"].astext, Date)))
    due_day = cast(func.timezone("Asia/Ho_Chi_Minh", due_by()), Date)
    timely = due_by().is_(None) | func.coalesce(paper_day <= due_day, first.c.submitted_at <= due_by())
    expected = c.state != WAIVED
    tallies = {
        "expected": expected,
        "actual": expected & reported,
        "on_time": expected & reported & timely,
        "late": expected & reported & ~timely,
        "overdue": late(at),
        "approved": c.approved_round.is_not(None),
        "waived": ~expected,
    }
    found = (
        select(
            c[key].label("key"),
            c.unit,
            c.period,
            *(func.count().filter(condition).label(name) for name, condition in tallies.items()),
        )
        .select_from(submissions.outerjoin(first, true()))
        .where(*conditions)
        .group_by(c[key], c.unit, c.period)
        .order_by(c[key], c.unit, c.period)
    )
    return [Count(**row) for row in connection.execute(found).mappings()]


def _counting_round() -> FromClause:
    """The round that tells whether a submission was on time: the first approved one, else the one that waits."""
    r = rounds.c
    approved = r.state == APPROVED
    return (
        select(r.submitted_at, r.paper, r.paper_confirmed_at)
        .where(r.submission == submissions.c.number, r.state.in_((SUBMITTED, APPROVED)))
        .order_by(approved.desc(), case((approved, r.round), else_=-r.round))
        .limit(1)
        .lateral("counting")
    )


def by_state(connection: Connection, at: datetime) -> dict[str, int]:
    """Return how many obligations are in each state, and how many of them are late now."""
    c = submissions.c
    rows = connection.execute(select(c.state, func.count(), func.count().filter(late(at))).group_by(c.state)).all()
    found = {state: total for state, total, _ in rows}
    return {**found, "late": sum(behind for _, _, behind in rows)}
