"""Digests and listings that other systems compare their store with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """The digest of a group: how many entries it has, and the lane-wise sum of their hashes as 64 hexadecimal digits
    (shared/digest.py); of parts, groups and keys of parts in brief, 16 of them. `share` is the part's or group's
    number. What lies above the level that was asked for is None."""

    period: str | None
    form: str | None
    unit: str | None
    count: int
    digest: str
    share: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPage:
    """Digests of the groups that hold something, in order of period, form, unit. `store` is what they are of:
    `expected` (what the asking partner is to hold, in its own codes) or `warehouse` (in the hub's codes)."""

    store: str
    digests: list[DigestView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedValue:
    """One entry of a store: decimal text in normal form or None (không phát sinh), its status, and the version of its
    (form, unit, period)."""

    period: str
    form: str
    unit: str
    indicator: str
    value: str | None
    status: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """Entries, those of one bucket together and in order of indicator. `store`: as of digests."""

    store: str
    values: list[ListedValue]
    next: str | None = None
