"""How much a partner is asked of: the breaker, pauses it wishes for, the budget of repeats, who may send. Pure.

    closed --so many failures in a row--> open --its wait is over, one call goes out as a probe--> half-open
       ^                                    ^-------------------- the probe fails: a longer wait ----------|
       +------------------------------------------------ anything is answered -----------------------------+

While it is open nobody calls: deliveries and pulls wait, and none of their attempts is used up. The probe may be any
call: a delivery, a page, a question. All of it stands in one row per partner, so that it outlives a process and is the
same for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.integration.domain.delivery import Answer, Said
from services.integration.domain.messages import Message, Outcome
from services.integration.domain.partners import Limits

MAX_PAUSE_SECONDS = 86_400.0
"""A partner that asks for a longer pause is asked again after this one."""

AHEAD_SECONDS = 5.0
"""With a limited rate no more is claimed ahead than leaves within so many seconds."""

LEAD_SECONDS = 60.0
"""A partner with limits is sent to by one process at a time, which says so again at least this often."""

_ILL = (Outcome.FAILED, Outcome.TIMEOUT, Outcome.BROKEN, Outcome.NO_CONNECTION)
_TOO_MANY = 429
_UNKNOWN_HERE = (401, 403)
_NOT_IMPLEMENTED = 501


class Circuit(StrEnum):
    """What the breaker lets through: everything, nothing, one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Sign(StrEnum):
    """What a call told of the partner's health."""

    WELL = "well"
    """It answered, whatever it was."""
    ILL = "ill"
    """It certainly did not do its part: nobody there, 5xx, no answer, or it does not know us."""
    NEITHER = "neither"
    UNSENT = "unsent"
    """The call was not made."""


