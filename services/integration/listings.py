"""Comparing with a partner that has no digests, only a listing of everything: put aside page by page, then joined with
the ledger inside the database, in memory that does not grow with either side.

Whether the partner keeps an order does not matter: the pages go into a temporary table. No transaction is open while
the partner is asked, and the ledger is read at one moment, after the last page. What was delivered meanwhile is
pending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from services.integration.clients import Client, about
from services.integration.clients.protocol import Listable
from services.integration.comparing import Found, Key, Repair, asked
from services.integration.domain import classification
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell
from services.integration.key_by_key import KeyByKey
from services.integration.meanings import Meanings, normal
from services.integration.storage import expected, spools
from services.integration.storage.expected import Head
from services.integration.storage.spools import Differing, Spool
from shared.storage import UnitOfWork

_STEP_KEYS = 200
"""Keys that differ which one step takes."""


class ListingComparer:
    """Compares by a listing. Every reading is a reading of everything: a part of it cannot be asked for."""

    method = "listing"

    def __init__(self, unit: UnitOfWork, partner: Partner, client: Client) -> None:
        self._client: Listable = client if isinstance(client, Listable) else KeyByKey(unit, partner.id, client)
        self._unit = unit
        self._partner = partner
        self._meanings = Meanings(unit, partner)
        self._differed: bool | None = None
        self.entries = 0

    def equal(self) -> bool:
        """Tell whether the last reading found both sides equal; before the first, nothing is known, so it is False."""
        return self._differed is False

    def found(self) -> Iterator[Found]:
        """Read everything and yield what differs, some keys at a time."""
        with self._read() as spool:
            waiting = spool.moving()
            self._differed = bool(waiting)
            if waiting:
                yield Found(pending=waiting)
            for keys in _stepwise(spool.differing()):
                self._differed = True
                yield self._judged(keys)

    def again(self, keys: Sequence[Key]) -> Iterator[Found]:
        """Read everything and yield what differs among these keys."""
        wanted = set(keys)
        for found in self.found():
            repairs = [item for item in found.repairs if _key(item.head) in wanted]
            yield Found(repairs, found.pending & wanted)

    @contextmanager
    def _read(self) -> Iterator[Spool]:
        with spools.opened(self._unit.engine, self._partner.id) as spool:
            asked(about("listing"), self._fill, spool)
            with self._unit() as unit:
                counts = expected.digests(unit.connection, self._partner.id, "root")
            self.entries = sum(digest.count for digest in counts.values())
            spool.close_up()
            yield spool

    def _fill(self, spool: Spool) -> None:
        """Put all pages aside; from the first one again if they broke off."""
        spool.clear()
        for page in self._client.listing():
            spool.add([(row.period, row.form, row.unit, row.indicator, normal(row.cell), row.version) for row in page])

    def _judged(self, keys: Sequence[list[Differing]]) -> Found:
        heads, sides = [], []
        for rows in keys:
            first = rows[0]
            head = first.head or self._meanings.stranger(first.period, first.form, first.partner_unit, first.version)
            ours = {row.partner_indicator: (row.indicator, row.expected) for row in rows if row.expected is not None}
            listed: dict[str, Sequence[Cell]] = {row.partner_indicator: row.found for row in rows if row.found}
            heads.append((head, first.head is None))
            sides.append((head, ours, listed, first.version))
        found = Found()
        for (head, stranger), bucket in zip(heads, self._meanings.buckets(sides), strict=True):
            if differences := classification.differences(bucket):
                found.repairs.append(
                    Repair(head=head, stranger=stranger, differences=differences, versions=bucket.versions)
                )
        return found


def _key(head: Head) -> Key:
    return head.period, head.form, head.partner_unit


def _stepwise(rows: Iterator[Differing]) -> Iterator[list[list[Differing]]]:
    """Yield rows by key, some keys at a time."""
    some: list[list[Differing]] = []
    for _, group in groupby(rows, lambda row: (row.period, row.form, row.partner_unit)):
        some.append(list(group))
        if len(some) == _STEP_KEYS:
            yield some
            some = []
    if some:
        yield some
