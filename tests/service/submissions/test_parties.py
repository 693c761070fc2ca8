"""Who enters and submits (Đ10.1), and what approval is told of who decides and how far it reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from shared.contracts.events import SubmissionSubmitted
from shared.errors import Forbidden
from tests.service.submissions.conftest import CLERK, SCHOOLS, WHOLE, Hub


def parties(hub: Hub, **named: list[str]) -> None:
    """Let form GD-NAM name its parties."""
    entries = testing.bodies()
    entries["form"]["GD-NAM"]["parties"] = named
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event({"form": entries["form"]}, version=2))


def told(hub: Hub) -> SubmissionSubmitted:
    [event] = [event for event in hub.events() if isinstance(event, SubmissionSubmitted)]
    return event


def test_a_person_of_another_agency_neither_enters_nor_submits(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    stranger = replace(CLERK, id="syt.nhaplieu", agency="LC-SYT")
    attempts: list[Any] = [
        lambda: hub.service.edit_figure(stranger, SCHOOLS, "GD02", 7),
        lambda: hub.service.remove_figure(stranger, SCHOOLS, "GD02"),
        lambda: hub.service.submit(stranger, SCHOOLS),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden, match=r"submissions\.other_agency"):
            attempt()
    assert hub.service.read_submission(stranger, SCHOOLS).submission.state == "draft"


def test_a_department_that_the_form_names_enters_and_so_does_who_is_of_no_agency(hub: Hub) -> None:
    department = replace(CLERK, agency="LC-SGDDT-KHTC")
    with pytest.raises(Forbidden):
        hub.service.edit_figure(department, SCHOOLS, "GD02", 7)
    parties(hub, enters=["LC-SGDDT-KHTC"])
    assert hub.service.edit_figure(department, SCHOOLS, "GD02", 7).value == "7"
    assert hub.service.edit_figure(replace(CLERK, agency=None), SCHOOLS, "GD02", 8).value == "8"
    assert hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 9).value == "9"


def test_approval_is_told_who_decides_who_receives_and_the_level(hub: Hub) -> None:
    parties(hub, approves=["LC-VP"], receives=["LC-STC"])
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS)
    event = told(hub)
    assert (event.level, event.approvers, event.receivers) == ("province", ["LC-VP"], ["LC-STC"])


def test_a_commune_about_itself_reaches_its_own_level(hub: Hub) -> None:
    own = submission_id("XA-NAM", "X000", "2016")
    clerk = replace(CLERK, agency="X000")
    hub.service.edit_figure(clerk, own, "XA01", 7)
    hub.service.submit(clerk, own)
    assert (told(hub).level, told(hub).approvers) == ("commune", [])
