"""Rolling up: the approved submissions below taken into a draft, with what each of them gives (Đ10.1, Đ15)."""

from __future__ import annotations

from collections.abc import Sequence

from services.submissions.domain import aggregation, merge
from services.submissions.domain.aggregation import NO_WEIGHT, Lower, Rolled
from services.submissions.domain.catalogue import Catalogue, Form
from services.submissions.domain.merge import Cell, Clock, Source
from services.submissions.domain.rounds import Submission
from services.submissions.domain.validation.rollup import RollupState
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, rollups, submissions
from services.submissions.storage.figures import Key
from services.submissions.storage.rollups import Result, Rollup, Seen
from shared.calendar import Period
from shared.errors import Invalid
from shared.storage import Unit

REMOVED = "removed"
_WEIGHTED = "weighted:"


def roll_up(unit: Unit, submission: Submission) -> Rollup:
    """Fill the draft, whose row is locked, from what is approved below, and keep what it was made of. The same again
    changes nothing. Raises Invalid("submissions.no_form_below")."""
    catalogue = catalogues.current(unit.connection)
    form, period = catalogue.forms.get(submission.form), catalogue.period(submission.period)
    below = None if form is None or form.rolls_up is None else catalogue.forms.get(form.rolls_up)
    tiles = () if period is None or below is None else period.tiles(below.period_kind)
    if form is None or period is None or below is None or not tiles:
        raise Invalid(
            "submissions.no_form_below",
            f"form {submission.form} names no form of the units below for {submission.period}",
            "Biểu mẫu này không có biểu mẫu cấp dưới để tổng hợp.",
        )
    lowers = _lowers(unit, submission, below.id, period, catalogue, with_figures=True)
    made = aggregation.roll_up(form, catalogue.as_of(period), submission.unit, lowers, tiles)
    outcomes, changed = _fill(unit, submission, made)
    results = [_result(rolled, outcome) for rolled, outcome in zip(made, outcomes, strict=True)]
    sources = [Seen(item.submission_id, item.unit, item.period, item.state, item.round) for item in lowers]
    rollup = Rollup(submission.round, below.id, unit.actor.id, unit.now, sources, results)
    held = rollups.find(unit.connection, submission.number, submission.round)
    if changed or held is None or not _same(held, rollup):
        rollups.save(unit.connection, submission.number, rollup, made)
        taken = sum(item.round is not None for item in lowers)
        details = {"form": below.id, "cells": changed, "taken": taken, "expected": len(lowers)}
        unit.audit("figures.rolled_up", f"{submission.id}/{submission.round}", details)
        return rollup
    return Rollup(held.round, held.form, held.by, held.at, held.sources, results)


def state_of(unit: Unit, submission: Submission, form: Form, catalogue: Catalogue) -> RollupState | None:
    """Return how the last roll-up into the draft stands against what is approved below now; None if there was none."""
    period = catalogue.period(submission.period)
    held = rollups.find(unit.connection, submission.number, submission.round) if form.rolls_up else None
    if held is None or period is None:
        return None
    lowers = _lowers(unit, submission, held.form, period, catalogue)
    weightless = {
        (item.indicator, item.rule.removeprefix(_WEIGHTED)): item.left_out for item in held.results if item.left_out
    }
    named = {item.unit for item in lowers} | {name for names in weightless.values() for name in names}
    names = {name: catalogue.organisation.name(name, period.end) or name for name in named}
    taken = {item.submission_id: item.round for item in held.sources if item.round is not None}
    return RollupState(lowers, taken, weightless, names)


def below_now(unit: Unit, submission: Submission, held: Rollup) -> list[Lower]:
    """Return the submissions below as they are now."""
    catalogue = catalogues.current(unit.connection)
    period = catalogue.period(submission.period)
    return [] if period is None else _lowers(unit, submission, held.form, period, catalogue)


def _lowers(
    unit: Unit, submission: Submission, form: str, period: Period, catalogue: Catalogue, *, with_figures: bool = False
) -> list[Lower]:
    below = catalogue.forms.get(form)
    tiles = {} if below is None else {str(tile): tile for tile in period.tiles(below.period_kind)}
    owed = rollups.lowers(unit.connection, form, list(tiles), with_figures=with_figures)
    return [
        item for item in owed if aggregation.is_below(item.unit, submission.unit, tiles[item.period], period, catalogue)
    ]


def _fill(unit: Unit, submission: Submission, made: Sequence[Rolled]) -> tuple[list[str], int]:
    """Let what was rolled up meet the draft's cells; return each one's outcome and how many cells changed."""
    source = Source(unit.actor.id, None, Clock(unit.now, ""), unit.now, merge.ROLLUP)
    cells = figures.read_cells(unit.connection, [submission.number])
    created: dict[Key, Cell] = {}
    changed: dict[Key, Cell] = {}
    outcomes: list[str] = []
    for rolled in made:
        key = (submission.number, rolled.indicator)
        cell, outcome = cells.get(key), rolled.outcome
        before = 0 if cell is None else cell.version
        if rolled.value is not None and cell is None:
            created[key], outcome = merge.rolled(rolled.value, source), merge.ACCEPTED
        elif rolled.value is not None and cell is not None:
            outcome = merge.roll_up(cell, rolled.value, source)
        elif cell is not None and cell.origin == merge.ROLLUP and not cell.removed:
            merge.remove(cell, unit.actor.id, unit.now)
            outcome = REMOVED
        if cell is not None and cell.version != before:
            changed[key] = cell
        outcomes.append(outcome)
    figures.insert_cells(unit.connection, created)
    figures.update_cells(unit.connection, changed)
    touched = submission.touched() if created or changed else submission
    if touched is not submission:
        submissions.save(unit.connection, touched)
    return outcomes, len(created) + len(changed)


def _result(rolled: Rolled, outcome: str) -> Result:
    value = rolled.value
    return Result(
        indicator=rolled.indicator,
        rule=rolled.rule,
        outcome=outcome,
        value=None if value is None else value.value,
        status=None if value is None else value.status,
        rounded=rolled.rounded,
        left_out=[item.unit for item in rolled.contributions if item.note == NO_WEIGHT],
    )


def _same(held: Rollup, rollup: Rollup) -> bool:
    """Tell whether two roll-ups were made of the same and came to the same, whatever the cells did with it."""
    made = [[(r.indicator, r.rule, r.value, r.status, r.left_out) for r in item.results] for item in (held, rollup)]
    return (held.round, held.form, held.sources) == (rollup.round, rollup.form, rollup.sources) and made[0] == made[1]
