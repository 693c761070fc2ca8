"""The listing of a partner that can only be asked for one key at a time: all that it is to hold, one after another.

What it holds under other keys stays unseen: only a partner that lists everything can be found to hold too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.integration.clients import Client
from services.integration.clients.protocol import Listed
from services.integration.storage import expected
from shared.storage import UnitOfWork

_KEYS = 500


class KeyByKey:
    """Lists what `partner` holds under the keys of its ledger, a page for each."""

    def __init__(self, unit: UnitOfWork, partner: str, client: Client) -> None:
        self._unit = unit
        self._partner = partner
        self._client = client

    def listing(self) -> Iterator[Sequence[Listed]]:
        """Yield what the partner holds, key by key. Raises Unanswered."""
        after = "", "", ""
        while keys := self._after(after):
            for period, form, about in keys:
                held = self._client.values(form, about, period)
                yield [
                    Listed(period, form, about, code, cell, held.version)
                    for code in held.values
                    for cell in held.cells(code)
                ]
            after = keys[-1]

    def _after(self, key: tuple[str, str, str]) -> list[tuple[str, str, str]]:
        with self._unit() as unit:
            return expected.keys_after(unit.connection, self._partner, key, _KEYS)
