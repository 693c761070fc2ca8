"""Which sheets a regime has, with their columns in order. Headings may move, they may not change their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.indicators.domain.sheets.columns import (
    Column,
    bound,
    choice,
    flag,
    several,
    text,
    whole,
    year_or_period,
)

_PERIODS = {
    "year": "năm",
    "nine_months": "9 tháng",
    "half": "6 tháng",
    "quarter": "quý",
    "month": "tháng",
    "day": "ngày",
}
_UNITS = {
    "province": "tỉnh",
    "district": "huyện",
    "commune": "xã",
    "agency": "cơ quan",
    "department": "phòng ban",
    "vertical": "ngành dọc",
    "enterprise": "doanh nghiệp",
}
_DEADLINE = (
    whole("day", "Ngày hạn", "1 đến 31; ngày mà tháng không có là ngày cuối tháng"),
    whole("hour", "Giờ hạn", "0 đến 23, mặc định 17"),
    whole("minute", "Phút hạn"),
    whole("month", "Tháng hạn", "tính từ tháng 1 của năm báo cáo; trống: tháng cuối kỳ"),
    whole("months_after", "Số tháng sau kỳ"),
)
_SPAN = (text("valid_from", "Hiệu lực từ", "năm-tháng-ngày"), text("valid_to", "Hết hiệu lực", "năm-tháng-ngày"))
_VERSION = (text("form", "Mã biểu"), whole("version", "Phiên bản"))
_DEFINITION = (
    whole("version", "Phiên bản"),
    text("concept", "Khái niệm"),
    text("method", "Phương pháp tính"),
    text("measure", "Đơn vị tính"),
    choice("value_type", "Kiểu giá trị", {"integer": "số nguyên", "decimal": "số thập phân"}),
    whole("decimals", "Số lẻ công bố"),
    text("rollup", "Tổng hợp lên cấp trên", "sum, last, none, derived hoặc weighted:MÃ"),
    choice("over_time", "Cộng theo thời gian", {"sum": "cộng", "last": "lấy kỳ cuối", "none": "không"}),
    text("formula", "Công thức"),
    bound("minimum", "Nhỏ nhất"),
    bound("maximum", "Lớn nhất"),
    *_SPAN,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its key here, its name in the file, what it is for, and its columns."""

    key: str
    title: str
    help: str
    columns: tuple[Column, ...]

    def letter(self, name: str) -> str:
        """Return the letter of a column, A for the first one."""
        position = next(at for at, column in enumerate(self.columns) if column.name == name)
        return chr(ord("A") + position)


