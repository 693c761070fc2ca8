"""Following what is owed: lists of obligations, completeness and timeliness, a submission's history."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from services.submissions.domain import completeness
from services.submissions.domain.completeness import By
from services.submissions.domain.rounds import STATES
from services.submissions.service.finding import found
from services.submissions.service.reading import MAX_PAGE, cursor, page_of
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, obligations, submissions
from services.submissions.storage.submissions import Round
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.obligations import CompletenessView, HistoryEntry, SubmissionHistory
from shared.contracts.views.submissions import SubmissionPage
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import UnitOfWork

MAX_PERIODS = 120


class FollowingCalls:
    """What is owed, how far it has come, and what was done to it."""

    unit: UnitOfWork

    @rpc
    def list_obligations(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        agency: str | None = None,
        period: str | None = None,
        state: str | None = None,
        late: bool | None = None,
        due_before: datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> SubmissionPage:
        """Return obligations in the actor's scope in key order. `late` asks for those that are owed and past their
        deadline now (or for all others), `due_before` for those that are owed and due before then.

        Raises Invalid("submissions.state", "submissions.cursor").
        """
        actor.require("submissions.read")
        if state is not None and state not in STATES:
            raise Invalid("submissions.state", f"there is no state {state}", "Không có trạng thái này.")
        with self.unit(actor) as transaction:
            wanted = submissions.filters(
                form=form,
                unit=unit,
                agency=agency,
                period=period,
                state=state,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
            )
            if late is not None:
                behind = obligations.late(transaction.now)
                wanted.append(behind if late else ~behind)
            if due_before is not None:
                wanted += [*obligations.owed(), obligations.due_by() < due_before]
            limit = max(1, min(limit, MAX_PAGE))
            rows = submissions.page(transaction.connection, wanted, cursor(after), limit + 1)
            catalogue = catalogues.arrived(transaction.connection)
        return page_of(rows, limit, catalogue)

    @rpc
    def completeness(
        self,
        actor: Actor,
        by: str = "unit",
        form: str | None = None,
        periods: list[str] | None = None,
        under: str | None = None,
        agency: str | None = None,
    ) -> CompletenessView:
        """Count what is owed and how far it has come, by unit (each with all below it as of the period), form, period
        or agency. `under` leaves out what is not that unit or below it; the actor's scope bounds all of it.

        What was approved once counts from its first approved round, however often it is corrected since. Raises
        Invalid("submissions.by", "submissions.periods"): a form or up to 120 periods must be named.
        """
        actor.require("submissions.read", form=form)
        if by not in get_args(By):
            raise Invalid("submissions.by", f"by is {', '.join(get_args(By))}", "Cách thống kê không hợp lệ.")
        if not (form or periods) or len(periods or ()) > MAX_PERIODS:
            raise Invalid(
                "submissions.periods",
                f"name a form or up to {MAX_PERIODS} periods",
                f"Phải nêu biểu mẫu hoặc tối đa {MAX_PERIODS} kỳ báo cáo.",
            )
        wanted = submissions.filters(
            form=form,
            unit=None,
            agency=agency,
            period=None,
            state=None,
            units=None if EVERYWHERE in actor.units else actor.units,
            forms=None if EVERYWHERE in actor.forms else actor.forms,
        )
        if periods:
            wanted.append(obligations.of_periods(periods))
        with self.unit(actor) as transaction:
            counts = obligations.count(transaction.connection, by, wanted, transaction.now)
            catalogue = catalogues.current(transaction.connection)
        return completeness.add_up(counts, by, under, catalogue)  # type: ignore[arg-type]  # checked above

    @rpc
    def history(self, actor: Actor, submission_id: str) -> SubmissionHistory:
        """Return who did what to a submission when, oldest first: its rounds and decisions, announcements, and who
        entered the figures that its draft holds now. Raises NotFound("submissions.unknown"), Forbidden."""
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.read", submission_id)
            done = obligations.acts_of(unit.connection, submission.id)
            frozen = submissions.rounds_of(unit.connection, submission.number)
            entered = figures.authors(unit.connection, submission.number)
        entries = [
            HistoryEntry(at=act.at, by=act.by, what=act.act, reason=act.reason or None, until=act.until) for act in done
        ]
        entries += [entry for round_ in frozen for entry in _of_round(round_)]
        entries += [HistoryEntry(at=at, by=by, what="entered", round=submission.round, count=count)
                    for by, at, count in entered]  # fmt: skip
        return SubmissionHistory(submission_id=submission.id, entries=sorted(entries, key=lambda entry: entry.at))


def _of_round(frozen: Round) -> list[HistoryEntry]:
    entries = [
        HistoryEntry(
            at=frozen.submitted_at,
            by=frozen.submitted_by,
            what="submitted",
            round=frozen.round,
            count=len(frozen.figures),
            reason=_on_paper(frozen),
        )
    ]
    if frozen.decided_at is not None and frozen.decided_by is not None:
        reasons = "; ".join(str(item.get("text", "")) for item in frozen.reasons) or None
        entries.append(
            HistoryEntry(
                at=frozen.decided_at, by=frozen.decided_by, what=frozen.state, round=frozen.round, reason=reasons
            )
        )
    return entries


def _on_paper(frozen: Round) -> str | None:
    paper = frozen.paper
    return None if paper is None else f"{paper.document}, {paper.received_on:%d/%m/%Y}: {paper.reason}"
