"""How much a partner is asked of: the breaker as a machine of states, pauses, budgets, limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.integration.clients.rest import retry_after
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.governor import Circuit, Heard, Hold, Rules, Sign, Standing, ahead, sign_of, too_large
from services.integration.domain.messages import Message, Outcome
from services.integration.domain.partners import Limits
from shared.envelope import new_message_id

BEGINS = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
RULES = Rules(failures=3, wait=5.0, cap=60.0)
LEASE = 40.0


class Breaker(RuleBasedStateMachine):
    """A partner that is called by two processes, answers or fails, while time goes on; probes may be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINS
        self.standing = Standing()
        self.in_a_row = 0
        self.opened_at: datetime | None = None
        self.under_way = 0

    @rule(seconds=st.floats(0, 100))
    def time_goes_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(room=st.integers(1, 16))
    def claims(self, room: int) -> None:
        allowed = self.standing.allows(Limits(), self.now, "a", room)
        if self.standing.circuit is Circuit.CLOSED:
            assert allowed.room == room and allowed.hold is None
        else:
            assert allowed.room <= 1, "an open breaker lets one probe through, and no more"
        if allowed.room:
            self.standing = self.standing.took(allowed, Limits(), self.now, "a", repeats=0, lease_seconds=LEASE)
            self.under_way += allowed.room
            if allowed.probe:
                assert self.standing.allows(Limits(), self.now, "b", room).hold is Hold.BREAKER

    @precondition(lambda self: self.under_way)
    @rule(sign=st.sampled_from(Sign))
    def a_call_ends(self, sign: Sign) -> None:
        before = self.standing
        self.under_way -= 1
        self.standing = before.heard(Heard(sign=sign, at=self.now, story="s"), RULES)
        if sign is Sign.WELL:
            self.in_a_row = 0
            assert self.standing.circuit is Circuit.CLOSED
        elif sign is Sign.ILL and before.circuit is Circuit.CLOSED:
            self.in_a_row += 1
            assert (self.standing.circuit is Circuit.OPEN) == (self.in_a_row >= RULES.failures)
        elif sign is Sign.ILL and before.circuit is Circuit.HALF_OPEN:
            assert self.standing.circuit is Circuit.OPEN
            wait = min(RULES.cap, RULES.wait * 2.0**before.openings)
            assert self.standing.until == self.now + timedelta(seconds=wait)
        elif sign is Sign.UNSENT:
            assert self.standing.failures == before.failures, "what was not sent tells nothing"

    @invariant()
    def never_is_a_partner_left_alone_for_ever(self) -> None:
        later = self.now + timedelta(seconds=max(RULES.cap, LEASE) + 1)
        assert self.standing.allows(Limits(), later, "a", 4).room >= 1


TestBreaker = Breaker.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_pause_that_the_partner_asks_for_holds_everything_until_it_is_over() -> None:
    heard = Heard(sign=Sign.NEITHER, at=BEGINS, retry_after=90.0)
    standing = Standing().heard(heard, RULES).heard(Heard(sign=Sign.NEITHER, at=BEGINS, retry_after=10.0), RULES)
    held = standing.allows(Limits(), BEGINS + timedelta(seconds=89), "a", 4)
    assert (held.room, held.hold, held.until) == (0, Hold.PAUSE, BEGINS + timedelta(seconds=90))
    assert standing.allows(Limits(), BEGINS + timedelta(seconds=90), "a", 4).room == 4
    assert standing.hurried(BEGINS).allows(Limits(), BEGINS, "a", 4).room == 4


def test_when_the_hours_repeats_are_used_up_new_deliveries_still_go_out() -> None:
    limits = Limits(repeats_per_hour=3)
    standing = Standing()
    for repeats in (2, 1):
        allowed = standing.allows(limits, BEGINS, "a", 8)
        standing = standing.took(allowed, limits, BEGINS, "a", repeats=repeats, lease_seconds=LEASE)
    spent = standing.allows(limits, BEGINS, "a", 8)
    assert (spent.room, spent.repeats, spent.hold) == (8, 0, Hold.BUDGET)
    assert spent.until == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert standing.allows(limits, datetime(2026, 7, 1, 9, tzinfo=UTC), "a", 8).repeats == 3


def test_a_partner_with_limits_is_sent_to_by_one_process_until_that_one_falls_silent() -> None:
    limits = Limits(parallel=1)
    standing = Standing()
    standing = standing.took(
        standing.allows(limits, BEGINS, "a", 8), limits, BEGINS, "a", repeats=0, lease_seconds=LEASE
    )
    assert standing.allows(limits, BEGINS, "b", 8).hold is Hold.ELSEWHERE
    assert standing.allows(limits, BEGINS, "a", 8).room == 8
    assert standing.allows(limits, BEGINS + timedelta(minutes=2), "b", 8).room == 8
    assert standing.allows(Limits(), BEGINS, "b", 8).room == 8, "without limits all send"


@pytest.mark.parametrize(("rate", "most"), [(0, 16), (0.01, 1), (1, 5), (100, 16)])
def test_little_is_claimed_ahead_for_a_slow_rate(rate: float, most: int) -> None:
    assert ahead(Limits(calls_per_second=rate), 16) == most


def test_content_beyond_a_packets_limit_is_refused_before_it_leaves() -> None:
    refused = too_large(Limits(batch=1000), 1001)
    assert refused is not None and refused.said is Said.REFUSED and "1000" in (refused.error or "")
    assert too_large(Limits(batch=1000), 1000) is None and too_large(Limits(), 10**6) is None


def noted(outcome: Outcome, status: int | None) -> list[Message]:
    at = BEGINS
    return [
        Message(
            id=new_message_id(), partner="p", direction="out", kind="submit", at=at, correlation_id="", endpoint="",
            outcome=outcome, seconds=0.0, status=status,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "calls", "sign"),
    [
        (Answer(Said.APPLIED), noted(Outcome.ANSWERED, 200), Sign.WELL),
        (Answer(Said.REFUSED), noted(Outcome.REFUSED, 422), Sign.WELL),
        (Answer(Said.REFUSED), noted(Outcome.FAILED, 500), Sign.WELL),  # a SOAP fault of ours comes with 500
        (Answer(Said.NOT_APPLIED), noted(Outcome.FAILED, 503), Sign.ILL),
        (Answer(Said.NOT_APPLIED), noted(Outcome.NO_CONNECTION, None), Sign.ILL),
        (Answer(Said.NOT_APPLIED), noted(Outcome.REFUSED, 401), Sign.ILL),
        (Answer(Said.NOT_APPLIED), noted(Outcome.REFUSED, 429), Sign.NEITHER),
        (Answer(Said.NOT_APPLIED), [], Sign.ILL),
        (Answer(Said.UNCLEAR), noted(Outcome.TIMEOUT, None), Sign.ILL),
        (Answer(Said.UNCLEAR), noted(Outcome.ANSWERED, 200), Sign.NEITHER),
        (Answer(Said.UNSENT), [], Sign.UNSENT),
        (Answer(Said.REFUSED), [], Sign.NEITHER),
    ],
)
def test_what_an_answer_tells_of_the_partners_health(answer: Answer, calls: list[Message], sign: Sign) -> None:
    assert sign_of(answer, calls) is sign


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 01 Jul 2026 08:31:00 GMT", 60.0),
        ("Wed, 01 Jul 2026 08:00:00 GMT", 0.0),
        ("99999999999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, BEGINS) == seconds
