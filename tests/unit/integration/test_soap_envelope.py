"""Envelopes as they leave: zeep's own but for the values, which must be what zeep would have written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.integration.clients.soap import NAMESPACE, SoapClient
from services.integration.clients.transport import Reply
from services.integration.domain.delivery import Said
from services.integration.domain.ledger import Packet
from shared.canonical import decimal_text

AMOUNTS = st.none() | st.decimals(-(10**15), 10**15, places=4, allow_nan=False).map(decimal_text)
VALUES = st.lists(st.tuples(st.sampled_from(["DS01", "ĐẤT<&>"]), AMOUNTS, st.sampled_from(["official", "estimate"])))
ANSWER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    f'<SubmitReportDataResponse xmlns="{NAMESPACE}"><message_id>m</message_id><state>applied</state>'
    "</SubmitReportDataResponse></s:Body></s:Envelope>"
)


class Road:
    """Keeps what it is given, and says that it was applied."""

    sent = b""

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        self.sent = body or b""
        return Reply(200, {}, ANSWER.encode())

    def close(self) -> None:
        """Nothing to give back."""


def packet(values: list[tuple[str, str | None, str]]) -> Packet:
    return Packet(message_id="m", sender="lai-chau", form="A", unit="U", period="2016", version=1, values=tuple(values))


@settings(deadline=None)  # the contract is read in the first example
@given(VALUES)
def test_values_stand_in_the_envelope_as_zeep_would_write_them(values: list[tuple[str, str | None, str]]) -> None:
    road, given = Road(), packet(values)
    client = SoapClient(road, "token")
    assert client.submit(given).said is Said.APPLIED
    ours = etree.canonicalize(road.sent.decode())
    head = {name: getattr(given, name) for name in ("message_id", "sender", "form", "unit", "period", "version")}
    rows = [
        {"indicator": name, "status": status} | ({} if amount is None else {"amount": Decimal(amount)})
        for name, amount, status in values
    ]
    client._call("SubmitReportData", {**head, "content_hash": given.content_hash, "value": rows})
    assert ours == etree.canonicalize(road.sent.decode())


def test_a_question_after_a_packet_carries_none_of_its_values() -> None:
    road, given = Road(), packet([("DS01", "1", "official")])
    client = SoapClient(road, "token")
    client.submit(given)
    assert b"DS01" in road.sent
    client.status(given)
    assert b"GetReportStatus" in road.sent
    assert b"DS01" not in road.sent
