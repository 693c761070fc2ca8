"""Validation on demand: of a draft, of figures that nobody has pushed yet; and comments on warnings."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import msgspec

from services.submissions import intake
from services.submissions.domain import findings as rules
from services.submissions.domain.comments import explaining, in_force, meant, unexplained
from services.submissions.domain.findings import Finding
from services.submissions.domain.validation import blocking
from services.submissions.service.finding import cells_of, found, judged
from services.submissions.storage import comments
from services.submissions.views import finding_view
from shared.contracts.actor import Actor
from shared.contracts.events import PushAccepted
from shared.contracts.views.submissions import CheckedDraft, CheckView, CommentView, FindingList
from shared.entrypoints import Received, rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_COMMENT = 2_000
MAX_DRAFTS = 200
"""Drafts that one dry check judges, each against its own past: more than there are communes."""


class CheckingCalls:
    """What the hub finds, and what people say to it."""

    unit: UnitOfWork

    @rpc
    def validate_submission(self, actor: Actor, submission_id: str) -> FindingList:
        """Return what validation finds about the current draft, with the comments that hold for its figures."""
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.read", submission_id)
            cells = cells_of(unit, submission)
            held = judged(unit, submission, cells)
            said = comments.read(unit.connection, submission.number)
            submittable = not blocking(held) and not unexplained(held, said)
            return FindingList(findings=[finding_view(item, said) for item in held], submittable=submittable)

    @rpc
    def comment_finding(
        self, actor: Actor, submission_id: str, text: str, code: str | None = None, indicator: str | None = None
    ) -> list[CommentView]:
        """Explain a warning of the draft: number `code` about `indicator` (None: about the whole). Without a code it
        explains every warning about the indicator that wants a comment. The comment counts for the figures as they
        are: when they change, it is asked for anew. The same text again changes nothing.

        Raises NotFound("submissions.no_finding"), Invalid("submissions.comment") for an empty or overlong text,
        Conflict("submissions.submitted", "submissions.approved").
        """
        text = text.strip()
        if not 0 < len(text) <= MAX_COMMENT:
            raise Invalid(
                "submissions.comment",
                f"a comment has 1 to {MAX_COMMENT} characters",
                f"Giải trình phải có từ 1 đến {MAX_COMMENT} ký tự.",
            )
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.edit", submission_id, lock=True)
            submission.require_editable()
            cells = cells_of(unit, submission)
            held = meant(judged(unit, submission, cells), code, indicator)
            if not held:
                raise NotFound(
                    "submissions.no_finding",
                    f"there is no warning {code or ''} about {indicator or 'the whole'}",
                    "Không có cảnh báo này.",
                )
            said = comments.read(unit.connection, submission.number)
            answered: list[CommentView] = []
            for finding in held:
                comment = explaining(finding, said)
                if comment is None or comment.text != text:
                    comment = _comment(finding, text, actor, unit.now)
                    comments.save(unit.connection, submission.number, comment)
                    details = {"code": finding.code, "indicator": indicator, "about": finding.about, "text": text}
                    unit.audit("finding.commented", submission.id, details)
                answered.append(comment)
            return in_force(held, answered)

    @rpc
    def check(self, actor: Actor, body: str) -> CheckView:
        """Tell what a push of this body (its JSON as text, so that every decimal stays exact) would come to: nothing is
        stored. A figure of a derived indicator is refused as in a push, and compared with its formula all the same.

        Needs the right to push or to edit, and judges units and forms outside the actor's scope as a push would. Raises
        Invalid("submissions.too_many_drafts") beyond 200 drafts.
        """
        actor.require("submissions.edit" if actor.may("submissions.edit") else "data.push")
        with self.unit(actor) as unit:
            rehearsal = intake.rehearse(unit, _as_push(actor, body, unit.now))
            if len(rehearsal.drafts) > MAX_DRAFTS:
                raise Invalid(
                    "submissions.too_many_drafts",
                    f"the figures belong to {len(rehearsal.drafts)} drafts; at most {MAX_DRAFTS} are checked at once",
                    f"Số liệu thuộc {len(rehearsal.drafts)} bộ; mỗi lần chỉ kiểm tra thử tối đa {MAX_DRAFTS} bộ.",
                )
            drafts = [
                CheckedDraft(
                    submission_id=submission.id,
                    unit=submission.unit,
                    period=submission.period,
                    findings=[
                        finding_view(finding)
                        for finding in judged(unit, submission, {**cells, **stated})
                        if finding.code != rules.STALE_INDICATOR.code or finding.indicator not in stated
                    ],
                )
                for submission, cells, stated in rehearsal.drafts
            ]
            return CheckView(counts=rehearsal.counts, outcomes=rehearsal.outcomes, drafts=drafts)


def _as_push(actor: Actor, body: str, at: datetime) -> Received[PushAccepted]:
    """Return the body as the push that it would be, sent now by this actor."""
    encoded = body.encode()
    push = PushAccepted(
        receipt_id="",
        client_id=actor.id,
        partner=actor.partner or actor.id,
        fingerprint="",
        accepted_at=at,
        tie_breaker="~",
        units=list(actor.units),
        forms=list(actor.forms),
        body=msgspec.Raw(encoded),
    )
    return Received(push, uuid4(), "", at)


def _comment(finding: Finding, text: str, actor: Actor, at: datetime) -> CommentView:
    return CommentView(
        code=finding.code,
        indicator=finding.indicator,
        about=finding.about,
        text=text,
        by=actor.id,
        at=at,
        detail=finding.detail,
    )
