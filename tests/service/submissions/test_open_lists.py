"""Open lists: rows with labels, pushed, entered by hand, checked, frozen and handed over."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.submissions import testing
from services.submissions.testing import received
from shared.contracts.events import SubmissionApproved, SubmissionFinalised, SubmissionSubmitted
from shared.contracts.hashes import round_hash
from shared.errors import Invalid, NotFound
from tests.service.submissions.conftest import CLERK, SCHOOLS, Hub
from tests.service.submissions.test_rounds_service import NOON


@pytest.fixture
def listed(hub: Hub) -> Hub:
    """Form GD-NAM with one cell and a list of projects: columns XA01 and XA02, at most 3 rows."""
    form = testing.bodies()["form"]["GD-NAM"]
    projects = {"id": "DU-AN", "label": "Dự án", "columns": ["XA01", "XA02"], "max_rows": 3}
    whole = {**form, "indicators": ["GD01"], "required": ["GD01"], "open_lists": [projects]}
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event({"form": {"GD-NAM": whole}}, version=2))
    return hub


def push(hub: Hub, *figures: tuple[Any, ...]) -> dict[int, str]:
    """Push (code, value, label) and return the codes of what was refused, by position."""
    listed = [dict(zip(("indicator", "value", "label"), figure, strict=False)) for figure in figures]
    body = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": listed}
    receipt = hub.push(testing.push_event(body))
    return {item.position: item.code or "" for item in receipt.outcomes if item.outcome == "refused"}


def rows(hub: Hub) -> dict[str, tuple[str | None, str | None]]:
    return {item.indicator: (item.value, item.label) for item in hub.service.read_submission(CLERK, SCHOOLS).figures}


def errors(hub: Hub) -> list[tuple[str, str | None]]:
    findings = hub.service.read_submission(CLERK, SCHOOLS).findings
    return [(item.code, item.indicator) for item in findings if item.severity == "error"]


def test_rows_are_pushed_with_their_label_once_per_row(listed: Hub) -> None:
    assert push(listed, ("GD01", 9), ("XA01.R1", 5, " Trường A "), ("XA02.R1", "2.5"), ("XA01.R3", 7, "Trường C")) == {}
    assert rows(listed) == {
        "GD01": ("9", None),
        "XA01.R1": ("5", "Trường A"),
        "XA01.R3": ("7", "Trường C"),
        "XA02.R1": ("2.5", None),
    }
    assert errors(listed) == []


def test_a_row_that_cannot_be_is_refused_and_the_others_stay(listed: Hub) -> None:
    refused = push(
        listed,
        ("XA01.R4", 1, "Trường D"),
        ("XA01.R0", 1, "Trường"),
        ("XA01.R01", 1, "Trường"),
        ("XA01", 1),
        ("XA03.R1", 1, "Trường"),
        ("GD01", 9, "Trường"),
        ("XA01.R1", "nhiều", "Trường A"),
        ("XA01.R2", 1, "Trường B"),
    )
    assert refused == {0: "V122", 1: "V102", 2: "V102", 3: "V105", 4: "V102", 5: "V124", 6: "V110"}
    assert list(rows(listed)) == ["XA01.R2"]


def test_a_push_that_gives_one_row_two_names_loses_that_row_alone(listed: Hub) -> None:
    refused = push(listed, ("XA01.R1", 1, "A"), ("XA02.R1", 2, "B"), ("XA01.R2", 3, "A"))
    assert refused == {0: "V123", 1: "V123"}
    assert rows(listed) == {"XA01.R2": ("3", "A")}


def test_a_draft_with_an_unnamed_or_twice_named_row_is_not_submitted(listed: Hub) -> None:
    push(listed, ("GD01", 9), ("XA01.R1", 1, "A"), ("XA01.R2", 1))
    push(listed, ("XA02.R1", 2, "B"))
    assert errors(listed) == [("V211", "XA01.R2"), ("V212", "XA01.R1")]
    with pytest.raises(Invalid, match=r"submissions\.findings"):
        listed.service.submit(CLERK, SCHOOLS)
    listed.service.edit_figure(CLERK, SCHOOLS, "XA02.R1", 2, label="A")
    listed.service.remove_figure(CLERK, SCHOOLS, "XA01.R2")
    assert errors(listed) == []


def test_a_hand_entry_keeps_the_label_and_a_new_one_takes_its_place(listed: Hub) -> None:
    push(listed, ("XA01.R1", 1, "Trường A"))
    assert listed.service.edit_figure(CLERK, SCHOOLS, "XA01.R1", 2).label == "Trường A"
    renamed = listed.service.edit_figure(CLERK, SCHOOLS, "XA01.R1", 2, label="Trường B")
    assert (renamed.value, renamed.label, renamed.version) == ("2", "Trường B", 3)
    assert listed.service.edit_figure(CLERK, SCHOOLS, "XA01.R1", 2, label="Trường B").version == 3
    for code in ("XA01.R4", "XA01", "XA09.R1"):
        with pytest.raises(NotFound, match=r"submissions\.no_indicator"):
            listed.service.edit_figure(CLERK, SCHOOLS, code, 2)


def test_a_pushed_label_that_met_a_hand_entry_waits_with_its_value(listed: Hub) -> None:
    listed.service.edit_figure(CLERK, SCHOOLS, "XA01.R1", 2, label="Trường A")
    push(listed, ("XA01.R1", 2, "Trường B"))
    [figure] = listed.service.read_submission(CLERK, SCHOOLS).figures
    assert figure.conflict is not None
    assert (figure.label, figure.conflict["label"]) == ("Trường A", "Trường B")
    assert listed.service.resolve_conflict(CLERK, SCHOOLS, "XA01.R1", "push").label == "Trường B"


def test_labels_are_hashed_frozen_and_handed_to_the_warehouse(listed: Hub) -> None:
    push(listed, ("GD01", 9), ("XA01.R1", 5, "Trường A"))
    listed.service.submit(CLERK, SCHOOLS)
    [event] = [event for event in listed.events() if isinstance(event, SubmissionSubmitted)]
    facts = {"submission_id": event.submission_id, "round": 1, "content_hash": event.content_hash, "form": "GD-NAM"}
    facts |= {"unit": "LC", "agency": "LC-SGDDT", "period": "2016", "level": "province", "decided_by": "l"}
    listed.handle(listed.worker.on_submission_approved, received(SubmissionApproved(**facts, decided_at=NOON)))
    [part] = [event for event in listed.events() if isinstance(event, SubmissionFinalised)]
    assert {figure.indicator: figure.label for figure in part.figures} == {"GD01": None, "XA01.R1": "Trường A"}
    assert part.content_hash == round_hash("GD-NAM", "LC", "2016", 1, part.figures)
    unnamed = [msgspec.structs.replace(figure, label=None) for figure in part.figures]
    assert part.content_hash != round_hash("GD-NAM", "LC", "2016", 1, unnamed)


def test_a_list_of_an_earlier_version_keeps_its_rows(listed: Hub) -> None:
    push(listed, ("GD01", 9), ("XA01.R1", 5, "Trường A"))
    entries = testing.bodies()["form"]["GD-NAM"]
    projects = {"id": "DU-AN", "label": "Dự án", "columns": ["XA01", "XA02"], "max_rows": 3}
    before = {
        **entries,
        "indicators": ["GD01"],
        "required": [],
        "open_lists": [projects],
        "accepted_until": "2030-01-01",
    }
    now = {**before, "version": 2, "open_lists": [], "earlier": [before]}
    listed.handle(listed.worker.on_catalogue_changed, testing.catalogue_event({"form": {"GD-NAM": now}}, version=3))
    assert errors(listed) == []
    assert push(listed, ("XA01.R2", 5, "Trường B")) == {0: "V102"}
