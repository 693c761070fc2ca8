"""The approval service on a real database: cases, decisions, events, and decisions at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine, text

from services.approval import storage, verifying
from services.approval.service import ApprovalService
from services.approval.signatures import DecisionSigner, faults
from services.approval.worker import ApprovalWorker
from shared.contracts.actor import Actor
from shared.contracts.events import Paper, Reason, SubmissionApproved, SubmissionReturned, SubmissionSubmitted
from shared.contracts.views.approval import CaseView
from shared.entrypoints import Received
from shared.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.unit.approval.test_cases import CLERK, DUE, LEADER

Told = Callable[..., None]


def submitted(submission_id: str, round: int = 1, content_hash: str = "h1", **other: Any) -> SubmissionSubmitted:
    values: dict[str, Any] = {
        "form": "GD-NAM",
        "unit": "LC",
        "agency": "LC-SGDDT",
        "period": "2016",
        "submitted_by": "person:clerk",
        "authors": ["person:clerk", "csdl-giao-duc"],
        "submitted_at": datetime(2016, 12, 20, tzinfo=UTC),
        "figure_count": 20,
    }
    return SubmissionSubmitted(submission_id=submission_id, round=round, content_hash=content_hash, **values | other)


class Approval:
    """The service, its worker, and a way to hand the worker an event as the entrypoint does."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.signer = DecisionSigner(Ed25519PrivateKey.generate())
        self.service = ApprovalService()
        self.worker = ApprovalWorker()
        for made in (self.service, self.worker):
            made.unit = UnitOfWork.for_engine(engine, "approval")
        self.service.signer = lambda: self.signer

    def tell(self, event: SubmissionSubmitted) -> None:
        message = Received(data=event, id=uuid.uuid4(), correlation_id="c", time=datetime.now(UTC))
        with self.worker.unit() as unit:
            self.worker.on_submission_submitted(unit, message)

    def sent(self, submission_id: str) -> list[str]:
        query = text("SELECT event FROM outbox WHERE subject LIKE :subject ORDER BY id")
        with self.engine.connect() as connection:
            return list(connection.execute(query, {"subject": f"{submission_id}/%"}).scalars())

    def audited(self, submission_id: str) -> list[str]:
        query = text("SELECT action FROM audit WHERE subject LIKE :subject ORDER BY id")
        with self.engine.connect() as connection:
            return list(connection.execute(query, {"subject": f"{submission_id}/%"}).scalars())


@pytest.fixture(scope="module")
def approval(database: Callable[[str], Engine]) -> Iterator[Approval]:
    yield Approval(database("approval"))


def fresh() -> str:
    return f"s-{uuid.uuid4().hex[:12]}"


def test_a_submitted_round_opens_one_case_however_often_it_is_told(approval: Approval) -> None:
    name = fresh()
    for _ in range(3):
        approval.tell(submitted(name))
    case = approval.service.read_case(LEADER, name, 1)
    assert (case.state, case.content_hash, case.id) == ("open", "h1", f"{name}/1")
    assert approval.audited(name) == ["case.opened"]


def test_a_leader_sees_that_a_round_had_come_on_paper_and_who_vouches_for_it(approval: Approval) -> None:
    name, other = fresh(), fresh()
    approval.tell(submitted(name, paper=Paper(date(2016, 12, 23), "BC 415", "vanthu", "mất đường truyền")))
    approval.tell(submitted(other))
    assert approval.service.read_case(LEADER, name, 1).paper == {
        "received_on": "2016-12-23",
        "document": "BC 415",
        "vouched_by": "vanthu",
        "reason": "mất đường truyền",
    }
    assert approval.service.read_case(LEADER, other, 1).paper is None


def test_the_same_round_with_another_hash_is_refused_and_audited(approval: Approval) -> None:
    name = fresh()
    approval.tell(submitted(name))
    with pytest.raises(Conflict, match=r"approval\.other_content"):
        approval.tell(submitted(name, content_hash="h2"))
    assert approval.service.read_case(LEADER, name, 1).content_hash == "h1"
    assert approval.audited(name) == ["case.opened", "case.contradicted"]


def test_an_approval_is_told_audited_and_signed_once_however_often_it_is_repeated(approval: Approval) -> None:
    name = fresh()
    approval.tell(submitted(name))
    first = approval.service.approve(LEADER, name, 1, "h1")
    assert approval.service.approve(LEADER, name, 1, "h1") == first
    assert first.state == "approved"
    assert approval.sent(name) == ["submission_approved"]
    assert approval.audited(name) == ["case.opened", "case.approved"]


