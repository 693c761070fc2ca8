"""Comments on warnings: which findings they explain, and which still want one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.submissions.domain.findings import Finding
from shared.contracts.views.submissions import CommentView


def explaining(finding: Finding, said: Iterable[CommentView]) -> CommentView | None:
    """Return the comment on this finding, given for exactly the figures that it is about; None if there is none."""
    key = (finding.code, finding.indicator, finding.about)
    return next((comment for comment in said if (comment.code, comment.indicator, comment.about) == key), None)


def unexplained(found: Iterable[Finding], said: Sequence[CommentView]) -> list[Finding]:
    """Return the findings that want a comment and have none."""
    return [finding for finding in found if finding.wants_comment and explaining(finding, said) is None]


def in_force(found: Iterable[Finding], said: Sequence[CommentView]) -> list[CommentView]:
    """Return the comments that explain what is found now, each with what it explains: what is frozen with a round and
    shown to the leader."""
    explained = ((explaining(finding, said), finding) for finding in found)
    return [replace(comment, detail=finding.detail) for comment, finding in explained if comment is not None]


def meant(found: Iterable[Finding], code: str | None, indicator: str | None) -> list[Finding]:
    """Return the warnings that a comment is about: of this number and this indicator; without a number, all of the
    indicator that want a comment."""
    return [
        finding
        for finding in found
        if finding.severity == "warning"
        and finding.indicator == indicator
        and (finding.code == code if code is not None else finding.wants_comment)
    ]
