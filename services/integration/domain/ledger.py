"""Entries of the ledger, the packets made of them, and their digests, all under the partner's codes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.integration.domain.mapping import Edition
from shared.canonical import content_hash
from shared.contracts.events import Observation
from shared.digest import LANES, Digest, entry_hash

Key = tuple[str, str, str]  # form, unit, period in hub codes


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that a partner is to hold: the hub's indicator, the partner's, the value as the partner is to hold it
    (None: nothing occurred), status, and the hash of all that under the partner's codes."""

    indicator: str
    partner_indicator: str
    value: str | None
    status: str
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The whole content of (form, partner's unit, period) at one version, as a partner receives it."""

    message_id: str
    sender: str
    form: str
    unit: str
    period: str
    version: int
    values: tuple[tuple[str, str | None, str], ...]

    @property
    def content_hash(self) -> str:
        """The hash a receiver checks: over header and values in the partner's codes."""
        return content_hash((self.form, self.unit, self.period, str(self.version)), self.values)


def entries_of(
    mapping: Edition, form: str, partner_unit: str, period: str, observations: Iterable[Observation]
) -> list[Entry]:
    """Return the entries that these observations become under the edition of the period, in order of indicator;
    withdrawn ones become none."""
    found = []
    for item in sorted(observations, key=lambda item: item.indicator):
        if item.withdrawn:
            continue
        theirs = mapping.indicator(item.indicator)
        value = mapping.value(item.indicator, item.value)
        raw = entry_hash(form, partner_unit, period, theirs, value, item.status)
        found.append(Entry(item.indicator, theirs, value, item.status, raw))
    return found


def digest_of(hashes: Sequence[bytes]) -> Digest:
    """Return the digest of the set of entries with these hashes, in one pass."""
    if not hashes:
        return Digest()
    lanes = struct.unpack(f">{LANES * len(hashes)}I", b"".join(hashes))
    return Digest(len(hashes), tuple(sum(lanes[lane::LANES]) & 0xFFFFFFFF for lane in range(LANES)))
