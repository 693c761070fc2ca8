"""As of when the warehouse is read: a batch, a day, an instant. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from shared.calendar import VIETNAM
from shared.errors import Invalid

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def moment(text: int | str) -> int | datetime:
    """Return the batch that `text` names, or the instant before which a batch must have been recorded to count: of a
    day ("2026-03-01") its end in Vietnam, of an instant (ISO 8601, with its zone) itself.

    Raises Invalid("indicators.bad_as_of").
    """
    if isinstance(text, int) or (text.isascii() and text.isdigit() and len(text) < 19):
        return int(text)
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), VIETNAM)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise _refused(text) from None
    if instant.tzinfo is None:
        raise _refused(text)
    return instant


def _refused(text: str) -> Invalid:
    return Invalid(
        "indicators.bad_as_of",
        f"{text!r} is no batch, no day (YYYY-MM-DD) and no instant with its zone",
        f"Thời điểm “{text}” không hợp lệ: hãy nhập số đợt ghi nhận, ngày (YYYY-MM-DD) hoặc thời điểm kèm múi giờ.",
    )
