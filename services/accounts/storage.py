"""The accounts service's tables, and the translation between rows and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Boolean, CheckConstraint, Column, Connection, Date, DateTime, Integer, Table, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from services.accounts.domain import FORGET_AFTER, Account, Kind, lock_after, rights_of
from shared.contracts.views.partners import PartnerPermit
from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("agency", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("units", ARRAY(Text), nullable=False),
    Column("forms", ARRAY(Text), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    CheckConstraint("username = lower(username)", name="people_username_lower"),
)
"""People; each account is one person's (Đ9: no shared accounts)."""

clients = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("rights", ARRAY(Text), nullable=False),
    Column("units", ARRAY(Text), nullable=False),
    Column("forms", ARRAY(Text), nullable=False),
    Column("agency", Text),
    Column("secret_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)
"""Systems that call the hub; every one belongs to a partner."""

attempts = Table(
    "attempts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("login_hash", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", DateTime(timezone=True), nullable=False),
    Column("locked_until", DateTime(timezone=True), nullable=False),
)
"""Failed attempts in a row, also for names that no one has, so that locking does not tell who exists. Names are kept
as hashes: people type passwords into the wrong field."""

partners = Table(
    "partners",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("signs", Boolean, nullable=False),
)
"""What integration said last of each partner: whose systems are let in, on which days."""


def find(connection: Connection, kind: Kind, login: str) -> Account | None:
    """Return the account with this user name or client id, or None."""
    if "\x00" in login:  # PostgreSQL keeps no such text, so no one is called that
        return None
    if kind == "person":
        row = connection.execute(select(people).where(people.c.username == login)).mappings().one_or_none()
        if row is None:
            return None
        return Account(
            kind="person",
            id=row["id"],
            login=login,
            name=row["name"],
            rights=rights_of(row["roles"]),
            units=tuple(row["units"]),
            forms=tuple(row["forms"]),
            agency=row["agency"],
            partner=None,
            secret_hash=row["password_hash"],
            active=row["active"],
        )
    row = connection.execute(select(clients).where(clients.c.client_id == login)).mappings().one_or_none()
    if row is None:
        return None
    return Account(
        kind="client",
        id=login,
        login=login,
        name=row["name"],
        rights=tuple(sorted(row["rights"])),
        units=tuple(row["units"]),
        forms=tuple(row["forms"]),
        agency=row["agency"],
        partner=row["partner"],
        secret_hash=row["secret_hash"],
        active=row["active"],
    )


def locked_until(connection: Connection, kind: Kind, login: str) -> datetime | None:
    """Return until when this login is locked, or None if it has no failures on record."""
    query = select(attempts.c.locked_until).where(attempts.c.kind == kind, attempts.c.login_hash == _hashed(login))
    return connection.execute(query).scalar_one_or_none()


def record_failure(connection: Connection, kind: Kind, login: str, at: datetime) -> int:
    """Count one more failure in a row, lock accordingly, and return the count."""
    mine = {"kind": kind, "login_hash": _hashed(login)}
    counted: int = connection.execute(
        insert(attempts)
        .values(**mine, failures=1, failed_at=at, locked_until=at)
        .on_conflict_do_update(
            index_elements=["kind", "login_hash"], set_={"failures": attempts.c.failures + 1, "failed_at": at}
        )
        .returning(attempts.c.failures)
    ).scalar_one()
    connection.execute(
        attempts.update()
        .where(attempts.c.kind == kind, attempts.c.login_hash == mine["login_hash"])
        .values(locked_until=at + lock_after(counted))
    )
    return counted


def forget_failures(connection: Connection, kind: Kind, login: str) -> None:
    """Start counting from zero again."""
    connection.execute(attempts.delete().where(attempts.c.kind == kind, attempts.c.login_hash == _hashed(login)))


def forget_old_failures(connection: Connection, at: datetime) -> int:
    """Drop records of failures older than a day; return how many."""
    return connection.execute(attempts.delete().where(attempts.c.failed_at < at - FORGET_AFTER)).rowcount


def secret_hash(connection: Connection, kind: Kind, login: str) -> str | None:
    """Return the hash kept for this login, or None."""
    found = find(connection, kind, login)
    return None if found is None else found.secret_hash


def put_person(
    connection: Connection,
    *,
    username: str,
    name: str,
    agency: str | None,
    roles: Iterable[str],
    units: Iterable[str],
    forms: Iterable[str],
    password_hash: str,
) -> None:
    """Write a person's account, new or changed; its id is `person:<user name>` and stays."""
    values = {
        "username": username,
        "name": name,
        "agency": agency,
        "roles": list(roles),
        "units": list(units),
        "forms": list(forms),
        "password_hash": password_hash,
        "active": True,
    }
    connection.execute(
        insert(people)
        .values(id=f"person:{username}", **values)
        .on_conflict_do_update(index_elements=["username"], set_=values)
    )


def put_client(
    connection: Connection,
    *,
    client_id: str,
    partner: str,
    name: str,
    rights: Iterable[str],
    units: Iterable[str],
    forms: Iterable[str],
    secret_hash: str,
) -> None:
    """Write a client's account, new or changed."""
    values = {
        "partner": partner,
        "name": name,
        "rights": list(rights),
        "units": list(units),
        "forms": list(forms),
        "secret_hash": secret_hash,
        "active": True,
    }
    connection.execute(
        insert(clients)
        .values(client_id=client_id, **values)
        .on_conflict_do_update(index_elements=["client_id"], set_=values)
    )


def count(connection: Connection) -> tuple[int, int]:
    """Return how many people and how many clients have accounts."""
    return (
        connection.execute(select(func.count()).select_from(people)).scalar_one(),
        connection.execute(select(func.count()).select_from(clients)).scalar_one(),
    )


def _hashed(login: str) -> str:
    return sha256(login.encode()).hexdigest()


def keep_partners(connection: Connection, standings: Iterable[PartnerPermit]) -> int:
    """Keep what is newer than what is held, in order of version; return how much that was. Of the same version only
    `signs` may differ: a process of the version before did not know it."""
    kept = 0
    for standing in sorted(standings, key=lambda item: (item.partner, item.version)):
        values = {name: getattr(standing, name) for name in PartnerPermit.__dataclass_fields__}
        changed = {name: value for name, value in values.items() if name != "partner"}
        statement = insert(partners).values(values)
        told = statement.excluded
        news = (partners.c.version < told.version) | (
            (partners.c.version == told.version) & (partners.c.signs != told.signs)
        )
        newer = statement.on_conflict_do_update(index_elements=["partner"], set_=changed, where=news)
        kept += len(connection.execute(newer.returning(partners.c.partner)).all())
    return kept


def partner_standing(connection: Connection, partner: str) -> PartnerPermit | None:
    """Return what is known of this partner, None if nothing is."""
    row = connection.execute(select(partners).where(partners.c.partner == partner)).mappings().one_or_none()
    return None if row is None else PartnerPermit(**row)
