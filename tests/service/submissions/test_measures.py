"""Figures given in another unit of measure: converted exactly and told, by every road they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from shared.contracts.views.submissions import ReceiptView
from shared.errors import Invalid
from tests.service.submissions.conftest import CLERK, Hub

FIELDS = submission_id("NN-NAM", "LC", "2016")
MEASURES: dict[str, dict[str, Any]] = {
    "HA": {"name": "ha", "dimension": "diện tích", "factor": "1", "aliases": ["hecta"]},
    "NGHIN-HA": {"name": "nghìn ha", "dimension": "diện tích", "factor": "1000"},
    "NGHIN-TAN": {"name": "nghìn tấn", "dimension": "khối lượng"},
    "PHAN-TRAM": {"name": "%", "dimension": "tỷ lệ"},
}


@pytest.fixture
def farms(database: Callable[[str], Engine]) -> Hub:
    hub = Hub(database("submissions"))
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(testing.bodies() | {"measure": MEASURES}))
    return hub


def push(hub: Hub, *figures: dict[str, Any]) -> ReceiptView:
    body = {"form": "NN-NAM", "unit": "LC", "period": "2016", "figures": list(figures)}
    return hub.push(testing.push_event(body))


def held(hub: Hub) -> dict[str, str | None]:
    return {figure.indicator: figure.value for figure in hub.service.read_submission(CLERK, FIELDS).figures}


def test_the_receipt_tells_of_a_conversion_and_counts_the_figure_as_accepted(farms: Hub) -> None:
    receipt = push(
        farms,
        {"indicator": "NN01.DT", "value": 31300, "measure": "ha"},
        {"indicator": "NN01.SL", "value": 136.1, "measure": "nghìn tấn"},
        {"indicator": "NN02", "value": 5, "measure": "ha"},
    )
    assert receipt.counts == {"accepted": 2, "unchanged": 0, "refused": 1, "superseded": 0, "conflict": 0}
    assert [(item.position, item.outcome, item.code) for item in receipt.outcomes] == [
        (0, "accepted", "V153"),
        (2, "refused", "V116"),
    ]
    assert receipt.outcomes[0].detail == "31300 ha được quy đổi thành 31.3 nghìn ha."
    assert held(farms) == {"NN01.DT": "31.3", "NN01.SL": "136.1"}


def test_a_conversion_that_changes_nothing_says_so_too_and_one_that_meets_a_hand_entry_waits(farms: Hub) -> None:
    push(farms, {"indicator": "NN01.DT", "value": 31.3})
    again = push(farms, {"indicator": "NN01.DT", "value": 31300, "measure": "hecta"})
    assert [(item.outcome, item.code) for item in again.outcomes] == [("superseded", "V151")]
    farms.service.edit_figure(CLERK, FIELDS, "NN01.SL", "120")
    late = push(farms, {"indicator": "NN01.SL", "value": 1, "measure": "tấn"})
    assert [(item.outcome, item.code) for item in late.outcomes] == [("refused", "V116")]


def test_a_hand_entry_is_converted_and_its_answer_says_so(farms: Hub) -> None:
    entered = farms.service.edit_figure(CLERK, FIELDS, "NN01.DT", "31.300", measure="ha")
    assert (entered.value, entered.converted) == ("31.3", "31300 ha được quy đổi thành 31.3 nghìn ha.")
    assert farms.service.edit_figure(CLERK, FIELDS, "NN01.DT", "31,3").converted is None
    for value, measure, finding in (("1", "nghìn tấn", "V116"), ("0,01", "ha", "V121"), ("1", "mẫu", "V116")):
        with pytest.raises(Invalid) as refused:
            farms.service.edit_figure(CLERK, FIELDS, "NN01.DT", value, measure=measure)
        assert refused.value.context["finding"] == finding
    assert held(farms) == {"NN01.DT": "31.3"}
