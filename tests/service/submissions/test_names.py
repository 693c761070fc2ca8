"""What a submission calls its unit and agency: as of its period, whatever reforms came since."""

from __future__ import annotations

from services.submissions import testing
from tests.service.submissions.conftest import CLERK, Hub


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
    page = hub.service.list_submissions(CLERK, form="XA-NAM", limit=500).submissions
    named = {(item.unit, item.period): item.unit_name for item in page}
    assert named["X-CU", "2024"] == "Quyết Tiến"
    assert named["X-MOI", "2025"] == "Đoàn Kết"
    assert ("X-CU", "2025") not in named
