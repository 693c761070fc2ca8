"""What agencies are told of announcements about what they owe (Đ17.4, Đ19, Đ24.3), in Vietnamese. Pure."""

from __future__ import annotations

from datetime import datetime

from services.notifications.domain import Audience, Notice
from shared.calendar import VIETNAM, period_in_words
from shared.contracts.events import ObligationsAnnounced, OwedItem

SHOWN_ITEMS = 10

_TITLES = {
    "extended": "Gia hạn nộp {what}",
    "waived": "Miễn nộp {what}",
    "restored": "Tiếp tục phải nộp {what}",
    "opened": "Mở nhận số liệu {what} ngoài thời gian quy định",
    "closed": "Dừng nhận số liệu {what}",
    "urged": "Đôn đốc nộp {what}",
}
_UNTIL = {
    "extended": "Thời hạn mới: {until}.",
    "opened": "Nhận số liệu đến {until}.",
    "closed": "Dừng nhận đến {until}.",
}
_ENDLESS = {"opened": "Nhận số liệu cho đến khi có thông báo mới.", "closed": "Dừng nhận cho đến khi có thông báo mới."}


def announced(event: ObligationsAnnounced) -> list[Notice]:
    """Tell the agency's clerks; of an urging its leaders, too."""
    rights = ("submissions.edit", "cases.decide") if event.act == "urged" else ("submissions.edit",)
    items = event.obligations
    units, forms = {item.unit for item in items}, {item.form for item in items}
    first = items[0]
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience(
                right,
                event.agency,
                first.unit if len(units) == 1 else None,
                first.form if len(forms) == 1 else None,
            ),
            title=_TITLES[event.act].format(what=_what(items)),
            text=_text(event),
            subject=first.submission_id if len(items) == 1 else event.announcement,
            link=f"/v1/submissions/{first.submission_id}"
            if len(items) == 1
            else f"/v1/obligations?agency={event.agency}",
        )
        for right in rights
    ]


def _what(items: list[OwedItem]) -> str:
    of = {(item.form, item.period) for item in items}
    if len(of) > 1:
        return f"{len(items)} báo cáo"
    form, period = of.pop()
    several = f" ({len(items)} đơn vị)" if len(items) > 1 else ""
    return f"báo cáo {form} {period_in_words(period)}{several}"


def _text(event: ObligationsAnnounced) -> str:
    parts = []
    if event.until is not None and event.act in _UNTIL:
        parts.append(_UNTIL[event.act].format(until=_moment(event.until)))
    elif event.act in _ENDLESS:
        parts.append(_ENDLESS[event.act])
    if event.act == "urged":
        told = [_urged(item, event.at) for item in event.obligations[:SHOWN_ITEMS]]
        more = len(event.obligations) - SHOWN_ITEMS
        parts.append("; ".join(told) + (f"; và {more} báo cáo khác." if more > 0 else "."))
    if event.reason:
        word = "Nội dung" if event.act == "urged" else "Lý do"
        parts.append(f"{word}: {event.reason.rstrip('.')}.")
    return " ".join(parts)


def _urged(item: OwedItem, at: datetime) -> str:
    named = f"{item.form} {period_in_words(item.period)}, đơn vị {item.unit}"
    if item.due_by is None:
        return named
    word = "đã quá hạn" if item.due_by < at else "đến hạn"
    return f"{named} {word} {_moment(item.due_by)}"


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"
