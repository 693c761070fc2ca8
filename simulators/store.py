"""What the far side holds, by the rules a careful partner keeps.

A packet is the whole content of (form, unit, period) at one version. The same message is applied once; an older
version is refused; an equal version under a new message id is applied again (that is how a repair looks). Every
effect is written to the journal, so a test can count what was really done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.canonical import content_hash, decimal_text
from shared.digest import Digest, entry_hash, of_hash, share_of, total

Key = tuple[str, str, str]  # form, unit, period
LEVELS = ("root", "period", "form", "part", "bucket", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What digests or values are asked for: narrowed by period, form and units; keys divided into `parts` by their
    unit, of which `chosen` are wanted; a key's entries divided into `groups` by their indicator, of which `of` (unit
    and group) are wanted."""

    period: str | None = None
    form: str | None = None
    units: tuple[str, ...] = ()
    parts: int | None = None
    chosen: tuple[int, ...] = ()
    groups: int | None = None
    of: tuple[tuple[str, int], ...] = ()

    def takes(self, key: Key) -> bool:
        """Tell whether a key is asked for."""
        form, unit, period = key
        if (self.period is not None and period != self.period) or (self.form is not None and form != self.form):
            return False
        if self.of:
            return any(unit == wanted for wanted, _ in self.of)
        if self.chosen:
            return self.parts is not None and share_of(unit, self.parts) in self.chosen
        return not self.units or unit in self.units

    def takes_entry(self, unit: str, indicator: str) -> bool:
        """Tell whether an entry of a key that is asked for is wanted."""
        return not self.of or self.groups is None or (unit, share_of(indicator, self.groups)) in self.of


@dataclass(frozen=True, slots=True)
class Value:
    """One stored value: decimal text in normal form or None (nothing occurred), and its status."""

    value: str | None
    status: str


@dataclass(slots=True)
class Bucket:
    """The stored content of one (form, unit, period)."""

    version: int
    values: dict[str, Value]
    digest: Digest | None = None
    repeated: list[tuple[str, Value]] = field(default_factory=list)
    before: dict[str, Value] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, Value]]:
        """Return all its values in order, those that stand there twice, too."""
        return sorted([*self.values.items(), *self.repeated], key=lambda row: row[0])


@dataclass(frozen=True, slots=True)
class Packet:
    """A received packet, whichever protocol it came by."""

    message_id: str
    form: str
    unit: str
    period: str
    version: int
    content_hash: str
    values: dict[str, Value]

    @property
    def key(self) -> Key:
        return self.form, self.unit, self.period


DAMAGE = ("lose", "change", "add", "older", "repeat", "scale", "round", "restate")
"""What a careless partner does to a value: loses it, changes it, adds one it should not have, falls back to the
version before, holds it twice, shifts it by powers of ten, rounds it to decimals (`value` says how many), keeps it
under another status."""