class Hold(StrEnum):
    """Why nothing is sent to a partner now."""

    BREAKER = "breaker"
    PAUSE = "pause"
    BUDGET = "budget"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The breaker's: it opens after `failures` in a row, for `wait` seconds, doubling up to `cap`."""

    failures: int
    wait: float
    cap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one call told; `retry_after` (seconds) is the pause that the partner wishes for."""

    sign: Sign
    at: datetime
    story: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many deliveries may be claimed now, and how many of them may be repeats (None: any number); `probe`: the one
    that goes out decides whether the breaker closes. With no room, why, and until when if that is known."""

    room: int
    repeats: int | None = None
    probe: bool = False
    hold: Hold | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a partner stands. `failures` in a row; `openings` without an answer between them; `until`: when an open
    breaker lets a probe out, when a half-open one gives its probe up; `story` of the last failure. `repeats` were made
    within `hour`. A partner with limits is `led_by` one process until `led_until`."""

    circuit: Circuit = Circuit.CLOSED
    failures: int = 0
    openings: int = 0
    until: datetime | None = None
    paused_until: datetime | None = None
    story: str = ""
    hour: datetime | None = None
    repeats: int = 0
    led_by: str = ""
    led_until: datetime | None = None

    def heard(self, heard: Heard, rules: Rules) -> Standing:
        """Return how the partner stands after a call."""
        found = self
        if heard.retry_after and heard.sign is not Sign.WELL:
            pause = heard.at + timedelta(seconds=min(heard.retry_after, MAX_PAUSE_SECONDS))
            found = replace(found, paused_until=max(pause, self.paused_until or pause))
        if heard.sign is Sign.WELL:
            return replace(found, circuit=Circuit.CLOSED, failures=0, openings=0, until=None, story="")
        if self.circuit is Circuit.HALF_OPEN:
            if heard.sign is Sign.UNSENT:
                return replace(found, circuit=Circuit.OPEN, until=heard.at)
            return found._opened(heard, rules)
        if heard.sign is not Sign.ILL or self.circuit is Circuit.OPEN:
            return found  # calls that were under way when it opened tell nothing new
        found = replace(found, failures=self.failures + 1, story=heard.story)
        return found._opened(heard, rules) if found.failures >= rules.failures else found

    def _opened(self, heard: Heard, rules: Rules) -> Standing:
        wait = min(rules.cap, rules.wait * 2.0 ** min(self.openings, 30))
        return replace(
            self,
            circuit=Circuit.OPEN,
            openings=self.openings + 1,
            until=heard.at + timedelta(seconds=wait),
            story=heard.story or self.story,
        )

    def allows(self, limits: Limits, at: datetime, by: str, room: int) -> Allowance:
        """Return what the process `by` may claim at this moment, at most `room`."""
        if self.paused_until is not None and at < self.paused_until:
            return Allowance(room=0, hold=Hold.PAUSE, until=self.paused_until)
        probe = self.circuit is not Circuit.CLOSED
        if probe and self.until is not None and at < self.until:
            return Allowance(room=0, hold=Hold.BREAKER, until=self.until)
        if limited(limits) and self.led_by not in ("", by) and self.led_until is not None and at < self.led_until:
            return Allowance(room=0, hold=Hold.ELSEWHERE, until=self.led_until)
        left = self.repeats_left(limits, at)
        spent = left == 0
        return Allowance(
            room=min(room, 1) if probe else room,
            repeats=left,
            probe=probe,
            hold=Hold.BUDGET if spent else None,
            until=_hour(at) + timedelta(hours=1) if spent else None,
        )

    def repeats_left(self, limits: Limits, at: datetime) -> int | None:
        """Return how many repeats this hour still allows; None: any number."""
        if not limits.repeats_per_hour:
            return None
        used = self.repeats if self.hour == _hour(at) else 0
        return max(0, limits.repeats_per_hour - used)

    def took(
        self, allowance: Allowance, limits: Limits, at: datetime, by: str, *, repeats: int, lease_seconds: float
    ) -> Standing:
        """Return how the partner stands once deliveries, `repeats` of them not for the first time, were claimed."""
        found = self.called(allowance, limits, at, repeats=repeats, lease_seconds=lease_seconds)
        if limited(limits):
            half = at + timedelta(seconds=LEAD_SECONDS / 2)
            if self.led_by != by or self.led_until is None or self.led_until < half:
                found = replace(found, led_by=by, led_until=at + timedelta(seconds=LEAD_SECONDS))
        return found

    def called(
        self, allowance: Allowance, limits: Limits, at: datetime, *, repeats: int, lease_seconds: float
    ) -> Standing:
        """Return how the partner stands while it is called, by whom ever; `repeats` as in `took`."""
        found = self
        if allowance.probe:
            found = replace(found, circuit=Circuit.HALF_OPEN, until=at + timedelta(seconds=lease_seconds))
        if repeats and limits.repeats_per_hour:
            used = self.repeats if self.hour == _hour(at) else 0
            found = replace(found, hour=_hour(at), repeats=used + repeats)
        return found

    def question(self, limits: Limits, at: datetime, *, again: bool, by_person: bool) -> Allowance:
        """Return whether one question or page may be asked for at this moment, `again` after one that failed. It does
        not matter who sends. What a person asks passes an open breaker."""
        found = self.allows(limits, at, self.led_by, 1)
        if by_person and found.hold is Hold.BREAKER:
            return Allowance(room=1, repeats=found.repeats)
        if again and found.repeats == 0:
            return replace(found, room=0)
        return found if found.room == 0 else replace(found, hold=None, until=None)

    def hurried(self, at: datetime) -> Standing:
        """Return it as a person wants it who says "now": no pause, and an open breaker probes at once."""
        found = replace(self, paused_until=None)
        return replace(found, until=at) if self.circuit is Circuit.OPEN else found


def limited(limits: Limits) -> bool:
    """Tell whether calls have to be counted, and so made by one process."""
    return limits.calls_per_second > 0 or limits.parallel > 0


def ahead(limits: Limits, most: int) -> int:
    """Return how many deliveries may be in hand at once, at most `most`."""
    if limits.calls_per_second <= 0:
        return most
    return max(1, min(most, int(limits.calls_per_second * AHEAD_SECONDS)))


def too_large(limits: Limits, figures: int) -> Answer | None:
    """Return the refusal of a packet that the partner would not take: content is sent whole or not at all."""
    if not limits.batch or figures <= limits.batch:
        return None
    return Answer(Said.REFUSED, f"not sent: {figures} figures, and the partner takes {limits.batch} in one packet")


def sign_of(answer: Answer, noted: list[Message]) -> Sign:
    """Return what an answer, and the calls it took, tell of the partner's health."""
    if answer.said is Said.UNSENT:
        return Sign.UNSENT
    if not noted:  # no road to it, by our own fault: whatever is due would fail alike
        return Sign.ILL if answer.said is Said.NOT_APPLIED else Sign.NEITHER
    if answer.said not in (Said.NOT_APPLIED, Said.UNCLEAR):
        return Sign.WELL
    if noted[-1].status == _TOO_MANY:
        return Sign.NEITHER
    return Sign.ILL if answer.said is Said.NOT_APPLIED or noted[-1].outcome in _ILL else Sign.NEITHER


def sign_of_question(outcome: Outcome, status: int | None, blames_us: bool) -> Sign:
    """Return what one call that gives nothing tells of the partner's health. `blames_us`: its body is a fault that
    lays the blame on who asks, as SOAP does with status 500. A question it does not know is an answer."""
    if status == _TOO_MANY:
        return Sign.NEITHER
    if status in _UNKNOWN_HERE:
        return Sign.ILL
    return Sign.ILL if outcome in _ILL and not blames_us and status != _NOT_IMPLEMENTED else Sign.WELL


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
