"""A whole hub: a month's way from a commune to the province, and requests that a stranger makes up from its OpenAPI
document alone."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.demo.stage import Stage
from hub.demo.story import roll_up_a_month
from hub.settings import HubSettings
from shared.digest import entry_hash, of_hash, total
from shared.packets import signing
from shared.packets.kind import Header
from shared.packets.report_data import Figure, ReportData
from shared.packets.report_form import ReportForm
from shared.packets.signing import Seal
from shared.packets.xml import Packet
from shared.testing.processes import eventually

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)


def test_a_communes_month_rolls_up_into_the_departments_draft(hub: HubSettings) -> None:
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    stage = Stage(hub.gateway_url, accounts["people"], accounts["clients"], {}, kill=lambda _: None, verify_audit=list)
    with stage.http:
        roll_up_a_month(stage)


def test_packets_leave_and_come_in_signed(hub: HubSettings, tmp_path: Path) -> None:
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    grant = {"grant_type": "client_credentials", "client_id": "csdl-giao-duc"}
    asked = grant | {"client_secret": accounts["clients"]["csdl-giao-duc"]}
    pem, mine = (hub.secrets / "packet_signing_certificate").read_bytes(), signing.made("csdl-giao-duc")
    for file, content in zip(("key", "certificate"), mine, strict=True):
        (tmp_path / file).write_bytes(content)
    figures = (Figure(indicator="GD06", value="2514", status="official"),)
    data = ReportData(form="GD-NAM", unit="LC", period="2016", figures=figures)
    header = Header(message_id="m-1", sender="csdl-giao-duc", created_at=datetime.now(UTC))
    pushed = signing.signed(Packet(header, data), Seal.read(tmp_path / "key", tmp_path / "certificate"))
    with httpx.Client(base_url=hub.gateway_url, timeout=60) as http:
        token = http.post("/oauth2/token", data=asked).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        answer = http.get("/v1/packets/report-form?form=GD-NAM&signed=true")
        form = signing.read_signed(answer.content, [signing.certificate_of(pem)], ReportForm).content
        assert "GD06" in {item.code for item in form.indicators}

        key = {"Idempotency-Key": "signed-1"}
        assert http.post("/v1/packets", content=pushed, headers=key).json()["code"] == "packets.no_certificate"
        (hub.secrets / "packet_certificate_nguon-giao-duc").write_bytes(mine[1])
        taken = http.post("/v1/packets", content=pushed, headers=key)
        assert taken.status_code == 202, taken.text
        receipt = taken.headers["location"]
        eventually(lambda: http.get(receipt).json()["state"] == "processed", what="the receipt")
        assert http.get(receipt).json()["counts"]["accepted"] == 1


def test_a_source_that_only_pushes_learns_what_the_hub_holds_otherwise(hub: HubSettings) -> None:
    secret = json.loads((hub.secrets / "demo_accounts.json").read_text())["clients"]
    place = {"period": "2016", "form": "GD-NAM", "unit": "12"}
    held = {"GD03.THPT": "9000", "GD06": "2514"}

    def token(client: str) -> dict[str, str]:
        grant = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret[client]}
        given = http.post("/oauth2/token", data=grant).json()["access_token"]
        return {"Authorization": f"Bearer {given}"}

    def done(path: str, states: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def ended() -> bool:
            found.update(http.get(path, headers=source).raise_for_status().json())
            return found["state"] in states

        eventually(ended, what=f"{path} in {states}")
        return found

    with httpx.Client(base_url=hub.gateway_url, timeout=30) as http:
        source = token("csdl-giao-duc")
        figures = [{"indicator": "GD03.THPT", "value": "8966"}, {"indicator": "GD06", "value": 2514}]
        push = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": figures}
        pushed = http.post("/v1/data", json=push, headers={**source, "Idempotency-Key": "compared"}).raise_for_status()
        counts = done(pushed.headers["Location"], {"processed"})["counts"]
        assert counts["accepted"] + counts["unchanged"] == 2
        hashes = [entry_hash("GD-NAM", "12", "2016", name, value, "official") for name, value in held.items()]
        whole = total(of_hash(raw) for raw in hashes)
        stated = {"level": "bucket", "digests": [{**place, "count": whole.count, "digest": whole.text}]}
        began = http.post("/v1/source-digests", json=stated, headers=source).raise_for_status()
        wanted = done(began.headers["Location"], {"values"})
        assert [(group["received"], group["stated"]) for group in wanted["differing"]] == [(2, 2)]
        listed = {"reconciliation": wanted["id"], **place, "values": [
            {"indicator": name, "value": value, "changed_at": "2016-01-01T07:00:00+07:00"}
            for name, value in held.items()
        ]}  # fmt: skip
        http.post("/v1/source-values", json=listed, headers=source).raise_for_status()
        ended = done(began.headers["Location"], {"equal", "different", "failed"})
        assert (ended["state"], ended["pending"]) == ("different", 1)
        assert [(d["kind"], d["indicator"], d["received"], d["stated"]) for d in ended["differences"]] == [
            ("value", "GD03.THPT", "8966", "9000")
        ]
        report = http.get(f"/v1/reconciliations/{ended['id']}/report?format=pdf", headers=token("van-hanh"))
        assert report.headers["content-type"] == "application/pdf" and report.content.startswith(b"%PDF-")


# The administrator may do most, so its requests go deepest; the others show what their rights open and what they close.
THOROUGH = ("--phases", "examples,coverage", "--max-examples", "1")
BRIEF = ("--phases", "examples,fuzzing", "--max-examples", "1")


@pytest.mark.parametrize("who", ["quantri", "tai-thu"])
def test_whatever_the_document_allows_is_answered_as_it_says(who: str, hub: HubSettings, tmp_path: Path) -> None:
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    if who in accounts["people"]:
        grant = {"grant_type": "password", "username": who, "password": accounts["people"][who]}
    else:
        grant = {"grant_type": "client_credentials", "client_id": who, "client_secret": accounts["clients"][who]}
    token = httpx.post(f"{hub.gateway_url}/oauth2/token", data=grant, timeout=20).json()["access_token"]
    # Made when it is first asked for, which may take longer than the tool waits for it.
    httpx.get(f"{hub.gateway_url}/openapi.json", timeout=60).raise_for_status()
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{hub.gateway_url}/openapi.json"),
            *("-H", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)),
            *(THOROUGH if who == "quantri" else BRIEF),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    told = run.stdout.partition(" FAILURES ")[2].partition(" WARNINGS ")[0] or run.stdout
    assert run.returncode == 0, told[-6000:] + run.stderr[-2000:]
