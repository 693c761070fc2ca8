"""The toys' databases and messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from shared.contracts.events import SubmissionFinalised, SubmissionSubmitted
from tests.conftest import Databases

TABLES = (
    "CREATE TABLE seen (id bigserial PRIMARY KEY, subject text, attempt int, note text, correlation_id text)",
    "CREATE TABLE ticks (id bigserial PRIMARY KEY)",
)
PACKAGE = ("--package", "tests.service.backbone.toys")


def toy_database(database: Databases, service: str) -> Engine:
    """Return a fresh toy database."""
    engine = database.empty(service)
    with engine.begin() as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement)
    return engine


@pytest.fixture
def approval(database: Databases) -> Engine:
    """The approval toy's database."""
    return toy_database(database, "approval")


@pytest.fixture
def indicators(database: Databases) -> Engine:
    """The indicators toy's database."""
    return toy_database(database, "indicators")


def submitted(name: str, wish: str = "") -> SubmissionSubmitted:
    """Return an event that asks the toy for `wish`."""
    return SubmissionSubmitted(
        submission_id=name,
        round=1,
        content_hash="h",
        form="f",
        unit="u",
        agency="a",
        period="2016",
        submitted_by=wish,
        authors=[],
        submitted_at=datetime.now(UTC),
        figure_count=1,
    )


def finalised(name: str) -> SubmissionFinalised:
    """Return an event for the set-wise toy."""
    return SubmissionFinalised(
        submission_id=name,
        round=1,
        content_hash="h",
        form="f",
        unit="u",
        agency="a",
        period="2016",
        level="province",
        approved_at=datetime.now(UTC),
        index=0,
        total=1,
        figures=[],
    )
