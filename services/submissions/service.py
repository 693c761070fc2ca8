"""The submissions service as others call it: one short method per question or command."""

from __future__ import annotations

from services.submissions import handover
from services.submissions.domain import merge
from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell, Pushed
from services.submissions.domain.rounds import APPROVED, SUBMITTED, Submission
from services.submissions.domain.validation import blocking, missing, validate
from services.submissions.domain.values import STATUSES, read_value
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, receipts, submissions
from services.submissions.storage.submissions import Round
from services.submissions.views import figure_view, figure_views, finding_view, submission_view
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views import FigureView, ReceiptView, SubmissionDetail, SubmissionPage, SubmissionView
from shared.entrypoints import Described, rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

MAX_PAGE = 500
_SEPARATOR = "|"


class SubmissionsService(Described):
    """Receipts, submissions and their figures."""

    name = "submissions"
    unit = UnitOfWork()

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
            found = submissions.page(transaction.connection, wanted, _cursor(after), limit + 1)
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        following = None if last is None else _SEPARATOR.join((last.form, last.unit, last.period))
        return SubmissionPage(submissions=[submission_view(item) for item in page], next=following)

    @rpc
    def read_submission(self, actor: Actor, submission_id: str, round: int | None = None) -> SubmissionDetail:
        """Return a submission with its figures: the current draft with its findings, or a submitted round as it was
        frozen. `reasons` are why the round before was returned, or, of an earlier round, why it was itself.

        Raises NotFound("submissions.unknown", "submissions.no_round"), Forbidden outside the actor's scope.
        """
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.read", submission_id)
            if round is not None and (round != submission.round or not submission.editable):
                return _frozen(unit, submission, round)
            catalogue = catalogues.current(unit.connection)
            cells = _cells(unit, submission)
            previous = submissions.find_round(unit.connection, submission.number, submission.round - 1)
            form = catalogue.forms.get(submission.form)
            return SubmissionDetail(
                submission=submission_view(submission),
                figures=figure_views(cells),
                findings=[finding_view(finding) for finding in validate(cells, form, catalogue)],
                reasons=[] if previous is None else previous.reasons,
                missing=missing(cells, form),
            )

    @rpc
    def edit_figure(
        self,
        actor: Actor,
        submission_id: str,
        indicator: str,
        value: str | int | float | None,
        nothing_occurred: bool = False,
        status: str = "official",
        expected_version: int | None = None,
    ) -> FigureView:
        """Enter a figure by hand. Text is read the Vietnamese way ("3.507" is 3507), a JSON number as it is.

        `expected_version` (0: there is no figure yet) guards against changing what somebody else just changed. What
        a system had pushed beside a hand entry is settled by this. Raises Invalid("submissions.value"),
        Conflict("submissions.version", "submissions.submitted", "submissions.approved").
        """
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.edit", submission_id, lock=True)
            catalogue = catalogues.current(unit.connection)
            entered = _entered(catalogue, submission, indicator, value, nothing_occurred, status)
            key = (submission.number, indicator)
            cells = figures.read_cells(unit.connection, [submission.number])
            cell = cells.get(key)
            if cell is not None and _is_so(cell, entered, actor.id):
                return figure_view(indicator, cell)
            submission.require_editable()
            _expect(cell, expected_version)
            _enter(unit, submission, indicator, cell, entered)
            return figure_view(indicator, figures.read_cells(unit.connection, [submission.number])[key])

    @rpc
    def remove_figure(self, actor: Actor, submission_id: str, indicator: str) -> SubmissionView:
        """Empty a cell of a draft; an empty one stays so. A push accepted before this moment does not fill it again."""
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.edit", submission_id, lock=True)
            cell = _cells(unit, submission).get(indicator)
            if cell is not None:
                submission.require_editable()
                before = cell.value
                merge.remove(cell, actor.id, unit.now)
                figures.update_cells(unit.connection, {(submission.number, indicator): cell})
                unit.audit("figure.removed", submission.id, {"indicator": indicator, "before": before})
            return submission_view(submission)

    @rpc
    def resolve_conflict(self, actor: Actor, submission_id: str, indicator: str, keep: str) -> FigureView:
        """Decide between a hand entry and the value a system pushed: `keep` is "hand" or "push".

        A cell without a conflict is answered as it is. Raises Invalid("submissions.keep"),
        NotFound("submissions.no_figure").
        """
        if keep not in (merge.HAND, merge.PUSH):
            raise Invalid("submissions.keep", f"keep is hand or push, not {keep!r}", "Chọn giữ “hand” hoặc “push”.")
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.edit", submission_id, lock=True)
            cell = _cells(unit, submission).get(indicator)
            if cell is None:
                raise NotFound("submissions.no_figure", f"{indicator} has no figure", "Chỉ tiêu này chưa có số liệu.")
            if cell.conflict is not None:
                submission.require_editable()
                pushed = cell.conflict[0].value
                details = {"indicator": indicator, "keep": keep, "hand": cell.value, "push": pushed}
                merge.settle(cell, keep)
                figures.update_cells(unit.connection, {(submission.number, indicator): cell})
                unit.audit("conflict.resolved", submission.id, details)
            return figure_view(indicator, cell)

    @rpc
    def submit(self, actor: Actor, submission_id: str) -> SubmissionView:
        """Freeze the current round with its content hash and send it to approval.

        What is submitted or approved already is answered as it is. Raises Invalid("submissions.findings") with the
        findings in its context while validation finds errors.
        """
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.submit", submission_id, lock=True)
            if submission.state in (SUBMITTED, APPROVED):
                return submission_view(submission)
            catalogue = catalogues.current(unit.connection)
            cells = _cells(unit, submission)
            _refuse_errors(blocking(validate(cells, catalogue.forms.get(submission.form), catalogue)))
            return submission_view(_freeze(unit, actor, submission, cells))

    @rpc
    def reopen(self, actor: Actor, submission_id: str, reason: str) -> SubmissionView:
        """Open the next round of an approved submission, to correct it. What was approved stays in force until the
        next round is. Raises Invalid("submissions.reason") without a reason, Conflict("submissions.not_approved")."""
        reason = reason.strip()
        if not reason:
            raise Invalid("submissions.reason", "reopening needs a reason", "Phải nêu lý do mở lại số liệu.")
        with self.unit(actor) as unit:
            submission = _find(unit, actor, "submissions.submit", submission_id, lock=True)
            if submission.reopened_so(actor.id, reason):
                return submission_view(submission)
            reopened = submission.reopen(actor.id, reason)
            submissions.save(unit.connection, reopened)
            unit.audit("submission.reopened", submission.id, {"round": reopened.round, "reason": reason})
            return submission_view(reopened)