SHEETS: dict[str, Sheet] = {
    sheet.key: sheet
    for sheet in (
        Sheet(
            "regimes",
            "Chế độ",
            "Chế độ báo cáo và văn bản ban hành, hạn gửi, kỳ chốt số liệu.",
            (
                text("id", "Mã chế độ"),
                text("name", "Tên chế độ"),
                choice("kind", "Loại", {"periodic": "định kỳ", "thematic": "chuyên đề", "ad_hoc": "đột xuất"}),
                text("decision", "Văn bản ban hành"),
                choice("period_kind", "Kỳ báo cáo", _PERIODS),
                *_DEADLINE,
                whole("window.from_day", "Chốt từ ngày"),
                whole("window.from_months", "Lùi số tháng đầu kỳ"),
                whole("window.to_day", "Chốt đến ngày"),
                whole("window.to_months", "Lùi số tháng cuối kỳ"),
                whole("intake.opens_days_before", "Mở nhận trước (ngày)"),
                whole("intake.closes_days_after", "Đóng nhận sau hạn (ngày)"),
                flag("moves", "Lùi khi hạn là ngày nghỉ", "chỉ ghi với chế độ chuyên đề"),
                text("level", "Cấp báo cáo"),
                text("owner", "Đơn vị thiết kế"),
                flag("secret", "Bí mật nhà nước"),
                flag("signature", "Ký số"),
                *_SPAN,
            ),
        ),
        Sheet(
            "ladder",
            "Hạn theo cấp",
            "Hạn riêng của từng cấp, nếu khác hạn chung.",
            (text("regime", "Mã chế độ"), choice("level", "Cấp", _UNITS), *_DEADLINE),
        ),
        Sheet(
            "forms",
            "Biểu mẫu",
            "Mỗi dòng là một biểu mẫu ở phiên bản hiện hành.",
            (
                text("id", "Mã biểu"),
                text("name", "Tên biểu"),
                text("regime", "Mã chế độ"),
                choice("period_kind", "Kỳ báo cáo", _PERIODS),
                whole("version", "Phiên bản"),
                text("accepted_until", "Nhận đến ngày", "năm-tháng-ngày; phiên bản hiện hành để trống"),
                choice("each", "Mọi đơn vị loại", _UNITS),
                text("under", "Trực thuộc"),
                year_or_period("from", "Từ kỳ", "năm, hoặc kỳ như 2026-01"),
                year_or_period("to", "Đến kỳ", "trống: đến khi có thay đổi"),
                several("enters", "Đơn vị nhập"),
                several("approves", "Đơn vị duyệt"),
                several("receives", "Đơn vị nhận"),
                text("rolls_up", "Tổng hợp từ biểu"),
                text("owner", "Đơn vị thiết kế"),
            ),
        ),
        Sheet(
            "earlier",
            "Phiên bản cũ",
            "Các phiên bản trước của biểu mẫu, còn được nhận đến ngày nào.",
            (*_VERSION, text("accepted_until", "Nhận đến ngày", "năm-tháng-ngày")),
        ),
        Sheet(
            "owed",
            "Giao báo cáo",
            "Cơ quan nào báo cáo về đơn vị nào; bỏ trống nếu biểu giao cho mọi đơn vị một loại.",
            (text("form", "Mã biểu"), text("unit", "Đơn vị"), text("agency", "Cơ quan báo cáo")),
        ),
        Sheet(
            "entered",
            "Chỉ tiêu của biểu",
            "Chỉ tiêu nhập liệu và tính toán của từng biểu, theo thứ tự.",
            (
                *_VERSION,
                text("code", "Mã chỉ tiêu"),
                choice("role", "Cách có số liệu", {"entered": "nhập", "derived": "tính"}),
                flag("required", "Bắt buộc"),
            ),
        ),
        Sheet(
            "lines",
            "Dòng và cột",
            "Dòng và cột của bảng, theo thứ tự.",
            (
                *_VERSION,
                choice("axis", "Dòng hay cột", {"rows": "dòng", "columns": "cột"}),
                whole("number", "Số thứ tự", "từ 1"),
                text("label", "Tên"),
                whole("indent", "Thụt lề"),
                text("help", "Giải thích"),
            ),
        ),
        Sheet(
            "cells",
            "Ô số liệu",
            "Chỉ tiêu nào nhập ở dòng nào, cột nào.",
            (*_VERSION, whole("row", "Dòng"), whole("column", "Cột"), text("code", "Mã chỉ tiêu")),
        ),
        Sheet(
            "lists",
            "Danh sách mở",
            "Danh sách do người báo cáo kê thêm dòng, như danh mục dự án.",
            (
                *_VERSION,
                text("id", "Mã danh sách"),
                text("label", "Tên danh sách"),
                several("columns", "Các cột (mã chỉ tiêu)"),
                whole("max_rows", "Số dòng nhiều nhất"),
            ),
        ),
        Sheet(
            "rules",
            "Quy tắc",
            "So sánh hai công thức, như GD06 <= GD02 * 2.",
            (
                *_VERSION,
                text("id", "Mã quy tắc"),
                text("expression", "Biểu thức"),
                choice("severity", "Mức", {"error": "lỗi", "warning": "cảnh báo"}),
                text("message", "Thông báo (tiếng Anh)"),
                text("detail", "Thông báo"),
            ),
        ),
        Sheet(
            "help",
            "Trợ giúp",
            "Lời giải thích cạnh ô nhập.",
            (*_VERSION, text("code", "Mã chỉ tiêu"), text("text", "Nội dung")),
        ),
        Sheet(
            "indicators",
            "Chỉ tiêu",
            "Mỗi dòng là một chỉ tiêu với định nghĩa hiện hành.",
            (
                text("id", "Mã chỉ tiêu"),
                text("name", "Tên chỉ tiêu"),
                text("parent", "Thuộc chỉ tiêu"),
                text("breakdown.dimension", "Phân tổ"),
                text("breakdown.item", "Mã phân tổ"),
                text("group", "Nhóm"),
                text("lead_agency", "Cơ quan chủ trì"),
                *_DEFINITION,
            ),
        ),
        Sheet(
            "definitions",
            "Định nghĩa cũ",
            "Các định nghĩa trước của chỉ tiêu, cũ nhất trước.",
            (text("indicator", "Mã chỉ tiêu"), *_DEFINITION),
        ),
        Sheet(
            "codes",
            "Mã hệ thống khác",
            "Mã của chỉ tiêu trong hệ thống khác.",
            (text("indicator", "Mã chỉ tiêu"), text("scheme", "Hệ thống"), text("code", "Mã"), *_SPAN),
        ),
        Sheet(
            "measures",
            "Đơn vị tính",
            "Một đơn vị bằng hệ số lần đơn vị gốc của đại lượng.",
            (
                text("id", "Mã đơn vị tính"),
                text("name", "Tên"),
                text("dimension", "Đại lượng"),
                text("factor", "Hệ số"),
                several("aliases", "Cách viết khác"),
            ),
        ),
        Sheet("dimensions", "Phân tổ", "Các phân tổ.", (text("id", "Mã phân tổ"), text("name", "Tên phân tổ"))),
        Sheet(
            "items",
            "Mã phân tổ",
            "Danh mục mã của từng phân tổ.",
            (text("dimension", "Mã phân tổ"), text("code", "Mã"), text("name", "Tên"), *_SPAN),
        ),
    )
}


def place(sheet: str, row: int, column: str, letters: Mapping[str, str]) -> str:
    """Return where a cell is, as spreadsheets write it: `Biểu mẫu!C5`. `letters` are those of columns that moved."""
    known = SHEETS[sheet]
    return f"{known.title}!{letters.get(column) or known.letter(column)}{row}"
