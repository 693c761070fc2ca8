"""The life of a difference, from when it was first seen through all reconciliations that find it again. Pure.

              seen                  repair begun
   (nothing) -----> new ----------------------------> repairing
                    ^ |                                |     |
      still there   | | accepted           still there |     | read again, and equal
    (failed repair) | v                                v     v
                    accepted <----- recurring <---------   repaired
                       |  reopened, run out,     seen again  |
                       +--> new or recurring   recurring <---+

An acceptance covers exactly what was accepted, until its last day: another class or another value, or a later day, and
the difference is open again. `recurring` says that it came back after both sides had been proven equal here; it stays
so until the next proof. What vanishes without a repair of ours is proven by the reading that no longer finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.integration.domain.reconciliation import Difference, Kind
from shared.errors import Conflict


class Standing(StrEnum):
    """Where a difference stands."""

    NEW = "new"
    REPAIRING = "repairing"
    REPAIRED = "repaired"
    ACCEPTED = "accepted"
    RECURRING = "recurring"


OPEN = (Standing.NEW, Standing.REPAIRING, Standing.ACCEPTED, Standing.RECURRING)
"""What is not settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A person's word that a difference may stay: who, why, until which day (included)."""

    by: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One difference through time. `owner` is the agency that is to look; `task`: the hub may not repair it, its owner
    has to act; `failed_repairs` did not help since it last came up; `told`: those whose task it is were told, once for
    each time it comes up and each class it takes."""

    state: Standing
    kind: Kind
    expected: str | None
    found: str | None
    first_seen: datetime
    last_seen: datetime
    times_seen: int = 1
    owner: str = ""
    recurrences: int = 0
    failed_repairs: int = 0
    task: bool = False
    told: bool = False
    acceptance: Acceptance | None = None
    settled_at: datetime | None = None

    @property
    def repairable(self) -> bool:
        """Tell whether a reconciliation may repair it."""
        return self.state in (Standing.NEW, Standing.RECURRING)

    def seen(self, found: Difference, at: datetime, today: date) -> Life:
        """Return what it is once a comparison has found it again."""
        now = self if self.kind is found.kind else replace(self, told=False)
        if now.state is Standing.REPAIRED:
            now = replace(
                now,
                state=Standing.RECURRING,
                recurrences=now.recurrences + 1,
                failed_repairs=0,
                settled_at=None,
                told=False,
            )
        elif now.state is Standing.REPAIRING:
            now = now.still_there()
        elif now.state is Standing.ACCEPTED and not self._covers(found, today):
            now = replace(now._back(), told=False)
        return replace(
            now,
            kind=found.kind,
            expected=found.expected,
            found=found.found,
            last_seen=at,
            times_seen=now.times_seen + 1,
            task=False,
        )

    def repair_begun(self) -> Life:
        """Return it with a repair under way. Raises Conflict("integration.difference_state")."""
        self._must(self.repairable, "repaired")
        return replace(self, state=Standing.REPAIRING, task=False)

    def left_to_owner(self) -> Life:
        """Return it as its owner's task, because the hub may not repair it."""
        self._must(self.repairable, "left to its owner")
        return replace(self, task=True)

    def still_there(self) -> Life:
        """Return what it is when reading again has shown that its repair did not help."""
        self._must(self.state is Standing.REPAIRING, "judged")
        return replace(self._back(), failed_repairs=self.failed_repairs + 1)

    def gone(self, at: datetime) -> Life:
        """Return what it is when reading again has shown both sides to be equal here."""
        self._must(self.state in OPEN, "settled")
        return replace(self, state=Standing.REPAIRED, settled_at=at, acceptance=None, task=False)

    def assigned(self, owner: str) -> Life:
        """Return it with another agency to look. Raises Conflict("integration.difference_state") if it is settled."""
        self._must(self.state in OPEN, "assigned")
        return replace(self, owner=owner)

    def accepted(self, acceptance: Acceptance) -> Life:
        """Return it accepted. Raises Conflict("integration.difference_state") unless it waits for somebody."""
        self._must(self.state in (Standing.NEW, Standing.RECURRING, Standing.ACCEPTED), "accepted")
        return replace(self, state=Standing.ACCEPTED, acceptance=acceptance, task=False)

    def reopened(self) -> Life:
        """Return it no longer accepted. Raises Conflict("integration.difference_state") if it is not."""
        self._must(self.state is Standing.ACCEPTED, "reopened")
        return self._back()

    def _covers(self, found: Difference, today: date) -> bool:
        same = (found.kind, found.expected, found.found) == (self.kind, self.expected, self.found)
        return same and self.acceptance is not None and today <= self.acceptance.until

    def _back(self) -> Life:
        state = Standing.RECURRING if self.recurrences else Standing.NEW
        return replace(self, state=state, acceptance=None)

    def _must(self, allowed: bool, wish: str) -> None:
        if not allowed:
            raise Conflict(
                "integration.difference_state",
                f"a difference that is {self.state} cannot be {wish}",
                "Trạng thái hiện tại của chênh lệch không cho phép thao tác này.",
            )


def born(found: Difference, at: datetime, owner: str) -> Life:
    """Return the life of a difference that was never seen before."""
    return Life(
        state=Standing.NEW,
        kind=found.kind,
        expected=found.expected,
        found=found.found,
        first_seen=at,
        last_seen=at,
        owner=owner,
    )
