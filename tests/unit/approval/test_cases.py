"""Who may decide a case, and over what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.approval.domain import MAX_REASON_LENGTH, Case, checked, decision_hash
from shared.contracts.actor import Actor
from shared.contracts.events import Reason
from shared.errors import Conflict, Forbidden, Invalid

NOW = datetime(2017, 1, 10, 8, tzinfo=UTC)
DUE = (Reason("Sai số học sinh THPT", "GD03.THPT"),)
CASE = Case(
    submission_id="s1",
    round=1,
    content_hash="h1",
    form="GD-NAM",
    unit="LC",
    agency="LC-SGDDT",
    period="2016",
    submitted_by="person:clerk",
    authors=("csdl-giao-duc", "person:clerk", "person:helper"),
    submitted_at=NOW - timedelta(days=1),
    figure_count=20,
)
LEADER = Actor(
    id="person:leader",
    kind="person",
    name="Lãnh đạo",
    rights=("cases.read", "cases.decide"),
    units=("LC",),
    forms=("GD-NAM",),
    agency="LC-SGDDT",
)
CLERK = replace(LEADER, id="person:clerk", rights=("submissions.submit",))


def test_a_leader_approves_what_was_read() -> None:
    decided = CASE.approve(LEADER, "h1", NOW)
    assert (decided.state, decided.decided_by, decided.decided_at) == ("approved", "person:leader", NOW)
    assert decided.level == "province"


def test_a_communes_own_figures_reach_the_communes_level() -> None:
    assert replace(CASE, unit="03388", agency="03388").level == "commune"


def test_other_content_than_was_read_is_not_approved() -> None:
    with pytest.raises(Conflict, match=r"approval\.other_content"):
        CASE.approve(LEADER, "h2", NOW)


@pytest.mark.parametrize("author", ["person:clerk", "person:helper"])
def test_an_author_neither_approves_nor_returns_their_own_work(author: str) -> None:
    own = replace(LEADER, id=author)
    with pytest.raises(Forbidden, match=r"approval\.own_submission"):
        CASE.approve(own, "h1", NOW)
    with pytest.raises(Forbidden, match=r"approval\.own_submission"):
        CASE.send_back(own, "h1", DUE, NOW)


def test_the_submitter_may_not_approve_even_without_having_written_a_figure() -> None:
    case = replace(CASE, authors=("csdl-giao-duc",))
    with pytest.raises(Forbidden, match=r"approval\.own_submission"):
        case.approve(replace(LEADER, id="person:clerk"), "h1", NOW)


def test_a_leader_of_another_agency_does_not_decide() -> None:
    with pytest.raises(Forbidden, match=r"approval\.other_agency"):
        CASE.approve(replace(LEADER, agency="LC-SYT", forms=("*",)), "h1", NOW)


def test_a_leader_outside_the_forms_scope_does_not_decide() -> None:
    with pytest.raises(Forbidden, match=r"accounts\.out_of_scope"):
        CASE.approve(replace(LEADER, forms=("YT-NAM",)), "h1", NOW)


def test_without_the_right_no_one_decides() -> None:
    with pytest.raises(Forbidden, match=r"accounts\.right_missing"):
        CASE.approve(replace(LEADER, rights=("cases.read",)), "h1", NOW)


def test_the_same_decision_by_the_same_person_changes_nothing() -> None:
    approved = CASE.approve(LEADER, "h1", NOW)
    assert approved.approve(LEADER, "h1", NOW + timedelta(hours=1)) is approved
    returned = CASE.send_back(LEADER, "h1", DUE, NOW)
    assert returned.send_back(LEADER, "h1", DUE, NOW + timedelta(hours=1)) is returned


def test_a_decided_case_stays_decided() -> None:
    approved = CASE.approve(LEADER, "h1", NOW)
    other = replace(LEADER, id="person:deputy")
    attempts: list[Callable[[], Case]] = [
        lambda: approved.approve(other, "h1", NOW),
        lambda: approved.send_back(LEADER, "h1", DUE, NOW),
        lambda: approved.withdraw(CLERK, NOW),
        lambda: CASE.send_back(LEADER, "h1", DUE, NOW).send_back(LEADER, "h1", (Reason("khác"),), NOW),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict, match=r"approval\.already_decided"):
            attempt()


@pytest.mark.parametrize(
    "reasons", [(), (Reason(""),), (Reason("  \n"),), (Reason("\u200b\u2060"),), (Reason("ok"), Reason(" "))]
)
def test_a_return_without_a_written_reason_is_refused(reasons: tuple[Reason, ...]) -> None:
    with pytest.raises(Invalid, match=r"approval\.reason_missing"):
        CASE.send_back(LEADER, "h1", reasons, NOW)


def test_reasons_are_trimmed_normalised_and_bounded() -> None:
    assert checked((Reason(" \x00 Sai sô\u0301 lie\u0323\u0302u "),)) == (Reason("Sai số liệu"),)
    with pytest.raises(Invalid, match=r"approval\.reason_too_long"):
        checked((Reason("a" * (MAX_REASON_LENGTH + 1)),))


def test_the_submitter_or_a_clerk_of_the_agency_withdraws() -> None:
    assert CASE.withdraw(CLERK, NOW).state == "withdrawn"
    assert CASE.withdraw(replace(CLERK, id="person:colleague"), NOW).state == "withdrawn"
    assert CASE.withdraw(replace(CLERK, agency=None), NOW).state == "withdrawn"


def test_a_stranger_does_not_withdraw() -> None:
    with pytest.raises(Forbidden, match=r"approval\.not_submitter"):
        CASE.withdraw(replace(CLERK, id="person:stranger", agency="LC-SYT"), NOW)
    with pytest.raises(Forbidden, match=r"accounts\.right_missing"):
        CASE.withdraw(LEADER, NOW)


def test_every_part_of_a_decision_changes_its_hash() -> None:
    decided = CASE.send_back(LEADER, "h1", DUE, NOW)
    others = [
        replace(decided, submission_id="s2"),
        replace(decided, round=2),
        replace(decided, content_hash="h2"),
        replace(decided, decided_by="person:x"),
        replace(decided, decided_at=NOW + timedelta(microseconds=1)),
        replace(decided, state="approved"),
        replace(decided, reasons=()),
        replace(decided, reasons=(Reason(DUE[0].text),)),
        replace(decided, reasons=(*DUE, Reason("b"))),
    ]
    hashes = [decision_hash(case) for case in (decided, *others)]
    assert len(set(hashes)) == len(hashes)
    elsewhere = replace(decided, decided_at=NOW.astimezone(tz=None))
    assert decision_hash(elsewhere) == hashes[0], "the same instant in another zone is the same record"


def test_the_agencies_that_a_form_names_decide_and_the_owing_one_no_longer_does() -> None:
    case = replace(CASE, approvers=("LC-STC", "LC-VP"), reaches="province")
    assert case.approve(replace(LEADER, agency="LC-VP"), "h1", NOW).state == "approved"
    with pytest.raises(Forbidden, match=r"approval\.other_agency"):
        case.approve(LEADER, "h1", NOW)


def test_the_level_told_with_the_round_counts() -> None:
    assert replace(CASE, unit="LC-SGDDT", reaches="agency").level == "agency"
