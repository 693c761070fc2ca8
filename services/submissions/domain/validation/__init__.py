"""Validation of a draft as a whole, the same whatever road its figures came by. Pure.

One module per subject: `content` (missing, stale, misfit), `parts`, `formulas` (derived figures, rules between cells),
`comparisons` (last period, last year, history; `outliers` has the arithmetic), `rollup` (what was rolled up from
below). Every finding is numbered in `findings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from services.submissions.domain.catalogue import Catalogue, Form
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell
from services.submissions.domain.validation import comparisons, content, formulas, parts
from services.submissions.domain.validation.draft import Draft, about
from services.submissions.domain.validation.past import NOTHING, Past
from services.submissions.domain.validation.rollup import RollupState, rolled_up

_CHECKS = (
    content.missing,
    content.figures,
    content.rows,
    parts.parts,
    formulas.derived,
    formulas.between_cells,
    comparisons.comparisons,
    comparisons.history,
)


def validate(
    cells: Mapping[str, Cell],
    form: Form | None,
    catalogue: Catalogue,
    past: Past = NOTHING,
    rollup: RollupState | None = None,
) -> list[Finding]:
    """Return all findings about a draft (cells by indicator, removed ones left out), errors first."""
    if form is None:
        return []
    draft = Draft.of(cells, form, catalogue, past)
    found = [_bound(finding, draft) for check in _CHECKS for finding in check(draft)]
    return arranged(found if rollup is None else [*found, *rolled_up(rollup, cells)])


def arranged(found: Iterable[Finding]) -> list[Finding]:
    """Return findings as they are shown: errors first, then by number and indicator."""
    return sorted(found, key=lambda finding: (finding.severity, finding.code, finding.indicator or "", finding.about))


def missing(cells: Mapping[str, Cell], form: Form | None) -> list[str]:
    """Return the indicators of the form that have no figure, in the form's order."""
    return [] if form is None else [code for code in form.entered if code not in cells]


def blocking(found: list[Finding]) -> list[Finding]:
    """Return the findings that keep a submission from being submitted."""
    return [finding for finding in found if finding.severity == "error"]


def concerning(found: Iterable[Finding], indicator: str) -> Iterator[Finding]:
    """Yield the findings in which this indicator's figure takes part."""
    return (finding for finding in found if indicator in finding.cells)


def _bound(finding: Finding, draft: Draft) -> Finding:
    return finding if finding.about else replace(finding, about=about(draft.values, finding.cells))
