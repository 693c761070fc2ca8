"""Regimes on a real database: read in full, taken out and in as files, copied for another year."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine

from services.indicators.service import IndicatorsService
from shared.errors import Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.service.indicators.test_proposals_service import LOADER
from tests.unit.indicators.test_packages import rich_load
from tests.unit.indicators.test_proposals import AUTHOR, OFFICE


@pytest.fixture
def service(database: Callable[[str], Engine]) -> IndicatorsService:
    made = IndicatorsService()
    made.unit = UnitOfWork.for_engine(database("indicators"), "indicators")
    made.load_catalogue(LOADER, rich_load())
    return made


def edited(packed: str, change: Callable[[Any], None]) -> str:
    book = load_workbook(BytesIO(base64.b64decode(packed)))
    change(book)
    out = BytesIO()
    book.save(out)
    return base64.b64encode(out.getvalue()).decode()


def test_a_regime_and_a_form_are_read_in_full(service: IndicatorsService) -> None:
    assert [item.id for item in service.list_regimes(LOADER).regimes] == ["GD-THANG"]
    detail = service.read_regime(LOADER, "GD-THANG")
    assert (detail.regime.deadline["day"], [form.id for form in detail.forms]) == (20, ["GD-THANG-01"])
    form = service.read_form(LOADER, "GD-THANG-01")
    assert (form.form.version, [item["version"] for item in form.earlier]) == (2, [1])
    assert form.parties["receives"] == ["LC-SYT", "LC"]
    assert [item.id for item in form.used] == ["DA01", "DA02", "GD01", "GD02", "GD03"]
    for missing in (lambda: service.read_regime(LOADER, "X"), lambda: service.read_form(LOADER, "X")):
        with pytest.raises(NotFound):
            missing()


def test_a_blank_form_has_a_cell_for_each_indicator_and_a_sheet_for_each_list(service: IndicatorsService) -> None:
    file = service.form_template(LOADER, "GD-THANG-01")
    assert file.name == "GD-THANG-01-v2.xlsx"
    book = load_workbook(BytesIO(base64.b64decode(file.content)))
    assert book.sheetnames == ["Biểu", "Danh sách 1", "Chú giải"]
    assert [cell.value for cell in book["Biểu"][4]] == [None, "Lớp", "Phòng"]
    assert [cell.value for cell in book["Biểu"][5]] == ["Toàn tỉnh", None, None]
    assert [[cell.value for cell in row[:2]] for row in book["Chú giải"].iter_rows(min_row=2)] == [
        ["Biểu!B5", "GD01"],
        ["Biểu!C5", "GD02"],
        ["Danh sách 1!C", "DA01"],
        ["Danh sách 1!D", "DA02"],
    ]
    with pytest.raises(NotFound):
        service.form_template(LOADER, "X")


@pytest.mark.parametrize("format", ["json", "xlsx"])
def test_what_is_exported_is_imported_as_no_change_and_exported_the_same(
    service: IndicatorsService, format: str
) -> None:
    exported = service.export_regime(LOADER, "GD-THANG", format)
    told = service.import_regime(AUTHOR, exported.content, "GD-LAI", "Nhập lại")
    assert (told.plan.added, told.plan.changed, told.plan.faults) == ([], [], [])
    assert told.proposal is not None
    service.submit_proposal(AUTHOR, "GD-LAI", told.proposal.content_hash)
    service.publish_proposal(OFFICE, "GD-LAI", "QĐ 1", told.proposal.content_hash)
    assert service.export_regime(LOADER, "GD-THANG", "json") == service.export_regime(LOADER, "GD-THANG", "json")
    assert service.catalogue_version() == 1


def test_a_clerks_edit_is_planned_field_by_field_and_its_faults_lead_to_cells(service: IndicatorsService) -> None:
    exported = service.export_regime(LOADER, "GD-THANG", "xlsx").content

    def rename(book: Any) -> None:
        book["Biểu mẫu"]["B2"] = "Trường, lớp và phòng học"

    [change] = service.import_regime(AUTHOR, edited(exported, rename)).plan.changed
    assert (change.place, [item.field for item in change.fields]) == ("forms[GD-THANG-01]", ["name"])

    def misname(book: Any) -> None:
        book["Quy tắc"]["D2"] = "GD02 <= GD77"

    told = service.import_regime(AUTHOR, edited(exported, misname), "GD-SUA")
    assert told.proposal is not None
    assert {(fault.at, fault.code) for fault in told.plan.faults} == {
        ("Biểu mẫu!E2", "form_changed"),
        ("Quy tắc!D2", "not_of_form"),
    }


def test_a_file_with_unreadable_cells_becomes_no_draft(service: IndicatorsService) -> None:
    def spoil(book: Any) -> None:
        book["Chế độ"]["F2"] = "cuối tháng"

    packed = edited(service.export_regime(LOADER, "GD-THANG", "xlsx").content, spoil)
    plan = service.import_regime(AUTHOR, packed).plan
    assert (plan.faults[0].at, plan.faults[0].code) == ("Chế độ!F2", "cell")
    with pytest.raises(Invalid, match=r"indicators\.unreadable_cells"):
        service.import_regime(AUTHOR, packed, "GD-SAI")
    assert service.list_proposals(AUTHOR).proposals == []


def test_only_proposers_import_and_copy_and_nothing_but_files_is_read(service: IndicatorsService) -> None:
    with pytest.raises(Forbidden):
        service.import_regime(LOADER, "", None)
    with pytest.raises(Forbidden):
        service.copy_regime(LOADER, "GD-THANG", "P", "N", 2027, "QĐ 1")
    texts = [base64.b64encode(raw).decode() for raw in (b"[1]", b"\xff", b"[" * 100_000)]
    for content in ("?", *texts):
        with pytest.raises(Invalid, match=r"indicators\.package_unreadable"):
            service.import_regime(AUTHOR, content)


@pytest.mark.parametrize("name", ["Báo\x00cáo", [[["sâu"]]]])
def test_a_file_whose_content_cannot_be_stored_becomes_no_draft(service: IndicatorsService, name: Any) -> None:
    for _ in range(70 if isinstance(name, list) else 0):
        name = [name]
    package = msgspec.json.decode(base64.b64decode(service.export_regime(LOADER, "GD-THANG", "json").content))
    del package["content_hash"]
    package["content"]["regimes"][0]["name"] = name
    content = base64.b64encode(msgspec.json.encode(package)).decode()
    with pytest.raises(Invalid, match=r"indicators\.content_unstorable"):
        service.import_regime(AUTHOR, content, "GD-LAI")
    assert service.list_proposals(AUTHOR).proposals == []


def test_a_copy_is_a_draft_that_is_published_as_it_stands(service: IndicatorsService) -> None:
    draft = service.copy_regime(AUTHOR, "GD-THANG", "GD-2027", "GD-THANG-2027", 2027, "QĐ 31/2026")
    assert service.copy_regime(AUTHOR, "GD-THANG", "GD-2027", "GD-THANG-2027", 2027, "QĐ 31/2026") == draft
    detail = service.read_proposal(AUTHOR, "GD-2027")
    assert detail.plan is not None
    assert (detail.plan.added, detail.plan.faults) == (["forms[GD-THANG-2027-01]", "regimes[GD-THANG-2027]"], [])
    service.submit_proposal(AUTHOR, "GD-2027", draft.content_hash)
    service.publish_proposal(OFFICE, "GD-2027", "QĐ 31/2026", draft.content_hash)
    assert [item.id for item in service.list_regimes(LOADER).regimes] == ["GD-THANG", "GD-THANG-2027"]
    assert msgspec.to_builtins(service.read_form(LOADER, "GD-THANG-01").form.periods)["to"] == 2026
