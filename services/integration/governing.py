"""How much is asked of a partner, as its sender keeps to it: domain/governor.py decides, one row per partner remembers
it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import eventlet

from services.integration.domain.delivery import State
from services.integration.domain.governor import Allowance, Circuit, Heard, Rules, Standing, ahead, limited
from services.integration.domain.partners import Limits, Partner
from services.integration.settings import AHEAD, IntegrationSettings
from services.integration.storage import standings
from services.integration.storage.deliveries import Delivery
from shared.logs import logger
from shared.storage import Unit

log = logger(__name__)

_NAP_SECONDS = 0.1

Found = tuple[Delivery, int]


class Governing:
    """One sender's part: what it may claim, what it learns, and `held`: why what is claimed and not sent goes back."""

    def __init__(self, partner: str, settings: IntegrationSettings) -> None:
        self._partner = partner
        self._settings = settings
        self._rules = Rules(
            failures=settings.breaker_failures, wait=settings.breaker_seconds, cap=settings.breaker_cap_seconds
        )
        self._known = Standing()
        self.held: str | None = None

    def allowance(self, unit: Unit, partner: Partner, in_hand: int) -> Allowance:
        """Return what may be claimed now, with so many in hand. Reads only: most polls find nothing due."""
        self._known = standing = standings.load(unit.connection, self._partner)
        room = ahead(partner.limits, AHEAD) - in_hand
        return standing.allows(partner.limits, unit.now, self._settings.process, room)

    def take(self, unit: Unit, partner: Partner, allowance: Allowance, found: Sequence[Found]) -> list[Found]:
        """Return those of the due deliveries that may go out now, and remember what that uses up."""
        limits = partner.limits
        counted = allowance.probe or allowance.repeats is not None or limited(limits)
        if not found or not counted:
            self.held = None
            return list(found)
        standing = standings.load(unit.connection, self._partner, lock=True)
        now = standing.allows(limits, unit.now, self._settings.process, allowance.room)
        taken: list[Found] = []
        repeats = 0
        for item in found[: max(0, now.room)]:
            if is_repeat(item[0]):
                if now.repeats is not None and repeats >= now.repeats:
                    continue
                repeats += 1
            taken.append(item)
        if not taken:
            return []
        self.held = None
        after = standing.took(
            now,
            limits,
            unit.now,
            self._settings.process,
            repeats=repeats,
            lease_seconds=lease_seconds(self._settings, limits),
        )
        self._known = after
        if after != standing:
            standings.save(unit.connection, self._partner, after)
        return taken

    def notice(self, heard: Heard) -> None:
        """Mind at once what a call told, before it is recorded: what is claimed and not sent may have to go back."""
        self._known = self._known.heard(heard, self._rules)
        self.held = _reason(self._known, heard.at) or self.held

    def learn(self, unit: Unit, heard: Sequence[Heard]) -> None:
        """Remember what calls told; the audit trail hears of a breaker that opens or closes."""
        before = standings.load(unit.connection, self._partner)
        if _fold(before, heard, self._rules) == before:
            return
        before = standings.load(unit.connection, self._partner, lock=True)
        after = _fold(before, heard, self._rules)
        standings.save(unit.connection, self._partner, after)
        self.held = _reason(after, unit.now) or self.held
        if after.openings != before.openings and (after.openings == 0 or before.openings == 0):
            action = "partner.breaker_opened" if after.openings else "partner.breaker_closed"
            unit.audit(action, self._partner, {"failures": after.failures, "error": after.story})
            log.warning(action, partner=self._partner, failures=after.failures, error=after.story)


def _reason(standing: Standing, at: datetime) -> str | None:
    if standing.circuit is Circuit.OPEN:
        return "not sent: the partner does not answer, and is left alone for a while"
    if standing.paused_until is not None and standing.paused_until > at:
        return "not sent: the partner asked for a pause"
    return None


def _fold(standing: Standing, heard: Sequence[Heard], rules: Rules) -> Standing:
    for item in sorted(heard, key=lambda item: item.at):
        standing = standing.heard(item, rules)
    return standing


def is_repeat(delivery: Delivery) -> bool:
    """Tell whether sending this delivery repeats a failed attempt; asking what became of one does not."""
    return delivery.attempts > 0 and delivery.state not in (State.IN_DOUBT, State.SENDING)


def callers(settings: IntegrationSettings, limits: Limits) -> int:
    """Return how many calls a partner gets at once."""
    return limits.parallel or settings.senders


def lease_seconds(settings: IntegrationSettings, limits: Limits) -> float:
    """Return how long a claimed delivery is its sender's alone: longer than those before it and itself can take."""
    most = ahead(limits, AHEAD)
    waits = most / limits.calls_per_second if limits.calls_per_second > 0 else 0.0
    return settings.lease_seconds(callers(settings, limits)) + waits


class Pacer:
    """Spaces the calls of one sender as the partner's rate asks for."""

    def __init__(self) -> None:
        self._next = 0.0

    def wait(self, limits: Limits, ended: Callable[[], bool]) -> bool:
        """Wait for this call's turn; tell whether it came before `ended` said that there is no use in waiting."""
        if limits.calls_per_second <= 0:
            return True
        turn = max(time.monotonic(), self._next)
        self._next = turn + 1.0 / limits.calls_per_second
        while (left := turn - time.monotonic()) > 0:
            if ended():
                return False
            eventlet.sleep(min(left, _NAP_SECONDS))
        return True
