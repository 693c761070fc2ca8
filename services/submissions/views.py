"""What this service answers, made from its domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.comments import explaining
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell
from services.submissions.domain.rounds import Submission
from shared.contracts.views.submissions import CommentView, FigureView, FindingView, SubmissionView


def submission_view(submission: Submission, catalogue: Catalogue | None) -> SubmissionView:
    """Return the submission as others see it now (late, and open or closed to figures, are told from the clock), with
    the names that unit and agency bore at the period's end."""
    named = catalogue.name_of if catalogue else lambda _unit, _period: None
    now = datetime.now(UTC)
    return SubmissionView(
        id=submission.id,
        form=submission.form,
        unit=submission.unit,
        agency=submission.agency,
        period=submission.period,
        state=submission.state,
        round=submission.round,
        content_hash=submission.content_hash,
        deadline=submission.deadline,
        submitted_at=submission.submitted_at,
        approved_round=submission.approved_round,
        on_time=submission.on_time,
        unit_name=named(submission.unit, submission.period),
        agency_name=named(submission.agency, submission.period),
        late=submission.late(now),
        extended_to=submission.extended_to,
        intake=submission.shut(now) or "open",
        opens_at=submission.opens_at,
        closes_at=submission.closes_at,
        received_on=submission.received_on,
    )


def figure_view(indicator: str, cell: Cell, findings: Iterable[Finding] = ()) -> FigureView:
    """Return one cell with its provenance and, if there is one, its conflict."""
    conflict: dict[str, object] | None = None
    if cell.conflict is not None:
        beside, source = cell.conflict
        conflict = {
            "value": beside.value,
            "status": beside.status,
            "origin": source.origin,
            "by": source.by,
            "receipt_id": source.receipt_id,
            "accepted_at": source.clock.accepted_at.isoformat(),
        }
        if beside.label is not None:
            conflict["label"] = beside.label
    return FigureView(
        indicator=indicator,
        value=cell.value,
        status=cell.status,
        origin=cell.origin,
        by=cell.by,
        at=cell.at,
        receipt_id=cell.receipt_id,
        version=cell.version,
        conflict=conflict,
        label=cell.label,
        findings=[finding_view(finding) for finding in findings],
    )


def figure_views(cells: Mapping[str, Cell]) -> list[FigureView]:
    """Return the cells in the order of their indicators."""
    return [figure_view(indicator, cells[indicator]) for indicator in sorted(cells)]


def finding_view(finding: Finding, said: Iterable[CommentView] = ()) -> FindingView:
    """Return one finding of validation, with the comment that explains it."""
    comment = explaining(finding, said)
    return FindingView(
        code=finding.code,
        severity=finding.severity,
        indicator=finding.indicator,
        message=finding.message,
        detail=finding.detail,
        wants_comment=finding.wants_comment,
        comment=None if comment is None else comment.text,
    )
