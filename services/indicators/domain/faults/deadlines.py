"""Faults of a regime's time: its ladder, and the working day between data and deadline."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from services.indicators.domain.faults.calendar import is_day
from services.indicators.domain.faults.fault import Fault
from shared.calendar import Period
from shared.catalogue.entries import Form, Regime
from shared.catalogue.schedules import Schedule, asked, working_calendar
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue

YEARS = 30
MAX_PERIODS = 400
"""Periods that are looked at: those that the regime's forms ask for, up to 30 years and 400 of them."""

END_OF_WORK = 16
"""From this hour on the day of a deadline is itself a working day that the reporter had. So is the one to which a
deadline moved over days off, whatever the hour: the law moves it, not the regime."""

_RANKS = {"department": 0, "enterprise": 0, "commune": 0, "district": 1, "agency": 2, "vertical": 2, "province": 3}


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of regimes' deadlines, for the periods that their forms ask for."""
    calendar = working_calendar(entry for day, entry in catalogue.calendar.items() if is_day(day))
    for regime_id, regime in catalogue.regimes.items():
        place = f"regimes[{regime_id}]"
        yield from _own_faults(place, regime)
        forms = [form for form in catalogue.forms.values() if form.regime == regime_id]
        owing = {kind for form in forms for kind in _owing(catalogue, form)} | {step.level for step in regime.ladder}
        reckoned = _Reckoned(Schedule(regime, calendar), _periods(regime, forms), owing)
        yield from _too_early(place, reckoned, regime)
        yield from _out_of_order(place, reckoned, sorted(owing, key=lambda kind: _RANKS[kind]))


class _Reckoned:
    """The dates of a regime, reckoned once for all that is asked of them: of each period the last day of its data and
    the first working day after it, of each level that owes (None: all that the ladder does not name) its deadlines."""

    def __init__(self, schedule: Schedule, periods: list[Period], owing: Collection[str]) -> None:
        self.periods = periods
        self.last = [schedule.window(period).last for period in periods]
        self.worked = [schedule.calendar.add_working_days(last, 1) for last in self.last]
        steps: list[str | None] = [None, *sorted({step.level for step in schedule.regime.ladder})]
        self.due = {level: [schedule.due(period, level) for period in periods] for level in steps}
        self.of = {level: self.due[level if level in self.due else None] for level in owing}


def _own_faults(place: str, regime: Regime) -> Iterator[Fault]:
    if regime.moves is not None and regime.kind != "thematic":
        yield Fault(
            f"{place}.moves",
            "moves",
            "periodic deadlines always move, ad hoc ones never; only a thematic regime says",
            "Hạn báo cáo định kỳ luôn được lùi, đột xuất thì không; chỉ chế độ báo cáo chuyên đề mới quy định.",
        )
    levels = [step.level for step in regime.ladder]
    if len(set(levels)) != len(levels):
        yield Fault(f"{place}.ladder", "twice", "a level stands twice", "Một cấp có hai thời hạn.")


def _periods(regime: Regime, forms: list[Form]) -> list[Period]:
    found: set[Period] = set()
    for kind, years in {(form.period_kind, form.periods) for form in forms}:
        try:
            found.update(islice(asked(kind, years, date.max), MAX_PERIODS))
        except Invalid:
            continue  # a fault of the form, told there
    found = {period for period in found if regime.holds(period.end)}
    ordered = sorted(found, key=lambda period: period.start)
    return [period for period in ordered if period.year < ordered[0].year + YEARS][:MAX_PERIODS]


def _owing(catalogue: Catalogue, form: Form) -> Iterator[str]:
    if not isinstance(form.owed_by, list):
        yield form.owed_by.each
        return
    for item in form.owed_by:
        if item.agency in catalogue.units:
            yield catalogue.units[item.agency].kind


def _too_early(place: str, reckoned: _Reckoned, regime: Regime) -> Iterator[Fault]:
    """Yield a fault for each deadline that leaves no working day after the end of the data window (Đ8.5 of decree
    09/2019), as written and as shifted. An ad hoc one follows its request: it only must not precede its data."""
    for level, dues in reckoned.due.items():
        for period, last, worked, due in zip(reckoned.periods, reckoned.last, reckoned.worked, dues, strict=True):
            if regime.kind == "ad_hoc":
                sound = due.at.date() >= last
            else:
                whole_day = due.at.hour >= END_OF_WORK or due.at > due.nominal
                counted = due.at.date() if whole_day else due.at.date() - timedelta(days=1)
                sound = due.nominal.date() > last and worked <= counted
            if not sound:
                where = "deadline" if level is None else f"ladder[{level}]"
                yield Fault(
                    f"{place}.{where}",
                    "no_working_day",
                    f"for {period} data end on {last} and are due on {due.at:%Y-%m-%d %H:%M}: no working day between",
                    f"Kỳ {period}: chốt số liệu ngày {last:%d/%m/%Y}, hạn {due.at:%H:%M %d/%m/%Y}, "
                    "không đủ một ngày làm việc.",
                )
                break


def _out_of_order(place: str, reckoned: _Reckoned, levels: list[str]) -> Iterator[Fault]:
    pairs = [(low, high) for at, low in enumerate(levels) for high in levels[at + 1 :] if _RANKS[low] < _RANKS[high]]
    for low, high in pairs:
        if reckoned.of[low] is reckoned.of[high]:
            continue
        for period, lower, upper in zip(reckoned.periods, reckoned.of[low], reckoned.of[high], strict=True):
            if lower.at > upper.at or lower.nominal > upper.nominal:
                yield Fault(
                    f"{place}.ladder",
                    "ladder",
                    f"for {period} {low} is due at {lower.at:%Y-%m-%d %H:%M}, later than {high}",
                    f"Kỳ {period}: hạn của cấp {low} muộn hơn hạn của cấp {high}.",
                )
                break
