"""Entering figures by hand and settling conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec

from services.submissions.domain import merge
from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell, Pushed
from services.submissions.domain.rounds import Submission
from services.submissions.domain.validation import concerning
from services.submissions.domain.values import STATUSES, read_measured
from services.submissions.service.finding import cells_of, found, judged, shown
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, submissions
from services.submissions.views import figure_view
from shared.contracts.actor import Actor
from shared.contracts.views.submissions import FigureView, SubmissionView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork
from shared.text import nfc


class EditingCalls:
    """What a clerk does with a draft's cells."""

    unit: UnitOfWork

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
        measure: str | None = None,
        label: str | None = None,
    ) -> FigureView:
        """Enter a figure by hand. Text is read the Vietnamese way ("3.507" is 3507), a JSON number as it is. `measure`
        is the unit of measure it is given in (default: the indicator's); another of its dimension is converted, and
        the answer's `converted` says so. `label` names the row of an open list (`DA01.R7`); without one the figure
        keeps the label it has.

        `expected_version` (0: there is no figure yet) guards against changing what somebody else just changed. What
        a system had pushed beside a hand entry is settled by this. The answer has the findings in which the figure
        takes part. Raises Invalid("submissions.value"),
        Conflict("submissions.version", "submissions.submitted", "submissions.approved").
        """
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.edit", submission_id, lock=True)
            catalogue = catalogues.current(unit.connection)
            given = _Given(value, nothing_occurred, status, measure)
            entered, converted = _entered(catalogue, submission, indicator, given)
            key = (submission.number, indicator)
            cells = figures.read_cells(unit.connection, [submission.number])
            cell = cells.get(key)
            entered = _labelled(entered, label, cell)
            if cell is None or not _is_so(cell, entered, actor.id):
                submission.require_taking(unit.now)
                _expect(cell, expected_version)
                _enter(unit, submission, indicator, cell, entered)
            draft = cells_of(unit, submission)
            held = judged(unit, submission, draft)
            view = figure_view(indicator, draft[indicator], concerning(held, indicator))
            return replace(view, converted=converted)

    @rpc
    def remove_figure(self, actor: Actor, submission_id: str, indicator: str) -> SubmissionView:
        """Empty a cell of a draft; an empty one stays so. A push accepted before this moment does not fill it again."""
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.edit", submission_id, lock=True)
            cell = cells_of(unit, submission).get(indicator)
            if cell is not None:
                submission.require_taking(unit.now)
                before = cell.value
                merge.remove(cell, actor.id, unit.now)
                figures.update_cells(unit.connection, {(submission.number, indicator): cell})
                unit.audit("figure.removed", submission.id, {"indicator": indicator, "before": before})
            return shown(unit, submission)

    @rpc
    def resolve_conflict(self, actor: Actor, submission_id: str, indicator: str, keep: str) -> FigureView:
        """Decide between a figure and what came beside it by another road: `keep` is the origin of the one that stays
        ("hand", "push", "rollup").

        A cell without a conflict is answered as it is. Raises Invalid("submissions.keep"),
        NotFound("submissions.no_figure").
        """
        if keep not in merge.ORIGINS:
            raise _unkept(keep, merge.ORIGINS)
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.edit", submission_id, lock=True)
            cell = cells_of(unit, submission).get(indicator)
            if cell is None:
                raise NotFound("submissions.no_figure", f"{indicator} has no figure", "Chỉ tiêu này chưa có số liệu.")
            if cell.conflict is not None:
                submission.require_taking(unit.now)
                beside, source = cell.conflict
                if keep not in (cell.origin, source.origin):
                    raise _unkept(keep, (cell.origin, source.origin))
                details = {"indicator": indicator, "keep": keep, cell.origin: cell.value, source.origin: beside.value}
                merge.settle(cell, keep)
                figures.update_cells(unit.connection, {(submission.number, indicator): cell})
                unit.audit("conflict.resolved", submission.id, details)
            return figure_view(indicator, cell)


def _unkept(keep: str, origins: tuple[str, ...]) -> Invalid:
    choices = ", ".join(f"“{origin}”" for origin in origins)
    return Invalid("submissions.keep", f"keep is one of {', '.join(origins)}, not {keep!r}", f"Chọn giữ {choices}.")


class _Given(NamedTuple):
    value: object
    nothing_occurred: bool
    status: str
    measure: str | None


def _entered(catalogue: Catalogue, submission: Submission, code: str, given: _Given) -> tuple[Pushed, str | None]:
    """Return what the clerk entered, and what to tell where it was converted."""
    form = catalogue.forms.get(submission.form)
    period = catalogue.period(submission.period)
    indicator = None if period is None or form is None else _indicator(catalogue.as_of(period), form, code)
    if indicator is None:
        raise NotFound(
            "submissions.no_indicator",
            f"{code} is not entered on form {submission.form}",
            f"Chỉ tiêu {code} không có trong biểu mẫu {submission.form}.",
        )
    if given.status not in STATUSES:
        raise Invalid("submissions.status", f"{given.status!r} is no status", "Trạng thái số liệu không hợp lệ.")
    measure = given.measure if given.measure is not None else indicator.measure
    read = read_measured(indicator, given.value, given.nothing_occurred, measure, catalogue.measures, by_hand=True)
    if isinstance(read, Finding):
        raise Invalid("submissions.value", read.message, read.detail, {"finding": read.code, "indicator": code})
    return Pushed(read.value, given.status), read.converted.detail if read.converted else None


def _indicator(catalogue: Catalogue, form: Form, code: str) -> Indicator | None:
    """Return what is entered under this code: an indicator of the form, or a row of one of its open lists."""
    if code in form.entered:
        return catalogue.indicators.get(code)
    row = form.row(code)
    if row is None or row.number > row.list.max_rows or row.column not in catalogue.indicators:
        return None
    return replace(catalogue.indicators[row.column], code=code)


def _labelled(entered: Pushed, label: str | None, cell: Cell | None) -> Pushed:
    kept = nfc(label or "").strip() or (None if cell is None or cell.removed else cell.label)
    return entered if kept is None else msgspec.structs.replace(entered, label=kept)


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
