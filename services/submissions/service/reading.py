"""Questions about receipts and submissions."""

from __future__ import annotations

from collections.abc import Sequence

from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.comments import in_force
from services.submissions.domain.rounds import Submission
from services.submissions.domain.validation import missing
from services.submissions.service.finding import cells_of, found, judged, shown
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import comments, receipts, submissions
from services.submissions.views import figure_views, finding_view, submission_view
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.submissions import ReceiptView, SubmissionDetail, SubmissionPage
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import Unit, UnitOfWork

MAX_PAGE = 500
_SEPARATOR = "|"


class ReadingCalls:
    """What there is, and what became of it."""

    unit: UnitOfWork

    @rpc
    def find_receipt(self, actor: Actor, receipt_id: str, fingerprint: str | None = None) -> ReceiptView | None:
        """Return what became of a push, None if it was not processed (yet) or is another client's.

        With the `fingerprint` of a body, `state` says whether that body is the one that was processed.
        """
        with self.unit(actor) as unit:
            row = receipts.find(unit.connection, receipt_id)
        if row is None or not (row["client_id"] == actor.id or _sees_all(actor)):
            return None
        return receipts.view(row, fingerprint)

    @rpc
    def list_submissions(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        agency: str | None = None,
        period: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> SubmissionPage:
        """Return submissions in the actor's scope, what is only due included, in key order (form, unit, period)."""
        actor.require("submissions.read")
        wanted = submissions.filters(
            form=form,
            unit=unit,
            agency=agency,
            period=period,
            state=state,
            units=None if EVERYWHERE in actor.units else actor.units,
            forms=None if EVERYWHERE in actor.forms else actor.forms,
        )
        limit = max(1, min(limit, MAX_PAGE))
        with self.unit(actor) as transaction:
            rows = submissions.page(transaction.connection, wanted, cursor(after), limit + 1)
            catalogue = catalogues.arrived(transaction.connection)
        return page_of(rows, limit, catalogue)

    @rpc
    def read_submission(self, actor: Actor, submission_id: str, round: int | None = None) -> SubmissionDetail:
        """Return a submission with its figures: the current draft with its findings, or a submitted round as it was
        frozen, with the comments on its warnings. `reasons` are why the round before was returned, or, of an earlier
        round, why it was itself.

        Raises NotFound("submissions.unknown", "submissions.no_round"), Forbidden outside the actor's scope.
        """
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.read", submission_id)
            if round is not None and (round != submission.round or not submission.editable):
                return _frozen(unit, submission, round)
            catalogue = catalogues.current_as_of(unit.connection, submission.period)
            cells = cells_of(unit, submission)
            at = unit.connection, submission.number
            previous = submissions.find_round(*at, submission.round - 1)
            said = comments.read(*at)
            held = judged(unit, submission, cells)
            # What waits for a decision or is approved is read with what was said to it, whatever is found since.
            frozen = None if submission.editable else submissions.find_round(*at, submission.round)
            return SubmissionDetail(
                submission=submission_view(submission, catalogue),
                figures=figure_views(cells),
                findings=[finding_view(finding, said) for finding in held],
                reasons=[] if previous is None else previous.reasons,
                missing=missing(cells, catalogue.forms.get(submission.form)),
                comments=in_force(held, said) if frozen is None else frozen.comments,
            )


def _sees_all(actor: Actor) -> bool:
    return actor.may("submissions.read") and EVERYWHERE in actor.units and EVERYWHERE in actor.forms


def page_of(rows: Sequence[Submission], limit: int, catalogue: Catalogue | None) -> SubmissionPage:
    """Return the page that these rows make, which were read one too long; with the cursor of the next one."""
    last = rows[limit - 1] if len(rows) > limit else None
    following = None if last is None else _SEPARATOR.join((last.form, last.unit, last.period))
    return SubmissionPage(submissions=[submission_view(item, catalogue) for item in rows[:limit]], next=following)


def cursor(after: str | None) -> tuple[str, str, str] | None:
    """Return the key that a cursor names. Raises Invalid("submissions.cursor")."""
    if after is None:
        return None
    parts = after.split(_SEPARATOR)
    if len(parts) != 3:
        raise Invalid("submissions.cursor", f"{after!r} is no cursor of this list", "Vị trí trang không hợp lệ.")
    return parts[0], parts[1], parts[2]


def _frozen(unit: Unit, submission: Submission, round_: int) -> SubmissionDetail:
    frozen = submissions.find_round(unit.connection, submission.number, round_)
    if frozen is None:
        raise NotFound(
            "submissions.no_round", f"{submission.id} has no submitted round {round_}", "Không có lần gửi này."
        )
    return SubmissionDetail(
        submission=shown(unit, submission),
        figures=frozen.figures,
        findings=[],
        reasons=frozen.reasons,
        missing=[],
        comments=frozen.comments,
    )
