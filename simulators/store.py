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
from shared.digest import Digest, entry_hash, of_hash, total

Key = tuple[str, str, str]  # form, unit, period
LEVELS = ("root", "period", "form", "bucket")


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
            self.buckets[packet.key] = Bucket(packet.version, dict(packet.values))
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

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> list[dict[str, Any]]:
        """Return the digests at `level`, narrowed by period and form, in key order."""
        if level not in LEVELS:
            raise Refused("digests.unknown_level", f"{level} is none of {', '.join(LEVELS)}")
        groups: dict[tuple[str | None, str | None, str | None], list[Digest]] = {}
        for (b_form, b_unit, b_period), bucket in self.buckets.items():
            if (period is not None and b_period != period) or (form is not None and b_form != form):
                continue
            digest = self._digest((b_form, b_unit, b_period), bucket)
            if digest.count == 0:
                continue
            depth = LEVELS.index(level)
            key = (b_period if depth > 0 else None, b_form if depth > 1 else None, b_unit if depth > 2 else None)
            groups.setdefault(key, []).append(digest)
        rows = []
        for key in sorted(groups, key=lambda k: tuple(part or "" for part in k)):
            digest = total(groups[key])
            rows.append(
                {"period": key[0], "form": key[1], "unit": key[2], "count": digest.count, "digest": digest.text}
            )
        return rows

    def values(
        self, key: Key, after: str | None = None, limit: int = 1_000
    ) -> tuple[list[tuple[str, Value, int]], str | None]:
        """Return up to `limit` values of one bucket after indicator `after`, and the cursor for the next page."""
        bucket = self.buckets.get(key)
        if bucket is None:
            return [], None
        names = sorted(name for name in bucket.values if after is None or name > after)
        page = [(name, bucket.values[name], bucket.version) for name in names[:limit]]
        return page, page[-1][0] if len(names) > limit else None

    def tamper(self, action: str, key: Key, indicator: str, value: str | None = None) -> None:
        """Damage the store as a careless partner would: `lose` or `change` a value, `add` one it should not have."""
        bucket = self.buckets.setdefault(key, Bucket(1, {}))
        bucket.digest = None
        if action == "lose":
            del bucket.values[indicator]
        elif action == "change":
            bucket.values[indicator] = Value(value, bucket.values[indicator].status)
        elif action == "add":
            bucket.values[indicator] = Value(value, "official")
        else:
            raise Refused("control.unknown_action", f"{action} is none of lose, change, add")

    @staticmethod
    def _digest(key: Key, bucket: Bucket) -> Digest:
        if bucket.digest is None:
            form, unit, period = key
            bucket.digest = total(
                of_hash(entry_hash(form, unit, period, indicator, item.value, item.status))
                for indicator, item in bucket.values.items()
            )
        return bucket.digest

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
