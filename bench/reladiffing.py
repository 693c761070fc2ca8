"""The same comparison by reladiff, the best-kept table differ: needs SQL on both sides, and knows rows, not figures."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from reladiff import TableSegment, diff_tables  # type: ignore[import-untyped]  # it has no types
from reladiff.databases.postgresql import PostgreSQL  # type: ignore[import-untyped]  # as above

from bench.stores import Stores

_COLUMNS = ("form", "unit", "period", "indicator", "value", "status")
logging.getLogger("hashdiff_tables").setLevel(logging.ERROR)  # it warns of texts, which are alike on both sides

_THREADS = 2  # as many as there are processors


@dataclass(frozen=True, slots=True)
class Differed:
    """What it found: keys that differ, in how many seconds, and which part of the far table it fetched (of 1)."""

    found: set[str]
    seconds: float
    read: float


class _Database(PostgreSQL):  # type: ignore[misc]  # reladiff has no types
    """PostgreSQL by psycopg 3, which is here already; counts the rows fetched."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.rows = 0
        super().__init__(thread_count=_THREADS)

    def create_connection(self) -> psycopg.Connection[Any]:
        """Called by reladiff in each of its threads."""
        return psycopg.connect(self._url)

    def _query_conn(self, conn: Any, sql_code: Any) -> Any:
        answer = super()._query_conn(conn, sql_code)
        self.rows += len(getattr(answer, "rows", None) or ())
        return answer


def differs(made: Stores) -> Differed:
    """Compare the tables `flat` of both stores."""
    near, far = _Database(made.near), _Database(made.far)
    try:
        begun = time.perf_counter()
        one, other = (TableSegment(side, ("flat",), ("id",), extra_columns=_COLUMNS) for side in (near, far))
        with diff_tables(one, other, threaded=True, max_threadpool_size=2 * _THREADS) as differences:
            found = {row[0] for _, row in differences}
        seconds = time.perf_counter() - begun
    finally:
        near.close()
        far.close()
    return Differed(found, seconds, far.rows / made.shape.entries)
