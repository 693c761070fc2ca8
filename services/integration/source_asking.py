"""A source's word: comparing it level by level, and asking for it where the source can be called.

A source that only pushes gives its word at the gateway; for both, what follows is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import Connection

from services.integration.clients import Client, Connect, about
from services.integration.comparing import asked
from services.integration.domain import source_levels as levels
from services.integration.domain.partners import Partner
from services.integration.domain.source_levels import Group
from services.integration.governing import Governed
from services.integration.settings import IntegrationSettings
from services.integration.storage import messages, sources
from services.integration.storage import reconciliations as rows
from services.integration.storage.sources import Value
from shared.digest import Digest
from shared.storage import UnitOfWork

CALLED = "called"
"""The level of a comparison whose source is asked, not posting."""

_GROUPS = 200


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
        """Ask for digests down to the keys that differ, and for their values. Raises Unanswered."""
        recorder = Governed(self._unit, partner.id, self._settings, partial(messages.keep_apart, self._unit))
        client = self._connect(partner, self._settings, recorder)
        try:
            phase = levels.DIGESTS
            for level in levels.LEVELS:
                if phase == levels.DIGESTS:
                    phase = self._digests(number, client, level)
            if phase == levels.VALUES:
                self._values(number, client)
        finally:
            client.close()
            recorder.flush()
        with self._unit() as unit:
            sources.move(unit.connection, number, levels.COMPARING, levels.LEVELS[-1])
            cost = client.cost
            rows.change(unit.connection, number, calls=cost.calls, bytes_compared=cost.bytes, method=CALLED)

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