class Refused(Exception):
    """The packet breaks a rule of the receiver; sending it again unchanged cannot help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Store:
    """Everything one far side holds, in memory."""

    buckets: dict[Key, Bucket] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    journal: list[dict[str, Any]] = field(default_factory=list)

    def submit(self, packet: Packet) -> dict[str, Any]:
        """Apply `packet` unless it was applied before or is older; return message id, state and stored version."""
        known = self.messages.get(packet.message_id)
        if known is not None:
            return {**known, "state": "already_applied" if known["state"] == "applied" else known["state"]}
        self._check(packet)
        bucket = self.buckets.get(packet.key)
        if bucket is not None and packet.version < bucket.version:
            answer = {"message_id": packet.message_id, "state": "superseded", "version": bucket.version}
        else:
            before = {} if bucket is None else bucket.values
            self.buckets[packet.key] = Bucket(packet.version, dict(packet.values), before=before)
            answer = {"message_id": packet.message_id, "state": "applied", "version": packet.version}
        self.messages[packet.message_id] = answer
        self.journal.append(
            {
                "message_id": packet.message_id,
                "form": packet.form,
                "unit": packet.unit,
                "period": packet.period,
                "version": packet.version,
                "state": answer["state"],
                "values": len(packet.values),
            }
        )
        return answer

    def status(self, message_id: str) -> dict[str, Any]:
        """Tell what became of a message; `unknown` where it never arrived (or has not been applied yet)."""
        return self.messages.get(message_id, {"message_id": message_id, "state": "unknown"})

    def digests(self, level: str, asked: Question) -> list[dict[str, Any]]:
        """Return the digests at `level`, in key order; below the level of a form in brief where parts or groups are
        asked for."""
        if level not in LEVELS:
            raise Refused("digests.unknown_level", f"{level} is none of {', '.join(LEVELS)}")
        if (level == "part" and not asked.parts) or (level == "group" and not asked.groups):
            raise Refused("digests.no_number", "into how many it is to be divided must be said")
        groups: dict[tuple[str | int | None, ...], list[Digest]] = {}
        for key, bucket in self.buckets.items():
            if asked.takes(key):
                for place, digest in self._digests(level, key, bucket, asked):
                    if digest.count:
                        groups.setdefault(place, []).append(digest)
        brief = level in ("part", "group") or (level == "bucket" and asked.parts is not None)
        rows = []
        for place in sorted(groups, key=lambda place: tuple(str(part or "") for part in place)):
            digest = total(groups[place])
            named = dict(zip(("period", "form", "unit", "share"), place, strict=True))
            rows.append({**named, "count": digest.count, "digest": digest.brief.text if brief else digest.text})
        return rows

    def values(
        self, asked: Question, after: str | None = None, limit: int = 1_000
    ) -> tuple[list[tuple[Key, str, Value, int]], str | None]:
        """Return up to `limit` values after the cursor, in the order in which keys first came, and the next cursor."""
        begin = int(after) if after is not None and after.isdecimal() else 0
        rows = [
            (key, name, value, bucket.version)
            for key, bucket in self.buckets.items()
            if asked.takes(key)
            for name, value in bucket.rows()
            if asked.takes_entry(key[1], name)
        ]
        end = begin + limit
        return rows[begin:end], str(end) if len(rows) > end else None

    def tamper(
        self, action: str, key: Key, indicator: str, value: str | None = None, status: str | None = None
    ) -> None:
        """Damage the store as a careless partner would: see `DAMAGE`. Raises KeyError if there is no such value."""
        if action not in DAMAGE:
            raise Refused("control.unknown_action", f"{action} is none of {', '.join(DAMAGE)}")
        bucket = self.buckets.setdefault(key, Bucket(1, {}))
        bucket.digest = None
        if action == "lose":
            del bucket.values[indicator]
        elif action == "add":
            bucket.values[indicator] = Value(value, status or "official")
        elif action == "older":
            bucket.values[indicator] = bucket.before[indicator]
        elif action == "repeat":
            bucket.repeated.append((indicator, bucket.values[indicator]))
        else:
            held = bucket.values[indicator]
            bucket.values[indicator] = Value(_damaged(action, held.value, value), status or held.status)

    @classmethod
    def _digests(
        cls, level: str, key: Key, bucket: Bucket, asked: Question
    ) -> list[tuple[tuple[str | int | None, ...], Digest]]:
        form, unit, period = key
        if level == "group" and asked.groups:
            return [
                ((None, None, unit, share_of(name, asked.groups)), cls._of(key, name, value))
                for name, value in bucket.rows()
            ]
        digest = cls._digest(key, bucket)
        if level == "part" and asked.parts:
            return [((None, None, None, share_of(unit, asked.parts)), digest)]
        if level == "bucket" and asked.parts:
            return [((None, None, unit, None), digest)]
        depth = ("root", "period", "form", "bucket").index(level)
        place = (period if depth > 0 else None, form if depth > 1 else None, unit if depth > 2 else None, None)
        return [(place, digest)]

    @classmethod
    def _digest(cls, key: Key, bucket: Bucket) -> Digest:
        if bucket.digest is None:
            bucket.digest = total(cls._of(key, name, value) for name, value in bucket.rows())
        return bucket.digest

    @staticmethod
    def _of(key: Key, indicator: str, item: Value) -> Digest:
        form, unit, period = key
        return of_hash(entry_hash(form, unit, period, indicator, item.value, item.status))

    @staticmethod
    def _check(packet: Packet) -> None:
        for indicator, item in packet.values.items():
            if item.value is not None and decimal_text(Decimal(item.value)) != item.value:
                raise Refused("packet.bad_value", f"{indicator}: {item.value} is not a decimal in normal form")
        expected = content_hash(
            (packet.form, packet.unit, packet.period, str(packet.version)),
            [(indicator, item.value, item.status) for indicator, item in packet.values.items()],
        )
        if expected != packet.content_hash:
            raise Refused("packet.bad_hash", "the content does not have the hash it claims")


def _damaged(action: str, held: str | None, value: str | None) -> str | None:
    if action == "scale" and held is not None:
        return format(Decimal(held).scaleb(int(value or 3)).normalize(), "f")
    if action == "round" and held is not None:
        return decimal_text(round(Decimal(held), int(value or 0)))
    return value if action == "change" else held
