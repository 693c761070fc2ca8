"""Loading existing history on a real PostgreSQL: the series the General Statistics Office published, 2005 to 2016."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

import catalogue
from shared.contracts.actor import Actor
from shared.contracts.events import Figure, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.errors import Conflict, Forbidden, HubError, Invalid
from tests.service.indicators.test_warehouse_service import Desk

RIGHTS = ("catalogue.manage", "catalogue.read", "observations.read", "observations.load")
ARCHIVE = Actor("archive", "person", "Lưu trữ", RIGHTS, ("*",), ("*",))
PUBLISHED = (catalogue.FOLDER / "values_province.csv").read_text(encoding="utf-8")
SOURCE, DECISION = "Tổng cục Thống kê, số liệu theo tỉnh", "01/QĐ-UBND"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("indicators"))
    made.service.load_catalogue(ARCHIVE, catalogue.read())
    return made


def _load(desk: Desk, figures: list[dict[str, Any]], decision: str = DECISION, **asked: Any) -> Any:
    return desk.service.load_history(ARCHIVE, SOURCE, decision, figures, **asked)


def _figure(value: str | None, indicator: str = "NN01.DT", period: str = "2016", **other: Any) -> dict[str, Any]:
    return {"indicator": indicator, "unit": "LC", "period": period, "value": value, **other}


def _faults(refused: pytest.ExceptionInfo[HubError]) -> Any:
    return refused.value.context["errors"]


def test_all_863_published_values_are_held_or_computed_and_97_of_99_agree(desk: Desk) -> None:
    result = desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv=PUBLISHED)
    assert (result.figures, result.recorded, result.published) == (863, 764, 99)
    assert (result.compared, result.within) == (99, 97)
    assert sorted((item.indicator, item.period) for item in result.differences) == [
        ("NN01.NS", "2008"),
        ("NN03.NS", "2008"),
    ]
    held = {
        (item.indicator, item.period): item
        for item in desk.service.list_observations(ARCHIVE, limit=5_000).observations
    }
    for row in csv.DictReader(PUBLISHED.splitlines()):
        found = held[row["code"], row["year"]]
        assert found.unit == "LC"
        if not found.derived:
            assert Decimal(found.value or "") == Decimal(row["value"])
            assert (found.status, found.level, found.round) == (row["status"], "province", 0)
            assert found.submission_id == f"history:{result.id[:16]}"
    [load] = desk.service.list_history_loads(ARCHIVE)
    assert (load.source, load.decision, load.result) == (SOURCE, DECISION, result)


def test_the_same_load_again_changes_nothing(desk: Desk) -> None:
    first = desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv=PUBLISHED)
    desk.emitted(ObservationsRecorded)
    shuffled = PUBLISHED.splitlines()
    again = desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv="\n".join([shuffled[0], *reversed(shuffled[1:])]))
    assert (again.id, again.repeated, again.recorded) == (first.id, True, first.recorded)
    assert desk.emitted(ObservationsRecorded) == []
    other = desk.service.load_history(ARCHIVE, "nguồn khác", DECISION, csv=PUBLISHED)
    assert (other.repeated, other.recorded, other.unchanged, other.batches) == (False, 0, 764, 0)


def test_a_dry_run_tells_what_would_be_and_keeps_nothing(desk: Desk) -> None:
    told = desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv=PUBLISHED, dry_run=True)
    assert (told.dry_run, told.recorded, told.within) == (True, 764, 97)
    assert desk.held() == {}
    assert desk.service.list_history_loads(ARCHIVE) == []
    assert desk.emitted(ObservationsRecorded) == []
    done = desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv=PUBLISHED)
    assert msgspec.to_builtins(done) == {**msgspec.to_builtins(told), "dry_run": False}


def test_what_is_loaded_is_told_like_a_round(desk: Desk) -> None:
    desk.emitted(ObservationsRecorded)
    _load(desk, [_figure("31.3"), _figure("136.1", "NN01.SL")])
    [event] = desk.emitted(ObservationsRecorded)
    assert (event.form, event.agency, event.level, event.round, event.version) == (
        "NN-NAM",
        "LC-SNNMT",
        "province",
        0,
        1,
    )
    assert {item.indicator: item.value for item in event.observations}["NN01.NS"] == "43.5"
    assert event.content_hash == release_hash("NN-NAM", "LC", "2016", 1, event.observations)


def test_a_load_adds_to_and_corrects_earlier_loads(desk: Desk) -> None:
    _load(desk, [_figure("31.3"), _figure("136.1", "NN01.SL")])
    result = _load(desk, [_figure("31.4"), _figure(None, "NN08", nothing_occurred=True)], "02/QĐ-UBND")
    assert (result.recorded, result.batches) == (2, 1)
    held = desk.held()
    assert (held["NN01.DT"], held["NN01.SL"], held["NN08"], held["NN01.NS"]) == ("31.4", "136.1", None, "43.3")
    assert desk.held(as_of=1)["NN01.DT"] == "31.3"


def test_what_came_through_approval_is_never_touched(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", [Figure("NN01.DT", "31.3"), Figure("NN01.SL", "136.1")])
    before = desk.held()
    with pytest.raises(Conflict) as refused:
        _load(desk, [_figure("31.3"), _figure("99", "NN01.SL"), _figure("1", "NN08"), _figure("1", period="2015")])
    assert [(item["row"], item["code"]) for item in _faults(refused)] == [
        (2, "approved"),
        (3, "approved"),
    ]
    assert desk.held() == before
    assert _load(desk, [_figure("31.3")]).unchanged == 1


def test_an_approved_round_comes_after_what_was_loaded(desk: Desk) -> None:
    _load(desk, [_figure("31.3"), _figure("136.1", "NN01.SL"), _figure("5", "NN08")])
    desk.finalise("NN-NAM", "2016", [Figure("NN01.DT", "30"), Figure("NN01.SL", "136.1")])
    held = desk.held()
    assert held["NN01.DT"] == "30"
    assert "NN08" not in held


@pytest.mark.parametrize(
    ("figure", "column", "code"),
    [
        (_figure("1", "XX"), "indicator", "unknown"),
        (_figure("1", "NN01.DT", "2016-Q1"), "indicator", "not_carried"),
        (_figure("1", form="GD-NAM"), "form", "not_carried"),
        ({**_figure("1"), "unit": "gso:99999"}, "unit", "unknown"),
        (_figure("1", period="năm 2016"), "period", "period"),
        (_figure("1.234,5"), "value", "value"),
        (_figure("1.23456"), "value", "value"),
        (_figure(None), "value", "value_missing"),
        (_figure("1", status="chính thức"), "status", "status"),
        ({"unit": "LC", "period": "2016", "value": "1"}, "indicator", "missing"),
    ],
)
def test_a_load_with_a_fault_is_refused_whole_with_its_place(
    desk: Desk, figure: dict[str, Any], column: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _load(desk, [_figure("31.3"), figure])
    [fault] = _faults(refused)
    assert (fault["row"], fault["column"], fault["code"]) == (2, column, code)
    assert desk.held() == {}


def test_a_figure_that_stands_twice_is_refused_with_both_rows(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        _load(desk, [_figure("31.3"), _figure("31.3")])
    assert _faults(refused)[0]["message"] == "stands already in row 1"


def test_a_csv_text_may_have_a_mark_semicolons_and_blank_lines(desk: Desk) -> None:
    text = "\ufeffindicator;unit;period;value\r\nNN01.DT;gso:12;2016;31.3\r\n\r\nNN08;LC;2016;Không phát sinh\r\n"
    desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv=text)
    assert desk.held() == {"NN01.DT": "31.3", "NN08": None}
    with pytest.raises(Invalid) as refused:
        desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv="indicator,unit,value\n")
    assert _faults(refused)[0]["column"] == "period"
    with pytest.raises(Invalid) as refused:
        desk.service.load_history(ARCHIVE, SOURCE, DECISION, csv="indicator,unit,period,value\nNN01.DT,LC,2016,\n")
    assert (_faults(refused)[0]["row"], _faults(refused)[0]["column"]) == (2, "value")


def test_only_who_may_load_loads_and_within_scope(desk: Desk) -> None:
    reader = Actor("r", "person", "R", ("observations.read",), ("*",), ("*",))
    school = Actor("gd", "person", "GD", ("observations.load",), ("*",), ("GD-NAM",))
    for actor in (reader, school):
        with pytest.raises(Forbidden):
            desk.service.load_history(actor, SOURCE, DECISION, [_figure("31.3")])
    with pytest.raises(Invalid):
        desk.service.load_history(ARCHIVE, SOURCE, DECISION)
    with pytest.raises(Invalid):
        _load(desk, [])


@pytest.mark.parametrize(
    ("figure", "column", "code"),
    [
        (_figure("31.5", "GD02"), "value", "integer"),
        (_figure("-0.1", "NT01", "2025-08"), "value", "bounds"),
        (_figure("1000.1", "DS05"), "value", "bounds"),
        ({**_figure("5", "DS01"), "unit": "LC-X03388-2025"}, "unit", "not_then"),
    ],
)
def test_a_figure_that_its_period_could_not_have_is_refused(
    desk: Desk, figure: dict[str, Any], column: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _load(desk, [figure])
    assert [(item["column"], item["code"]) for item in _faults(refused)] == [(column, code)]


def test_what_was_approved_on_another_form_is_not_touched_either(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", [Figure("NN01.DT", "31.3")])
    [old] = [item for item in catalogue.read()["forms"] if item["id"] == "NN-NAM"]
    ended = {**old, "periods": {**old["periods"], "to": 2016}}
    fresh = {**old, "id": "NN-NAM-2017", "periods": {"from": 2017}}
    desk.service.load_catalogue(ARCHIVE, {"forms": [ended, fresh]})
    with pytest.raises(Conflict) as refused:
        _load(desk, [_figure("99", form="NN-NAM-2017")])
    assert [item["code"] for item in _faults(refused)] == ["approved"]
    assert desk.held()["NN01.DT"] == "31.3"


def test_loads_are_listed_to_who_may_see_all_of_them(desk: Desk) -> None:
    _load(desk, [_figure("31.3")])
    for units, forms in ((("LC",), ("*",)), (("*",), ("GD-NAM",))):
        with pytest.raises(Forbidden):
            desk.service.list_history_loads(Actor("a", "person", "A", RIGHTS, units, forms))
