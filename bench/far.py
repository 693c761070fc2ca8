"""A far side with a database: digests and values by the reporting protocol over REST, from tables of its own.

The simulators keep everything in memory; ten million values need a store. `python -m bench.far URL PORT TOKEN`.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.digest import LANES, Brief, Digest

# Buckets with their digests, and what lies in them.
TABLES = (
    "CREATE TABLE buckets (number integer PRIMARY KEY, form text, unit text, period text)",
    "CREATE TABLE entries (bucket integer, indicator text, value text, status text)",
    f"CREATE TABLE digests (bucket integer PRIMARY KEY, n bigint, {', '.join(f'l{n} bigint' for n in range(LANES))})",
)
KEYS = (
    "ALTER TABLE entries ADD PRIMARY KEY (bucket, indicator)",
    "CREATE UNIQUE INDEX buckets_key ON buckets (period, form, unit)",
)
_SUMS = "sum(n)::bigint, " + ", ".join(f"(sum(l{n}) %% 4294967296)::bigint" for n in range(LANES))
_BY = {"root": (), "period": ("period",), "form": ("period", "form"), "bucket": ("period", "form", "unit")}
_BRIEF = "sum(n)::bigint, (sum(l0) %% 4294967296)::bigint, (sum(l1) %% 4294967296)::bigint"
_PART = "hub_lane(sha256(hub_field(unit)), 0) %% %(parts)s"
_GROUP = "hub_lane(sha256(hub_field(indicator)), 0) %% %(groups)s"
_OF_FORM = "period = %(period)s AND form = %(form)s"
_PARTS = f"SELECT {_PART}, {_BRIEF} FROM digests JOIN buckets ON number = bucket WHERE {_OF_FORM} GROUP BY 1"
_UNITS = (
    f"SELECT unit, n, l0, l1 FROM digests JOIN buckets ON number = bucket WHERE {_OF_FORM} AND {_PART} = ANY(%(part)s)"
)
_GROUPS = f"""
SELECT unit, share, count(*), (sum(hub_lane(hash, 0)) %% 4294967296)::bigint,
    (sum(hub_lane(hash, 1)) %% 4294967296)::bigint
FROM (SELECT unit, {_GROUP} AS share, hub_entry_hash(form, unit, period, indicator, value, status) AS hash
    FROM buckets JOIN entries ON bucket = number WHERE {_OF_FORM} AND unit = ANY(%(unit)s) OFFSET 0) AS hashed
GROUP BY unit, share
"""
_VALUES = (
    "SELECT '' AS unit, indicator, value, status FROM entries WHERE bucket = (SELECT number FROM buckets "
    "WHERE form = %(form)s AND unit = %(unit)s AND period = %(period)s) AND indicator > %(after)s "
    "ORDER BY indicator LIMIT %(limit)s"
)
_ENTRIES = f"""
SELECT unit, indicator, value, status FROM buckets JOIN entries ON bucket = number
WHERE {_OF_FORM} AND unit = ANY(%(units)s) AND (unit, {_GROUP}) IN (SELECT * FROM unnest(%(units)s, %(shares)s::int[]))
ORDER BY unit, indicator
"""


def rehash(first: int, last: int) -> str:
    """Return the statement that computes the digests of these buckets from their entries, hashing every one."""
    lanes = ", ".join(f"sum(hub_lane(hash, {n})) % 4294967296" for n in range(LANES))
    return f"""
    INSERT INTO digests SELECT bucket, count(*), {lanes} FROM (
        SELECT e.bucket, hub_entry_hash(b.form, b.unit, b.period, e.indicator, e.value, e.status) AS hash
        FROM buckets b JOIN entries e ON e.bucket = b.number
        WHERE b.number BETWEEN {first} AND {last} OFFSET 0) AS hashed
    GROUP BY bucket ON CONFLICT (bucket) DO UPDATE SET n = excluded.n,
        {", ".join(f"l{n} = excluded.l{n}" for n in range(LANES))}
    """


class Store:
    """Answers questions from the tables."""

    def __init__(self, url: str, token: str) -> None:
        self._database = psycopg.connect(url, autocommit=True)
        self._token = f"Bearer {token}"

    def digests(self, request: Request) -> Response:
        """Digests at a level, narrowed by period and form; in brief by parts and groups."""
        given = request.query_params
        if given.get("parts") or given.get("groups"):
            return self._briefs(request)
        by = _BY[given.get("level", "root")]
        narrowed = {name: given[name] for name in ("period", "form") if given.get(name)}
        where = " AND ".join(["n > 0", *(f"{name} = %({name})s" for name in narrowed)])
        group = f" GROUP BY {', '.join(by)}" if by else ""
        rows = self._rows(
            request,
            f"SELECT {', '.join((*by, _SUMS))} FROM digests JOIN buckets ON number = bucket WHERE {where}{group}",
            narrowed,
        )
        return _json(
            {
                "digests": [
                    {**dict(zip(by, row, strict=False)), "count": row[len(by)], "digest": _text(row[len(by) :])}
                    for row in rows
                    if row[len(by)] is not None
                ]
            }
        )

    def _briefs(self, request: Request) -> Response:
        given = request.query_params
        asked: dict[str, Any] = {
            "period": given["period"],
            "form": given["form"],
            "parts": int(given.get("parts", 1)),
            "groups": int(given.get("groups", 1)),
            "part": [int(part) for part in given.getlist("part")],
            "unit": given.getlist("unit"),
        }
        names, statement = {
            "part": (("share",), _PARTS),
            "bucket": (("unit",), _UNITS),
            "group": (("unit", "share"), _GROUPS),
        }[given["level"]]
        return _json(
            {
                "digests": [
                    {**dict(zip(names, row, strict=False)), "count": n, "digest": Brief.of(n, (l0, l1)).text}
                    for *row, n, l0, l1 in self._rows(request, statement, asked)
                ]
            }
        )

    def values(self, request: Request) -> Response:
        """One bucket's values, or those of some groups of several buckets."""
        given = request.query_params
        limit = int(given.get("limit", 1000))
        asked: dict[str, Any] = {name: given[name] for name in ("form", "period")}
        if of := given.getlist("of"):
            chosen = [text.partition(":") for text in of]
            asked |= {"groups": int(given["groups"]), "units": [unit for _, _, unit in chosen]}
            asked["shares"] = [int(share) for share, _, _ in chosen]
            rows = self._rows(request, _ENTRIES, asked)
            limit = len(rows)
        else:
            asked |= {"unit": given["unit"], "after": given.get("after", ""), "limit": limit + 1}
            rows = self._rows(request, _VALUES, asked)
        page = [
            {"indicator": name, "value": value, "status": status, "version": 1} | ({"unit": unit} if unit else {})
            for unit, name, value, status in rows
        ]
        following = {"next": page[limit - 1]["indicator"]} if len(page) > limit else {}
        return _json({"values": page[:limit], **following})

    def _rows(self, request: Request, statement: str, given: Any) -> list[tuple[Any, ...]]:
        if request.headers.get("authorization") != self._token:
            raise PermissionError("unknown token")
        return self._database.execute(statement, given, prepare=True).fetchall()


def _text(row: tuple[Any, ...]) -> str:
    return Digest(row[0], tuple(row[1:])).text


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def main(url: str, port: int, token: str) -> None:
    """Serve until stopped."""
    store = Store(url, token)
    app = Starlette(routes=[Route("/api/v1/digests", store.digests), Route("/api/v1/values", store.values)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
