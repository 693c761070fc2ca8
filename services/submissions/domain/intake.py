"""Judging a push against the catalogue: which figures may be merged, and what is wrong with the others. Pure.

The good figures stay when others are bad. What depends on the drafts (does anybody owe this, is it submitted already)
is judged afterwards by `refusal_of`, under the submissions' locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.findings import Finding, Rule, find
from services.submissions.domain.merge import Pushed
from services.submissions.domain.obligations import submission_id
from services.submissions.domain.rounds import APPROVED, SUBMITTED, WAIVED, Submission
from services.submissions.domain.rows import Row, labels_of, row_of
from services.submissions.domain.values import STATUSES, read_measured, read_value
from shared.calendar import VIETNAM, local_date
from shared.contracts.actor import EVERYWHERE
from shared.contracts.push import PushBody, PushFigure
from shared.text import nfc


class Scope(NamedTuple):
    """The units and forms that the client may push ("*": all), as its token said when the push was accepted."""

    units: frozenset[str]
    forms: frozenset[str]

    def covers_unit(self, unit: str) -> bool:
        """Tell whether figures about this unit may come from the client."""
        return EVERYWHERE in self.units or unit in self.units

    def covers_form(self, form: str) -> bool:
        """Tell whether figures of this form may come from the client."""
        return EVERYWHERE in self.forms or form in self.forms


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A figure that is good by itself, and the cell it is for."""

    position: int
    submission_id: str
    indicator: str
    pushed: Pushed


class Refusal(NamedTuple):
    """A figure that is not taken, by its position in the push, and why."""

    position: int
    finding: Finding


@dataclass(slots=True)
class Judged:
    """A push sorted into candidates and refusals. `conversions` tells, by position, which candidates came in another
    unit of measure."""

    candidates: list[Candidate] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    conversions: dict[int, Finding] = field(default_factory=dict)


class _No(NamedTuple):
    rule: Rule
    facts: dict[str, object]


class _Place(NamedTuple):
    """What a unit and period of a push stand for; `first` are the positions at which indicators were given there."""

    submission_id: str
    entered: dict[str, Indicator]
    catalogue: Catalogue
    first: dict[str, int]


class _Converted(NamedTuple):
    pushed: Pushed
    finding: Finding


def judge(body: PushBody, catalogue: Catalogue, scope: Scope, accepted_at: datetime) -> Judged:
    """Sort the figures of a push, accepted by the gateway at this instant. Every position appears exactly once."""
    judged = Judged()
    whole = _whole(body, catalogue, scope, accepted_at)
    if isinstance(whole, _No):
        judged.refusals = [
            Refusal(position, find(whole.rule, figure.indicator, **whole.facts))
            for position, figure in enumerate(body.figures)
        ]
        return judged
    entered = _entered(whole, catalogue)
    places: dict[tuple[str | None, str | None], _Place | _No] = {}
    firsts: dict[str, dict[str, int]] = {}
    twice: dict[tuple[str, str], list[int]] = {}
    for position, figure in enumerate(body.figures):
        code, where = figure.indicator, (figure.unit, figure.period)
        place = places.get(where)
        if place is None:
            named = (figure.unit or body.unit, figure.period or body.period)
            place = places[where] = _place(named, whole, entered, catalogue, scope, firsts)
        if isinstance(place, _No):
            judged.refusals.append(Refusal(position, _misplaced(code, place, entered, whole, catalogue)))
            continue
        indicator = place.entered.get(code)
        if indicator is None or figure.label is not None:
            result = _listed(figure, place, whole)
        else:
            result = _figure(figure, indicator, place.catalogue)
        if not isinstance(result, Pushed):
            if isinstance(result, Finding):
                judged.refusals.append(Refusal(position, result))
                continue
            result, judged.conversions[position] = result
        before = place.first.setdefault(code, position)
        if before != position:
            twice.setdefault((place.submission_id, code), [before]).append(position)
            continue
        judged.candidates.append(Candidate(position, place.submission_id, code, result))
    if twice:
        _refuse_duplicates(judged, twice)
    if whole.columns:
        _refuse_ambiguous_rows(judged, whole)
    return judged


