"""Observations, batches and releases in and out of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.indicators.domain.cells import Cell
from services.indicators.domain.warehouse import Change
from services.indicators.storage import partitions, statistics
from services.indicators.storage.tables import batch_counter, observations, releases
from shared.canonical import decimal_text
from shared.contracts.events import Observation
from shared.contracts.views.warehouse import ObservationView

_INSERT = (
    "INSERT INTO observations (unit, period, indicator, batch, form, value, status, derived, level, version,"
    " submission_id, round, recorded_at, label, basis)"
    " SELECT %s, %s, r.indicator, b.batch, r.form, r.value, r.status, r.derived, r.level, r.version, b.submission_id,"
    " b.round, b.recorded_at, r.label, r.basis"
    " FROM (SELECT * FROM batches WHERE batch = %s) AS b, unnest(%s::text[], %s::text[], %s::numeric[], %s::text[],"
    " %s::boolean[], %s::text[], %s::int[], %s::text[], %s::text[])"
    " AS r (indicator, form, value, status, derived, level, version, label, basis) ORDER BY r.indicator"
)
# The clock is read while the counter is locked and never runs back: times rise with the numbers, so that "before the
# end of that day" names one batch for ever.
_OPEN = (
    "INSERT INTO batches (batch, recorded_at, form, unit, period, submission_id, round)"
    " SELECT c.last, greatest(clock_timestamp(), (SELECT recorded_at FROM batches WHERE batch = c.last - 1)),"
    " %s, %s, %s, %s, %s FROM (SELECT %s::bigint AS last) AS c"
)
# The one read that is asked by the thousand: a single column, decoded at once, costs half of what thirteen do.
_FIND = (
    "SELECT row_to_json(r)::text FROM (SELECT indicator, unit, period, form, trim_scale(value)::text AS value, status,"
    " derived, level, batch, version, recorded_at, submission_id, round, label, basis FROM observations"
    " WHERE unit = %s AND period = %s AND indicator = %s AND superseded_batch IS NULL) AS r"
)
_VIEW = tuple(observations.c[name] for name in ObservationView.__dataclass_fields__)
_ORDER = (observations.c.unit, observations.c.period, observations.c.indicator)
_CURRENT = observations.c.superseded_batch.is_(None)


@dataclass(frozen=True, slots=True)
class Release:
    """The newest version of a (form, unit, period)."""

    form: str
    unit: str
    period: str
    version: int
    batch: int
    agency: str
    level: str
    submission_id: str
    round: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch's values come from."""

    submission_id: str
    round: int


def lock(connection: Connection) -> int:
    """Make other recorders wait until this transaction ends; return the last batch number."""
    return int(connection.execute(select(batch_counter.c.last).with_for_update()).scalar_one())


def open_batch(connection: Connection, key: tuple[str, str, str], origin: Origin) -> int:
    """Return the next batch number; the counter's lock is held until the commit."""
    statement = update(batch_counter).values(last=batch_counter.c.last + 1).returning(batch_counter.c.last)
    batch = int(connection.execute(statement).scalar_one())
    connection.exec_driver_sql(_OPEN, (*key, origin.submission_id, origin.round, batch))
    return batch


def cells(connection: Connection, unit: str, period: str) -> dict[str, Cell]:
    """Return the current values of this unit and period, of all forms, by indicator."""
    table = observations.c
    columns = (table.form, table.value, table.status, table.derived, table.level, table.label, table.basis)
    statement = select(table.indicator, *columns)
    rows = connection.execute(statement.where(table.unit == unit, table.period == period, _CURRENT))
    return {
        row.indicator: Cell(row.form, _text(row.value), row.status, row.derived, row.level, row.label, row.basis)
        for row in rows
    }


