"""Faults of the administrator's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault
from shared.calendar import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of calendar days: an id that is no day, a decision left out."""
    for day, entry in catalogue.calendar.items():
        place = f"calendar[{day}]"
        if not is_day(day):
            yield Fault(f"{place}.id", "day", f"{day} is no day", f"{day} không phải là ngày hợp lệ.")
        if not entry.decision.strip():
            yield Fault(
                f"{place}.decision",
                "no_decision",
                "names no decision",
                "Phải nêu văn bản quyết định ngày nghỉ, ngày làm bù.",
            )


def is_day(text: str) -> bool:
    """Tell whether this text names a day that periods and deadlines may fall on."""
    try:
        return FIRST_YEAR <= date.fromisoformat(text).year <= LAST_YEAR
    except ValueError:
        return False
