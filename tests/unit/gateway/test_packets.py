"""Packets of QCVN 125 at the gateway: read, pushed, checked; it holds no key, and reads no unsigned part."""

from __future__ import annotations

import importlib
import inspect
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from shared.contracts.events import PushAccepted
from shared.errors import Invalid
from shared.packets import xml
from shared.packets.disaggregations import Disaggregation, Disaggregations
from shared.packets.indicator_groups import IndicatorGroups
from shared.packets.indicators import Indicators
from shared.packets.kind import Header
from shared.packets.kpi_data import KpiData
from shared.packets.kpi_set import KpiSet
from shared.packets.periods import Periods
from shared.packets.regime import Deadline, Regime
from shared.packets.registry import KINDS
from shared.packets.report_data import Figure, ReportData, hash_of
from shared.packets.report_form import ReportForm
from shared.packets.report_list import ListCell, ListColumn, ListRow, OpenList, ReportList
from shared.packets.report_status import ReportStatus
from shared.packets.xml import Packet, build, read
from tests.unit.gateway.conftest import Gateway, make_token
from tests.unit.shared.packets.test_packets import HEADER

KEY = {"Idempotency-Key": "2016/1", "Content-Type": "application/xml"}
DATA = ReportData(
    form="GD-NAM",
    unit="LC",
    period="2016",
    figures=(
        Figure(indicator="GD06", value="3.507", status="official", measure="nghìn người"),
        Figure(indicator="GD02", value=None, status="estimate"),
    ),
)
SIGNATURE = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></ReportData>'


def push(gateway: Gateway, content: Any, **more: Any) -> Any:
    raw = content if isinstance(content, bytes) else build(Packet(HEADER, content))
    gateway.broker.answers["submissions.find_receipt"] = None
    return gateway.ask("POST", "/v1/packets", content=raw, headers=KEY | more)


def pushed(gateway: Gateway) -> dict[str, Any]:
    """Return the body of the one push that was published."""
    [(event, _)] = gateway.broker.published
    assert isinstance(event, PushAccepted)
    found: dict[str, Any] = json.loads(bytes(event.body))
    return found


def test_a_packet_is_made_of_what_the_service_answers(gateway: Gateway) -> None:
    content = Disaggregations(disaggregations=(Disaggregation(code="CAP-HOC", name="cấp học"),))
    gateway.broker.answers["indicators.disaggregations_packet"] = msgspec.to_builtins(content)
    answer = gateway.ask("GET", "/v1/packets/disaggregations")
    assert answer.headers["content-type"].startswith("application/xml")
    packet = read(answer.content)
    assert packet.content == content
    assert (packet.header.sender, packet.header.receiver) == ("lai-chau", "nguon-giao-duc")


