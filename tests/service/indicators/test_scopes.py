"""Whoever reads within a scope meets nothing outside of it, by whatever question."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

import catalogue
from services.indicators.domain.outliers import Method
from services.indicators.service import IndicatorsService
from shared.contracts.actor import RIGHTS, Actor
from shared.contracts.events import Figure
from shared.contracts.views.exports import ExportFile
from shared.errors import HubError
from tests.service.indicators.test_warehouse_service import Desk

ALL = Actor("all", "person", "Tất cả", tuple(RIGHTS), ("*",), ("*",), "LC-VP")
SECRET = "4321.5"
SCOPES = (replace(ALL, units=("LC-X03388-2025",)), replace(ALL, forms=("GD-NAM",)), replace(ALL, units=(), forms=()))
QUESTIONS: dict[str, Callable[[IndicatorsService, Actor], Any]] = {
    "value": lambda ask, actor: ask.find_observation(actor, "NN01.DT", "LC", "2016"),
    "value as of": lambda ask, actor: ask.find_observation(actor, "NN01.DT", "LC", "2016", as_of=4),
    "value by code": lambda ask, actor: ask.find_observation(actor, "NN01.DT", "gso:12", "2016"),
    "list": lambda ask, actor: ask.list_observations(actor),
    "list of a form": lambda ask, actor: ask.list_observations(actor, form="NN-NAM"),
    "list of a unit": lambda ask, actor: ask.list_observations(actor, unit="LC", as_of=4),
    "series": lambda ask, actor: ask.read_series(actor, ["NN01.DT"], ["LC"], "2015", "2017"),
    "grid": lambda ask, actor: ask.read_grid(actor, "2016", indicators=["NN01.DT"], units=["LC"]),
    "grid by code": lambda ask, actor: ask.read_grid(actor, "2017", indicators=["NN01.DT"], units=["gso:12"]),
    "outliers": lambda ask, actor: ask.scan_outliers(actor, 2016, Method.MIN_MAX, "0", 2),
    "csv": lambda ask, actor: ask.export_page(actor, "csv"),
    "sdmx": lambda ask, actor: ask.export_page(actor, "sdmx-ml"),
    "sheet": lambda ask, actor: ask.export_series(actor, "csv", ["NN01.DT"], ["LC"], "2016", "2016"),
    "grid's sheet": lambda ask, actor: ask.export_grid(actor, "csv", "2016", indicators=["NN01.DT"], units=["LC"]),
}


@pytest.fixture(scope="module")
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("indicators"))
    made.service.load_catalogue(ALL, catalogue.read())
    for year, value in (("2013", "31.3"), ("2014", "31.2"), ("2015", "31.4"), ("2016", SECRET)):
        made.finalise("NN-NAM", year, [Figure("NN01.DT", value), Figure("NN01.SL", "136.1")])
    return made


def told(desk: Desk, question: Callable[[IndicatorsService, Actor], Any], actor: Actor) -> str:
    try:
        answer = question(desk.service, actor)
    except HubError as refused:
        return f"{refused.code} {refused.message} {refused.context}"
    if isinstance(answer, ExportFile):
        return base64.b64decode(answer.content).decode()
    return msgspec.json.encode(answer).decode()


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_tells_a_value_outside_the_scope(desk: Desk, name: str) -> None:
    assert SECRET in told(desk, QUESTIONS[name], ALL)
    for scope in SCOPES:
        assert SECRET not in told(desk, QUESTIONS[name], scope)


def test_batches_outside_the_scope_are_left_out_and_what_is_not_published_is_not_public(desk: Desk) -> None:
    assert len(desk.service.list_batches(ALL).batches) == 4
    assert [desk.service.list_batches(scope).batches for scope in SCOPES] == [[], [], []]
    assert desk.service.list_published("NN-NAM").observations == []
