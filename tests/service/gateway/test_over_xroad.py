"""The hub on both ends of X-Road: its own roads call its own doors through a security server."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from services.integration.clients import Recorder
from services.integration.clients.soap import SoapClient
from services.integration.clients.transport import DirectRoad, Road
from services.integration.clients.xroad import over_xroad
from services.integration.domain.delivery import Said
from services.integration.domain.ledger import Packet
from services.integration.domain.partners import Partner, Transport
from shared.contracts.events import PushAccepted
from shared.errors import NotFound
from simulators import security_server
from simulators.security_server import Server
from tests.unit.gateway.conftest import SETTINGS, Gateway, make_token

THEM, US = "VN/GOV/BKH/thống kê", "VN/GOV/H35/baocao"
SECRET = "secret-of-the-security-server"


@contextmanager
def served(app: Any) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def hub() -> Gateway:
    made = Gateway(dataclasses.replace(SETTINGS, xroad_service=f"{US}/reporting", xroad_secrets=(SECRET.encode(),)))
    made.broker.answers["submissions.find_receipt"] = None
    made.broker.answers["integration.find_xroad_caller"] = lambda client, **_: (
        {"partner": "bkh", "client": "client:bkh"}
        if client == THEM.replace("thống kê", "th%E1%BB%91ng%20k%C3%AA")
        else NotFound("integration.no_xroad_caller", "none")
    )
    token = {"access_token": make_token(sub="client:bkh"), "token_type": "Bearer", "expires_in": 900, "scope": ""}
    made.broker.answers["accounts.vouch_for"] = token
    return made


@pytest.fixture(scope="module")
def address(hub: Gateway) -> Iterator[str]:
    """The address of the client's security server."""
    with served(hub.app) as gateway:
        server = Server(
            services={US: f"{gateway}/soap/v1/reporting", f"{US}/reporting": gateway},
            clients=(THEM, THEM.replace("thống kê", "th%E1%BB%91ng%20k%C3%AA")),
            added={"X-Hub-Security-Server": SECRET},
        )
        with served(security_server.create_app(server)) as found:
            yield found


def road(address: str, protocol: str) -> Road:
    service = US if protocol == "soap" else f"{US}/reporting"
    terms = {"client": THEM.replace("thống kê", "th%E1%BB%91ng%20k%C3%AA"), "service": service}
    partner = Partner(
        id="hub", name="Hub", protocol=protocol, endpoint=address, credential="x", forms=(),
        transport=Transport(kind="xroad", xroad=terms),
    )  # fmt: skip
    return over_xroad(DirectRoad(address, 5, Recorder("hub", 0)), partner)


PACKET = Packet(
    message_id="m-1", sender="bkh", form="GD-NAM", unit="LC", period="2016", version=1,
    values=(("GD01", "1.5", "official"), ("GD02", None, "official")),
)  # fmt: skip


def test_the_hubs_own_client_pushes_through_x_road_and_the_answer_is_believed(hub: Gateway, address: str) -> None:
    client = SoapClient(road(address, "soap"), "")
    answer = client.submit(PACKET)
    assert (answer.said, answer.error) == (Said.UNCLEAR, "taken in, not applied yet")
    [push] = [event for event, _ in hub.broker.published if isinstance(event, PushAccepted)]
    assert (push.client_id, push.forms) == ("client:bkh", ["GD-NAM"])
    assert client.status(PACKET).said is Said.UNKNOWN
    receipt = {"receipt_id": push.receipt_id, "state": "processed", "counts": {"accepted": 2}}
    hub.broker.answers["submissions.find_receipt"] = receipt
    assert client.status(PACKET).said is Said.APPLIED
    client.close()


def test_the_routes_answer_over_r1(hub: Gateway, address: str) -> None:
    hub.broker.answers["indicators.find_observation"] = {"value": "1"}
    way = road(address, "rest")
    reply = way.send("GET", "/v1/observations/NN01.NS/LC/2016")
    assert (reply.status, reply.body) == (200, b'{"value":"1"}')
    assert way.send("GET", "/v1/nowhere").status == 404
    way.close()
