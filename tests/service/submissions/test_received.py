"""What was received from a source, as integration asks for it: pushed, waiting, corrected by hand, removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.submissions.domain.obligations import submission_id
from shared.contracts.actor import service_actor
from shared.errors import Forbidden
from tests.service.submissions.conftest import CLERK, CLIENT, SCHOOLS, Hub

INTEGRATION = service_actor("integration")


def test_cells_tell_what_the_source_sent_and_what_people_made_of_it(hub: Hub) -> None:
    hub.service.edit_figure(CLERK, SCHOOLS, "GD02", "9")
    hub.push_figures({"GD01": 10, "GD01.TH": 5, "GD01.THCS": 3, "GD02": 7})
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01.TH", "6", expected_version=1)
    hub.service.remove_figure(CLERK, SCHOOLS, "GD01.THCS")
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01.THPT", "2")
    first = hub.service.list_received(INTEGRATION, [CLIENT.id], limit=2)
    rest = hub.service.list_received(INTEGRATION, [CLIENT.id], after=first.next)
    cells = {cell.indicator: cell for cell in (*first.cells, *rest.cells)}
    assert (len(first.cells), rest.next) == (2, None)
    assert {
        name: (cell.value, cell.origin, cell.sent, cell.removed, cell.waiting, cell.waiting_value)
        for name, cell in cells.items()
    } == {
        "GD01": ("10", "push", True, False, False, None),
        "GD01.TH": ("6", "hand", False, False, False, None),
        "GD01.THCS": ("3", "push", False, True, False, None),
        "GD02": ("9", "hand", False, False, True, "7"),
    }
    assert {(cell.submission_id, cell.state, cell.agency) for cell in cells.values()} == {
        (submission_id("GD-NAM", "LC", "2016"), "draft", "LC-SGDDT")
    }
    whole = hub.service.read_received(INTEGRATION, [CLIENT.id], [("GD-NAM", "LC", "2016"), ("GD-NAM", "LC", "2017")])
    assert [cell.indicator for cell in whole.cells] == ["GD01", "GD01.TH", "GD01.THCS", "GD01.THPT", "GD02"]
    assert [cell.indicator for cell in hub.service.list_received(INTEGRATION, ["other"]).cells] == [
        "GD01.TH", "GD01.THCS", "GD02",
    ]  # fmt: skip


def test_what_lies_outside_the_scope_is_not_told(hub: Hub) -> None:
    hub.push_figures({"GD01": 10})
    assert hub.service.list_received(replace(INTEGRATION, forms=("YT-NAM",)), [CLIENT.id]).cells == []
    with pytest.raises(Forbidden, match="out_of_scope"):
        hub.service.read_received(replace(INTEGRATION, units=("X",)), [CLIENT.id], [("GD-NAM", "LC", "2016")])