def _sees_all(actor: Actor) -> bool:
    return actor.may("submissions.read") and EVERYWHERE in actor.units and EVERYWHERE in actor.forms


def _cursor(after: str | None) -> tuple[str, str, str] | None:
    if after is None:
        return None
    parts = after.split(_SEPARATOR)
    if len(parts) != 3:
        raise Invalid("submissions.cursor", f"{after!r} is no cursor of this list", "Vị trí trang không hợp lệ.")
    return parts[0], parts[1], parts[2]


def _find(unit: Unit, actor: Actor, right: str, submission_id: str, *, lock: bool = False) -> Submission:
    submission = submissions.find(unit.connection, submission_id, lock=lock)
    if submission is None:
        actor.require(right)
        raise NotFound("submissions.unknown", f"there is no submission {submission_id}", "Không có bộ số liệu này.")
    actor.require(right, unit=submission.unit, form=submission.form)
    return submission


def _cells(unit: Unit, submission: Submission) -> dict[str, Cell]:
    cells = figures.read_cells(unit.connection, [submission.number])
    return {indicator: cell for (_number, indicator), cell in cells.items() if not cell.removed}


def _frozen(unit: Unit, submission: Submission, round_: int) -> SubmissionDetail:
    frozen = submissions.find_round(unit.connection, submission.number, round_)
    if frozen is None:
        raise NotFound(
            "submissions.no_round", f"{submission.id} has no submitted round {round_}", "Không có lần gửi này."
        )
    return SubmissionDetail(
        submission=submission_view(submission), figures=frozen.figures, findings=[], reasons=frozen.reasons, missing=[]
    )