def apply(
    connection: Connection,
    unit: str,
    period: str,
    batch: int,
    change: Change,
    versions: Mapping[str, int],
) -> None:
    """Supersede, end and insert as `change` says; `versions` has each form's new version."""
    table = observations.c
    gone = sorted({*change.put, *change.end})
    if gone:
        partitions.ensure(connection, period)
        statistics.forget(connection, unit, period, gone)
        connection.execute(
            update(observations)
            .where(table.unit == unit, table.period == period, table.indicator == func.any(gone), _CURRENT)
            .values(superseded_batch=batch)
        )
    if change.put:
        rows = [
            (
                code,
                cell.form,
                cell.value and Decimal(cell.value),
                cell.status,
                cell.derived,
                cell.level,
                versions[cell.form],
                cell.label,
                cell.basis,
            )
            for code, cell in change.put.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.exec_driver_sql(_INSERT, (unit, period, batch, *columns))


def content(connection: Connection, form: str, unit: str, period: str, batch: int) -> list[Observation]:
    """Return what a (form, unit, period) holds, in order of indicator, with what `batch` withdrew from it."""
    table = observations.c
    mine = and_(table.form == form, table.unit == unit, table.period == period)
    columns = (table.indicator, table.value, table.status, table.derived, table.label)
    held = connection.execute(select(*columns).where(mine, _CURRENT)).all()
    known = {row.indicator for row in held}
    ended = connection.execute(select(*columns).where(mine, table.superseded_batch == batch)).all()
    found = [_observation(row, withdrawn=False) for row in held]
    found += [_observation(row, withdrawn=True) for row in ended if row.indicator not in known]
    return sorted(found, key=lambda item: item.indicator)


def _observation(row: Row[*tuple[Any, ...]], *, withdrawn: bool) -> Observation:
    return Observation(row.indicator, _text(row.value), row.status, row.derived, withdrawn, row.label)


def releases_of(connection: Connection, forms: Iterable[str], unit: str, period: str) -> dict[str, Release]:
    """Return the newest versions of these forms for one unit and period."""
    table = releases.c
    where = (table.form == func.any(sorted(forms)), table.unit == unit, table.period == period)
    return {row.form: Release(**row._mapping) for row in connection.execute(select(releases).where(*where))}


def reported(
    connection: Connection, forms: Iterable[str], periods: tuple[str, str], after: tuple[str, str], limit: int
) -> list[tuple[str, str]]:
    """Return the (period, unit) pairs between two periods of which one of these forms is recorded, in this order."""
    table = releases.c
    first, last = periods
    statement = (
        select(table.period, table.unit)
        .where(table.form == func.any(sorted(forms)), table.period >= first, table.period <= f"{last}~")
        .where(tuple_(table.period, table.unit) > tuple_(*after))
        .distinct()
        .order_by(table.period, table.unit)
        .limit(limit)
    )
    return [(row.period, row.unit) for row in connection.execute(statement)]


def save_release(connection: Connection, release: Release) -> None:
    """Write a new version of a (form, unit, period)."""
    values = {name: getattr(release, name) for name in Release.__dataclass_fields__}
    statement = upsert(releases).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=["form", "unit", "period"], set_=values))


def find(connection: Connection, indicator: str, unit: str, period: str) -> ObservationView | None:
    """Return one current value, by one look into one index of its year's partition: planning a look into all of them
    would cost more than the look."""
    statement = _FIND.replace("observations", partitions.of(connection, period))
    found = connection.exec_driver_sql(statement, (unit, period, indicator)).scalar()
    return None if found is None else msgspec.json.decode(found, type=ObservationView)


def find_as_of(connection: Connection, indicator: str, unit: str, period: str, batch: int) -> ObservationView | None:
    """Return one value as it was right after a batch."""
    table = observations.c
    key = (table.unit == unit, table.period == period, table.indicator == indicator)
    row = connection.execute(select(*_VIEW).where(*key, *_held(batch))).one_or_none()
    return None if row is None else _view(row)


def page(
    connection: Connection,
    *,
    form: str | None,
    unit: str | None,
    indicator: str | None,
    period_from: str | None,
    period_to: str | None,
    as_of: int | None,
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    after: tuple[str, str, str] | None,
    limit: int,
) -> list[ObservationView]:
    """Return up to `limit` values in order of (unit, period, indicator); `units` and `forms` bound what may be seen."""
    table = observations.c
    where: list[ColumnElement[bool]] = []
    for column, value in ((table.form, form), (table.unit, unit), (table.indicator, indicator)):
        if value is not None:
            where.append(column == value)
    if period_from is not None:
        where.append(table.period >= period_from)
    if period_to is not None:
        # "~" sorts after "-": to "2016" includes "2016-Q1".
        where.append(table.period <= f"{period_to}~")
    if units is not None:
        where.append(table.unit == func.any(list(units)))
    if forms is not None:
        where.append(table.form == func.any(list(forms)))
    where += [_CURRENT] if as_of is None else _held(as_of)
    if after is not None:
        where.append(tuple_(*_ORDER) > tuple_(*after))
    statement = select(*_VIEW).where(*where).order_by(*_ORDER).limit(limit)
    return [_view(row) for row in connection.execute(statement)]


def _held(batch: int) -> list[ColumnElement[bool]]:
    return [observations.c.batch <= batch, or_(_CURRENT, observations.c.superseded_batch > batch)]


def _view(row: Row[*tuple[Any, ...]]) -> ObservationView:
    return ObservationView(
        indicator=row.indicator,
        unit=row.unit,
        period=row.period,
        form=row.form,
        value=_text(row.value),
        status=row.status,
        derived=row.derived,
        level=row.level,
        batch=row.batch,
        version=row.version,
        recorded_at=row.recorded_at,
        submission_id=row.submission_id,
        round=row.round,
        label=row.label,
        basis=row.basis,
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
