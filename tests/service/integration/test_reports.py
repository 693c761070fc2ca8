"""The report of a reconciliation that really ran, in all its formats."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from services.integration.service import IntegrationService
from shared.errors import Forbidden, NotFound
from tests.service.integration.conftest import ACTOR, Record, Work, recorded
from tests.service.integration.test_reconciliation import reconcile, tamper

__all__ = ["reconcile"]


def test_a_reconciliation_is_reported_with_what_matches_what_differed_and_how_it_went_before(
    far: httpx.Client, record: Record, work: Work, reconcile: Any, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"), recorded("YT-NAM", 1, period="2017", YT01="0.5"))
    work("bo-nganh")
    first = reconcile("bo-nganh")
    tamper(far, "lose", "GD01")
    tamper(far, "add", "GD09", "1")
    second = reconcile("bo-nganh", repair=False)
    report = service.read_report(ACTOR, second.id)
    assert report.verdict == "Còn 2 số liệu khác nhau trong 4 số liệu (khớp 50 %)."
    assert (report.tone, report.matched, report.left, report.omitted) == ("attention", 2, 2, 0)
    assert [(item.form, item.period, item.entries, item.differing) for item in report.scopes] == [
        ("GD-NAM", "2016", 2, 2),
        ("YT-NAM", "2017", 1, 0),
    ]
    assert [(item.indicator, item.kind, item.ours, item.theirs, item.unit_name) for item in report.differences] == [
        ("GD01", "missing_there", "7", None, "Tỉnh Lai Châu"),
        ("GD09", "mapping_gap", None, "1", "Tỉnh Lai Châu"),
    ]
    assert [(item.reconciliation_id, item.left) for item in report.trend] == [(first.id, 0)]
    assert report.proof.read_at == second.finished_at and report.proof.scrubbed_at is not None

    made = {format: base64.b64decode(service.export_report(ACTOR, second.id, format).content) for format in FORMATS}
    assert report.verdict in made["html"].decode() and made["pdf"].startswith(b"%PDF-")
    assert len(list(load_workbook(io.BytesIO(made["xlsx"]))["Chênh lệch"].iter_rows(min_row=2))) == 2


FORMATS = ("html", "xlsx", "pdf")


def test_a_report_is_for_those_who_may_read_reconciliations(service: IntegrationService) -> None:
    with pytest.raises(Forbidden, match="right_missing"):
        service.read_report(replace(ACTOR, rights=("observations.read",)), "1")
    with pytest.raises(NotFound, match="no_reconciliation"):
        service.export_report(ACTOR, "999", "pdf")
