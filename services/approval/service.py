"""The approval service as callers see it: load, decide, sign, save, tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec
from sqlalchemy import Connection

from services.approval import storage
from services.approval.domain import Case
from services.approval.settings import ApprovalSettings
from services.approval.signatures import DecisionSigner
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import Reason, SubmissionApproved, SubmissionReturned, SubmissionWithdrawn
from shared.contracts.views.approval import CasePage, CaseView
from shared.entrypoints import Described, rpc
from shared.errors import Forbidden, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

MAX_PAGE = 200
STATES = ("open", "approved", "returned", "withdrawn")


@lru_cache(maxsize=1)
def process_signer() -> DecisionSigner:
    """Return this process's signer, its key read (or made) at the first use."""
    return DecisionSigner.from_file(ApprovalSettings.read().signing_key)


class ApprovalService(Described):
    """Questions and commands over approval cases. Commands may be repeated: the same one answers the same view."""

    name = "approval"
    unit = UnitOfWork()
    signer: Callable[[], DecisionSigner] = staticmethod(process_signer)

    @rpc
    def list_cases(
        self,
        actor: Actor,
        state: str | None = None,
        agency: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> CasePage:
        """List the cases in the actor's scope, newest first; a person of an agency sees what it owes or decides alone.

        `state`: open, approved, returned or withdrawn. Raises Invalid("approval.bad_filter") for another one or a
        cursor that is none, Forbidden for a missing right.
        """
        actor.require("cases.read")
        if (state is not None and state not in STATES) or (after is not None and not _is_cursor(after)):
            raise Invalid("approval.bad_filter", f"state {state!r}, after {after!r}", "Điều kiện lọc không hợp lệ.")
        own = actor.agency if actor.kind == "person" else None
        with self.unit(actor) as unit:
            found, cursor = storage.page(
                unit.connection,
                state=state,
                agency=agency,
                involved=own,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                before=None if after is None else int(after),
                limit=max(1, min(limit, MAX_PAGE)),
            )
        return CasePage(cases=[view(case) for case in found], next=None if cursor is None else str(cursor))

    @rpc
    def read_case(self, actor: Actor, submission_id: str, round: int) -> CaseView:
        """Read one case. Raises NotFound("approval.no_case"), Forbidden outside the actor's rights and scope."""
        actor.require("cases.read")
        with self.unit(actor) as unit:
            case = _load(unit.connection, submission_id, round)
        actor.require("cases.read", unit=case.unit, form=case.form)
        if actor.kind == "person" and not case.involves(actor):
            raise Forbidden(
                "approval.other_agency", f"{case.id} is owed by {case.agency}", "Số liệu này thuộc cơ quan khác."
            )
        return view(case)

    @rpc
    def approve(self, actor: Actor, submission_id: str, round: int, content_hash: str) -> CaseView:
        """Approve exactly the content that the actor has read (Đ10.2a); tells `submission_approved`.

        Raises NotFound("approval.no_case"), Conflict("approval.other_content", "approval.already_decided"),
        Forbidden("approval.own_submission", "approval.other_agency").
        """
        actor.require("cases.decide")
        with self.unit(actor) as unit:
            case = _load(unit.connection, submission_id, round, for_update=True)
            return self._settle(unit, case, case.approve(actor, content_hash, unit.now))

    @rpc
    def return_submission(
        self, actor: Actor, submission_id: str, round: int, content_hash: str, reasons: list[Reason]
    ) -> CaseView:
        """Send the round back with reasons, for cells or for the whole (Đ15.4a); tells `submission_returned`.

        Raises as `approve` does, and Invalid("approval.reason_missing", "approval.reason_too_long").
        """
        actor.require("cases.decide")
        with self.unit(actor) as unit:
            case = _load(unit.connection, submission_id, round, for_update=True)
            return self._settle(unit, case, case.send_back(actor, content_hash, tuple(reasons), unit.now))

    @rpc
    def withdraw(self, actor: Actor, submission_id: str, round: int) -> CaseView:
        """Take an undecided round back, as its submitter or a clerk of its agency; tells `submission_withdrawn`.

        Raises NotFound("approval.no_case"), Conflict("approval.already_decided"), Forbidden("approval.not_submitter").
        """
        actor.require("submissions.submit")
        with self.unit(actor) as unit:
            case = _load(unit.connection, submission_id, round, for_update=True)
            return self._settle(unit, case, case.withdraw(actor, unit.now))

    @rpc
    def public_keys(self) -> dict[str, str]:
        """Return the public keys that decisions are signed with: key id to 32 raw bytes in hex. Public."""
        signer = self.signer()
        return {signer.key_id: signer.public_key.hex()}

    def _settle(self, unit: Unit, before: Case, after: Case) -> CaseView:
        # A repeated command found its own decision: nothing is written and nothing is told twice.
        if after is not before:
            signed = self.signer().sign(after)
            storage.save_decision(unit.connection, after, signed)
            unit.audit(
                f"case.{after.state}",
                after.id,
                {
                    "content_hash": after.content_hash,
                    "reasons": len(after.reasons),
                    "record_hash": signed.record_hash.hex(),
                    "key_id": signed.key_id,
                },
            )
            unit.emit(event_of(after))
        return view(after)


def event_of(case: Case) -> SubmissionApproved | SubmissionReturned | SubmissionWithdrawn:
    """Return the event that tells this decision. Raises ValueError for an undecided case."""
    if case.decided_by is None or case.decided_at is None:
        raise ValueError(f"{case.id} is not decided")
    of = {
        "submission_id": case.submission_id,
        "round": case.round,
        "content_hash": case.content_hash,
        "form": case.form,
        "unit": case.unit,
        "agency": case.agency,
        "period": case.period,
        "decided_by": case.decided_by,
        "decided_at": case.decided_at,
    }
    if case.state == "approved":
        return msgspec.convert(of | {"level": case.level, "receivers": list(case.receivers)}, SubmissionApproved)
    if case.state == "returned":
        return msgspec.convert(of | {"reasons": list(case.reasons)}, SubmissionReturned)
    return msgspec.convert(of, SubmissionWithdrawn)


def view(case: Case) -> CaseView:
    """Return the case as callers see it."""
    return CaseView(
        id=case.id,
        submission_id=case.submission_id,
        round=case.round,
        content_hash=case.content_hash,
        form=case.form,
        unit=case.unit,
        agency=case.agency,
        period=case.period,
        state=case.state,
        submitted_by=case.submitted_by,
        submitted_at=case.submitted_at,
        decided_by=case.decided_by,
        decided_at=case.decided_at,
        reasons=msgspec.to_builtins(list(case.reasons)),
        paper=msgspec.to_builtins(case.paper),
    )


def _load(connection: Connection, submission_id: str, round: int, *, for_update: bool = False) -> Case:
    case = storage.load(connection, submission_id, round, for_update=for_update)
    if case is None:
        raise NotFound(
            "approval.no_case",
            f"no case for {submission_id} round {round}; just submitted, it may still be on its way",
            "Chưa có hồ sơ duyệt cho lần gửi này. Nếu vừa gửi, xin thử lại sau giây lát.",
        )
    return case


def _is_cursor(text: str) -> bool:
    # ASCII digits that fit a bigint: int() also takes other scripts' digits, PostgreSQL refuses longer ones.
    return text.isascii() and text.isdecimal() and len(text) <= 18
