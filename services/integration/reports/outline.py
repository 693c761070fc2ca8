"""A report laid out for reading: verdict and summary first, then tables. Page, paper and workbook draw this same
outline, so that all of them show the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.integration.domain import report_words as words
from shared.contracts.views.reports import ReportDifference, ReportScope, ReportView

TONES = {
    "good": ("✔", "Khớp"),
    "attention": ("▲", "Cần xem"),
    "bad": ("✖", "Cần xử lý"),
    "open": ("…", "Đang làm"),
}
"""A sign and a word for each tone: nobody has to tell colours apart."""

SHOWN_TREND = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `numeric` ones stand to the right, `weight` is how much room the others get; the lines below the first
    of a `kept` one do not wrap."""

    heading: str
    numeric: bool = False
    weight: float = 1.0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; a cell of several lines is a tuple, of which the first is what matters."""

    caption: str
    columns: tuple[Column, ...]
    rows: list[tuple[str | tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is to be said, and a table."""

    heading: str
    text: str
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The whole report."""

    title: str
    subtitle: str
    tone: str
    sign: str
    tone_words: str
    verdict: str
    done: str
    summary: list[tuple[str, str]]
    sections: list[Section]
    foot: str


def outline(report: ReportView) -> Outline:
    """Lay the report out."""
    sign, tone_words = TONES[report.tone]
    sections = [_by_class(report), _by_form(report), _differences(report), _trend(report), _proof(report)]
    return Outline(
        title="Báo cáo đối soát số liệu",
        subtitle=f"{report.direction_words}: {report.partner_name}",
        tone=report.tone,
        sign=sign,
        tone_words=tone_words,
        verdict=report.verdict,
        done=report.done,
        summary=_summary(report),
        sections=[section for section in sections if section is not None],
        foot=f"Lần đối soát {report.reconciliation_id} · Hệ thống thông tin báo cáo tỉnh Lai Châu · "
        f"Báo cáo lập lúc {words.moment(report.made_at)}",
    )


def _summary(report: ReportView) -> list[tuple[str, str]]:
    share = "" if report.share is None else f" ({report.share} %)"
    age = report.proof.scrub_age_seconds
    return [
        ("Kết quả", report.state_words),
        ("Số liệu của tỉnh đã đối soát", words.whole(report.entries)),
        ("Khớp", f"{words.whole(report.matched)}{share}" if report.share is not None else "chưa rõ"),
        ("Còn khác nhau", words.whole(report.left)),
        ("Đã sửa và đọc lại", words.whole(report.repaired)),
        ("Chấp nhận có lý do", words.whole(report.accepted)),
        ("Đối soát xong", words.moment(report.finished_at)),
        ("Lần tự kiểm tra gần nhất", "chưa có" if age is None else f"trước đó {words.age(age)}"),
    ]


def _by_class(report: ReportView) -> Section | None:
    if not report.classes:
        return None
    rows: list[tuple[str | tuple[str, ...], ...]] = [
        (item.kind_words, words.whole(item.found), words.whole(item.found - item.left), words.whole(item.left))
        for item in report.classes
    ]
    columns = (Column("Nguyên nhân"), Column("Phát hiện", True), Column("Đã xong", True), Column("Còn lại", True))
    return Section("Chênh lệch theo nguyên nhân", "", Table("Số chênh lệch theo nguyên nhân", columns, rows))


def _by_form(report: ReportView) -> Section | None:
    if not report.scopes:
        return None
    by_form: dict[str, list[ReportScope]] = {}
    for scope in report.scopes:
        by_form.setdefault(scope.form, []).append(scope)
    rows: list[tuple[str | tuple[str, ...], ...]] = []
    for form, scopes in by_form.items():
        name = scopes[0].form_name
        entries, differing = sum(item.entries for item in scopes), sum(item.differing for item in scopes)
        unlike = [f"{item.period_words}: {words.whole(item.differing)}" for item in scopes if item.differing]
        rows.append(
            (
                (name, form) if name else form,
                words.whole(len(scopes)),
                words.whole(entries),
                words.whole(differing),
                _listed(unlike) if unlike else "khớp cả",
            )
        )
    columns = (
        Column("Biểu", weight=1.4),
        Column("Số kỳ", True),
        Column("Số liệu", True),
        Column("Còn khác", True),
        Column("Kỳ còn khác"),
    )
    return Section("Khớp theo biểu và kỳ", "", Table("Số liệu đã đối soát theo biểu", columns, rows))


def _listed(told: Sequence[str], shown: int = 6) -> str:
    more = len(told) - shown
    return "; ".join(told[:shown]) + (f"; và {more} kỳ nữa" if more > 0 else "")


def _differences(report: ReportView) -> Section | None:
    if not report.differences:
        return None
    columns = (
        Column("Chỉ tiêu", weight=1.5),
        Column("Đơn vị, kỳ", weight=1.3, kept=True),
        Column("Nguyên nhân", weight=1.1),
        Column(report.ours_words, True),
        Column(report.theirs_words, True),
        Column("Tình trạng", weight=1.2),
        Column("Tồn tại", True),
    )
    rest = f" Còn {words.whole(report.omitted)} chênh lệch không in ở đây; bản bảng tính và JSON có nhiều hơn."
    return Section(
        "Chi tiết chênh lệch",
        f"{words.whole(len(report.differences))} chênh lệch.{rest if report.omitted else ''}",
        Table("Từng chênh lệch", columns, [_difference(item) for item in report.differences]),
    )


def _difference(item: ReportDifference) -> tuple[str | tuple[str, ...], ...]:
    owner = item.owner_name or item.owner
    standing = (item.state_words, *((f"Bên xử lý: {owner}",) if owner else ()), *((item.note,) if item.note else ()))
    again = (f"{item.times} lần",) if item.times > 1 else ()
    return (
        (item.indicator_name, item.indicator) if item.indicator_name else item.indicator,
        (item.unit_name or item.unit, item.period_words, item.form),
        item.kind_words,
        item.ours if item.ours is not None else "không có",
        item.theirs if item.theirs is not None else "không có",
        standing,
        ("" if item.age_seconds is None else words.age(item.age_seconds), *again),
    )


def _trend(report: ReportView) -> Section | None:
    if not report.trend:
        return None
    rows: list[tuple[str | tuple[str, ...], ...]] = [
        (words.moment(item.at), item.state_words, *(words.whole(n) for n in (item.entries, item.found, item.left)))
        for item in report.trend[:SHOWN_TREND]
    ]
    columns = (
        Column("Lúc"),
        Column("Kết quả"),
        Column("Số liệu", True),
        Column("Phát hiện khác", True),
        Column("Còn lại", True),
    )
    return Section("Xu hướng", _trend_words(report), Table("Các lần đối soát gần đây, mới nhất trước", columns, rows))


def _trend_words(report: ReportView) -> str:
    before, now = report.trend[0].left, report.left
    if now == before:
        return f"Như lần trước: còn {words.whole(now)} chênh lệch."
    way = f"giảm từ {words.whole(before)} xuống" if now < before else f"tăng từ {words.whole(before)} lên"
    return f"So với lần trước, số chênh lệch còn lại {way} {words.whole(now)}."


def _proof(report: ReportView) -> Section:
    proof = report.proof
    how = (
        f"So {words.whole(proof.entries)} số liệu trong {words.whole(proof.groups)} nhóm "
        f"bằng {words.whole(proof.calls)} lần hỏi, {words.whole(proof.bytes_compared)} byte."
    )
    if proof.read_at is None:
        read = "Chưa đọc được hết số liệu của bên kia, nên chưa có chứng cứ."
    elif proof.reread:
        read = f"Sau khi sửa đã đọc lại lúc {words.moment(proof.read_at)}."
    else:
        read = f"Đọc lúc {words.moment(proof.read_at)}."
    waiting = f" {words.whole(proof.pending)} biểu đang trên đường gửi." if proof.pending else ""
    scrubbed, checked = (_since(at) for at in (proof.scrubbed_at, proof.warehouse_checked_at))
    checks = f"Mã tổng của tỉnh {scrubbed} tính lại từ từng số liệu; sổ đối soát {checked} so với kho dữ liệu."
    fault = f" Lỗi: {report.error}." if report.error else ""
    return Section("Chứng cứ", f"{read} {how}{waiting} {checks}{fault}")


def _since(at: datetime | None) -> str:
    return "chưa được" if at is None else f"lúc {words.moment(at)} đã được"
