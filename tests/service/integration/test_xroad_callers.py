"""Which client of the hub an X-Road client stands for is data of a partner that is permitted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.integration.domain.partners import Permission, Transport
from services.integration.service import IntegrationService
from services.integration.storage import partners as rows
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

NAME = "VN/GOV/BKH/th%E1%BB%91ng%20k%C3%AA"


def test_a_caller_is_found_by_its_identifier_while_its_partner_is_permitted(
    unit: UnitOfWork, service: IntegrationService
) -> None:
    callers = {"not an identifier": "x", "VN/GOV/BKH/thống kê": "csdl-bkh", "VN/GOV/BKH": 7}
    with unit() as opened:
        partner = replace(rows.load(opened.connection, "bo-nganh"), transport=Transport(xroad={"callers": callers}))
        rows.save(opened.connection, partner)
    found = service.find_xroad_caller(NAME)
    assert (found.partner, found.client) == ("bo-nganh", "csdl-bkh")
    for other in ("VN/GOV/BKH", "VN/GOV/BKH/khac", "VN/GOV/BKH/Th%E1%BB%91ng%20k%C3%AA"):
        with pytest.raises(NotFound, match=r"no_xroad_caller"):
            service.find_xroad_caller(other)
    with pytest.raises(Invalid):
        service.find_xroad_caller("VN")
    ended = Permission(decision="x", focal_agency="LC-VP", valid_from=date(2020, 1, 1), valid_to=date(2021, 1, 1))
    for changed in (replace(partner, permission=ended), replace(partner, active=False)):
        with unit() as opened:
            rows.save(opened.connection, changed)
        with pytest.raises(NotFound):
            service.find_xroad_caller(NAME)
