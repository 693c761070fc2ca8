"""The same report by SOAP and by REST comes to the same, from the door to the draft; zeep is the independent client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
import zeep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from zeep.exceptions import Fault
from zeep.transports import Transport

from services.submissions import testing
from shared.contracts.events import PushAccepted
from shared.contracts.views.submissions import ReceiptView
from tests.conftest import Databases
from tests.foreign import npm_is_here, soap_client
from tests.service.submissions.conftest import Hub
from tests.unit.gateway.conftest import Gateway, make_token

FIGURES = text(
    "SELECT submission, indicator, value, status, origin, version, removed, conflict::text FROM figures ORDER BY 1, 2"
)


class Doors:
    """A gateway on a real port, behind each of whose doors a submissions service of its own takes pushes in."""

    def __init__(self, soap: Hub, rest: Hub) -> None:
        self.hubs = {"soap": soap, "rest": rest}
        self.gateway = Gateway()
        self.gateway.token = make_token(sub="client:csdl", units=["*"], forms=["*"])
        self.gateway.broker.answers["submissions.find_receipt"] = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        port = int(self.address.rpartition(":")[2])
        config = uvicorn.Config(self.gateway.app, port=port, log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started and self.thread.is_alive():
            time.sleep(0.01)
        bearer = {"Authorization": f"Bearer {self.gateway.token}"}
        self.http = httpx.Client(base_url=self.address, headers=bearer)
        self.soap = zeep.Client(f"{self.address}/soap/v1/reporting?wsdl", transport=Transport(timeout=5)).service
        self.header = {"_soapheaders": {"token": self.gateway.token}}
        self.count = 0

    def close(self) -> None:
        """Stop serving."""
        self.http.close()
        self.server.should_exit = True
        self.thread.join(10)

    def settled(self, door: str) -> ReceiptView | None:
        """Let the intake behind this door process what came in; return the receipt."""
        events = [event for event, _ in self.gateway.broker.published if isinstance(event, PushAccepted)]
        self.gateway.broker.published.clear()
        if not events:
            return None
        [event] = events
        accepted_at = datetime(2016, 12, 1, tzinfo=UTC) + timedelta(seconds=self.count)
        return self.hubs[door].push(testing.received(msgspec.structs.replace(event, accepted_at=accepted_at)))


@pytest.fixture(scope="module")
def doors(postgres_url: str) -> Iterator[Doors]:
    databases = [Databases(postgres_url) for _ in range(2)]
    hubs = [Hub(made("submissions")) for made in databases]
    for hub in hubs:
        hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(testing.bodies()))
    made = Doors(*hubs)
    yield made
    made.close()
    for kept in databases:
        kept.close()


AMOUNTS = st.one_of(
    st.none(),
    st.integers(0, 50).map(Decimal),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**22), max_value=10**22),
    st.sampled_from(["0.0", "-0", "8.966", "1234567890123456789012345", "0.00001", "007.50"]).map(Decimal),
)
VALUES = st.lists(
    st.tuples(
        st.sampled_from(["GD01", "GD01.TH", "GD02", "NN01.DT", "NO-SUCH"]),
        AMOUNTS,
        st.sampled_from(["official", "estimate", "preliminary"]),
    ),
    max_size=5,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(values=VALUES, form=st.sampled_from(["GD-NAM", "NN-NAM", "XX"]), unit=st.sampled_from(["LC", "nowhere"]))
def test_the_same_report_by_soap_and_by_rest_comes_to_the_same(
    doors: Doors, values: list[tuple[str, Decimal | None, str]], form: str, unit: str
) -> None:
    doors.count += 1
    key = f"m-{doors.count}"
    figures: list[dict[str, Any]] = [
        {"indicator": name, "status": status}
        | ({"nothing_occurred": True} if amount is None else {"value": msgspec.Raw(format(amount, "f").encode())})
        for name, amount, status in values
    ]
    body = msgspec.json.encode({"form": form, "unit": unit, "period": "2016", "figures": figures})
    answer = doors.http.post("/v1/data", content=body, headers={"Idempotency-Key": key})
    by_rest = doors.settled("rest")
    try:
        told = doors.soap.SubmitReportData(
            message_id=key,
            sender="csdl",
            form=form,
            unit=unit,
            period="2016",
            version=doors.count,
            value=[
                {"indicator": name, "status": status} | ({} if amount is None else {"amount": amount})
                for name, amount, status in values
            ],
            **doors.header,
        )
        refused = None
        assert told.state == "accepted"
    except Fault as fault:
        refused = fault.detail.findtext(".//{*}code")
    by_soap = doors.settled("soap")
    if by_rest is None or by_soap is None:
        assert (by_rest, by_soap, refused) == (None, None, answer.json()["code"])
        return
    assert (by_soap.receipt_id, by_soap.counts) == (by_rest.receipt_id, by_rest.counts)
    assert by_soap.outcomes == by_rest.outcomes
    assert rows(doors, "soap") == rows(doors, "rest")


def rows(doors: Doors, door: str) -> list[tuple[Any, ...]]:
    with doors.hubs[door].engine.begin() as connection:
        return [tuple(row) for row in connection.execute(FIGURES)]


def test_zeep_reads_what_became_of_a_message_and_a_fault(doors: Doors) -> None:
    value = {"indicator": "GD02", "amount": Decimal(7), "status": "official"}
    wrong = {"indicator": "NO-SUCH", "amount": Decimal(7), "status": "official"}
    doors.count += 1
    given = {"message_id": "whole", "sender": "csdl", "form": "GD-NAM", "unit": "LC", "period": "2016", "version": 1}
    doors.soap.SubmitReportData(**given, value=[value, wrong], **doors.header)
    receipt = doors.settled("soap")
    assert rows(doors, "soap")
    doors.gateway.broker.answers["submissions.find_receipt"] = receipt
    try:
        told = doors.soap.GetReportStatus(message_id="whole", **doors.header)
        assert (told.state, told.receipt) == ("applied", receipt.receipt_id if receipt else None)
        [outcome] = told.outcome
        assert (outcome.indicator, outcome.outcome) == ("NO-SUCH", "refused")
        assert "Ư" not in outcome.detail and outcome.detail != outcome.detail.encode("ascii", "ignore").decode()
        again = doors.soap.SubmitReportData(**given, value=[value, wrong], **doors.header)
        assert again.state == "already_applied"
        with pytest.raises(Fault, match="send `Authorization"):
            doors.soap.GetReportStatus(message_id="whole")
        with pytest.raises(Fault, match="a body may have at most") as beyond:
            doors.soap.GetReportStatus(message_id="x" * 100_000, **doors.header)
        assert beyond.value.detail.findtext(".//{*}detail").startswith("Nội dung gửi lên vượt quá")
    finally:
        doors.gateway.broker.answers["submissions.find_receipt"] = None


@pytest.mark.skipif(not npm_is_here(), reason="npm is not on this machine")
def test_the_npm_client_pushes_and_asks_by_the_contract_alone(doors: Doors) -> None:
    doors.count += 1
    answers = doors.gateway.broker.answers
    brief = {"period": None, "form": None, "unit": None, "count": 5, "digest": "0f" * 8, "share": 3}
    answers["integration.search_digests"] = {"store": "expected", "digests": [brief]}
    answers["integration.list_groups"] = {"store": "expected", "values": []}
    told = soap_client(f"{doors.address}/soap/v1/reporting?wsdl", doors.gateway.token)
    assert (told["handed"]["state"], told["asked"]["state"]) == ("accepted", "unknown")
    assert told["fault"]["detail"]["ReportingFault"]["code"] == "gateway.token_missing"
    assert told["parts"]["entry"] == [{"share": "3", "count": "5", "digest": "0f" * 8}]
    [listing] = [given for name, given in doors.gateway.broker.calls if name == "integration.list_groups"]
    assert (listing["of"], listing["shares"]) == ([["12", 1], ["14", 0]], 3)
    large = told["large"]["detail"]["ReportingFault"]
    assert (large["code"], large["detail"].startswith("Nội dung gửi lên vượt quá")) == ("gateway.body_too_large", True)
    [push] = [event for event, _ in doors.gateway.broker.published if isinstance(event, PushAccepted)]
    doors.gateway.broker.published.clear()
    assert msgspec.json.decode(bytes(push.body)) == {
        "form": "GD-NAM",
        "unit": "LC",
        "period": "2016",
        "figures": [
            {"indicator": "GD01", "status": "estimate", "value": 8.966},
            {"indicator": "GD02", "status": "official", "nothing_occurred": True},
        ],
    }
