"""The migrated database is what the tables say, and hashes in SQL as the hub does in Python."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from services.integration.storage.tables import metadata
from shared.digest import LANES, entry_hash, of_hash

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


def test_migrated_database_is_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [item for item in differences if item[1].name != "alembic_version"] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(TEXT, TEXT, TEXT, TEXT, st.one_of(st.none(), TEXT), TEXT))
def test_sql_hashes_an_entry_as_python_does(engine: Engine, fields: tuple[str, str, str, str, str | None, str]) -> None:
    statement = text(
        "SELECT h, array(SELECT hub_lane(h, n) FROM generate_series(0, :last) AS n ORDER BY n) AS lanes "
        "FROM hub_entry_hash(:a, :b, :c, :d, :e, :f) AS h"
    )
    with engine.connect() as connection:
        row = connection.execute(statement, dict(zip("abcdef", fields, strict=True), last=LANES - 1)).one()
    raw = entry_hash(*fields)
    assert bytes(row.h) == raw and tuple(row.lanes) == of_hash(raw).lanes
