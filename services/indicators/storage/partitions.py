"""The yearly partitions of the warehouse: made when a year's first value comes, or ahead of it.

A period's text begins with its year and sorts by it ("2016" < "2016-03" < "2016-Q1" < "2017"), so a year is a range.
What begins with no year lies in the partition of the rest.
"""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

_YEAR = re.compile(r"\d{4}(?!\d)", re.ASCII)
_THERE = "SELECT to_regclass(%s) IS NOT NULL"
# LIKE and ATTACH instead of PARTITION OF: readers and recorders of other years go on meanwhile.
_MAKE = (
    "CREATE TABLE {name} (LIKE observations INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)",
    "ALTER TABLE observations ATTACH PARTITION {name} FOR VALUES FROM ('{year:04}') TO ('{next:04}')",
)


_known: WeakKeyDictionary[Engine, dict[str, str]] = WeakKeyDictionary()


def of(connection: Connection, period: str) -> str:
    """Return the table in which this period's values are looked up fastest: its year's partition, which never goes away
    once it is there, or the whole where there is none."""
    known = _known.setdefault(connection.engine, {})
    table = known.get(period[:4])
    if table is None:
        found = _YEAR.match(period)
        name = f"observations_{found.group()}" if found else ""
        if not name or not connection.exec_driver_sql(_THERE, (name,)).scalar_one():
            return "observations"
        table = known[period[:4]] = name
    return table


def ensure(connection: Connection, period: str) -> bool:
    """Make the partition of this period's year if there is none; tell whether it was made.

    Call it with the batch counter's lock held (`warehouse.lock`): two workers make one partition, one after the other.
    Until the transaction ends, readers who name no year, or one that has no partition, wait.
    Values of the year that already lie in the partition of the rest stay there, and so do those that follow.
    """
    found = _YEAR.match(period)
    if found is None:
        return False
    year = int(found.group())
    name = f"observations_{year:04}"
    if connection.exec_driver_sql(_THERE, (name,)).scalar_one():
        return False
    bounds = (f"{year:04}", f"{year + 1:04}")
    rest = "SELECT EXISTS (SELECT FROM observations_other WHERE period >= %s AND period < %s)"
    if year == 9999 or connection.exec_driver_sql(rest, bounds).scalar_one():
        return False
    for statement in _MAKE:
        connection.exec_driver_sql(statement.format(name=name, year=year, next=year + 1))
    return True
