"""Publication by decision on a real PostgreSQL (Đ5.4): only what is covered is public, with its corrections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

import catalogue
from services.indicators.storage import publications
from shared.contracts.actor import Actor
from shared.contracts.events import Figure
from shared.contracts.views.publication import PublicationView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.service.indicators.test_warehouse_service import PADDY, Desk

RIGHTS = ("catalogue.manage", "catalogue.read", "observations.read", "observations.publish")
OFFICE = Actor("office", "person", "Văn phòng", RIGHTS, ("*",), ("*",))
DAY = date(2017, 3, 31)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("indicators"))
    made.service.load_catalogue(OFFICE, catalogue.read())
    for year in ("2014", "2015", "2016"):
        made.finalise("NN-NAM", year, [*PADDY, Figure("NN08", None)])
    return made


def _publish(desk: Desk, **asked: Any) -> PublicationView:
    given: dict[str, Any] = {"form": "NN-NAM", "period_from": "2015", "decision": "05/QĐ-CTK", "decided_on": DAY}
    return desk.service.publish(OFFICE, **{**given, **asked})


def _public(desk: Desk, **asked: Any) -> dict[tuple[str, str], str | None]:
    page = desk.service.list_published(**{"form": "NN-NAM", **asked})
    return {(item.period, item.indicator): item.value for item in page.observations}


def test_nothing_is_public_before_it_is_published(desk: Desk) -> None:
    assert _public(desk) == {}
    assert desk.service.list_public().publications == []


def test_what_a_publication_covers_is_public_and_nothing_else(desk: Desk) -> None:
    _publish(desk, indicators=["NN01.SL", "NN01.NS", "NN08"])
    assert _public(desk) == {("2015", "NN01.NS"): "43.5", ("2015", "NN01.SL"): "136.1", ("2015", "NN08"): None}
    assert _public(desk, form="GD-NAM") == _public(desk, unit="LC-H105") == {}
    assert _public(desk, indicator="NN08") == {("2015", "NN08"): None}


def test_a_stretch_of_years_is_public_page_by_page(desk: Desk) -> None:
    _publish(desk, period_from="2014", period_to="2015")
    everything = desk.service.list_published("NN-NAM").observations
    assert {item.period for item in everything} == {"2014", "2015"}
    found, after = [], None
    while True:
        page = desk.service.list_published("NN-NAM", after=after, limit=3)
        found += page.observations
        if (after := page.next) is None:
            break
    assert found == everything
    assert len(everything) == 8


def test_a_correction_is_public_and_says_so(desk: Desk) -> None:
    _publish(desk)
    desk.finalise("NN-NAM", "2015", [PADDY[0], Figure("NN01.SL", "150")], 2)
    told = {item.indicator: item for item in desk.service.list_published("NN-NAM").observations}
    assert (told["NN01.SL"].value, told["NN01.SL"].version, told["NN01.DT"].version) == ("150", 2, 1)
    assert "NN08" not in told


def test_taking_back_hides_and_a_new_publication_takes_a_new_decision(desk: Desk) -> None:
    first = _publish(desk)
    assert _publish(desk) == first
    gone = desk.service.withdraw_publication(OFFICE, first.id, "12/QĐ-CTK")
    assert gone.withdrawal_decision == "12/QĐ-CTK"
    assert desk.service.withdraw_publication(OFFICE, first.id, "12/QĐ-CTK") == gone
    assert _public(desk) == {}
    with pytest.raises(Conflict):
        desk.service.withdraw_publication(OFFICE, first.id, "13/QĐ-CTK")
    with pytest.raises(Conflict):
        _publish(desk)
    _publish(desk, decision="14/QĐ-CTK")
    assert len(_public(desk)) == 4
    held = desk.service.list_publications(OFFICE).publications
    assert {item.decision for item in held} == {"05/QĐ-CTK", "14/QĐ-CTK"}
    in_force = desk.service.list_publications(OFFICE, in_force=True).publications
    assert [item.decision for item in in_force] == ["14/QĐ-CTK"]
    assert [item.decision for item in desk.service.list_public().publications] == ["14/QĐ-CTK"]


def test_overlapping_publications_show_a_value_once_and_one_taken_back_leaves_the_other(desk: Desk) -> None:
    first = _publish(desk)
    _publish(desk, indicators=["NN08"], decision="06/QĐ-CTK")
    assert len(_public(desk)) == 4
    desk.service.withdraw_publication(OFFICE, first.id, "12/QĐ-CTK")
    assert _public(desk) == {("2015", "NN08"): None}


def test_publishing_is_audited_with_its_decision(desk: Desk) -> None:
    made = _publish(desk)
    with desk.engine.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT actor, details FROM audit WHERE action = 'observations.published'"
        ).one()
        subject = connection.exec_driver_sql("SELECT subject FROM audit ORDER BY id DESC LIMIT 1").scalar_one()
    assert (row.actor, row.details["decision"], subject) == ("office", "05/QĐ-CTK", f"publication/{made.id}")


@pytest.mark.parametrize(
    "asked",
    [
        {"period_from": "2015-Q1"},
        {"period_from": "2016", "period_to": "2015"},
        {"indicators": ["GD06"]},
        {"indicators": []},
        {"units": ["KHONG-CO"]},
    ],
)
def test_a_publication_of_nothing_is_refused(desk: Desk, asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="publication_scope"):
        _publish(desk, **asked)
    with pytest.raises(NotFound):
        _publish(desk, form="KHONG-CO")
    with pytest.raises(NotFound):
        desk.service.withdraw_publication(OFFICE, "0", "1")


def test_who_has_one_unit_publishes_that_units_figures_alone(desk: Desk) -> None:
    narrow = Actor("lc", "person", "LC", ("observations.publish",), ("LC",), ("NN-NAM",))
    given: dict[str, Any] = {"period_from": "2015", "decision": "1", "decided_on": DAY}
    with pytest.raises(Forbidden):
        desk.service.publish(narrow, "NN-NAM", **given)
    with pytest.raises(Forbidden):
        desk.service.publish(narrow, "GD-NAM", **given, units=["LC"])
    made = desk.service.publish(narrow, "NN-NAM", **given, units=["LC"])
    assert len(_public(desk)) == 4
    reader = Actor("r", "person", "R", ("observations.read",), ("*",), ("GD-NAM",))
    assert desk.service.list_publications(reader).publications == []
    with pytest.raises(Forbidden):
        desk.service.withdraw_publication(reader, made.id, "2")


def test_what_a_decision_of_a_day_to_come_frees_is_not_free_yet(desk: Desk) -> None:
    with pytest.raises(Invalid, match=r"indicators\.publication_day"):
        _publish(desk, decided_on=date(2199, 1, 1))
    assert _public(desk) == {}


def test_publishing_again_at_the_moment_of_taking_back_does_not_revive(desk: Desk) -> None:
    """Two clerks press the same button while a third takes it back: the late one must see what stands, not undo it."""
    first = _publish(desk)
    with desk.service.unit(OFFICE) as unit:  # what the late clerk would have written, having seen nothing
        stale = publications.find(unit.connection, first.id)
    assert stale is not None
    desk.service.withdraw_publication(OFFICE, first.id, "06/QĐ-CTK")
    with desk.service.unit(OFFICE) as unit:
        assert not publications.add(unit.connection, stale)
    assert _public(desk) == {}
