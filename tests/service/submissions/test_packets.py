"""Report status as a packet: where every report stands, within what the actor may see."""

from __future__ import annotations

import pytest

from shared.contracts.actor import Actor
from shared.errors import Invalid
from shared.packets.report_status import ReportStatus
from shared.packets.xml import Packet, build, read
from tests.service.submissions.conftest import CLERK, SCHOOLS, WHOLE, Hub
from tests.unit.indicators.test_packets import HEADER


def test_a_report_is_told_as_far_as_it_has_come(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    [draft] = hub.service.status_packet(CLERK, form="GD-NAM", period="2016").reports
    assert (draft.state, draft.submitted_at, draft.content_hash) == ("draft", None, None)
    sent = hub.service.submit(CLERK, SCHOOLS)
    told = hub.service.status_packet(CLERK, form="GD-NAM", period="2016")
    [report] = told.reports
    assert (report.report, report.state, report.round, report.content_hash) == (
        SCHOOLS, "submitted", 1, sent.content_hash,
    )  # fmt: skip
    assert (report.unit_name, report.approved_round) == ("Lai Châu", None)
    assert read(build(Packet(HEADER, told)), ReportStatus).content == told


def test_reports_out_of_scope_are_left_out_and_unknown_states_refused(hub: Hub) -> None:
    stranger = Actor("x", "person", "x", ("submissions.read",), ("X-MOI",), ("*",))
    assert hub.service.status_packet(stranger, form="GD-NAM").reports == ()
    with pytest.raises(Invalid, match=r"submissions\.state"):
        hub.service.status_packet(CLERK, state="lost")