def _entered(
    catalogue: Catalogue, submission: Submission, code: str, value: object, nothing_occurred: bool, status: str
) -> Pushed:
    form = catalogue.forms.get(submission.form)
    indicator = catalogue.indicators.get(code)
    if form is None or indicator is None or code not in form.entered:
        raise NotFound(
            "submissions.no_indicator",
            f"{code} is not entered on form {submission.form}",
            f"Chỉ tiêu {code} không có trong biểu mẫu {submission.form}.",
        )
    if status not in STATUSES:
        raise Invalid("submissions.status", f"{status!r} is no status", "Trạng thái số liệu không hợp lệ.")
    read = read_value(indicator, value, nothing_occurred, by_hand=True)
    if isinstance(read, Finding):
        raise Invalid("submissions.value", read.message, read.detail, {"finding": read.code, "indicator": code})
    return Pushed(read, status)


def _is_so(cell: Cell, entered: Pushed, by: str) -> bool:
    """Tell whether exactly this was entered already, so that a repeated command changes nothing."""
    same = cell.holds(entered) and cell.conflict is None
    return same and (cell.origin, cell.by) == (merge.HAND, by)


def _expect(cell: Cell | None, version: int | None) -> None:
    held = 0 if cell is None or cell.removed else cell.version
    if version is not None and version != held:
        raise Conflict(
            "submissions.version",
            f"the figure is at version {held}, not {version}",
            "Số liệu vừa được người khác thay đổi; hãy xem lại.",
            {"version": held},
        )


def _enter(unit: Unit, submission: Submission, indicator: str, cell: Cell | None, entered: Pushed) -> None:
    key, by = (submission.number, indicator), unit.actor.id
    before = None if cell is None or cell.removed else cell.value
    if cell is None:
        figures.insert_cells(unit.connection, {key: merge.entered(entered, by, unit.now)})
    else:
        merge.enter(cell, entered, by, unit.now)
        figures.update_cells(unit.connection, {key: cell})
    touched = submission.touched()
    if touched is not submission:
        submissions.save(unit.connection, touched)
    details = {"indicator": indicator, "before": before, "after": entered.value, "status": entered.status}
    unit.audit("figure.entered", submission.id, details)


def _refuse_errors(errors: list[Finding]) -> None:
    if errors:
        raise Invalid(
            "submissions.findings",
            f"{len(errors)} findings must be settled first: " + "; ".join(error.message for error in errors[:5]),
            f"Còn {len(errors)} lỗi phải sửa trước khi gửi: " + " ".join(error.detail for error in errors[:5]),
            {"findings": [finding_view(error) for error in errors]},
        )


def _freeze(unit: Unit, actor: Actor, submission: Submission, cells: dict[str, Cell]) -> Submission:
    content = figure_views(cells)
    submitted = submission.submit(handover.hash_of(submission, content), actor.id, unit.now)
    by_hand = {cell.by for cell in cells.values() if cell.origin == merge.HAND}
    frozen = Round(
        submission=submission.number,
        round=submission.round,
        state=SUBMITTED,
        content_hash=submitted.content_hash or "",
        figures=content,
        submitted_by=actor.id,
        submitted_at=unit.now,
        authors=sorted(by_hand | {actor.id}),
        reasons=[],
    )
    submissions.add_round(unit.connection, frozen)
    submissions.save(unit.connection, submitted)
    handover.announce(unit, submitted, frozen)
    unit.audit(
        "submission.submitted",
        f"{submission.id}/{submission.round}",
        {"hash": frozen.content_hash, "figures": len(content), "on_time": submitted.on_time},
    )
    return submitted
