"""With traces on, a figure's way from push to acknowledgement is one trace; off, nothing is loaded."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hub.ground.installation import Installation
from hub.settings import HubSettings
from shared.traces import first_of, trace_of
from tests.faults.conftest import consistent_figures, free_port, wait_until
from tests.faults.load import Client, Door, Journey
from tests.system.test_prometheus import _free_ports

CORRELATION = "one-journey-from-push-to-acknowledgement"


@dataclass(frozen=True)
class Span:
    """One span as it arrived: which process told it, and what."""

    process: str
    name: str
    id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Receiver:
    """An OTLP receiver over HTTP; spans by trace id."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    url: str = ""

    def take(self, body: bytes) -> None:
        """Keep the spans of one export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = next(
                item.value.string_value for item in resource.resource.attributes if item.key == "service.name"
            )
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {item.key: item.value.string_value for item in span.attributes}
                    told = Span(process, span.name, span.span_id.hex(), span.parent_span_id.hex(), attributes)
                    self.spans.setdefault(span.trace_id.hex(), []).append(told)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that runs."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        yield kept
        server.shutdown()


@pytest.fixture
def hub(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, postgres_url: str, amqp_url: str, tmp_path: Path
) -> Iterator[HubSettings]:
    """A running hub that tells its spans to the receiver."""
    monkeypatch.setenv("HUB_TRACES_ENDPOINT", receiver.url)
    port = free_port()
    settings = HubSettings(
        var=tmp_path / "var",
        secrets=tmp_path / "var" / "secrets",
        postgres_url=postgres_url,
        amqp_url=amqp_url,
        database_prefix=f"t_{uuid.uuid4().hex[:8]}_",
        gateway_url=f"http://127.0.0.1:{port}",
        gateway_port=port,
        national_port=free_port(),
        ministry_port=free_port(),
        metrics_port=_free_ports(20),
    )
    installation = Installation(settings, lambda line: None)
    try:
        installation.up()
        yield settings
    finally:
        installation.clean()


def drive(hub: HubSettings) -> None:
    """Push, submit and approve, all under one correlation id."""
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    doors = []

    def door(**grant: str) -> Door:
        doors.append(Door(hub.gateway_url, grant))
        doors[-1]._http.headers["X-Correlation-ID"] = CORRELATION
        return doors[-1]

    def person(name: str) -> Door:
        return door(grant_type="password", username=name, password=accounts["people"][name])

    def system(name: str) -> Door:
        return door(grant_type="client_credentials", client_id=name, client_secret=accounts["clients"][name])

    pusher, clerk, leader = system("tai-thu"), person("sgddt.nhaplieu"), person("sgddt.lanhdao")
    portal, operator = system("cong-noi-bo"), system("van-hanh")
    client = Client(lambda: pusher, lambda _: clerk, lambda _: leader, lambda: portal, lambda: operator)
    key = {"form": "GD-NAM", "unit": "LC", "period": "2015"}
    try:
        wait_until(lambda: clerk.ask("GET", "/v1/submissions", params=key).json()["submissions"], "the obligation")
        client.run([Journey(**key, values=consistent_figures("GD-NAM"))], workers=1)
    finally:
        for each in doors:
            each.close()


def test_a_figures_way_from_push_to_acknowledgement_is_one_trace(hub: HubSettings, receiver: Receiver) -> None:
    drive(hub)
    trace = trace_of(CORRELATION)
    wanted: dict[str, Any] = {
        "the push at the gateway": lambda span: (span.process, span.name) == ("gateway", "POST /v1/data"),
        "intake": lambda span: span.name == "handle submissions.push_accepted",
        "the case": lambda span: span.name == "handle approval.submission_submitted",
        "the decision": lambda span: (span.process, span.name) == ("approval", "approval.approve"),
        "the outbox": lambda span: (span.process, span.name) == ("relay", "publish submission_approved"),
        "the warehouse": lambda span: span.name == "handle indicators.submission_finalised",
        "the delivery": lambda span: (
            span.process == "integration-worker" and span.attributes.get("state") == "acknowledged"
        ),
    }

    def missing() -> list[str]:
        spans = receiver.spans.get(trace, [])
        return [what for what, fits in wanted.items() if not any(fits(span) for span in spans)]

    end = time.monotonic() + 60
    while missing():
        assert time.monotonic() < end, (
            f"{missing()} not among {sorted({s.name for s in receiver.spans.get(trace, [])})}"
        )
        time.sleep(0.2)
    spans = receiver.spans[trace]
    push = next(span for span in spans if span.name == "POST /v1/data")
    intake = [span for span in spans if span.name == "handle submissions.push_accepted"]
    assert push.id in {span.parent for span in intake}, "intake hangs below the request that published the push"
    published = next(span for span in spans if span.name == "publish submission_approved")
    assert published.parent == first_of(CORRELATION)
    handled = [span for span in spans if span.name == "handle submissions.submission_approved"]
    assert published.id in {span.parent for span in handled}
    assert all(span.attributes["hub.correlation_id"] == CORRELATION for span in spans)


def test_while_traces_are_off_neither_sdk_nor_exporter_is_imported() -> None:
    """FastAPI itself imports the interface (opentelemetry-api) where it is installed, which does nothing by itself."""
    code = (
        "import sys; from shared import process; import gateway.app, shared.relay, services.integration.worker; "
        "heavy = 'opentelemetry.sdk', 'opentelemetry.exporter', 'google'; "
        "sys.exit(any(name.startswith(heavy) for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
