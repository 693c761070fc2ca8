"""Partners that take packets of QCVN 125: what may be declared, and that a delivery is the same by either road."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.integration.domain import partner_rules
from services.integration.domain.ledger import Packet
from services.integration.domain.mapping import CodeMapping
from services.integration.domain.packets import data_of, packet_dialect
from services.integration.domain.partners import Partner, Permission
from services.integration.domain.unambiguous import Known
from shared.errors import Invalid

PARTNER = Partner(
    id="bo-nganh",
    name="Bộ",
    protocol="rest",
    endpoint="http://127.0.0.1:8091",
    credential="partner_bo-nganh",
    forms=("GD-NAM",),
    permission=Permission(decision="QĐ 1", focal_agency="LC-VP", valid_from=date(2024, 1, 1)),
    dialect={"packets": {"signed": True, "path": "/in"}},
)


def test_what_is_declared_is_taken_as_it_is() -> None:
    partner_rules.check(PARTNER, Known())
    told = packet_dialect(PARTNER)
    assert (told.signed, told.path) == (True, "/in")
    assert not packet_dialect(replace(PARTNER, dialect={"packets": {}})).signed
    assert PARTNER.refuses_older


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"protocol": "soap"}, "packets are posted by REST"),
        ({"mapping": CodeMapping(periods={"year": "Y{year}"})}, "mapping.periods"),
        ({"dialect": {"packets": {"signed": "yes"}}}, "signed"),
        ({"dialect": {"packets": {"seal": True}}}, "seal"),
    ],
)
def test_what_packets_cannot_do_is_refused_when_it_is_declared(changes: dict[str, object], place: str) -> None:
    with pytest.raises(Invalid, match=place):
        partner_rules.check(replace(PARTNER, **changes), Known())  # type: ignore[arg-type]


def test_a_deliverys_packet_has_the_hash_that_our_own_protocol_sends() -> None:
    values = (("A", "1.5", "official"), ("B", None, "estimate"))
    packet = Packet(message_id="m", sender="lai-chau", form="F", unit="12", period="2016", version=3, values=values)
    assert data_of(packet).content_hash == packet.content_hash