def test_a_signed_packet_is_what_integration_signed(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.data_packet"] = lambda **_: msgspec.to_builtins(DATA)
    gateway.broker.answers["integration.sign_packet"] = lambda document, **_: document.replace("</R", "<!-- s --></R")
    answer = gateway.ask("GET", "/v1/packets/report-data?form=GD-NAM&unit=LC&period=2016&signed=true")
    assert answer.content.rstrip().endswith(b"<!-- s --></ReportData>")
    assert gateway.broker.calls[-2][1] | {"actor": 0} == {"actor": 0, "form": "GD-NAM", "unit": "LC", "period": "2016"}


NOW = datetime(2026, 3, 1, tzinfo=UTC)
REGIME = Regime(
    id="R",
    name="R",
    kind="periodic",
    decision="D",
    period_kind="year",
    level="province",
    deadline=Deadline(day=1, hour=17),
    moves=True,
    signature=False,
)
FORM = ReportForm(id="F", name="F", regime="R", version=1, period_kind="year", first="2016")
ADDRESSES: dict[str, tuple[str, str, msgspec.Struct]] = {
    "regime?regime=R": ("indicators", "regime_packet", REGIME),
    "report-form?form=F": ("indicators", "form_packet", FORM),
    "report-data?form=F&unit=U&period=2016": ("indicators", "data_packet", DATA),
    "report-list?form=F&unit=U&period=2016": (
        "indicators",
        "list_packet",
        ReportList(form="F", unit="U", period="2016"),
    ),
    "report-status?form=F&unit=U&agency=A&period=2016&state=due": (
        "submissions",
        "status_packet",
        ReportStatus(as_of=NOW),
    ),
    "periods?year=2026&regime=R": ("indicators", "periods_packet", Periods(year="2026")),
    "indicators?group=G&form=F&on=2026-01-01": ("indicators", "indicators_packet", Indicators()),
    "kpi-set?form=F&regime=R": ("indicators", "kpi_set_packet", KpiSet(id="F", name="F")),
    "indicator-groups": ("indicators", "groups_packet", IndicatorGroups()),
    "disaggregations": ("indicators", "disaggregations_packet", Disaggregations()),
    "kpi-data?unit=U&period=2016&form=F": ("indicators", "kpi_packet", KpiData(set="F", unit="U", period="2016")),
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_kind_is_asked_of_the_service_that_has_it(address: str, gateway: Gateway) -> None:
    service, method, content = ADDRESSES[address]
    gateway.broker.answers[f"{service}.{method}"] = msgspec.to_builtins(content)
    answer = gateway.ask("GET", f"/v1/packets/{address}")
    assert answer.status_code == 200, answer.text
    assert read(answer.content).content == content
    module = importlib.import_module(f"services.{service}.service")
    function = inspect.unwrap(getattr(getattr(module, service.capitalize() + "Service"), method))
    inspect.signature(function).bind(None, **gateway.broker.calls[-1][1])
    assert set(gateway.broker.calls[-1][1]) - {"actor"} == set(parse_qs(urlsplit(address).query))


@pytest.mark.parametrize(
    ("right", "closed"),
    [
        ("observations.read", ("regime?regime=A", "report-status", "periods?year=2026", "indicators")),
        ("catalogue.read", ("report-data?form=A&unit=B&period=C", "report-status", "kpi-data?unit=A&period=B")),
        ("submissions.read", ("report-list?form=A&unit=B&period=C", "kpi-set", "disaggregations", "indicator-groups")),
    ],
)
def test_a_packet_wants_the_right_that_its_data_wants(right: str, closed: tuple[str, ...], gateway: Gateway) -> None:
    gateway.token = make_token([right])
    for address in closed:
        assert gateway.ask("GET", f"/v1/packets/{address}").status_code == 403, address


def test_the_thirteen_are_listed_with_schemas_that_can_be_read(gateway: Gateway) -> None:
    listed = gateway.ask("GET", "/v1/packets").json()
    assert [item["number"] for item in listed] == list(range(1, 14))
    routes = {getattr(route, "path", "") for route in gateway.app.routes}
    assert {item["read_at"] for item in listed if item["read_at"]} <= routes
    assert [item["id"] for item in listed if item["read_at"] is None] == ["outline-form", "outline-delivery"]
    for item in listed:
        assert item["namespace"].encode() in gateway.ask("GET", item["schema_at"]).content
    assert gateway.ask("GET", "/v1/packets/schemas/datatypes.xsd").status_code == 200
    assert gateway.ask("GET", "/v1/packets/schemas/..%2Fxml.py").status_code == 404


def test_packet_4_becomes_the_push_it_means(gateway: Gateway) -> None:
    answer = push(gateway, DATA)
    assert answer.status_code == 202
    assert answer.headers["location"].startswith("/v1/receipts/")
    assert pushed(gateway) == {
        "form": "GD-NAM",
        "unit": "LC",
        "period": "2016",
        "form_version": None,
        "figures": [
            {
                "indicator": "GD06",
                "value": 3.507,
                "unit": None,
                "period": None,
                "measure": "nghìn người",
                "status": "official",
                "nothing_occurred": False,
                "label": None,
            },
            {
                "indicator": "GD02",
                "value": None,
                "unit": None,
                "period": None,
                "measure": None,
                "status": "estimate",
                "nothing_occurred": True,
                "label": None,
            },
        ],
    }


def test_values_travel_as_they_stand_digit_by_digit(gateway: Gateway) -> None:
    exact = msgspec.structs.replace(
        DATA, figures=(Figure(indicator="A", value="12345678901234567890.1234", status="official"),)
    )
    push(gateway, exact)
    [(event, _)] = gateway.broker.published
    assert b'"value":12345678901234567890.1234' in bytes(event.body)  # type: ignore[attr-defined]


def test_packet_5_becomes_figures_of_rows_with_their_labels(gateway: Gateway) -> None:
    row = ListRow(number=7, label="Đường tránh", cells=(ListCell(column="DA01", value="5", status="official"),))
    columns = (ListColumn(indicator="DA01", measure="triệu đồng"),)
    lists = (OpenList(id="DU-AN", columns=columns, rows=(row,)),)
    push(gateway, ReportList(form="GD-NAM", unit="LC", period="2016", lists=lists))
    [figure] = pushed(gateway)["figures"]
    assert (figure["indicator"], figure["label"], figure["measure"]) == ("DA01.R7", "Đường tránh", "triệu đồng")


def test_the_same_figures_under_another_header_are_the_same_push(gateway: Gateway) -> None:
    push(gateway, DATA)
    [(first, _)] = gateway.broker.published
    later = Header(message_id="m-2", sender="x", created_at=HEADER.created_at)
    push(gateway, build(Packet(later, DATA)))
    assert gateway.broker.published[1][0].fingerprint == first.fingerprint  # type: ignore[attr-defined]


def test_of_a_signed_push_only_what_was_signed_is_read(gateway: Gateway) -> None:
    signed_part = build(Packet(HEADER, msgspec.structs.replace(DATA, period="2015"))).decode()
    gateway.broker.answers["integration.verify_packet"] = signed_part
    raw = build(Packet(HEADER, DATA)).replace(b"</ReportData>", SIGNATURE)
    assert push(gateway, raw).status_code == 202
    assert pushed(gateway)["period"] == "2015"


def test_a_push_whose_signature_does_not_hold_is_refused(gateway: Gateway) -> None:
    gateway.broker.answers["integration.verify_packet"] = Invalid("packets.bad_signature", "no")
    raw = build(Packet(HEADER, DATA)).replace(b"</ReportData>", SIGNATURE)
    answer = push(gateway, raw)
    assert (answer.status_code, answer.json()["code"]) == (422, "packets.bad_signature")
    assert gateway.broker.published == []


def test_who_must_sign_pushes_signed_packets_and_nothing_else(gateway: Gateway) -> None:
    bound = f"Bearer {make_token(signs=True, partner='nguon-giao-duc')}"
    answer = push(gateway, DATA, Authorization=bound)
    assert (answer.status_code, answer.json()["code"]) == (422, "packets.unsigned")
    assert answer.json()["errors"][0]["place"] == "ReportData/Signature"
    figures = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [{"indicator": "GD06", "value": 1}]}
    headers = {"Idempotency-Key": "k", "Authorization": bound}
    answer = gateway.ask("POST", "/v1/data", json=figures, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "data.signature_demanded")
    assert gateway.broker.published == []
    gateway.broker.answers["integration.verify_packet"] = build(Packet(HEADER, DATA)).decode()
    signed = build(Packet(HEADER, DATA)).replace(b"</ReportData>", SIGNATURE)
    assert push(gateway, signed, Authorization=bound).status_code == 202


def test_what_is_no_packet_or_not_taken_is_refused_with_its_place(gateway: Gateway) -> None:
    wrong = build(Packet(HEADER, DATA)).replace(b"3.507", b"3,507")
    other = msgspec.structs.replace(DATA, content_hash="0" * 64)
    refused = {
        "packets.invalid": wrong,
        "packets.unreadable": b"{}",
        "packets.unknown_kind": b"<x/>",
        "packets.not_taken": Disaggregations(),
        "packets.hash_differs": other,
        "data.no_figures": msgspec.structs.replace(DATA, figures=()),
    }
    for code, content in refused.items():
        answer = push(gateway, content)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    [error] = push(gateway, wrong).json()["errors"]
    assert (error["place"], error["code"]) == ("ReportData/figure[1]/value", "packets.schema")
    assert gateway.broker.published == []
    assert push(gateway, msgspec.structs.replace(DATA, content_hash=hash_of(DATA))).status_code == 202


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_any_of_the_thirteen_is_checked(kind: Any, gateway: Gateway) -> None:
    gateway.token = make_token(["catalogue.read"])
    raw = f'<{kind.root} xmlns="{kind.namespace}"/>'.encode()
    told = gateway.ask("POST", "/v1/packets/check", content=raw).json()
    assert (told["kind"], told["number"], told["valid"]) == (kind.id, kind.number, False)
    assert told["findings"][0]["place"] == kind.root


def test_a_check_of_a_good_packet_finds_nothing_and_of_none_is_refused(gateway: Gateway) -> None:
    good = gateway.ask("POST", "/v1/packets/check", content=build(Packet(HEADER, DATA))).json()
    assert (good["valid"], good["signed"], good["findings"]) == (True, False, [])
    assert gateway.ask("POST", "/v1/packets/check", content=b"<x/>").json()["code"] == "packets.unknown_kind"
    assert xml.MAX_BYTES > 20_000
    assert gateway.ask("POST", "/v1/packets/check", content=b" " * 20_001).status_code == 413