def stated(body: PushBody, catalogue: Catalogue, scope: Scope, accepted_at: datetime) -> list[Candidate]:
    """Return the figures of derived indicators, which a push may not bring but which can be compared with their
    formula."""
    whole = _whole(body, catalogue, scope, accepted_at)
    if isinstance(whole, _No):
        return []
    found: list[Candidate] = []
    for position, figure in enumerate(body.figures):
        indicator = catalogue.indicators.get(figure.indicator)
        if indicator is None or figure.indicator not in whole.derived:
            continue
        place = _place((figure.unit or body.unit, figure.period or body.period), whole, {}, catalogue, scope, {})
        value = read_value(indicator, figure.value, figure.nothing_occurred)
        if not isinstance(place, _No) and not isinstance(value, Finding):
            found.append(Candidate(position, place.submission_id, indicator.code, Pushed(value, figure.status)))
    return found


def _whole(body: PushBody, catalogue: Catalogue, scope: Scope, accepted_at: datetime) -> Form | _No:
    form = catalogue.forms.get(body.form)
    if form is None:
        return _No(rules.UNKNOWN_FORM, {"form": body.form})
    if not scope.covers_form(form.id):
        return _No(rules.OUT_OF_SCOPE, {"form": form.id, "unit": body.unit or ""})
    if body.form_version is None or body.form_version == form.version:
        return form
    return _earlier(form, body.form_version, accepted_at)


def _earlier(form: Form, version: int, accepted_at: datetime) -> Form | _No:
    """Return the form as an earlier version asked for it, which is taken to the end of a day in Vietnam."""
    facts = {"form": form.id, "version": version, "current": form.version}
    if version not in form.earlier:
        return _No(rules.UNKNOWN_VERSION, facts)
    earlier, until = form.earlier[version]
    if until is None or local_date(accepted_at) > until:
        return _No(rules.OLD_VERSION, {**facts, "until": until})
    return earlier


def _entered(form: Form, catalogue: Catalogue) -> dict[str, Indicator]:
    return {code: catalogue.indicators[code] for code in form.entered if code in catalogue.indicators}


def _place(
    where: tuple[str | None, str | None],
    form: Form,
    entered: dict[str, Indicator],
    catalogue: Catalogue,
    scope: Scope,
    firsts: dict[str, dict[str, int]],
) -> _Place | _No:
    reference, text = where
    period = catalogue.period(text) if text else None
    if period is None or period.kind != form.period_kind:
        return _No(rules.UNKNOWN_PERIOD, {"period": text or "", "form": form.id})
    unit = catalogue.resolve(nfc(reference), period) if reference else None
    if unit is None:
        return _No(rules.UNKNOWN_UNIT, {"unit": reference or "", "period": text})
    if not scope.covers_unit(unit):
        return _No(rules.OUT_OF_SCOPE, {"unit": unit, "form": form.id})
    then = catalogue.as_of(period)
    here = entered if then is catalogue else _entered(form, then)
    target = submission_id(form.id, unit, str(period))
    return _Place(target, here, then, firsts.setdefault(target, {}))  # a unit may be named by its id and by its code


def _misplaced(code: str, place: _No, entered: dict[str, Indicator], form: Form, catalogue: Catalogue) -> Finding:
    # An unknown indicator is the more useful thing to hear of.
    known = code in entered or row_of(code, form.columns) is not None
    return find(place.rule, code, **place.facts) if known else _unknown(code, form, catalogue)


def _listed(figure: PushFigure, place: _Place, form: Form) -> Pushed | _Converted | Finding:
    """Judge a figure that has a label or is not entered in a cell of the form: it may stand in an open list."""
    if figure.indicator in place.entered:
        return find(rules.LABEL_OF_NO_ROW, figure.indicator)
    row = row_of(figure.indicator, form.columns)
    column = None if row is None else place.catalogue.indicators.get(row.column)
    if row is None or column is None:
        return _unknown(figure.indicator, form, place.catalogue)
    if row.number > row.list.max_rows:
        return find(rules.TOO_MANY_ROWS, figure.indicator, list=row.list.label, rows=row.list.max_rows)
    given = _figure(figure, replace(column, code=figure.indicator), place.catalogue)
    if isinstance(given, Finding) or figure.label is None:
        return given
    label = nfc(figure.label).strip() or None
    if isinstance(given, _Converted):
        return given._replace(pushed=msgspec.structs.replace(given.pushed, label=label))
    return msgspec.structs.replace(given, label=label)


