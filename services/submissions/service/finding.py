"""Finding the submission that a call is about, and what validation finds about it."""

from __future__ import annotations

from collections.abc import Mapping

from services.submissions import rollup
from services.submissions.domain.catalogue import Catalogue, Form
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell
from services.submissions.domain.rounds import Submission
from services.submissions.domain.validation import validate
from services.submissions.domain.validation.lineage import made_of, past_of, periods_read, units_read
from services.submissions.domain.validation.past import Known, Past
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, references, submissions
from services.submissions.views import submission_view
from shared.calendar import Period
from shared.contracts.actor import Actor
from shared.contracts.views.submissions import SubmissionView
from shared.errors import Forbidden, NotFound
from shared.storage import Unit


def found(unit: Unit, actor: Actor, right: str, submission_id: str, *, lock: bool = False) -> Submission:
    """Return a submission that the actor may touch with this right, its row locked if asked.

    Raises NotFound("submissions.unknown"), Forbidden outside the actor's rights and scope, and for a person of an
    agency that neither owes the figures nor enters them (Đ10.1).
    """
    submission = submissions.find(unit.connection, submission_id, lock=lock)
    if submission is None:
        actor.require(right)
        raise NotFound("submissions.unknown", f"there is no submission {submission_id}", "Không có bộ số liệu này.")
    actor.require(right, unit=submission.unit, form=submission.form)
    if right != "submissions.read":
        _require_party(unit, actor, submission)
    return submission


def _require_party(unit: Unit, actor: Actor, submission: Submission) -> None:
    if actor.kind != "person" or actor.agency in (None, submission.agency):
        return
    form = catalogues.current(unit.connection).forms.get(submission.form)
    if form is None or actor.agency not in form.enters:
        raise Forbidden(
            "submissions.other_agency",
            f"{actor.id} acts for {actor.agency}, {submission.id} is owed by {submission.agency}",
            "Số liệu này do cơ quan khác nhập và gửi.",
        )


def shown(unit: Unit, submission: Submission) -> SubmissionView:
    """Return the submission as callers see it, with the names of its period."""
    return submission_view(submission, catalogues.arrived(unit.connection))


def cells_of(unit: Unit, submission: Submission) -> dict[str, Cell]:
    """Return the draft's cells by indicator, removed ones left out."""
    cells = figures.read_cells(unit.connection, [submission.number])
    return {indicator: cell for (_number, indicator), cell in cells.items() if not cell.removed}


def judged(unit: Unit, submission: Submission, cells: Mapping[str, Cell]) -> list[Finding]:
    """Return the findings about these cells as the submission's draft: the same for every road they came by."""
    catalogue = catalogues.current(unit.connection)
    form, period = catalogue.forms.get(submission.form), catalogue.period(submission.period)
    if form is None or period is None:
        return []
    past = _past(unit, submission.unit, form, period, catalogue)
    return validate(cells, form, catalogue.as_of(period), past, rollup.state_of(unit, submission, form, catalogue))


def _past(unit: Unit, about: str, form: Form, period: Period, catalogue: Catalogue) -> Past:
    known = catalogue.as_of(period).indicators
    asked = [known[code] for code in (*form.entered, *form.derived) if code in known]
    codes = {item.code for item in asked} | {code for item in asked if item.formula for code in item.formula.codes}
    codes |= {item.code for rule in form.rules for item in rule.comparison.inputs}
    periods = periods_read(form, asked, period)
    behind = made_of(catalogue, codes, about, period, periods)
    read = {str(item) for item in periods | {earlier for _code, earlier in behind}}
    units = units_read(catalogue.organisation, about, period, periods | {earlier for _code, earlier in behind})
    rows = references.read(unit.connection, units, codes | {code for code, _earlier in behind}, read)
    values = {(row.unit, row.indicator, row.period): Known(row.value, row.status, order=row.batch) for row in rows}
    return past_of(about, period, periods, values, catalogue, codes)
