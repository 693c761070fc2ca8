"""Roll-ups and their contributions as rows, and the submissions below that they are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection, Text, cast, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.submissions.domain.aggregation import Contribution, Lower, Rolled
from services.submissions.domain.merge import Pushed
from services.submissions.storage.tables import contributions, rollups, rounds, submissions
from shared.canonical import decimal_text
from shared.contracts.events import Figure

_figures = msgspec.json.Decoder(list[Figure]).decode
_CONTRIBUTIONS = """
INSERT INTO contributions (submission, round, indicator, unit, period, lower_submission, lower_round, value, status,
    weight, used, note)
SELECT %b, %b, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::uuid[], %b::int[], %b::numeric[], %b::text[],
    %b::numeric[], %b::boolean[], %b::text[])
"""


class Seen(msgspec.Struct, frozen=True):
    """A submission below as a roll-up saw it."""

    submission_id: str
    unit: str
    period: str
    state: str
    round: int | None


class Result(msgspec.Struct, frozen=True):
    """What became of one indicator in a roll-up, and of the cell it is for (`outcome`). `left_out` are the units whose
    value had no weight."""

    indicator: str
    rule: str
    outcome: str
    value: str | None
    status: str | None
    rounded: bool
    left_out: list[str]


@dataclass(frozen=True, slots=True)
class Rollup:
    """The last roll-up into a round."""

    round: int
    form: str
    by: str
    at: datetime
    sources: list[Seen]
    results: list[Result]


def lowers(connection: Connection, form: str, periods: Collection[str], *, with_figures: bool = False) -> list[Lower]:
    """Return what is owed on this form for these periods, waived ones without an approved round left out; with the
    figures of approved rounds if asked."""
    columns = [cast(submissions.c.id, Text).label("id"), submissions.c.unit, submissions.c.period, submissions.c.state]
    columns += [submissions.c.approved_round, rounds.c.decided_at]
    if with_figures:
        columns.append(rounds.c.content)
    approved = (rounds.c.submission == submissions.c.number) & (rounds.c.round == submissions.c.approved_round)
    found = (
        select(*columns)
        .select_from(submissions.outerjoin(rounds, approved))
        .where(submissions.c.form == form, submissions.c.period.in_(periods))
        .order_by(submissions.c.period, submissions.c.unit)
    )
    return [
        Lower(
            submission_id=row["id"],
            unit=row["unit"],
            period=row["period"],
            state=row["state"],
            round=row["approved_round"],
            approved_at=row["decided_at"],
            figures=_pushed(row["content"]) if with_figures and row["content"] is not None else None,
        )
        for row in connection.execute(found).mappings()
        if row["state"] != "waived" or row["approved_round"] is not None
    ]


def _pushed(content: bytes) -> dict[str, Pushed]:
    return {item.indicator: Pushed(item.value, item.status) for item in _figures(content)}


def find(connection: Connection, number: int, round_: int) -> Rollup | None:
    """Return the roll-up into this round or, if there is none, into the newest round before it: its figures are what
    this round began with."""
    found = (
        select(rollups)
        .where(rollups.c.submission == number, rollups.c.round <= round_)
        .order_by(rollups.c.round.desc())
        .limit(1)
    )
    row = connection.execute(found).mappings().first()
    if row is None:
        return None
    return Rollup(
        round=row["round"],
        form=row["form"],
        by=row["by"],
        at=row["at"],
        sources=msgspec.convert(row["sources"], list[Seen]),
        results=msgspec.convert(row["results"], list[Result]),
    )


def save(connection: Connection, number: int, rollup: Rollup, made_of: Sequence[Rolled]) -> None:
    """Write a roll-up into its round, in place of the one before."""
    key = {"submission": number, "round": rollup.round}
    values = {"form": rollup.form, "by": rollup.by, "at": rollup.at}
    values |= {"sources": msgspec.to_builtins(rollup.sources), "results": msgspec.to_builtins(rollup.results)}
    statement = upsert(rollups).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
    mine = (contributions.c.submission == number, contributions.c.round == rollup.round)
    connection.execute(delete(contributions).where(*mine))
    rows = [_row(rolled.indicator, item) for rolled in made_of for item in rolled.contributions]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.exec_driver_sql(_CONTRIBUTIONS, (number, rollup.round, *columns))


def _row(indicator: str, item: Contribution) -> tuple[object, ...]:
    return (
        indicator,
        item.unit,
        item.period,
        item.submission_id,
        item.round,
        None if item.value is None else Decimal(item.value),
        item.status,
        None if item.weight is None else Decimal(item.weight),
        item.used,
        item.note,
    )


def read_contributions(
    connection: Connection, number: int, round_: int, indicator: str | None = None
) -> dict[str, list[Contribution]]:
    """Return what each submission below gave, by indicator, in order of period and unit."""
    c = contributions.c
    found = select(contributions).where(c.submission == number, c.round == round_).order_by(c.period, c.unit)
    if indicator is not None:
        found = found.where(c.indicator == indicator)
    given: dict[str, list[Contribution]] = {}
    for row in connection.execute(found).mappings():
        made = Contribution(
            submission_id=str(row["lower_submission"]),
            unit=row["unit"],
            period=row["period"],
            round=row["lower_round"],
            value=_text(row["value"]),
            status=row["status"],
            weight=_text(row["weight"]),
            used=row["used"],
            note=row["note"],
        )
        given.setdefault(row["indicator"], []).append(made)
    return given


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
