"""The audit chain against a real database: sealing, and every way of tampering that leaves a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from shared import audit
from shared.storage import UnitOfWork

Plain = psycopg.Connection[Any]


@pytest.fixture
def entries(units: UnitOfWork) -> int:
    """Ten committed entries."""
    with units() as unit:
        for number in range(10):
            unit.audit("toy.changed", f"toy/{number}", {"số": number, "ratio": 0.1, "tên": "Lai Châu"})
    return 10


@contextmanager
def tampering(plain: Plain) -> Iterator[None]:
    """What only the database's owner can do: take the guard away."""
    plain.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
    yield
    plain.execute("ALTER TABLE audit ENABLE TRIGGER ALL")


def test_sealing_chains_every_committed_entry(plain: Plain, entries: int) -> None:
    assert audit.verify(plain).unsealed == entries
    assert audit.seal(plain, limit=4) == 4
    assert audit.seal(plain) == 6
    assert audit.seal(plain) == 0
    report = audit.verify(plain)
    assert report.holds
    assert (report.entries, report.sealed, report.unsealed) == (entries, entries, 0)
    assert len(report.head) == 64


def test_an_empty_trail_holds(plain: Plain) -> None:
    report = audit.verify(plain)
    assert report.holds
    assert report.entries == 0


def test_an_entry_that_commits_late_is_sealed_after_younger_ones(units: UnitOfWork, plain: Plain) -> None:
    with units() as late:
        late.audit("toy.changed", "late", {})
        late.flush()
        with units() as early:
            early.audit("toy.changed", "early", {})
        assert audit.seal(plain) == 1
    assert audit.seal(plain) == 1
    rows = plain.execute("SELECT subject FROM audit ORDER BY sealed_as").fetchall()
    assert [row[0] for row in rows] == ["early", "late"]
    assert audit.verify(plain).holds


def test_a_second_sealer_leaves_the_work_to_the_first(plain: Plain, entries: int, database: Any) -> None:
    with psycopg.connect(database.url("toy")) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('hub.audit.sealer'))")
        assert audit.seal(plain) == 0
    assert audit.seal(plain) == entries


@pytest.mark.parametrize(
    ("statement", "place", "reason"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE sealed_as = 4", 4, "changed"),
        ("UPDATE audit SET details = jsonb_set(details, '{số}', '99') WHERE sealed_as = 5", 5, "changed"),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE sealed_as = 1", 1, "changed"),
        ("UPDATE audit SET hash = NULL WHERE sealed_as = 6", 6, "changed"),
        ("DELETE FROM audit WHERE sealed_as = 3", 3, "missing"),
        ("DELETE FROM audit WHERE sealed_as = 1", 1, "missing"),
        (
            "UPDATE audit SET sealed_as = -sealed_as WHERE sealed_as IN (2, 3);"
            "UPDATE audit SET sealed_as = CASE sealed_as WHEN -2 THEN 3 ELSE 2 END WHERE sealed_as < 0",
            2,
            "reordered",
        ),
    ],
)
def test_tampering_is_found_where_it_happened(
    plain: Plain, entries: int, statement: str, place: int, reason: str
) -> None:
    audit.seal(plain)
    with tampering(plain):
        for part in statement.split(";"):
            plain.execute(part.encode())
    report = audit.verify(plain)
    assert (report.broken_at, report.reason) == (place, reason)
    assert report.entries == place - 1 < entries


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE id = (SELECT min(id) FROM audit)",
        "UPDATE audit SET actor = 'nobody', sealed_as = 99, hash = '' WHERE sealed_as IS NULL",
        "UPDATE audit SET sealed_as = 99 WHERE sealed_as = 2",
        "UPDATE audit SET hash = '' WHERE sealed_as = 2",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
def test_the_database_refuses_to_change_or_delete_entries(plain: Plain, entries: int, statement: str) -> None:
    assert audit.seal(plain, limit=entries - 1) == entries - 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plain.execute(statement.encode())
    assert audit.verify(plain).holds
