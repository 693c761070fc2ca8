"""Judging pushes against the catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.submissions.domain.catalogue import compile_catalogue
from services.submissions.domain.intake import Candidate, Judged, Scope, judge, refusal_of
from services.submissions.domain.merge import Pushed
from services.submissions.domain.obligations import obligations, submission_id
from services.submissions.domain.rounds import Submission
from services.submissions.testing import bodies
from shared.calendar import VIETNAM, Period
from shared.contracts.push import PushBody, PushFigure

CATALOGUE = compile_catalogue(1, bodies())
EVERYTHING = Scope(frozenset("*"), frozenset("*"))
NOON = datetime(2016, 12, 1, 12, tzinfo=VIETNAM)


def push(*figures: dict[str, Any], scope: Scope = EVERYTHING, **defaults: Any) -> Judged:
    body = PushBody(
        **{"form": "GD-NAM", "unit": "LC", "period": "2016", **defaults}, figures=[PushFigure(**f) for f in figures]
    )
    return judge(body, CATALOGUE, scope, NOON)


def test_a_good_figure_is_a_candidate_for_its_cell() -> None:
    [candidate] = push({"indicator": "GD01", "value": 12}).candidates
    assert candidate == Candidate(0, submission_id("GD-NAM", "LC", "2016"), "GD01", Pushed("12", "official"))


@pytest.mark.parametrize(
    ("figure", "defaults", "code"),
    [
        ({}, {"form": "XX"}, "V101"),
        ({"indicator": "XX"}, {}, "V102"),
        ({"unit": "gso:99999"}, {}, "V103"),
        ({}, {"unit": None}, "V103"),
        ({"period": "2016-Q1"}, {}, "V104"),
        ({"period": "năm nay"}, {}, "V104"),
        ({}, {"period": None}, "V104"),
        ({"indicator": "NN02"}, {}, "V105"),
        ({"indicator": "NN01.NS"}, {"form": "NN-NAM"}, "V106"),
        ({"value": None}, {}, "V109"),
        ({"measure": "người"}, {}, "V116"),
        ({"status": "final"}, {}, "V117"),
    ],
)
def test_a_bad_figure_is_refused_by_number_and_the_good_one_beside_it_stays(
    figure: dict[str, Any], defaults: dict[str, Any], code: str
) -> None:
    judged = push({"indicator": "GD01", "value": 1, **figure}, {"indicator": "GD02", "value": 2}, **defaults)
    assert judged.refusals[0].position == 0
    assert judged.refusals[0].finding.code == code
    assert len(judged.candidates) + len(judged.refusals) == 2
    if not defaults:
        assert [candidate.position for candidate in judged.candidates] == [1]


def test_a_measure_spelled_in_another_unicode_form_is_the_same_measure() -> None:
    assert push({"indicator": "GD01", "value": 1, "measure": "lơ\u0301p"}).candidates


def test_a_client_pushes_only_within_its_scope() -> None:
    other_form = push({"indicator": "GD01", "value": 1}, scope=Scope(frozenset("*"), frozenset(("NN-NAM",))))
    other_unit = push({"indicator": "GD01", "value": 1}, scope=Scope(frozenset(("X000",)), frozenset("*")))
    assert [judged.refusals[0].finding.code for judged in (other_form, other_unit)] == ["V108", "V108"]


def test_all_positions_of_one_cell_are_refused_naming_each_other() -> None:
    judged = push(
        {"indicator": "GD01", "value": 1},
        {"indicator": "GD02", "value": 2},
        {"indicator": "GD01", "value": 3, "unit": "gso:12"},
    )
    assert [candidate.indicator for candidate in judged.candidates] == ["GD02"]
    assert [(r.position, r.finding.code) for r in judged.refusals] == [(0, "V118"), (2, "V118")]
    assert all("0" in r.finding.message and "2" in r.finding.message for r in judged.refusals)


def test_a_reused_code_means_the_unit_that_held_it_at_the_period() -> None:
    before, after = push(
        {"indicator": "XA01", "value": 1, "period": "2024"},
        {"indicator": "XA01", "value": 1, "period": "2025"},
        form="XA-NAM",
        unit="gso:03388",
    ).candidates
    assert before.submission_id == submission_id("XA-NAM", "X-CU", "2024")
    assert after.submission_id == submission_id("XA-NAM", "X-MOI", "2025")


def test_communes_owe_the_years_at_whose_end_they_existed() -> None:
    owed = {
        (item.unit, item.period): item for item in obligations(CATALOGUE, date(2027, 1, 1)) if item.form == "XA-NAM"
    }
    assert ("X-CU", "2024") in owed
    assert ("X-CU", "2025") not in owed
    assert ("X-MOI", "2025") in owed
    assert ("X-MOI", "2024") not in owed
    assert owed["X000", "2016"].agency == "X000"


def test_deadlines_are_the_regimes_hour_in_vietnam_on_a_working_day() -> None:
    deadline = next(item.deadline for item in obligations(CATALOGUE, date(2027, 1, 1)) if item.period == "2016")
    assert deadline is not None
    assert deadline.isoformat() == "2016-12-26T17:00:00+07:00"  # the 25th was a Sunday


def test_a_submission_under_decision_takes_no_figures() -> None:
    body = PushBody(form="GD-NAM", figures=[])
    figure = PushFigure("GD01", 1)
    draft = Submission(number=1, id="s", form="GD-NAM", unit="LC", agency="A", period="2016", state="draft")

    def code(submission: Submission | None) -> str | None:
        finding = refusal_of(submission, "GD01", figure, body, NOON)
        return None if finding is None else finding.code

    states = ("due", "draft", "returned", "submitted", "approved")
    assert [code(replace(draft, state=state)) for state in states] == [
        None,
        None,
        None,
        "submission.submitted",
        "submission.approved",
    ]
    assert code(None) == "V107"


# -- versions of a form ----------------------------------------------------------------------------------------------


def versioned(version: int | None, accepted_at: datetime = NOON) -> list[str]:
    """Return what becomes of GD01 (of both versions) and GD02 (of version 1 alone) in a push of this version."""
    entries = bodies()
    before = {**entries["form"]["GD-NAM"], "version": 1, "accepted_until": "2016-12-01"}
    now = {**before, "version": 2, "indicators": [code for code in before["indicators"] if code != "GD02"]}
    entries["form"]["GD-NAM"] = {**now, "earlier": [before]}
    figures = [PushFigure("GD01", 10), PushFigure("GD02", 7)]
    body = PushBody("GD-NAM", figures, "LC", "2016", version)
    judged = judge(body, compile_catalogue(1, entries), EVERYTHING, accepted_at)
    codes = {refusal.position: refusal.finding.code for refusal in judged.refusals}
    return [codes.get(position, "taken") for position in range(2)]


def test_a_push_without_a_version_means_the_newest() -> None:
    assert versioned(None) == versioned(2) == ["taken", "V105"]


def test_an_earlier_version_is_taken_to_the_end_of_its_last_day_in_vietnam() -> None:
    assert versioned(1) == ["taken", "taken"]
    assert versioned(1, datetime(2016, 12, 1, 16, 59, 59, tzinfo=UTC)) == ["taken", "taken"]
    assert versioned(1, datetime(2016, 12, 1, 17, 0, tzinfo=UTC)) == ["V119", "V119"]


def test_a_version_that_never_was_is_refused() -> None:
    assert versioned(3) == ["V120", "V120"]


AREAS = {
    "HA": {"name": "ha", "dimension": "area", "factor": "10000", "aliases": ["hecta"]},
    "NGHIN-HA": {"name": "nghìn ha", "dimension": "area", "factor": "10000000"},
    "TAN": {"name": "nghìn tấn", "dimension": "mass"},
}


def measured(measure: str | None, value: Any, **more: Any) -> Judged:
    entries = bodies() | {"measure": AREAS}
    figure = PushFigure(indicator="NN01.DT", value=value, measure=measure, **more)
    body = PushBody(form="NN-NAM", unit="LC", period="2016", figures=[figure])
    return judge(body, compile_catalogue(1, entries), EVERYTHING, NOON)


def test_a_figure_in_another_measure_of_the_dimension_is_converted_and_says_so() -> None:
    judged = measured("Hecta", 31300)
    assert [candidate.pushed for candidate in judged.candidates] == [Pushed("31.3", "official")]
    told = judged.conversions[0]
    assert (told.code, told.severity) == ("V153", "converted")
    assert told.detail == "31300 Hecta được quy đổi thành 31.3 nghìn ha."


def test_the_indicators_own_measure_is_no_conversion() -> None:
    for measure in (None, "nghìn ha", "NGHÌN HA", "nghi\u0300n ha"):
        judged = measured(measure, 31)
        assert [candidate.pushed.value for candidate in judged.candidates] == ["31"]
        assert judged.conversions == {}


@pytest.mark.parametrize(
    ("measure", "value", "code"),
    [
        ("nghìn tấn", 1, "V116"),
        ("mẫu", 1, "V116"),
        ("ha", "0.1234", "V121"),
        ("ha", "nhiều", "V110"),
        ("ha", None, "V109"),
        ("ha", "31.300", "V111"),
    ],
)
def test_what_cannot_be_converted_exactly_is_refused(measure: str, value: Any, code: str) -> None:
    judged = measured(measure, value)
    assert [refusal.finding.code for refusal in judged.refusals] == [code]
    assert judged.candidates == []


def test_what_did_not_occur_has_no_measure_but_one_that_is_unlike_is_refused() -> None:
    judged = measured("ha", None, nothing_occurred=True)
    assert [candidate.pushed.value for candidate in judged.candidates] == [None]
    assert judged.conversions == {}
    judged = measured("nghìn tấn", None, nothing_occurred=True)
    assert [refusal.finding.code for refusal in judged.refusals] == ["V116"]


def test_a_figure_is_judged_by_the_definition_of_its_period() -> None:
    entries = bodies()
    percent = entries["indicator"]["NN02"]
    before = percent | {"version": 1, "maximum": 50, "valid_to": "2015-01-01"}
    entries["indicator"]["NN02"] = percent | {"version": 2, "valid_from": "2015-01-01", "earlier": [before]}
    catalogue = compile_catalogue(1, entries)
    figures = [PushFigure(indicator="NN02", value=60, period=str(year)) for year in (2013, 2014, 2015, 2016)]
    judged = judge(PushBody(form="NN-NAM", unit="LC", figures=figures), catalogue, EVERYTHING, NOON)
    assert [(refusal.position, refusal.finding.code) for refusal in judged.refusals] == [(0, "V115"), (1, "V115")]
    assert [candidate.position for candidate in judged.candidates] == [2, 3]
    then = catalogue.as_of(Period.parse("2014"))
    assert then.as_of(Period.parse("2015")) is catalogue.as_of(Period.parse("2016")) is catalogue
    assert then.as_of(Period.parse("2013")) is then
