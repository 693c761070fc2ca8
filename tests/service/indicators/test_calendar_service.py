"""Working days and deadlines, as the loaded catalogue has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Engine

from services.indicators.service import IndicatorsService
from services.indicators.testing import small_load
from shared.contracts.actor import Actor
from shared.errors import Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork

OFFICE = Actor("office", "person", "Văn phòng", ("catalogue.manage", "catalogue.read"), ("*",), ("*",))
SWAP = {"decision": "Công văn 12729/VPCP-KGVX"}


@pytest.fixture(scope="module")
def service(database: Callable[[str], Engine]) -> IndicatorsService:
    service = IndicatorsService()
    service.unit = UnitOfWork.for_engine(database("indicators"), "indicators")
    load = small_load()
    load["regimes"][0]["ladder"] = [{"level": "agency", "day": 18, "hour": 11}]
    load["calendar"] = [
        {"id": "2026-01-02", "off": True, "name": "Hoán đổi", **SWAP},
        {"id": "2026-01-10", "off": False, "name": "Làm bù", **SWAP},
    ]
    service.load_catalogue(OFFICE, load)
    return service


def test_the_loaded_calendar_overrides_the_seed(service: IndicatorsService) -> None:
    days = [date(2026, 1, 2), date(2026, 1, 10), date(2026, 1, 11)]
    found = service.next_working_day(OFFICE, days)
    assert [(view.day_off, view.next) for view in found] == [
        ("Hoán đổi", date(2026, 1, 5)),
        (None, date(2026, 1, 10)),
        ("Chủ nhật", date(2026, 1, 12)),
    ]


def test_a_regimes_calendar_has_windows_deadlines_by_level_and_why_they_moved(service: IndicatorsService) -> None:
    found = service.regime_calendar(OFFICE, "GD-THANG", 2026)
    assert [period.period for period in found.periods] == [f"2026-{month:02d}" for month in range(1, 13)]
    january = found.periods[0]
    assert (january.window_from, january.window_to) == (date(2025, 12, 15), date(2026, 1, 14))
    # 18 January 2026 is a Sunday.
    assert [(due.level, f"{due.at:%d %H:%M}", due.because) for due in january.deadlines] == [
        ("agency", "19 11:00", ["Chủ nhật"]),
        (None, "20 17:00", []),
    ]
    assert service.regime_calendar(OFFICE, "GD-THANG", 2025).periods == []


def test_what_there_is_not_is_said(service: IndicatorsService) -> None:
    with pytest.raises(NotFound, match="no_regime"):
        service.regime_calendar(OFFICE, "XX", 2026)
    with pytest.raises(Invalid, match="too_many_days"):
        service.next_working_day(OFFICE, [date(2026, 1, 1)] * 401)
    with pytest.raises(Invalid, match=r"calendar\.year"):
        service.next_working_day(OFFICE, [date(9999, 12, 31)])
    with pytest.raises(Forbidden):
        service.next_working_day(Actor("x", "person", ""), [date(2026, 1, 1)])
