"""Publications, and the values that are public under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, Row, and_, any_, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.indicators.domain.publications import Publication
from services.indicators.storage.tables import observations, publications
from shared.canonical import decimal_text
from shared.contracts.views.publication import PublishedView

_ORDER = (observations.c.unit, observations.c.period, observations.c.indicator)
_VIEW = tuple(observations.c[name] for name in PublishedView.__dataclass_fields__)


def find(connection: Connection, publication_id: str, *, lock: bool = False) -> Publication | None:
    """Return a publication, held against other changes if asked."""
    statement = select(publications).where(publications.c.id == publication_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _publication(row)


def add(connection: Connection, publication: Publication) -> bool:
    """Write a publication that is new; tell whether it was. Waits for somebody who writes the same one."""
    statement = upsert(publications).values(**asdict(publication)).on_conflict_do_nothing()
    return connection.execute(statement.returning(publications.c.id)).first() is not None


def save(connection: Connection, publication: Publication) -> None:
    """Write back a publication that the caller holds locked."""
    changed = update(publications).where(publications.c.id == publication.id)
    connection.execute(changed.values(**asdict(publication)))


def page(
    connection: Connection,
    *,
    form: str | None,
    in_force: bool,
    forms: Sequence[str] | None,
    after: str | None,
    limit: int,
) -> list[Publication]:
    """Return up to `limit` publications in order of id; `forms` bounds what may be seen."""
    table = publications.c
    statement = select(publications).order_by(table.id).limit(limit)
    if form is not None:
        statement = statement.where(table.form == form)
    if in_force:
        statement = statement.where(table.withdrawn_at.is_(None))
    if forms is not None:
        statement = statement.where(table.form == func.any(list(forms)))
    if after is not None:
        statement = statement.where(table.id > after)
    return [_publication(row) for row in connection.execute(statement)]


def values(
    connection: Connection,
    form: str,
    *,
    unit: str | None,
    indicator: str | None,
    period_from: str | None,
    period_to: str | None,
    after: tuple[str, str, str] | None,
    limit: int,
) -> list[PublishedView]:
    """Return up to `limit` of a form's current values that a publication in force covers, in order of (unit, period,
    indicator)."""
    value, told = observations.c, publications.c
    covered = and_(
        told.form == value.form,
        told.withdrawn_at.is_(None),
        told.period_from <= value.period,
        told.period_to >= value.period,
        told.units.is_(None) | (value.unit == any_(told.units)),
        told.indicators.is_(None) | (value.indicator == any_(told.indicators)),
    )
    where: list[ColumnElement[bool]] = [value.form == form, value.superseded_batch.is_(None), exists().where(covered)]
    if unit is not None:
        where.append(value.unit == unit)
    if indicator is not None:
        where.append(value.indicator == indicator)
    if period_from is not None:
        where.append(value.period >= period_from)
    if period_to is not None:
        where.append(value.period <= f"{period_to}~")
    if after is not None:
        where.append(tuple_(*_ORDER) > tuple_(*after))
    statement = select(*_VIEW).where(*where).order_by(*_ORDER).limit(limit)
    return [_value(row) for row in connection.execute(statement)]


def _value(row: Row[*tuple[object, ...]]) -> PublishedView:
    held = {str(name): value for name, value in row._mapping.items()}
    return PublishedView(**{**held, "value": None if row.value is None else decimal_text(row.value)})


def _publication(row: Row[*tuple[object, ...]]) -> Publication:
    held = {str(name): value for name, value in row._mapping.items()}
    for name in ("units", "indicators"):
        held[name] = None if held[name] is None else tuple(held[name])
    return Publication(**held)
