"""A reconciliation's report: the verdict in one sentence, and the same figures on page, paper and in the workbook."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from openpyxl import load_workbook

from services.integration.domain import report_words as words
from services.integration.domain.report import Facts, Found, Names, Past, Run, Tally, report_of
from services.integration.reports.outline import outline
from services.integration.reports.page import page
from services.integration.reports.paper import paper
from services.integration.reports.workbook import workbook
from shared.contracts.views.reports import ReportView

NOW = datetime(2026, 3, 9, 1, 30, tzinfo=UTC)
RUN = Run(
    id="41",
    partner="quoc-gia",
    partner_name="Hệ thống thông tin báo cáo Chính phủ",
    direction="receiver",
    state="equal",
    started_at=NOW - timedelta(seconds=9),
    finished_at=NOW,
    equal=True,
    entries=12_345,
    groups=106,
    pending=0,
    calls=1,
    bytes_compared=98,
    scrub_age_seconds=420.0,
    error=None,
)
NAMES = Names(
    form={"GD-NAM": "Giáo dục của tỉnh (năm)"}.get,
    unit=lambda unit, _period: {"LC": "Tỉnh Lai Châu", "LC-SGDDT": "Sở Giáo dục và Đào tạo"}.get(unit),
    indicator={"GD01": "Số trường <học> & lớp"}.get,
)


def found(kind: str, indicator: str, ours: str | None, theirs: str | None, state: str, **more: Any) -> Found:
    return Found(
        kind=kind, form="GD-NAM", unit="LC", period="2016", indicator=indicator, expected=ours, found=theirs,
        state=state, **more,
    )  # fmt: skip


def tallies(differences: Sequence[Found]) -> list[Tally]:
    return [
        Tally(kind=d.kind, state=d.state, form=d.form, period=d.period, ours=d.expected is not None, count=1)
        for d in differences
    ]


def made(run: Run, *differences: Found, past: Sequence[Past] = ()) -> ReportView:
    scopes = [("GD-NAM", "2016", 12_000), ("YT-NAM", "2017", 345)]
    return report_of(
        Facts(
            run=run,
            now=NOW,
            tallies=tallies(differences),
            differences=differences,
            scopes=scopes,
            past=past,
            scrubbed_at=NOW - timedelta(minutes=7),
            names=NAMES,
        )
    )


OPEN = (
    found("value", "GD01", "3507.6", "80", "unrepaired", owner="LC-SGDDT", since=NOW - timedelta(days=3), times=4,
          failed_repairs=2),
    found("missing_there", "GD02", "=1+1", None, "recurring", since=NOW),
    found("stale_there", "GD09", None, None, "accepted", accepted_reason="Công văn 12/UBND"),
    found("unit_scale", "GD03", "-1234567.5 (estimate)", "-1234.5675", "repaired"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("run", "differences", "verdict", "tone"),
    [
        (RUN, (), "Hai bên khớp 100 %: cả 12.345 số liệu giống nhau.", "good"),
        (
            replace(RUN, state="repaired"),
            OPEN[3:],
            "Hai bên khớp 100 % (12.345 số liệu): đã sửa 1 số liệu khác nhau và đọc lại.",
            "good",
        ),
        (
            replace(RUN, state="different", equal=False),
            OPEN,
            "Còn 2 số liệu khác nhau trong 12.346 số liệu (khớp 99,97 %); 1 số liệu khác đã được chấp nhận có lý do.",
            "attention",
        ),
        (
            replace(RUN, state="different", equal=False),
            OPEN[2:3],
            "Hai bên khớp, trừ 1 số liệu khác nhau đã được chấp nhận có lý do.",
            "good",
        ),
        (
            replace(RUN, state="different", equal=False, pending=2),
            (),
            "Chưa kết luận được: 2 biểu đang được xử lý, phần còn lại khớp.",
            "attention",
        ),
        (
            replace(RUN, state="failed", equal=None),
            (),
            "Chưa đối soát được với Hệ thống thông tin báo cáo Chính phủ: không đọc được số liệu của bên đó.",
            "bad",
        ),
        (
            replace(RUN, state="repairing", equal=None),
            (),
            "Đang đối soát với Hệ thống thông tin báo cáo Chính phủ, chưa có kết luận.",
            "open",
        ),
    ],
)
def test_the_verdict_says_in_one_sentence_how_both_sides_stand(
    run: Run, differences: tuple[Found, ...], verdict: str, tone: str
) -> None:
    report = made(run, *differences)
    assert (report.verdict, report.tone) == (verdict, tone)
    assert outline(report).verdict == verdict


def test_a_share_is_rounded_down_so_that_only_equality_is_a_hundred() -> None:
    assert [words.per_cent(*pair) for pair in [(9_999_999, 10_000_000), (1, 1), (0, 0), (1, 8), (0, 3)]] == [
        "99,99", "100", "100", "12,5", "0",
    ]  # fmt: skip


def test_figures_read_as_people_write_them() -> None:
    stored = ["3507.6", "-1234567.5 (estimate)", "không phát sinh", "0.05", "-0.5", "12345678901234567890", "a.b"]
    assert [words.figure(text) for text in stored] == [
        "3.507,6", "-1.234.567,5 (ước tính)", "không phát sinh", "0,05", "-0,5", "12.345.678.901.234.567.890", "a.b",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def report() -> ReportView:
    past = [
        Past(id="40", at=NOW - timedelta(hours=1), state="different", entries=12_345, found=9, left=7),
        Past(id="39", at=NOW - timedelta(hours=2), state="equal", entries=12_345, found=0, left=0),
    ]
    run = replace(RUN, state="failed", equal=False, calls=7, error="repair did not help")
    return made(run, *OPEN, past=past)


def told(report: ReportView) -> list[str]:
    """Every text that a reader must find, whatever the format."""
    drawn = outline(report)
    texts = [drawn.title, drawn.verdict, drawn.done, *(value for _, value in drawn.summary)]
    for section in drawn.sections:
        for row in section.table.rows if section.table else ():
            for cell in row:
                texts += [cell] if isinstance(cell, str) else cell
    return [text for text in texts if text]


def test_the_model_counts_what_is_left_and_whose_it_is(report: ReportView) -> None:
    assert (report.found, report.left, report.repaired, report.accepted) == (4, 2, 1, 1)
    assert (report.matched, report.share) == (12_343, "99,97")
    assert report.done == (
        "Đã sửa và đọc lại 1, sửa chưa được 1, tái diễn 1, chấp nhận có lý do 1. "
        "Bên phải xử lý: Sở Giáo dục và Đào tạo (1)."
    )
    assert [(scope.form, scope.entries, scope.differing) for scope in report.scopes] == [
        ("GD-NAM", 12_000, 2),
        ("YT-NAM", 345, 0),
    ]
    assert (report.proof.read_at, report.proof.reread, report.proof.scrub_age_seconds) == (NOW, True, 420.0)


def test_the_page_shows_every_figure_runs_nothing_and_needs_nothing(report: ReportView) -> None:
    raw = page(outline(report))
    tree = html.fromstring(raw.decode())
    text = re.sub(r"\s+", " ", tree.text_content())
    assert [item for item in told(report) if item not in text] == []
    assert tree.get("lang") == "vi" and tree.findtext(".//title")
    assert tree.xpath("//script | //link | //img | //@onclick | //@href | //@src") == []
    assert all(table.find("caption") is not None and table.xpath(".//th[@scope]") for table in tree.xpath("//table"))
    assert b"&lt;h\xe1\xbb\x8dc&gt; &amp; l" in raw  # what a name holds is text


def test_the_workbook_holds_the_same_figures_as_numbers(report: ReportView) -> None:
    book = load_workbook(io.BytesIO(workbook(report, outline(report))))
    front = [[cell.value for cell in row] for row in book["Tóm tắt"].iter_rows()]
    assert ["✖ Cần xử lý", report.verdict] in front and ["Còn khác nhau", "2"] in front
    rows = [[cell.value for cell in row] for row in book["Chênh lệch"].iter_rows(min_row=2)]
    assert [(row[6], row[8], row[9], row[10], row[13]) for row in rows] == [
        ("GD01", 3507.6, 80, "Sửa chưa được", 4),
        ("GD02", "=1+1", "không có", "Tái diễn", 1),
        ("GD09", "không có", "không có", "Chấp nhận có lý do", 1),
        ("GD03", "-1.234.567,5 (ước tính)", -1234.5675, "Đã sửa, đã đọc lại", 1),
    ]
    assert rows[0][7] == "Số trường <học> & lớp" and rows[0][12] == datetime(2026, 3, 6, 8, 30)  # noqa: DTZ001 -- a cell
    assert book["Chênh lệch"]["I3"].data_type == "s"  # "=1+1" is no formula
    assert [row[4].value for row in book["Biểu và kỳ"].iter_rows(min_row=2)] == [12_000, 345]
    assert [row[5].value for row in book["Xu hướng"].iter_rows(min_row=2)] == [7, 0]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="reads the paper back with pdftotext")
def test_the_paper_shows_every_figure_in_vietnamese(report: ReportView, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(paper(outline(report)))
    read = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True).stdout
    letters = set(re.findall(r"\S+", read.replace("\u200b", "")))
    wanted = {word for text in told(report) for word in text.split()}
    assert sorted(wanted - letters) == []
