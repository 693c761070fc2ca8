"""How much is asked of a partner, as whoever calls it keeps to it: domain/governor.py decides, one row per partner
remembers it. Senders claim and learn in their own transactions (`Governing`); questions and pages, which are asked one
by one, pass through `Governed`. `Turns` spaces and counts the calls of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import eventlet

from services.integration.clients.recording import Call, Recorder
from services.integration.clients.rest import retry_after
from services.integration.domain import timetable
from services.integration.domain.delivery import State
from services.integration.domain.governor import (
    Allowance,
    Circuit,
    Heard,
    Hold,
    Rules,
    Sign,
    Standing,
    ahead,
    limited,
    sign_of_question,
)
from services.integration.domain.messages import Message, Outcome, Part
from services.integration.domain.partners import Limits, Partner
from services.integration.metrics import HELD_BACK
from services.integration.settings import AHEAD, IntegrationSettings
from services.integration.storage import partners as partner_rows
from services.integration.storage import standings
from services.integration.storage.deliveries import Delivery
from shared.calendar import VIETNAM
from shared.errors import Unavailable
from shared.logs import logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

_NAP_SECONDS = 0.1
_LEASE_MARGIN_SECONDS = 20.0
_BLAMES_CALLER = re.compile(rb"faultcode>\s*(?:\w+:)?Client|Value>\s*(?:\w+:)?Sender")
"""A SOAP fault by which the partner has answered, whatever the HTTP status."""
_KNOWS_US_NOT = re.compile(rb"unauthori[sz]ed|token_missing|token_invalid|right_missing")

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
    """Return how long a claimed delivery is its sender's alone: longer than those before it and itself can take,
    with a question let out between every two."""
    most = ahead(limits, AHEAD)
    waits = 2.0 * most / limits.calls_per_second if limits.calls_per_second > 0 else 0.0
    return settings.lease_seconds(callers(settings, limits)) + waits


class Turns:
    """Gives the calls to one partner their turns, whichever process makes them: no more at once and no closer together
    than it can bear."""

    def __init__(self, unit: UnitOfWork, partner: str) -> None:
        self._unit = unit
        self._partner = partner

    @contextmanager
    def taken(self, limits: Limits, ended: Callable[[], bool]) -> Iterator[bool]:
        """Wait for a turn and hold it; tell whether it came before `ended` said that there is no use in waiting."""
        with self._slot(limits, ended) as mine:
            yield mine and self._time_has_come(limits, ended)

    @contextmanager
    def _slot(self, limits: Limits, ended: Callable[[], bool]) -> Iterator[bool]:
        if limits.parallel <= 0:
            yield True
            return
        # The lock lives with its connection: a process that dies keeps no slot. It is taken out of the pool, or slow
        # partners would leave no connections to the others.
        with self._unit.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()
            while (slot := standings.take_slot(connection, self._partner, limits.parallel)) is None:
                if ended():
                    yield False
                    return
                eventlet.sleep(_NAP_SECONDS)
            try:
                yield True
            finally:
                standings.free_slot(connection, slot)

    def _time_has_come(self, limits: Limits, ended: Callable[[], bool]) -> bool:
        if limits.calls_per_second <= 0:
            return True
        with self._unit() as unit:
            wait = standings.take_turn(unit.connection, self._partner, 1.0 / limits.calls_per_second)
        turn = time.monotonic() + wait
        while (left := turn - time.monotonic()) > 0:
            if ended():
                return False
            eventlet.sleep(min(left, _NAP_SECONDS))
        return True


class HeldBack(Unavailable):
    """A question or a page was not asked for now; `hold` says why (what `timetable.held` or `Hold` names), `until` when
    that ends by itself."""

    def __init__(self, hold: str, until: datetime | None, told: str, detail: str) -> None:
        super().__init__("integration.held_back", f"not asked now ({hold}): {told}", detail)
        self.hold = hold
        self.until = until

    @property
    def lasts(self) -> bool:
        """Whether nobody can say when that ends: a person has to act, or the partner to answer."""
        return self.until is None or self.hold == Hold.BREAKER


class Governed(Recorder):
    """Notes calls like its base, and lets each out only in its turn and while the partner may be called. What a call
    told is remembered for all who call this partner. Outside of transactions only; raises HeldBack.

    `by_person`: passes an open breaker, and counts all the same.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        partner: str,
        settings: IntegrationSettings,
        keep: Callable[[list[Message]], None] | None = None,
        *,
        by_person: bool = False,
    ) -> None:
        super().__init__(partner, settings.message_body_bytes, keep)
        self._unit = unit
        self._settings = settings
        self._governing = Governing(partner, settings)
        self._turns = Turns(unit, partner)
        self._by_person = by_person
        self._failed = False

    @contextmanager
    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Iterator[Call]:
        """Wait for this call's turn, then note what is done within the `with`, and learn from it."""
        with self._unit() as unit:
            limits = partner_rows.load(unit.connection, self._partner).limits
        with self._turns.taken(limits, lambda: False):
            self._let_out()
            with super().call(method, url, headers, body) as made:
                yield made

    def _let_out(self) -> None:
        with self._unit() as unit:
            partner = partner_rows.load(unit.connection, self._partner)
            if (hold := timetable.held(partner, unit.now)) is not None:
                raise HeldBack(hold.code, hold.until, hold.code, hold.detail)
            standing = standings.load(unit.connection, self._partner)
            allowed = self._allowed(standing, partner.limits, unit.now)
            if not allowed.probe and not (self._failed and allowed.repeats is not None):
                return
            standing = standings.load(unit.connection, self._partner, lock=True)
            allowed = self._allowed(standing, partner.limits, unit.now)
            lease = max(self._settings.timeout_seconds, self._settings.pull_timeout_seconds) + _LEASE_MARGIN_SECONDS
            after = standing.called(allowed, partner.limits, unit.now, repeats=int(self._failed), lease_seconds=lease)
            standings.save(unit.connection, self._partner, after)

    def _allowed(self, standing: Standing, limits: Limits, at: datetime) -> Allowance:
        allowed = standing.question(limits, at, again=self._failed, by_person=self._by_person)
        if not allowed.room and allowed.hold is not None:
            HELD_BACK.labels(self._partner, allowed.hold.value).inc()
            raise held_back(allowed, standing)
        return allowed

    def _note(
        self,
        at: datetime,
        seconds: float,
        endpoint: str,
        made: Call,
        outcome: Outcome,
        story: str | None,
        request: Part,
    ) -> None:
        super()._note(at, seconds, endpoint, made, outcome, story, request)
        answer = made.answer
        sign = sign_of_question(outcome, made.status, answer is not None and _blames_us(answer[1]))
        self._failed = sign is not Sign.WELL
        heard = Heard(
            sign=sign,
            at=datetime.now(UTC),
            story=story or f"answered {made.status}",
            retry_after=None if answer is None else retry_after(answer[0].get("retry-after")),
        )
        with self._unit() as unit:
            self._governing.learn(unit, [heard])