def test_a_return_carries_its_reasons_to_the_event(approval: Approval) -> None:
    name = fresh()
    approval.tell(submitted(name))
    view = approval.service.return_submission(LEADER, name, 1, "h1", list(DUE))
    assert view.reasons == [{"text": "Sai số học sinh THPT", "indicator": "GD03.THPT"}]
    with approval.engine.connect() as connection:
        body = connection.execute(text("SELECT body FROM outbox WHERE subject = :s"), {"s": f"{name}/1"}).scalar_one()
    event = msgspec.json.decode(body, type=SubmissionReturned)
    assert (event.reasons, event.decided_by, event.content_hash) == (list(DUE), "person:leader", "h1")


def test_a_refused_decision_leaves_nothing_behind(approval: Approval) -> None:
    name = fresh()
    approval.tell(submitted(name))
    attempts: list[tuple[type[HubError], Callable[[], CaseView]]] = [
        (Conflict, lambda: approval.service.approve(LEADER, name, 1, "h2")),
        (Forbidden, lambda: approval.service.approve(replace(LEADER, id="person:clerk"), name, 1, "h1")),
        (Invalid, lambda: approval.service.return_submission(LEADER, name, 1, "h1", [])),
        (NotFound, lambda: approval.service.approve(LEADER, name, 2, "h1")),
    ]
    for kind, attempt in attempts:
        with pytest.raises(kind):
            attempt()
    assert approval.service.read_case(LEADER, name, 1).state == "open"
    assert approval.sent(name) == []
    assert approval.audited(name) == ["case.opened"]


def test_an_unknown_case_says_that_it_may_be_on_its_way(approval: Approval) -> None:
    with pytest.raises(NotFound, match="on its way"):
        approval.service.read_case(LEADER, fresh(), 1)
    with pytest.raises(NotFound):
        approval.service.read_case(LEADER, "nul\x00byte", 1)


def test_a_leader_lists_the_cases_of_the_own_agency_newest_first_by_pages(approval: Approval) -> None:
    agency = f"LC-{uuid.uuid4().hex[:6]}"
    names = [fresh() for _ in range(5)]
    for name in names:
        approval.tell(submitted(name, agency=agency))
    leader = replace(LEADER, agency=agency)
    approval.service.approve(leader, names[0], 1, "h1")
    first = approval.service.list_cases(leader, limit=3)
    second = approval.service.list_cases(leader, after=first.next, limit=3)
    assert [case.submission_id for case in (*first.cases, *second.cases)] == names[::-1]
    assert second.next is None
    assert [case.submission_id for case in approval.service.list_cases(leader, state="approved").cases] == names[:1]
    assert approval.service.list_cases(LEADER, agency=agency).cases == []
    with pytest.raises(Forbidden):
        approval.service.read_case(LEADER, names[0], 1)
    with pytest.raises(Invalid, match=r"approval\.bad_filter"):
        approval.service.list_cases(leader, after="²")


def test_an_approver_named_by_the_form_lists_reads_and_decides_and_receivers_are_told(approval: Approval) -> None:
    name, agency = fresh(), f"LC-{uuid.uuid4().hex[:6]}"
    approval.tell(submitted(name, level="agency", approvers=[agency], receivers=["LC-VP"]))
    leader = replace(LEADER, agency=agency)
    assert [case.submission_id for case in approval.service.list_cases(leader).cases] == [name]
    assert approval.service.read_case(LEADER, name, 1).state == "open"
    approval.service.approve(leader, name, 1, "h1")
    with approval.engine.connect() as connection:
        body = connection.execute(text("SELECT body FROM outbox WHERE subject = :s"), {"s": f"{name}/1"}).scalar_one()
    event = msgspec.json.decode(body, type=SubmissionApproved)
    assert (event.level, event.receivers, event.agency) == ("agency", ["LC-VP"], "LC-SGDDT")


def test_a_decision_changed_in_the_database_is_named_on_the_command_line(
    approval: Approval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = fresh()
    approval.signer = DecisionSigner.from_file(tmp_path / "approval_signing_key")
    approval.tell(submitted(name))
    approval.service.return_submission(LEADER, name, 1, "h1", list(DUE))
    monkeypatch.setenv("HUB_SECRETS_DIR", str(tmp_path))
    monkeypatch.setattr(verifying, "engine", lambda service: approval.engine)

    def told(*arguments: str) -> list[str]:
        monkeypatch.setattr("sys.argv", ["verifying", *arguments])
        verifying.main()
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith(name)]

    assert told() == []
    with approval.engine.begin() as connection:
        connection.execute(text("UPDATE cases SET decided_by = 'x' WHERE submission_id = :s"), {"s": name})
    assert told() == [f"{name}/1: the record differs from what was signed"]
    with approval.engine.begin() as connection:
        connection.execute(
            text("UPDATE cases SET decided_by = :by WHERE submission_id = :s"), {"s": name, "by": LEADER.id}
        )
    old = approval.signer.public_key
    (tmp_path / "approval_signing_key").unlink()
    DecisionSigner.from_file(tmp_path / "approval_signing_key")
    assert told() == [f"{name}/1: unknown key {approval.signer.key_id}"]
    assert told("--public-key", old.hex()) == []


