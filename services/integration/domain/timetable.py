"""When a partner may be called, and when what it is due leaves. Pure: nothing here asks what time it is.

A partner is called only while its permission holds, unless it is suspended, and never in its quiet hours; that bounds
every call, whoever wants it. A timetable says only when a new delivery becomes due: on release, at the moments of a
schedule, or when somebody says so. Days and hours are Vietnam's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from cronsim import CronSim, CronSimError

from services.integration.domain.partners import Limits, Partner, Quiet, Timetable
from shared.calendar import VIETNAM, WorkingCalendar

WHEN = ("release", "schedule", "demand")
"""What a timetable may say."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a partner is not called: `code` is suspended, no_permission, not_yet, lapsed or quiet; `detail` says it in
    Vietnamese; `until` is when that ends by itself, None if only a person can end it."""

    code: str
    detail: str
    until: datetime | None = None


def held(partner: Partner, at: datetime) -> Held | None:
    """Return why this partner may not be called at this moment; None: it may."""
    return unpermitted(partner, at) or _quiet(partner.limits, at)


def unpermitted(partner: Partner, at: datetime) -> Held | None:
    """Return why nothing may pass between this partner and the hub at this moment (Đ14.4b); None: it may."""
    if not partner.active:
        return Held("suspended", f"Kết nối đang bị tạm dừng: {partner.suspension or 'không ghi lý do'}.")
    if partner.permission is None:
        return Held("no_permission", "Chưa có văn bản của tỉnh cho phép kết nối hệ thống này.")
    today = at.astimezone(VIETNAM).date()
    if partner.permission.holds(today):
        return None
    if today < partner.permission.valid_from:
        opens = partner.permission.valid_from
        return Held("not_yet", f"Văn bản cho phép kết nối có hiệu lực từ ngày {opens:%d/%m/%Y}.", _midnight(opens))
    return Held("lapsed", f"Văn bản cho phép kết nối đã hết hiệu lực từ ngày {partner.permission.valid_to:%d/%m/%Y}.")


def may_call_at(partner: Partner, at: datetime) -> datetime | None:
    """Return the first moment from `at` on at which the partner may be called; None: not before a person acts."""
    moment = at
    for _ in range(len(partner.limits.quiet) * 2 + 3):
        hold = held(partner, moment)
        if hold is None:
            return moment
        if hold.until is None:
            return None
        moment = hold.until
    return None


def leaves_at(timetable: Timetable, at: datetime, calendar: WorkingCalendar) -> datetime | None:
    """Return when a delivery that is planned at `at` becomes due; None: when somebody says so."""
    if timetable.when == "schedule":
        return next_moment(timetable, at, calendar)
    return None if timetable.when == "demand" else at


def next_moment(timetable: Timetable, after: datetime, calendar: WorkingCalendar) -> datetime | None:
    """Return the schedule's first moment after this one, None if it has none.

    With `working_days`, a moment on a day off moves to the same hour of the next working day: so the schedule is read
    from the first of the days off that end where `after` lies, and the earliest moved moment counts.
    """
    local = after.astimezone(VIETNAM).replace(tzinfo=None)
    start, best = local, None
    if timetable.working_days:
        start = datetime.combine(_first_day_off(local.date(), calendar), time()) - timedelta(minutes=1)
    try:
        for moment in CronSim(timetable.cron, start):
            if best is not None and moment >= best:
                break
            day = calendar.next_working_day(moment.date()) if timetable.working_days else moment.date()
            moved = datetime.combine(day, moment.time())
            if moved > local and (best is None or moved < best):
                best = moved
    except CronSimError:
        return None
    return None if best is None else best.replace(tzinfo=VIETNAM)


def faults(timetable: Timetable, limits: Limits) -> Iterable[tuple[str, str]]:
    """Yield (place, what is wrong with it) of a timetable and of quiet hours."""
    if timetable.when not in WHEN:
        yield "timetable.when", f"{timetable.when!r} is none of {', '.join(WHEN)}"
    if (timetable.when == "schedule") != bool(timetable.cron):
        yield "timetable.cron", "a schedule needs one, nothing else has one"
    if timetable.cron and not _fires(timetable.cron):
        yield "timetable.cron", f"{timetable.cron!r} is no cron line of five fields that ever comes round"
    for place, quiet in enumerate(limits.quiet):
        try:
            if _clock(quiet.start) == _clock(quiet.until):
                yield f"limits.quiet[{place}]", "start and end are the same"
        except ValueError:
            yield f"limits.quiet[{place}]", "hours are written HH:MM"
            return
    if limits.quiet and all(_in_quiet(limits.quiet, time(minute // 60, minute % 60)) for minute in range(1440)):
        yield "limits.quiet", "no minute of the day is left"


def _quiet(limits: Limits, at: datetime) -> Held | None:
    local = at.astimezone(VIETNAM)
    quiet = _in_quiet(limits.quiet, local.time())
    if quiet is None:
        return None
    end = datetime.combine(local.date(), _clock(quiet.until), VIETNAM)
    end = end if end > local else end + timedelta(days=1)
    return Held("quiet", f"Hệ thống nhận nghỉ từ {quiet.start} đến {quiet.until}.", end)


def _in_quiet(hours: Iterable[Quiet], at: time) -> Quiet | None:
    for quiet in hours:
        start, until = _clock(quiet.start), _clock(quiet.until)
        if start <= at < until or (until < start and (at >= start or at < until)):
            return quiet
    return None


def _clock(text: str) -> time:
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - an hour of every day


def _first_day_off(day: date, calendar: WorkingCalendar) -> date:
    """Return the first of the days off that end on this day or the day before; the day itself if both are worked."""
    while not calendar.is_working_day(day) or not calendar.is_working_day(day - timedelta(days=1)):
        day -= timedelta(days=1)
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)


def _fires(cron: str) -> bool:
    if len(cron.split()) != 5:
        return False
    try:
        next(CronSim(cron, datetime(2024, 1, 1)))  # noqa: DTZ001 - any moment; 2024 is a leap year
    except (CronSimError, StopIteration):
        return False
    return True
