"""What a partner's record may say about X-Road."""

from __future__ import annotations

from typing import Any

import pytest

from services.integration.domain import partner_rules, xroad
from services.integration.domain.partners import Partner, Transport
from services.integration.domain.unambiguous import Known
from shared.errors import Invalid

GOOD = {
    "client": "VN/GOV/H35/baocao",
    "service": "VN/GOV/BKH/baocao/reporting",
    "user": "VN1",
    "issue": "1",
    "represented_party": "COM/1",
    "security_server": "VN/GOV/BKH/s1",
    "callers": {"VN/GOV/BKH/baocao": "csdl-bkh"},
}


def partner(terms: dict[str, Any], protocol: str = "rest", kind: str = "xroad") -> Partner:
    return Partner(
        id="p", name="P", protocol=protocol, endpoint="https://x", credential="c", forms=(),
        transport=Transport(kind=kind, xroad=terms),
    )  # fmt: skip


def test_terms_that_can_be_followed_are_taken() -> None:
    xroad.check(partner(GOOD))
    xroad.check(partner(GOOD | {"service": "VN/GOV/BKH/baocao", "version": "v1"}, "soap"))
    xroad.check(partner({"callers": {"VN/GOV/BKH": "x"}}, kind="tls"))
    xroad.check(partner({}, kind="plain"))
    assert xroad.Terms.read(partner(GOOD)).party == ("COM", "1")
    assert xroad.Terms.read(partner(GOOD | {"represented_party": "1"})).party == (None, "1")


@pytest.mark.parametrize(
    ("changes", "protocol", "code"),
    [
        ({"client": ""}, "rest", "integration.bad_xroad_terms"),
        ({"user": 7}, "rest", "integration.bad_xroad_terms"),
        ({"usr": "VN1"}, "rest", "integration.bad_xroad_terms"),
        ({"callers": ["x"]}, "rest", "integration.bad_xroad_terms"),
        ({"callers": {"VN/GOV/BKH": ""}}, "rest", "integration.bad_xroad_terms"),
        ({"callers": {"VN": "x"}}, "rest", "xroad.bad_identifier"),
        ({"service": "VN/GOV/BKH/baocao"}, "rest", "xroad.bad_identifier"),
        ({}, "soap", "xroad.bad_identifier"),
    ],
)
def test_terms_that_cannot_be_followed_are_refused(changes: dict[str, Any], protocol: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        xroad.check(partner(GOOD | changes, protocol))
    assert refused.value.code == code
    with pytest.raises(Invalid, match=r"transport\.xroad"):
        partner_rules.check(partner(GOOD | changes, protocol), Known())


def test_a_partner_that_only_calls_needs_no_way_to_it() -> None:
    xroad.check(partner({"callers": {"VN/GOV/BKH/baocao": "csdl-bkh"}}, "push"))
