"""The stand-in far side keeps the rules that deliveries and reconciliation rely on, over both protocols."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
import zeep
from zeep.exceptions import Fault
from zeep.transports import Transport

from shared.canonical import content_hash
from shared.digest import entry_hash, of_hash
from simulators.process import create_app

TOKEN = "secret-of-the-test"


@pytest.fixture
def address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app("far side", TOKEN), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def packet(message_id: str, version: int, **values: str | None) -> dict[str, object]:
    rows = [(name, value, "official") for name, value in values.items()]
    return {
        "message_id": message_id,
        "sender": "hub",
        "form": "GD-NAM",
        "unit": "12",
        "period": "2016",
        "version": version,
        "content_hash": content_hash(("GD-NAM", "12", "2016", str(version)), rows),
        "values": [{"indicator": name, "value": value, "status": "official"} for name, value in values.items()],
    }


@pytest.fixture
def rest(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5) as client:
        yield client


def stored(rest: httpx.Client) -> dict[str, object]:
    buckets = rest.get("/control/store").json()
    return {name: value for bucket in buckets for name, (value, _status) in bucket["values"].items()}


def test_a_packet_is_the_whole_content_and_the_same_message_is_applied_once(rest: httpx.Client) -> None:
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1", B="2")).json()["state"] == "applied"
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1", B="2")).json()["state"] == "already_applied"
    assert rest.post("/api/v1/packets", json=packet("m2", 2, A="3")).json()["state"] == "applied"
    assert stored(rest) == {"A": "3"}
    assert len(rest.get("/control/journal").json()) == 2


def test_an_older_version_is_refused(rest: httpx.Client) -> None:
    rest.post("/api/v1/packets", json=packet("m2", 2, A="3"))
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1")).json()["state"] == "superseded"
    assert stored(rest) == {"A": "3"}


def test_content_that_does_not_match_its_hash_is_refused(rest: httpx.Client) -> None:
    bad = packet("m1", 1, A="1") | {"values": [{"indicator": "A", "value": "2", "status": "official"}]}
    answer = rest.post("/api/v1/packets", json=bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "packet.bad_hash")


def test_without_the_token_nothing_is_said(address: str) -> None:
    assert httpx.get(f"{address}/api/v1/digests").status_code == 401


def test_soap_and_rest_tell_the_same_store(address: str, rest: httpx.Client) -> None:
    client = zeep.Client(f"{address}/soap?wsdl", transport=Transport(timeout=5))
    headers = {"_soapheaders": {"token": TOKEN}}
    body = packet("m1", 1, A="1.5", B=None)
    body["value"] = [
        {"indicator": "A", "amount": "1.5", "status": "official"},
        {"indicator": "B", "status": "official"},
    ]
    del body["values"]
    assert client.service.SubmitReportData(**body, **headers).state == "applied"
    assert client.service.GetReportStatus(message_id="m1", **headers).state == "applied"
    [root] = client.service.GetDigests(level="root", **headers)
    [same] = rest.get("/api/v1/digests?level=root").json()["digests"]
    expected = of_hash(entry_hash("GD-NAM", "12", "2016", "A", "1.5", "official")) + of_hash(
        entry_hash("GD-NAM", "12", "2016", "B", None, "official")
    )
    assert (root.count, root.digest) == (same["count"], same["digest"]) == (2, expected.text)
    listing = client.service.ListValues(form="GD-NAM", unit="12", period="2016", limit=1, **headers)
    assert [item.indicator for item in listing.value] == ["A"]
    following = client.service.ListValues(
        form="GD-NAM", unit="12", period="2016", limit=1, after=listing.next, **headers
    )
    assert ([item.indicator for item in following.value], following.next) == (["B"], None)
    with pytest.raises(Fault, match="unknown token"):
        client.service.GetReportStatus(message_id="m1")


def test_a_packet_held_back_is_applied_after_the_status_was_answered_unknown(rest: httpx.Client) -> None:
    rest.post("/control/faults", json=[{"kind": "apply_late", "seconds": 0.1}])
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1")).status_code == 500
    assert rest.get("/api/v1/packets/m1").json()["state"] == "unknown"
    deadline = time.monotonic() + 5
    while not stored(rest) and time.monotonic() < deadline:
        pass
    assert stored(rest) == {"A": "1"}
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1")).json()["state"] == "already_applied"


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        ("refuse", 422, False),
        ("unavailable", 503, False),
        ("error", 500, False),
        ("soap_fault", 500, False),
        ("malformed", 200, True),
        ("timeout_before", 500, False),
        ("timeout_after", 200, True),
        ("delay", 200, True),
    ],
)
def test_each_fault_strikes_once_and_does_what_it_says(
    rest: httpx.Client, kind: str, status: int, applied: bool
) -> None:
    rest.post("/control/faults", json=[{"kind": kind, "seconds": 0.05}])
    assert rest.post("/api/v1/packets", json=packet("m1", 1, A="1")).status_code == status
    assert bool(stored(rest)) is applied
    assert rest.get("/control/faults").json() == {"struck": {kind: 1}, "armed": 0}


def test_damage_is_seen_in_the_digest(rest: httpx.Client) -> None:
    rest.post("/api/v1/packets", json=packet("m1", 1, A="1", B="2"))
    before = rest.get("/api/v1/digests?level=bucket").json()["digests"]
    rest.post(
        "/control/values",
        json={"action": "change", "form": "GD-NAM", "unit": "12", "period": "2016", "indicator": "A", "value": "9"},
    )
    after = rest.get("/api/v1/digests?level=bucket").json()["digests"]
    assert before != after
