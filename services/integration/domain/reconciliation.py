"""What a comparison speaks of: cells, the differences between them, digests that are not equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shared.digest import Digest

K = TypeVar("K")
D = TypeVar("D")

Group = tuple[str | None, str | None, str | None]
"""Period, form, partner's unit of a digest; None above their level."""

Place = tuple[str, str, str, str]
"""Form, unit, period, indicator of an entry, in hub codes; an empty indicator: the key as a whole."""


class Direction(StrEnum):
    """What the hub compares itself with."""

    RECEIVER = "receiver"  # the ledger with what a partner holds
    WAREHOUSE = "warehouse"  # the contents that partners are given with the warehouse
    SOURCE = "source"  # what was received from a partner with what it holds


class Kind(StrEnum):
    """How an entry differs. Which of them a difference is, and in which order they are tried: classification.py."""

    NEWER_VERSION = "newer_version"
    DUPLICATE = "duplicate"
    MAPPING_GAP = "mapping_gap"
    MISSING_THERE = "missing_there"
    STALE_THERE = "stale_there"
    MISSING_HERE = "missing_here"
    OLDER_VERSION = "older_version"
    STATUS = "status"
    UNIT_SCALE = "unit_scale"
    ROUNDING = "rounding"
    VALUE = "value"
    CONFLICT = "conflict"  # towards sources only, as the two below: domain/sources.py
    BY_HAND = "by_hand"
    APPROVED_OTHER = "approved_other"


EXTRA = frozenset({Kind.DUPLICATE, Kind.MAPPING_GAP, Kind.STALE_THERE, Kind.MISSING_HERE})
"""What is there too much: nothing but dropping it there repairs it."""

NEWER_THERE: Mapping[str, str] = {
    Kind.NEWER_VERSION: "Hệ thống nhận giữ phiên bản mới hơn của tỉnh nên không nhận bản gửi lại. Đối chiếu với đơn vị "
    "quản lý hệ thống: nếu bên đó đúng thì cập nhật, trình duyệt lại ở tỉnh hoặc chấp nhận có lý do; nếu tỉnh đúng thì "
    "gửi đè có lý do."
}
"""What is to be done about a key that the partner holds under a newer version than ours."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and its status, as either side holds it."""

    value: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that differs, as a report shows it; codes are the hub's. `expected` and `found` are None where that
    side has no entry."""

    form: str
    unit: str
    period: str
    indicator: str
    kind: Kind
    expected: str | None
    found: str | None

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.form, self.unit, self.period, self.indicator


def unequal(ours: Mapping[K, Digest], theirs: Mapping[K, Digest]) -> set[K]:
    """Return the groups whose digests differ; an empty group and an absent one are equal."""
    return differing(ours, theirs, Digest())


def differing(ours: Mapping[K, D], theirs: Mapping[K, D], nothing: D) -> set[K]:
    """Return the keys under which the two sides differ; what is absent counts as `nothing`."""
    return {key for key in ours.keys() | theirs.keys() if ours.get(key, nothing) != theirs.get(key, nothing)}


def spelled(cells: Sequence[Cell]) -> str | None:
    """Return what one side holds under a key as a report shows it; None for nothing."""
    return "; ".join(_spelled(cell) for cell in cells) if cells else None


def _spelled(cell: Cell) -> str:
    """A cell's value, or "không phát sinh" (nothing occurred); its status if not final."""
    value = "không phát sinh" if cell.value is None else cell.value
    return value if cell.status == "official" else f"{value} ({cell.status})"
