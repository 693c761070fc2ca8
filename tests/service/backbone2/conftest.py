"""A database with the backbone's tables alone, and units of work on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from shared.storage import UnitOfWork
from tests.conftest import Databases


@pytest.fixture
def engine(database: Databases) -> Engine:
    """An engine on a fresh database with the backbone's tables."""
    return database.empty("toy")


@pytest.fixture
def units(engine: Engine) -> UnitOfWork:
    """What opens units of work on that database."""
    return UnitOfWork.for_engine(engine, "toy")


@pytest.fixture
def plain(database: Databases, engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    """A plain connection to that database, as the relay and an auditor have it."""
    assert engine is not None
    with psycopg.connect(database.url("toy"), autocommit=True) as connection:
        yield connection