def held_back(allowed: Allowance, standing: Standing) -> HeldBack:
    """Return why nothing is asked of a partner that stands so, in words."""
    until = "" if allowed.until is None else f" đến {allowed.until.astimezone(VIETNAM):%H:%M:%S ngày %d/%m/%Y}"
    told, detail = {
        Hold.BREAKER: ("the partner does not answer", f"Hệ thống không trả lời, hub tạm ngừng gọi{until}."),
        Hold.PAUSE: ("the partner asked for a pause", f"Hệ thống yêu cầu tạm ngừng gọi{until}."),
        Hold.BUDGET: ("the hour's repeats are used up", f"Đã hết số lần gọi lại trong giờ, chờ{until}."),
    }.get(allowed.hold or Hold.ELSEWHERE, ("another process calls", "Tiến trình khác đang gọi."))
    return HeldBack(
        str(allowed.hold or ""), allowed.until, f"{told}; {standing.story}" if standing.story else told, detail
    )


def rests(unit: Unit, partner: Partner) -> Allowance | None:
    """Return why a partner that may be called is asked nothing now: its breaker is open or it wants a pause."""
    standing = standings.load(unit.connection, partner.id)
    allowed = standing.question(partner.limits, unit.now, again=False, by_person=False)
    return None if allowed.room else allowed


def _blames_us(body: bytes) -> bool:
    return _BLAMES_CALLER.search(body) is not None and _KNOWS_US_NOT.search(body) is None
