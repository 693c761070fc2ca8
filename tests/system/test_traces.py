"""With traces on, a figure's way from push to acknowledgement is one trace; off, nothing is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from hub.settings import HubSettings
from shared.traces import first_of, trace_of
from tests.faults.conftest import consistent_figures, wait_until
from tests.faults.load import Client, Door, Journey
from tests.system.conftest import Receiver

CORRELATION = "one-journey-from-push-to-acknowledgement"


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
