"""Digests and listings, as the documentation shows them: two figures of Lai Châu and their true digest."""

from __future__ import annotations

from typing import Any

from shared.digest import entry_hash, of_hash, total

_VALUES: tuple[tuple[str, str | None], ...] = (("GD03.THPT", "8966"), ("GD05", None))
_PLACE = {"period": "2016", "form": "GD-NAM", "unit": "LC"}
_DIGEST = total(of_hash(entry_hash("GD-NAM", "LC", "2016", name, value, "official")) for name, value in _VALUES)

DIGESTS: dict[str, Any] = {
    "store": "warehouse",
    "digests": [{**_PLACE, "count": _DIGEST.count, "digest": _DIGEST.text}],
    "next": None,
}
LISTED: dict[str, Any] = {
    "store": "warehouse",
    "values": [
        {**_PLACE, "indicator": name, "value": value, "status": "official", "version": 1} for name, value in _VALUES
    ],
    "next": None,
}
