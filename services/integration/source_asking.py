"""A source's word: comparing it level by level, and asking for it where the source can be called.

A source that only pushes gives its word at the gateway; for both, what follows is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row

from services.integration.clients import Client, Connect, about
from services.integration.clients.protocol import Listable, Listed
from services.integration.comparing import asked
from services.integration.domain import source_levels as levels
from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import source_of
from services.integration.domain.reconciliation import Direction
from services.integration.domain.source_levels import Group
from services.integration.governing import Governed
from services.integration.meanings import normal
from services.integration.settings import IntegrationSettings
from services.integration.storage import messages, sources
from services.integration.storage import reconciliations as rows
from services.integration.storage.sources import Value
from shared.contracts.actor import EVERYWHERE
from shared.digest import Digest
from shared.storage import Unit, UnitOfWork

CALLED = "called"
"""The level of a comparison whose source is asked, not posting."""

ASKABLE = ("digest", "listing")
"""How a source has to be readable (`comparing`) to be asked."""

_GROUPS = 200


def begin(unit: Unit, partner: Partner, *, by: str) -> Row[Any]:
    """Begin a comparison with a source that is asked, and return it; or the one that is under way with this partner."""
    row = rows.begin(
        unit.connection,
        partner.id,
        repair=False,
        by=by,
        correlation_id=unit.correlation_id,
        direction=Direction.SOURCE,
    )
    if row.direction == Direction.SOURCE and sources.run(unit.connection, row.id) is None:
        clients = sources.clients_of(unit.connection, partner.id)
        sources.start(unit.connection, row.id, CALLED, clients, [EVERYWHERE], [EVERYWHERE])
    return row


def due(unit: Unit, partner: Partner) -> bool:
    """Tell whether the timetable of this source says that it is to be compared now."""
    source = source_of(partner)
    if source is None or source.compare is None or partner.comparing not in ASKABLE:
        return False
    return source.compare.due(rows.last_begun(unit.connection, partner.id, Direction.SOURCE), unit.now)


def compare_level(connection: Connection, reconciliation: int, level: str) -> str:
    """Compare what the source stated at a level with what was received, move on to what is wanted next, and return
    that phase."""
    compared = sources.compared_levels(connection, reconciliation)
    parent = levels.above(level, compared)
    parents = None if parent is None else sources.differing(connection, reconciliation, parent)
    found = levels.differing(
        sources.received(connection, reconciliation, level),
        sources.stated(connection, reconciliation, level),
        parents,
        parent or level,
    )
    sources.put_groups(connection, reconciliation, level, found)
    phase, wanted = levels.after(level, bool(found))
    sources.move(connection, reconciliation, phase, wanted)
    return phase


class Asking:
    """Asks a source that can be called."""

    def __init__(self, unit: UnitOfWork, settings: IntegrationSettings, connect: Connect) -> None:
        self._unit = unit
        self._settings = settings
        self._connect = connect

    def ask(self, number: int, partner: Partner) -> None:
        """Ask for digests down to the keys that differ, and for their values; a source without digests for everything
        it lists, or else for what it holds under each key of which something was received. Raises Unanswered."""
        recorder = Governed(self._unit, partner.id, self._settings, partial(messages.keep_apart, self._unit))
        client = self._connect(partner, self._settings, recorder)
        try:
            if partner.comparing == "listing":
                asked(about("listing"), self._listing, number, client)
            else:
                self._by_level(number, client)
        finally:
            client.close()
            recorder.flush()
        with self._unit() as unit:
            sources.move(unit.connection, number, levels.COMPARING, levels.LEVELS[-1])
            cost = client.cost
            method = "listing" if partner.comparing == "listing" else CALLED
            rows.change(unit.connection, number, calls=cost.calls, bytes_compared=cost.bytes, method=method)

    def _listing(self, number: int, client: Client) -> None:
        """Put everything listed aside, from the first page again if they broke off, and see where it differs."""
        with self._unit() as unit:
            sources.clear_listed(unit.connection, number)
        pages = client.listing() if isinstance(client, Listable) else self._key_by_key(number, client)
        for page in pages:
            listed = [
                ((item.period, item.form, item.unit), Value(item.indicator, normal(item.cell), None)) for item in page
            ]
            with self._unit() as unit:
                sources.add_listed(unit.connection, number, listed)
        with self._unit() as unit:
            sources.compare_listed(unit.connection, number)

    def _key_by_key(self, number: int, client: Client) -> Iterator[Sequence[Listed]]:
        """List what the source holds where something was received; what it holds besides stays unseen."""
        after: Group = ("", "", "")
        while True:
            with self._unit() as unit:
                keys = sources.received_after(unit.connection, number, after, _GROUPS)
            if not keys:
                return
            for period, form, place in keys:
                held = client.values(form, place, period)
                yield [Listed(period, form, place, code, cell) for code in held.values for cell in held.cells(code)]
            after = keys[-1]

    def _by_level(self, number: int, client: Client) -> None:
        phase = levels.DIGESTS
        for level in levels.LEVELS:
            if phase == levels.DIGESTS:
                phase = self._digests(number, client, level)
        if phase == levels.VALUES:
            self._values(number, client)

    def _digests(self, number: int, client: Client, level: str) -> str:
        stated: dict[Group, Digest] = {}
        for period, form in self._questions(number, level):
            topic = about("digests", form=form, period=period)
            found = asked(topic, client.digests, level, period, form)
            stated |= {(group[0] or "", group[1] or "", group[2] or ""): digest for group, digest in found.items()}
        with self._unit() as unit:
            sources.state(unit.connection, number, level, stated)
            return compare_level(unit.connection, number, level)

    def _questions(self, number: int, level: str) -> Iterable[tuple[str | None, str | None]]:
        """Return by which periods and forms the digests of this level are asked for: below what differs above."""
        if level in levels.LEVELS[:2]:
            return [(None, None)]
        above = levels.LEVELS[levels.LEVELS.index(level) - 1]
        with self._unit() as unit:
            differ = sources.differing(unit.connection, number, above)
        return sorted((period, form or None) for period, form, _ in differ)

    def _values(self, number: int, client: Client) -> None:
        while True:
            with self._unit() as unit:
                groups, _ = sources.unlisted(unit.connection, number, levels.LEVELS[-1], _GROUPS)
            if not groups:
                return
            for group in groups:
                topic = about("values", form=group.form, period=group.period)
                listing = asked(topic, client.values, group.form, group.unit, group.period)
                values = [Value(code, cell, None) for code in listing.values for cell in listing.cells(code)]
                with self._unit() as unit:
                    key = group.period, group.form, group.unit
                    sources.take_values(unit.connection, number, key, 1, values, last=True)