def _figure(figure: PushFigure, indicator: Indicator, catalogue: Catalogue) -> Pushed | _Converted | Finding:
    if figure.status not in STATUSES:
        return find(rules.UNKNOWN_STATUS, indicator.code, status=figure.status)
    if figure.measure is not None and figure.measure != indicator.measure:
        return _measured(figure, figure.measure, indicator, catalogue)
    value = read_value(indicator, figure.value, figure.nothing_occurred)
    return value if isinstance(value, Finding) else Pushed(value, figure.status)


def _measured(
    figure: PushFigure, measure: str, indicator: Indicator, catalogue: Catalogue
) -> Pushed | _Converted | Finding:
    read = read_measured(indicator, figure.value, figure.nothing_occurred, measure, catalogue.measures)
    if isinstance(read, Finding):
        return read
    pushed = Pushed(read.value, figure.status)
    return pushed if read.converted is None else _Converted(pushed, read.converted)


def _unknown(code: str, form: Form, catalogue: Catalogue) -> Finding:
    known = catalogue.indicators.get(code)
    if known is None:
        return find(rules.UNKNOWN_INDICATOR, code)
    if code in form.derived:
        return find(rules.DERIVED, code)
    return find(rules.NOT_IN_FORM, code, form=form.id)


def _refuse_duplicates(judged: Judged, twice: dict[tuple[str, str], list[int]]) -> None:
    # Which of two values is meant cannot be known, so none of them is taken.
    for (_target_id, indicator), positions in twice.items():
        for position in positions:
            other = positions[1] if position == positions[0] else positions[0]
            finding = find(rules.DUPLICATE, indicator, first=min(position, other), second=max(position, other))
            judged.refusals.append(Refusal(position, finding))
    judged.candidates = [c for c in judged.candidates if (c.submission_id, c.indicator) not in twice]
    judged.refusals.sort(key=lambda refusal: refusal.position)


def _refuse_ambiguous_rows(judged: Judged, form: Form) -> None:
    """Refuse every figure of a row to which one push gives different labels: what the row is cannot be known."""
    rows: dict[str, list[tuple[Row, Candidate]]] = {}
    for candidate in judged.candidates:
        row = row_of(candidate.indicator, form.columns)
        if row is not None:
            rows.setdefault(candidate.submission_id, []).append((row, candidate))
    refused: set[int] = set()
    for placed in rows.values():
        for found, number, labels in labels_of((row, candidate.pushed.label) for row, candidate in placed):
            if len(labels) > 1:
                facts = {"list": found.label, "row": number, "labels": ", ".join(labels)}
                for row, candidate in placed:
                    if (row.list.id, row.number) == (found.id, number):
                        refused.add(candidate.position)
                        finding = find(rules.LABELS_DIFFER, candidate.indicator, **facts)
                        judged.refusals.append(Refusal(candidate.position, finding))
    judged.candidates = [candidate for candidate in judged.candidates if candidate.position not in refused]
    judged.refusals.sort(key=lambda refusal: refusal.position)


def refusal_of(
    submission: Submission | None, indicator: str, figure: PushFigure, body: PushBody, at: datetime
) -> Finding | None:
    """Return why this submission takes no figures that were accepted at this moment, None if it does."""
    if submission is None:
        return find(
            rules.NO_OBLIGATION,
            indicator,
            form=body.form,
            unit=figure.unit or body.unit,
            period=figure.period or body.period,
        )
    if submission.state == SUBMITTED:
        return find(rules.SUBMITTED, indicator, round=submission.round)
    if submission.state == APPROVED:
        return find(rules.APPROVED, indicator)
    if submission.state == WAIVED:
        return find(rules.WAIVED, indicator)
    why = submission.shut(at)
    if why == "not_open" and submission.opens_at is not None:
        return find(rules.NOT_OPEN, indicator, opens=f"{submission.opens_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}")
    return None if why is None else find(rules.CLOSED, indicator)
