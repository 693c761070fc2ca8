"""Whoever works within a scope neither reads nor changes what lies outside of it, by whatever question or command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.submissions.service import SubmissionsService
from shared.contracts.actor import RIGHTS, Actor
from shared.errors import Forbidden, NotFound
from tests.service.submissions.conftest import CLERK, SCHOOLS, WHOLE, Hub

ALL = Actor("all", "person", "Tất cả", tuple(RIGHTS), ("*",), ("*",))
SCOPES = (replace(ALL, units=("X-CU",)), replace(ALL, forms=("NN-NAM",)), replace(ALL, units=(), forms=()))
FAR = datetime(2190, 1, 1, tzinfo=UTC)
LISTS: dict[str, Callable[[SubmissionsService, Actor], Any]] = {
    "submissions": lambda ask, actor: ask.list_submissions(actor, limit=500),
    "submissions of a form": lambda ask, actor: ask.list_submissions(actor, form="GD-NAM", limit=500),
    "obligations": lambda ask, actor: ask.list_obligations(actor, limit=500),
    "obligations of a unit": lambda ask, actor: ask.list_obligations(actor, unit="LC", form="GD-NAM"),
    "completeness": lambda ask, actor: ask.completeness(actor, "form", periods=["2016"]),
}
CALLS: dict[str, Callable[[SubmissionsService, Actor], Any]] = {
    "read": lambda ask, actor: ask.read_submission(actor, SCHOOLS),
    "round": lambda ask, actor: ask.read_submission(actor, SCHOOLS, 1),
    "history": lambda ask, actor: ask.history(actor, SCHOOLS),
    "validate": lambda ask, actor: ask.validate_submission(actor, SCHOOLS),
    "contributions": lambda ask, actor: ask.read_contributions(actor, SCHOOLS),
    "edit": lambda ask, actor: ask.edit_figure(actor, SCHOOLS, "GD02", "8"),
    "remove": lambda ask, actor: ask.remove_figure(actor, SCHOOLS, "GD02"),
    "resolve": lambda ask, actor: ask.resolve_conflict(actor, SCHOOLS, "GD02", "push"),
    "comment": lambda ask, actor: ask.comment_finding(actor, SCHOOLS, "vì vậy", indicator="GD02"),
    "aggregate": lambda ask, actor: ask.aggregate(actor, SCHOOLS),
    "submit": lambda ask, actor: ask.submit(actor, SCHOOLS),
    "reopen": lambda ask, actor: ask.reopen(actor, SCHOOLS, "sửa"),
    "confirm paper": lambda ask, actor: ask.confirm_paper(actor, SCHOOLS, 1),
    "extend": lambda ask, actor: ask.extend_obligations(actor, "GD-NAM", "2016", FAR, "mưa lũ", unit="LC"),
    "waive": lambda ask, actor: ask.waive_obligations(actor, "GD-NAM", "2016", "mưa lũ", unit="LC"),
    "restore": lambda ask, actor: ask.restore_obligations(actor, "GD-NAM", "2016", "mưa lũ", unit="LC"),
    "open": lambda ask, actor: ask.open_intake(actor, "GD-NAM", "2016", "mưa lũ", unit="LC"),
    "close": lambda ask, actor: ask.close_intake(actor, "GD-NAM", "2016", "mưa lũ", unit="LC"),
    "urge": lambda ask, actor: ask.urge(actor, "GD-NAM", "2016", unit="LC"),
}


@pytest.fixture
def begun(hub: Hub) -> Hub:
    """The schools' draft of 2016, whole."""
    for code, value in WHOLE.items():
        hub.service.edit_figure(CLERK, SCHOOLS, code, value)
    return hub


@pytest.mark.parametrize("name", LISTS)
def test_a_list_leaves_out_what_is_outside_the_scope(begun: Hub, name: str) -> None:
    def told(actor: Actor) -> str:
        return msgspec.json.encode(LISTS[name](begun.service, actor)).decode()

    assert "GD-NAM" in told(ALL)
    for scope in SCOPES:
        assert "GD-NAM" not in told(scope)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_outside_the_scope_is_neither_read_nor_changed(begun: Hub, name: str) -> None:
    before = (begun.service.read_submission(ALL, SCHOOLS), begun.actions())
    for scope in SCOPES:
        with pytest.raises(Forbidden, match=r"accounts\.out_of_scope"):
            CALLS[name](begun.service, scope)
    assert (begun.service.read_submission(ALL, SCHOOLS), begun.actions()) == before


@pytest.mark.parametrize("name", ["extend", "waive", "restore", "open", "close"])
def test_an_act_on_all_units_reaches_only_those_within_the_scope(begun: Hub, name: str) -> None:
    acts = {
        "extend": lambda actor: begun.service.extend_obligations(actor, "GD-NAM", "2016", FAR, "mưa lũ"),
        "waive": lambda actor: begun.service.waive_obligations(actor, "GD-NAM", "2016", "mưa lũ"),
        "restore": lambda actor: begun.service.restore_obligations(actor, "GD-NAM", "2016", "mưa lũ"),
        "open": lambda actor: begun.service.open_intake(actor, "GD-NAM", "2016", "mưa lũ"),
        "close": lambda actor: begun.service.close_intake(actor, "GD-NAM", "2016", "mưa lũ"),
    }
    with pytest.raises(NotFound):
        acts[name](replace(ALL, units=("X-CU",)))
