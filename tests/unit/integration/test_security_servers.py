"""What stands in the registry of security servers on a day, and when a change may take effect (Đ11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.integration.domain.security_servers import (
    Change,
    SecurityServer,
    check,
    check_announcement,
    earliest,
    standing,
)
from shared.calendar import WorkingCalendar
from shared.errors import Invalid

CALENDAR = WorkingCalendar()
SERVER = SecurityServer(
    id="mcbm-1",
    owner="LC-VP",
    address="https://mcbm",
    purpose="trục liên thông",
    fingerprint="0" * 64,
    valid_from=date(2026, 3, 2),
)


def test_a_change_takes_effect_on_its_day_and_not_before() -> None:
    moved = replace(SERVER, address="https://moi")
    changes = [
        Change(number=1, server="mcbm-1", effective_on=date(2026, 3, 2), becomes=SERVER),
        Change(number=3, server="mcbm-1", effective_on=date(2026, 3, 10), becomes=None),
        Change(number=2, server="mcbm-1", effective_on=date(2026, 3, 5), becomes=moved),
    ]
    days = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 10))
    assert [list(standing(changes, day).values()) for day in days] == [[], [SERVER], [SERVER], [moved], []]
    ends = replace(SERVER, valid_to=date(2026, 3, 4))
    bounded = [Change(number=1, server="mcbm-1", effective_on=date(2026, 3, 2), becomes=ends)]
    assert standing(bounded, date(2026, 3, 3)) and not standing(bounded, date(2026, 3, 4))


def test_a_change_is_announced_three_working_days_ahead_unless_it_is_an_emergency_with_its_reason() -> None:
    friday = date(2026, 3, 6)
    assert earliest(friday, CALENDAR) == date(2026, 3, 11)
    check_announcement(friday, date(2026, 3, 11), CALENDAR, emergency=False, reason="")
    with pytest.raises(Invalid, match="announced_late") as late:
        check_announcement(friday, date(2026, 3, 10), CALENDAR, emergency=False, reason="gấp")
    assert late.value.context == {"earliest": "2026-03-11"}
    with pytest.raises(Invalid, match="no_reason"):
        check_announcement(friday, friday, CALENDAR, emergency=True, reason=" ")
    check_announcement(friday, friday, CALENDAR, emergency=True, reason="lộ khóa")
    with pytest.raises(Invalid, match="effective_before"):
        check_announcement(friday, date(2026, 3, 5), CALENDAR, emergency=True, reason="lộ khóa")


def test_a_server_at_fault_is_refused_with_the_place() -> None:
    check(SERVER, ["LC-VP"])
    faults = [replace(SERVER, owner="X"), replace(SERVER, fingerprint="ab:cd"), replace(SERVER, address=" ")]
    for server, place in zip(faults, ("owner", "fingerprint", "address"), strict=True):
        with pytest.raises(Invalid, match=place):
            check(server, ["LC-VP"])