def test_signatures_in_the_database_verify_offline_until_someone_changes_a_row(approval: Approval) -> None:
    name = fresh()
    approval.tell(submitted(name))
    approval.service.return_submission(LEADER, name, 1, "h1", list(DUE))
    keys = {key: bytes.fromhex(raw) for key, raw in approval.service.public_keys().items()}
    with approval.engine.connect() as connection:

        def found() -> list[str]:  # other tests' decisions are signed with keys of their own
            cases = (case for case, _ in faults(storage.signed_decisions(connection), keys))
            return [case for case in cases if case.startswith(name)]

        assert found() == []
        connection.execute(text("UPDATE cases SET decided_by = 'x' WHERE submission_id = :s"), {"s": name})
        assert found() == [f"{name}/1"]
        connection.rollback()


def at_once(*calls: Callable[[], CaseView]) -> list[CaseView | HubError]:
    barrier = Barrier(len(calls))

    def run(call: Callable[[], CaseView]) -> CaseView | HubError:
        barrier.wait()
        try:
            return call()
        except HubError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_two_approvals_at_once_exactly_one_wins(approval: Approval) -> None:
    deputy = replace(LEADER, id="person:deputy")
    for _ in range(10):
        name = fresh()
        approval.tell(submitted(name))
        results = at_once(
            lambda name=name: approval.service.approve(LEADER, name, 1, "h1"),  # type: ignore[misc] # bound per turn
            lambda name=name: approval.service.approve(deputy, name, 1, "h1"),  # type: ignore[misc] # the same
        )
        assert sorted(type(result).__name__ for result in results) == ["CaseView", "Conflict"]
        assert approval.sent(name) == ["submission_approved"]


def test_withdrawing_against_approving_at_once_exactly_one_wins(approval: Approval) -> None:
    for _ in range(10):
        name = fresh()
        approval.tell(submitted(name))
        results = at_once(
            lambda name=name: approval.service.approve(LEADER, name, 1, "h1"),  # type: ignore[misc] # bound per turn
            lambda name=name: approval.service.withdraw(CLERK, name, 1),  # type: ignore[misc] # the same
        )
        assert sorted(type(result).__name__ for result in results) == ["CaseView", "Conflict"]
        state = approval.service.read_case(LEADER, name, 1).state
        assert approval.sent(name) == [f"submission_{state}"]


def test_cases_keep_their_promises_under_any_sequence_of_commands(approval: Approval) -> None:
    class Machine(RuleBasedStateMachine):
        """Whatever comes: one decision per round, told once, by someone who may; never of the own work."""

        def __init__(self) -> None:
            super().__init__()
            self.name = fresh()
            self.rounds: dict[int, str] = {}

        def attempt(self, round: int, wanted: str, call: Callable[[], CaseView], allowed: bool) -> None:
            before = self.rounds.get(round)
            try:
                state = call().state
            except HubError:
                assert not (allowed and before == "open"), f"{wanted} was refused though it was in order"
                return
            assert state == wanted
            assert allowed
            assert before in ("open", wanted)
            self.rounds[round] = state

        @rule(round=st.integers(1, 2))
        def submit(self, round: int) -> None:
            approval.tell(submitted(self.name, round))
            self.rounds.setdefault(round, "open")

        @rule(round=st.integers(1, 2), who=st.sampled_from(["leader", "deputy", "clerk"]), right=st.booleans())
        def approve(self, round: int, who: str, right: bool) -> None:
            actor = replace(LEADER, id=f"person:{who}")
            self.attempt(
                round,
                "approved",
                lambda: approval.service.approve(actor, self.name, round, "h1" if right else "h0"),
                right and who != "clerk",
            )

        @rule(round=st.integers(1, 2), words=st.sampled_from(["Sai", " ", ""]))
        def send_back(self, round: int, words: str) -> None:
            self.attempt(
                round,
                "returned",
                lambda: approval.service.return_submission(LEADER, self.name, round, "h1", [Reason(words)]),
                words == "Sai",
            )

        @rule(round=st.integers(1, 2), actor=st.sampled_from([CLERK, LEADER]))
        def withdraw(self, round: int, actor: Actor) -> None:
            self.attempt(round, "withdrawn", lambda: approval.service.withdraw(actor, self.name, round), actor is CLERK)

        @invariant()
        def told_once(self) -> None:
            decided = sorted(f"submission_{state}" for state in self.rounds.values() if state != "open")
            assert sorted(approval.sent(self.name)) == decided

    Machine.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None, database=None)
    Machine.TestCase("runTest").runTest()
