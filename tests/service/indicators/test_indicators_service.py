"""Indicators, measures and dimensions as they are asked for, and a changed formula taking effect, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

import catalogue
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueChanged, ObservationsRecorded
from shared.errors import Forbidden, Invalid, NotFound
from tests.service.indicators.test_looking_back import Book, load
from tests.service.indicators.test_warehouse_service import OFFICE, Desk

SPRING = "2024-01-01"


def second_version(code: str, formula: str) -> dict[str, Any]:
    entry = next(item for item in load()["indicators"] if item["id"] == code)
    return {"indicators": [entry | {"formula": formula, "version": 2, "valid_from": SPRING}]}


@pytest.fixture
def book(database: Callable[[str], Engine]) -> Book:
    return Book(database("indicators"))


def test_lai_chaus_measures_and_dimensions_are_listed_in_pages(database: Callable[[str], Engine]) -> None:
    desk = Desk(database("indicators"))
    desk.service.load_catalogue(OFFICE, catalogue.read())
    first = desk.service.list_measures(OFFICE, limit=5)
    rest = desk.service.list_measures(OFFICE, after=first.next, limit=1000)
    known = {measure.id: measure for measure in (*first.measures, *rest.measures)}
    assert (len(first.measures), rest.next) == (5, None)
    assert len(known) == len(catalogue.read()["measures"])
    assert known["NGHIN-HA"].dimension == known["HA"].dimension
    dimensions = {item.id: item for item in desk.service.list_dimensions(OFFICE, limit=1000).dimensions}
    assert [item.code for item in dimensions["GIOI-TINH"].items] == ["NAM", "NU"]


def test_an_indicator_is_shown_as_it_was_defined_on_a_day(book: Book) -> None:
    book.service.load_catalogue(OFFICE, second_version("TL", "ratio(P, M + P)"))
    whole = book.service.find_indicator(OFFICE, "TL")
    assert (whole.version, whole.formula, whole.valid_from) == (2, "ratio(P, M + P)", SPRING)
    assert [(item.version, item.formula, item.valid_to) for item in whole.earlier] == [(1, "ratio(P, M)", SPRING)]
    then = book.service.find_indicator(OFFICE, "TL", on=date(2023, 12, 31))
    assert (then.version, then.formula, then.earlier) == (1, "ratio(P, M)", [])
    listed = {item.id: item.version for item in book.service.list_indicators(OFFICE, on=date(2023, 12, 31)).indicators}
    assert listed["TL"] == 1
    assert len(listed) == len(load()["indicators"])
    with pytest.raises(NotFound):
        book.service.find_indicator(OFFICE, "XX")


def test_an_indicator_that_ended_is_not_there_afterwards(book: Book) -> None:
    entry = next(item for item in load()["indicators"] if item["id"] == "TLT")
    book.service.load_catalogue(OFFICE, {"indicators": [entry | {"valid_from": "2020-01-01", "valid_to": SPRING}]})
    for day, there in ((date(2019, 12, 31), False), (date(2023, 12, 31), True), (date(2024, 1, 1), False)):
        listed = {item.id for item in book.service.list_indicators(OFFICE, on=day).indicators}
        assert ("TLT" in listed) == there
    with pytest.raises(NotFound):
        book.service.find_indicator(OFFICE, "TLT", on=date(2024, 1, 1))


def test_a_changed_formula_takes_effect_from_its_day_on_by_pages_and_only_once(book: Book) -> None:
    for period in ("2023-11", "2023-12", "2024-01", "2024-02"):
        book.report("C1", period, M="30", P="10")
    book.report("C1", "2025-01", M="30", P="10")
    book.service.load_catalogue(OFFICE, second_version("TL", "ratio(P, M + P)"))
    book.emitted(CatalogueChanged)
    assert book.value("TL", "C1", "2024-02") == "33.3"

    asked = {"indicator": "TL", "period_from": "2023-11", "period_to": "2024-12"}
    page = book.service.recompute(OFFICE, **asked, limit=3)
    assert (page.looked_at, page.changed, page.next) == (3, 2, "2024-01|C1")
    told = [(event.period, event.version) for event in book.emitted(ObservationsRecorded)]
    assert told == [("2024-01", 2), ("2025-01", 2)]  # TLT of 2025-01 is TL of the year before
    page = book.service.recompute(OFFICE, **asked, after=page.next, limit=3)
    assert (page.looked_at, page.changed, page.next) == (1, 1, None)
    assert [book.value("TL", "C1", f"{period}") for period in ("2023-12", "2024-01", "2024-02")] == ["33.3", "25", "25"]
    assert book.value("TLT", "C1", "2025-01") == "25"
    assert book.value("TL", "C1", "2025-01") == "25"  # what looks back is derived anew as a whole
    book.emitted(ObservationsRecorded)

    again = book.service.recompute(OFFICE, **asked)
    assert (again.looked_at, again.changed) == (4, 0)
    assert book.emitted(ObservationsRecorded) == []
    with book.engine.connect() as connection:
        subject = connection.exec_driver_sql(
            "SELECT subject FROM audit WHERE action = 'observations.recomputed' LIMIT 1"
        ).scalar_one()
    assert subject == "indicator/TL"


def test_an_indicator_that_was_entered_is_computed_from_the_day_of_its_formula_on(book: Book) -> None:
    entry = next(item for item in load()["indicators"] if item["id"] == "R")
    book.report("C1", "2023-12", M="30", P="10", R="7")
    book.report("C1", "2024-01", M="30", P="10", R="8")
    form = load()["forms"][0]
    later = {
        "indicators": [entry | {"formula": "P / M", "rollup": "derived", "version": 2, "valid_from": SPRING}],
        "forms": [
            form
            | {"version": 2, "indicators": ["M", "P"], "derived": ["R", *form["derived"]]}
            | {"earlier": [{"version": 1, "accepted_until": "2024-02-01"}]}
        ],
    }
    book.service.load_catalogue(OFFICE, later)
    book.service.recompute(OFFICE, "R", "2023-01", "2024-12")
    assert (book.value("R", "C1", "2023-12"), book.value("R", "C1", "2024-01")) == ("7", "0.3")
    assert not book.service.find_observation(OFFICE, "R", "C1", "2023-12").derived
    assert book.service.find_observation(OFFICE, "R", "C1", "2024-01").derived


def test_only_who_manages_the_catalogue_derives_anew(book: Book) -> None:
    reader = Actor("x", "person", "X", ("catalogue.read", "observations.read"), ("*",), ("*",))
    with pytest.raises(Forbidden):
        book.service.recompute(reader, "TL", "2023", "2024")
    with pytest.raises(NotFound):
        book.service.recompute(OFFICE, "XX", "2023", "2024")
    with pytest.raises(Invalid):
        book.service.recompute(OFFICE, "TL", "2023", "2024", after="2023")
    for ask in (book.service.list_measures, book.service.list_dimensions, book.service.list_indicators):
        with pytest.raises(Forbidden):
            ask(Actor("y", "person", "Y"))
