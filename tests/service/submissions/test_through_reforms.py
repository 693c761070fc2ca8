"""Submissions through reforms: who owes since and before, and under which name."""

from __future__ import annotations

import msgspec

from services.submissions import testing
from shared.catalogue.reforms import apply
from shared.catalogue.units import Reform, Unit
from shared.contracts.views.submissions import SubmissionView
from tests.service.submissions.conftest import CLERK, Hub


def owed(hub: Hub) -> dict[tuple[str, str], SubmissionView]:
    page = hub.service.list_submissions(CLERK, form="XA-NAM", limit=500)
    return {(item.unit, item.period): item for item in page.submissions}


def test_a_report_keeps_the_names_of_its_period(hub: Hub) -> None:
    entries = testing.bodies()
    entries["unit"]["LC-SGDDT"] |= {
        "name": "Sở Giáo dục",
        "names": [
            {"name": "Sở Giáo dục và Đào tạo", "type_vi": "sở", "valid_to": "2025-07-01"},
            {"name": "Sở Giáo dục", "type_vi": "sở", "valid_from": "2025-07-01"},
        ],
    }
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(entries, version=2))

    listed = {item.period: item for item in hub.service.list_submissions(CLERK, form="GD-NAM", limit=500).submissions}
    assert {listed["2024"].agency_name, listed["2016"].agency_name} == {"Sở Giáo dục và Đào tạo"}
    assert listed["2025"].agency_name == "Sở Giáo dục"
    detail = hub.service.read_submission(CLERK, listed["2016"].id)
    assert (detail.submission.unit_name, detail.submission.agency_name) == ("Lai Châu", "Sở Giáo dục và Đào tạo")


def test_one_code_is_two_units_each_with_its_own_name(hub: Hub) -> None:
    named = {key: item.unit_name for key, item in owed(hub).items()}
    assert named["X-CU", "2024"] == "Quyết Tiến"
    assert named["X-MOI", "2025"] == "Đoàn Kết"
    assert ("X-CU", "2025") not in named


def test_after_a_reform_the_new_commune_owes_and_what_the_old_ones_reported_stays(hub: Hub) -> None:
    entries = testing.bodies()
    units = [msgspec.convert({"id": unit, **body}, Unit) for unit, body in entries["unit"].items()]
    change = {"how": "merge", "units": ["X000", "X001"], "into": "X-HOP", "name": "Xã Hợp Nhất"}
    reform = msgspec.convert(
        {"id": "R", "name": "Sáp nhập", "decision": "NQ", "on": "2016-07-01", "changes": [change]}, Reform
    )
    figures = [{"indicator": "XA01", "value": 5}]
    hub.push(testing.push_event({"form": "XA-NAM", "unit": "X000", "period": "2016", "figures": figures}))
    assert ("X001", "2016") in owed(hub)

    outcome = apply({unit.id: unit for unit in units}, reform)
    assert outcome.faults == ()
    for unit in outcome.units.values():
        body = msgspec.to_builtins(unit)
        entries["unit"][body.pop("id")] = body
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(entries, version=2))

    since = owed(hub)
    assert since["X-HOP", "2016"].unit_name == "Xã Hợp Nhất"
    assert since["X001", "2015"].unit_name == "Xã 1"
    assert ("X-HOP", "2015") not in since
    assert ("X001", "2016") not in since  # nothing was reported: it is owed by the new commune alone
    assert since["X000", "2016"].state == "draft"  # what was reported already is never lost
