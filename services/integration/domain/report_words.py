"""How a reconciliation is told: classes, states, numbers, moments and ages in Vietnamese. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from shared.calendar import VIETNAM

NOTHING = "không phát sinh"

KINDS = {
    "missing_there": "{them} chưa có",
    "stale_there": "{them} còn giữ số liệu không còn hiệu lực",
    "missing_here": "Tỉnh chưa nhận được",
    "different": "Khác giá trị",
    "value": "Khác giá trị",
    "status": "Khác trạng thái số liệu",
    "unit_scale": "Lệch đơn vị tính (gấp 10, 100, 1.000… lần)",
    "rounding": "Lệch do làm tròn",
    "older_version": "Phiên bản cũ hơn",
    "newer_version": "{them} giữ phiên bản mới hơn của tỉnh",
    "mapping_gap": "Chưa có mã tương ứng",
    "duplicate": "Bị ghi trùng",
    "by_hand": "Tỉnh đã sửa tay sau khi nhận",
    "conflict": "Chờ người nhập liệu chọn giữa số nhập tay và số của nguồn",
    "approved_other": "Giá trị đã duyệt khác số của nguồn",
}
"""A class of differences, with the name of the other side in place of `{them}`."""

STATES = {
    "new": "Mới phát hiện",
    "open": "Đang mở",
    "repairing": "Đang sửa",
    "repaired": "Đã sửa, đã đọc lại",
    "unrepaired": "Sửa chưa được",
    "recurring": "Tái diễn",
    "accepted": "Chấp nhận có lý do",
    "task": "Chờ xử lý",
}
RUNS = {
    "running": "Đang đối soát",
    "repairing": "Đang sửa",
    "equal": "Khớp",
    "repaired": "Khớp sau khi sửa",
    "different": "Còn chênh lệch",
    "failed": "Không hoàn thành",
    "incomparable": "Không đọc được bên kia",
    "superseded": "Được thay bằng lần sau",
}
DIRECTIONS = {
    "receiver": ("Đối soát với hệ thống nhận", "Bên nhận", "Số liệu của tỉnh", "Bên nhận đang giữ"),
    "warehouse": ("Đối soát với kho dữ liệu của tỉnh", "Kho dữ liệu", "Sổ đối soát", "Kho dữ liệu đang giữ"),
    "source": ("Đối soát với hệ thống nguồn", "Nguồn", "Tỉnh đã nhận", "Nguồn đang giữ"),
}
"""Title, the other side's name, and the headings over our and their figures."""

_STATUSES = {"estimate": "ước tính", "preliminary": "sơ bộ", "official": "chính thức"}
_SPELLED = re.compile(r"(?P<value>.*?)(?: \((?P<status>estimate|preliminary|official)\))?", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_AGES = ((86_400.0, "ngày"), (3_600.0, "giờ"), (60.0, "phút"), (1.0, "giây"))


def whole(number: int) -> str:
    """Return a count in Vietnamese writing: "12.345"."""
    return f"{number:,}".replace(",", ".")


def figure(text: str | None) -> str | None:
    """Return a stored figure as people read it: "3507.6" is "3.507,6", "5 (estimate)" is "5 (ước tính)"."""
    match = None if text is None else _SPELLED.fullmatch(text)
    if match is None:
        return text
    value = match["value"]
    if _NUMBER.fullmatch(value):
        before, _, after = value.partition(".")
        value = whole(int(before)) if before not in ("-0", "-") else before
        value += f",{after}" if after else ""
    return f"{value} ({_STATUSES[match['status']]})" if match["status"] else value


def per_cent(part: int, total: int) -> str:
    """Return the share in per cent with up to two places, rounded down: "99,98"; of nothing it is "100"."""
    hundredths = 10_000 if total <= 0 else max(0, part) * 10_000 // total
    before, after = divmod(hundredths, 100)
    return f"{before},{after:02d}".rstrip("0").rstrip(",") if after else str(before)


def moment(instant: datetime | None) -> str:
    """Return an instant as a clock in Vietnam showed it: "07:05 ngày 02/03/2026"."""
    return "chưa có" if instant is None else f"{instant.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"


def age(seconds: float | None) -> str:
    """Return how long that is in its largest unit: "3 ngày", "5 giờ", "dưới 1 giây"."""
    if seconds is None:
        return "chưa rõ"
    for size, name in _AGES:
        if seconds >= size:
            return f"{whole(int(seconds // size))} {name}"
    return "dưới 1 giây"


def kind(code: str, direction: str) -> str:
    """Return a class of differences in words; an unknown one stays its code."""
    return KINDS.get(code, code).format(them=DIRECTIONS[direction][1])
