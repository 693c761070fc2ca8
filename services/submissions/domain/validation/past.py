"""What is approved of a unit: what its draft is compared with. Pure.

One value per (indicator, period): reference values as the warehouse told them. Of a unit that a reform made, values of
before are those of the units it went on from, rolled up by the indicator's rule; they say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from shared.calendar import Period

HISTORY = 60
"""How many earlier periods are looked at: five years of months, sixty of years."""


@dataclass(frozen=True, slots=True)
class Known:
    """An approved value (None: nothing occurred) and, where it was rolled up, the units it comes from. Of two the one
    approved later has the higher `order`."""

    value: Decimal | None
    status: str = "official"
    units: tuple[str, ...] = ()
    order: int = field(default=0, compare=False)

    @property
    def how(self) -> str:
        """Say in English that the value was rolled up; nothing where it is the unit's own."""
        return f", rolled up from {', '.join(self.units)}" if self.units else ""

    @property
    def how_vi(self) -> str:
        """The same in Vietnamese."""
        return f", tổng hợp từ các đơn vị trước sắp xếp: {', '.join(self.units)}" if self.units else ""


@dataclass(frozen=True, slots=True)
class Past:
    """Approved values of one unit by indicator and period (texts), as seen from a draft for `period`."""

    period: Period | None = None
    values: Mapping[str, Mapping[str, Known]] = field(default_factory=dict)

    def at(self, indicator: str, period: Period) -> Known | None:
        """Return what is approved for a period, None if nothing is."""
        return self.values.get(indicator, {}).get(str(period))

    def now(self, indicator: str) -> Known | None:
        """Return what is approved for the draft's own period: another form's value, or this one's before it was
        opened again."""
        return None if self.period is None else self.at(indicator, self.period)

    def history(self, indicator: str) -> list[Known]:
        """Return the numbers approved for other periods of the same kind; the draft's own is not compared with
        itself."""
        own = str(self.period)
        return [
            known
            for period, known in self.values.get(indicator, {}).items()
            if period != own and known.value is not None
        ]


NOTHING = Past()
"""Nothing is approved yet, or it is not asked for."""


def periods_before(period: Period, count: int = HISTORY) -> list[Period]:
    """Return the periods of the same kind before this one, newest first, the same one of last year among them."""
    found: list[Period] = []
    while len(found) < count and period.year > 1:
        period = period.previous
        found.append(period)
    return found
