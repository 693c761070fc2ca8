"""The SOAP door: by its contract, hardened, with the rights and codes of REST; and X-Road's header on it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest
from lxml import etree
from prometheus_client import REGISTRY

from gateway.settings import GatewaySettings
from gateway.soap.envelope import faulted
from gateway.soap.operations import OPERATIONS
from hub import docs
from shared.canonical import content_hash
from shared.contracts.actor import RIGHTS
from shared.contracts.events import PushAccepted
from shared.errors import Forbidden, NotFound, Unavailable
from tests.unit.gateway.conftest import SETTINGS, Gateway, make_token

ADDRESS = "/soap/v1/reporting"
SECRET = b"secret-of-the-security-server"
OURS = "VN/GOV/H35/baocao/reporting"
S, R = "{http://schemas.xmlsoap.org/soap/envelope/}", "{urn:laichau:reporting:1}"
VALUES = "<value><indicator>GD01</indicator><amount>{}</amount><status>official</status></value>"
SUBMIT = (
    '<SubmitReportData xmlns="urn:laichau:reporting:1"><message_id>m-1</message_id><sender>csdl</sender>'
    "<form>GD-NAM</form><unit>LC</unit><period>2016</period><version>3</version>{}</SubmitReportData>"
)
STATUS = '<GetReportStatus xmlns="urn:laichau:reporting:1"><message_id>m-1</message_id></GetReportStatus>'
DIGESTS = '<GetDigests xmlns="urn:laichau:reporting:1"><level>{}</level>{}</GetDigests>'
LIST = '<ListValues xmlns="urn:laichau:reporting:1">{}</ListValues>'
X_HEADER = (
    '<x:client i:objectType="SUBSYSTEM"><i:xRoadInstance>VN</i:xRoadInstance><i:memberClass>GOV</i:memberClass>'
    "<i:memberCode>BKH</i:memberCode><i:subsystemCode>thống kê</i:subsystemCode></x:client>"
    '<x:service i:objectType="SERVICE"><i:xRoadInstance>VN</i:xRoadInstance><i:memberClass>GOV</i:memberClass>'
    "<i:memberCode>H35</i:memberCode><i:subsystemCode>baocao</i:subsystemCode>"
    "<i:serviceCode>GetReportStatus</i:serviceCode><i:serviceVersion>v1</i:serviceVersion></x:service>"
    "<x:userId>VN012345678901</x:userId><x:id>4894e35d-bf0f-44a6-867a-8e51f1daa7e0</x:id>"
    "<x:issue>12345</x:issue><x:protocolVersion>4.0</x:protocolVersion>"
)


def envelope(body: str, header: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers" '
        f'xmlns:r="urn:laichau:reporting:1"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
    )


def post(gateway: Gateway, message: str | bytes, **headers: str) -> httpx.Response:
    raw = message.encode() if isinstance(message, str) else message
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.ask("POST", ADDRESS, content=raw, headers={"Content-Type": "text/xml; charset=utf-8"} | named)


def body_of(answer: httpx.Response) -> Any:
    assert answer.headers["content-type"].startswith("text/xml")
    return etree.fromstring(answer.content).find(f"{S}Body/*")


def told(answer: httpx.Response) -> tuple[str, str]:
    """Return the side and the code of a fault."""
    fault = body_of(answer)
    assert (answer.status_code, fault.tag) == (500, f"{S}Fault"), answer.text
    assert fault.findtext(f".//{R}message")
    return fault.findtext("faultcode").partition(":")[2], fault.findtext(f".//{R}code")


def pushed(gateway: Gateway) -> list[PushAccepted]:
    return [event for event, _ in gateway.broker.published if isinstance(event, PushAccepted)]


@pytest.fixture
def empty(gateway: Gateway) -> Gateway:
    """A gateway whose intake knows no receipt yet."""
    gateway.broker.answers["submissions.find_receipt"] = None
    return gateway


def test_every_operation_names_a_right_that_exists_and_asks_for_it(gateway: Gateway) -> None:
    assert {item.right for item in OPERATIONS.values()} <= RIGHTS.keys()
    bodies = {
        "SubmitReportData": SUBMIT.format(VALUES.format(1)),
        "GetReportStatus": STATUS,
        "GetDigests": DIGESTS.format("root", ""),
        "ListValues": LIST.format(""),
    }
    assert bodies.keys() == OPERATIONS.keys()
    for name, body in bodies.items():
        gateway.token = make_token([right for right in RIGHTS if right != OPERATIONS[name].right])
        assert told(post(gateway, envelope(body))) == ("Client", "accounts.right_missing")
    gateway.token = ""
    assert told(post(gateway, envelope(STATUS))) == ("Client", "gateway.token_missing")
    assert told(post(gateway, envelope(STATUS, "<r:Token>x</r:Token>"))) == ("Client", "gateway.token_invalid")
    assert gateway.broker.published == []


def test_a_push_by_soap_is_the_same_event_as_one_by_rest(empty: Gateway) -> None:
    values = (
        VALUES.format("+08966.50")
        + VALUES.format(".5")
        + "<value><indicator>GD05</indicator><status>estimate</status></value>"
    )
    answer = body_of(post(empty, envelope(SUBMIT.format(values))))
    assert answer.findtext(f"{R}state") == "accepted"
    rest = {
        "form": "GD-NAM",
        "unit": "LC",
        "period": "2016",
        "figures": [
            {"indicator": "GD01", "status": "official", "value": msgspec.Raw(b"8966.50")},
            {"indicator": "GD01", "status": "official", "value": msgspec.Raw(b"0.5")},
            {"indicator": "GD05", "status": "estimate", "nothing_occurred": True},
        ],
    }
    empty.ask("POST", "/v1/data", content=msgspec.json.encode(rest), headers={"Idempotency-Key": "m-1"})
    by_soap, by_rest = pushed(empty)
    assert bytes(by_soap.body) == bytes(by_rest.body)
    assert by_soap.receipt_id == by_rest.receipt_id == answer.findtext(f"{R}receipt")
    assert (by_soap.client_id, by_soap.units, by_soap.forms) == (by_rest.client_id, by_rest.units, by_rest.forms)


def test_the_token_may_stand_in_the_header_of_the_message_but_not_another_one_in_both(empty: Gateway) -> None:
    token, empty.token = empty.token, ""
    assert body_of(post(empty, envelope(STATUS, f"<r:Token>{token}</r:Token>"))).findtext(f"{R}state") == "unknown"
    empty.token = make_token(sub="client:other")
    assert told(post(empty, envelope(STATUS, f"<r:Token>{token}</r:Token>"))) == ("Client", "gateway.token_invalid")


def test_a_repeat_is_answered_with_what_the_first_one_came_to(gateway: Gateway) -> None:
    message = envelope(SUBMIT.format(VALUES.format(1)))
    gateway.broker.answers["submissions.find_receipt"] = None
    post(gateway, message)
    [push] = pushed(gateway)
    outcome = {"position": 1, "indicator": "X", "unit": "LC", "period": "2016", "outcome": "refused", "code": "V101",
               "detail": "Không có chỉ tiêu này."}  # fmt: skip
    gateway.broker.answers["submissions.find_receipt"] = {
        "receipt_id": push.receipt_id,
        "state": "processed",
        "fingerprint": push.fingerprint,
        "counts": {"accepted": 1, "refused": 1},
        "outcomes": [outcome],
    }
    again = body_of(post(gateway, message.replace("><", ">\n  <")))
    assert again.findtext(f"{R}state") == "already_applied"
    assert again.findtext(f"{R}outcome/{R}detail") == "Không có chỉ tiêu này."
    assert body_of(post(gateway, envelope(STATUS))).findtext(f"{R}state") == "applied"
    assert told(post(gateway, message.replace(">1<", ">2<"))) == ("Client", "data.key_reused")
    assert len(pushed(gateway)) == 1


@pytest.mark.parametrize(
    ("receipt", "state"),
    [
        ({"state": "processed", "counts": {"refused": 2}}, "rejected"),
        ({"state": "processed", "counts": {"superseded": 2}}, "superseded"),
        ({"state": "processed", "counts": {"superseded": 2, "refused": 1}}, "rejected"),
        ({"state": "processed", "counts": {"conflict": 1}}, "applied"),
        ({"state": "conflict", "counts": {}}, "rejected"),
    ],
)
def test_the_state_of_a_message_sums_its_figures_up(gateway: Gateway, receipt: dict[str, Any], state: str) -> None:
    gateway.broker.answers["submissions.find_receipt"] = {"receipt_id": "r_x"} | receipt
    assert body_of(post(gateway, envelope(STATUS))).findtext(f"{R}state") == state


def test_a_hash_that_is_named_is_checked(empty: Gateway) -> None:
    good = content_hash(("GD-NAM", "LC", "2016", "3"), [("GD01", "1.5", "official")])
    for number, (named, amount, accepted) in enumerate([(good, "1.50", True), (good, "1.51", False)]):
        content = f"<content_hash>{named}</content_hash>{VALUES.format(amount)}"
        answer = post(empty, envelope(SUBMIT.format(content).replace("m-1", f"m-{number}")))
        if accepted:
            assert body_of(answer).findtext(f"{R}state") == "accepted"
        else:
            assert told(answer) == ("Client", "soap.content_hash")


def test_digests_are_those_of_the_rest_route_with_all_pages_in_one_answer(gateway: Gateway) -> None:
    rows = [
        {"period": "2016", "form": "GD-NAM", "unit": unit, "count": 2, "digest": "ab" * 32} for unit in ("LC", "LC-TP")
    ]
    pages = {None: {"store": "expected", "digests": rows[:1], "next": "2016|GD-NAM|LC"},
             "2016|GD-NAM|LC": {"store": "expected", "digests": rows[1:]}}  # fmt: skip
    gateway.broker.answers["integration.read_digests"] = lambda after, **_: pages[after]
    asked = DIGESTS.format("bucket", "<period>2016</period><form>GD-NAM</form>")
    answer = body_of(post(gateway, envelope(asked)))
    found = [{etree.QName(part).localname: part.text for part in entry} for entry in answer]
    assert found == [row | {"count": "2"} for row in rows]
    called = [given for name, given in gateway.broker.calls if name == "integration.read_digests"]
    assert {(given["level"], given["period"], given["form"]) for given in called} == {("bucket", "2016", "GD-NAM")}


def test_a_listing_names_of_its_keys_what_the_question_did_not(gateway: Gateway) -> None:
    row = {"period": "2016", "form": "GD-NAM", "unit": "LC", "indicator": "GD01", "value": None, "status": "official",
           "version": 3}  # fmt: skip
    page = {"store": "expected", "values": [row, row | {"value": "1.5"}], "next": "2016|GD-NAM|LC|GD01"}
    gateway.broker.answers["integration.list_values"] = page
    asked = LIST.format("<form>GD-NAM</form><period>2016</period><after>2016|GD-NAM|LC|GD00</after><limit>5000</limit>")
    answer = body_of(post(gateway, envelope(asked)))
    assert [[etree.QName(part).localname for part in value] for value in answer.findall(f"{R}value")] == [
        ["indicator", "status", "version", "unit"],
        ["indicator", "amount", "status", "version", "unit"],
    ]
    assert answer.findtext(f"{R}next") == page["next"]
    [given] = [given for name, given in gateway.broker.calls if name == "integration.list_values"]
    assert (given["after"], given["limit"]) == ("2016|GD-NAM|LC|GD00", 1_000)


@pytest.mark.parametrize(
    "body",
    [
        DIGESTS.format("part", "<period>2016</period><form>GD-NAM</form><parts>4</parts><unit>LC</unit>"),
        DIGESTS.format("root", "<groups>4</groups>"),
        DIGESTS.format("form", "<parts>4</parts>"),
        DIGESTS.format("bucket", "<unit>LC</unit>"),
        LIST.format("<form>GD-NAM</form><unit>LC</unit><period>2016</period><groups>4</groups>"),
    ],
)
def test_an_element_that_a_question_does_not_take_is_refused_and_not_passed_over(gateway: Gateway, body: str) -> None:
    assert told(post(gateway, envelope(body))) == ("Client", "soap.not_offered")


@pytest.mark.parametrize(
    "body",
    [
        DIGESTS.format("part", "<parts>4</parts>"),
        DIGESTS.format("part", "<period>2016</period><form>GD-NAM</form>"),
        DIGESTS.format("group", "<period>2016</period><form>GD-NAM</form><unit>LC</unit>"),
        LIST.format("<form>GD-NAM</form><groups>4</groups>"),
    ],
)
def test_a_question_below_a_form_needs_all_that_it_is_about(gateway: Gateway, body: str) -> None:
    assert told(post(gateway, envelope(body))) == ("Client", "gateway.incomplete_question")


def test_the_call_of_the_integrators_guide_is_taken_as_it_stands(empty: Gateway) -> None:
    guide = (docs.ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    message = guide.split("## By SOAP", 1)[1].split(" -d '", 1)[1].split("'", 1)[0]
    answer = body_of(post(empty, message.lstrip()))
    assert answer.findtext(f"{R}state") == "accepted"
    [push] = pushed(empty)
    figures = msgspec.json.decode(bytes(push.body))["figures"]
    assert [(figure["indicator"], figure.get("value")) for figure in figures] == [
        ("GD03.THPT", 8966), ("GD06", 2514.0), ("GD05", None)
    ]  # fmt: skip


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("message", "side", "code"),
    [
        ("<a", "Client", "soap.not_xml"),
        (envelope(STATUS).replace("?>", "?>" + LAUGHS), "Client", "soap.doctype"),
        (envelope(STATUS).replace("UTF-8", "UTF-16").encode("utf-16"), "Client", "soap.not_utf8"),
        (envelope(STATUS).replace("schemas.xmlsoap.org/soap", "www.w3.org/2003/05/soap"), "VersionMismatch",
         "soap.version_mismatch"),
        (envelope(""), "Client", "soap.no_operation"),
        (envelope(STATUS + STATUS), "Client", "soap.no_operation"),
        (envelope('<DropEverything xmlns="urn:laichau:reporting:1"/>'), "Client", "soap.unknown_operation"),
        (envelope(STATUS.replace("message_id", "messageId")), "Client", "soap.invalid"),
        (envelope(SUBMIT.format(VALUES.format("8.966,5"))), "Client", "soap.invalid"),
        (envelope(SUBMIT.format("")), "Client", "data.no_figures"),
        (envelope(STATUS, '<t:Tx xmlns:t="urn:t" s:mustUnderstand="1"/>'), "MustUnderstand", "soap.must_understand"),
        (envelope(STATUS, "<r:Token/>" * 33), "Client", "soap.header_too_large"),
        (envelope(STATUS, "<a>" * 9 + "</a>" * 9), "Client", "soap.header_too_large"),
    ],
)  # fmt: skip
def test_what_is_not_by_the_contract_is_a_fault_with_a_stable_code(
    gateway: Gateway, message: str | bytes, side: str, code: str
) -> None:
    assert told(post(gateway, message)) == (side, code)
    assert gateway.broker.published == []


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_refused_before_the_door_is_a_fault_too(gateway: Gateway, declared: bool) -> None:
    message = envelope(STATUS.replace("m-1", "x" * 30_000)).encode()

    async def in_pieces() -> AsyncIterator[bytes]:
        yield message[:15_000]
        yield message[15_000:]

    answer = gateway.ask("POST", ADDRESS, content=message if declared else in_pieces(),
                         headers={"Content-Type": "text/xml"})  # fmt: skip
    assert told(answer) == ("Client", "gateway.body_too_large")
    assert "Nội dung gửi lên vượt quá" in body_of(answer).findtext(f".//{R}detail")
    assert body_of(answer).findtext(f".//{R}correlation_id") == answer.headers["x-correlation-id"]
    nul = gateway.ask("POST", f"{ADDRESS}?a=%00", content=message[:10], headers={"Content-Type": "text/xml"})
    assert told(nul) == ("Client", "gateway.nul_character")
    assert gateway.ask("POST", "/v1/data", content=message, headers={"Idempotency-Key": "k"}).status_code == 413


def test_a_soap_1_2_message_is_told_which_version_is_spoken(gateway: Gateway) -> None:
    answer = post(gateway, envelope(STATUS), Content_Type="application/soap+xml; action=x")
    assert told(answer) == ("VersionMismatch", "soap.version_mismatch")


def test_deep_nesting_and_other_media_types_are_refused(gateway: Gateway) -> None:
    assert told(post(gateway, envelope("<a>" * 300 + "</a>" * 300)))[1] in ("soap.not_xml", "soap.unknown_operation")
    assert told(post(gateway, envelope(STATUS), Content_Type="application/json")) == ("Client", "soap.media_type")


def test_a_fault_tells_the_side_that_may_help_and_when(gateway: Gateway) -> None:
    answer = post(gateway, envelope(STATUS))
    assert told(answer) == ("Server", "gateway.rpc_timeout")
    assert answer.headers["retry-after"] == "1"
    small = Gateway(dataclasses.replace(SETTINGS, calls_per_second=0.01, calls_burst=1))
    small.broker.answers["submissions.find_receipt"] = None
    post(small, envelope(STATUS))
    limited = post(small, envelope(STATUS))
    assert told(limited) == ("Server", "gateway.too_many_requests")
    assert int(limited.headers["retry-after"]) > 1
    assert small.ask("GET", "/v1/observations/NN01.NS/LC/2016").status_code == 429  # one budget for both doors


def test_a_fault_that_is_the_callers_to_mend_counts_as_no_failure_of_the_hub(gateway: Gateway) -> None:
    def counted(route: str, status: str) -> float:
        labels = {"route": route, "method": "POST" if route == ADDRESS else "any", "status": status}
        return REGISTRY.get_sample_value("hub_gateway_request_seconds_count", labels) or 0.0

    places = [(ADDRESS, "422"), ("unmatched", "413"), (ADDRESS, "503"), (ADDRESS, "500"), ("unmatched", "500")]
    before = [counted(*place) for place in places]
    post(gateway, "<a")
    post(gateway, "x" * 30_000)
    post(gateway, envelope(STATUS))  # nobody answers
    assert [counted(*place) - old for place, old in zip(places, before, strict=True)] == [1, 1, 1, 0, 0]


def test_a_faults_detail_is_by_the_contract_and_vietnamese() -> None:
    fault = etree.fromstring(faulted(Forbidden("a.b", "no\x00t you", "Bạn không có quyền."), "c-1"))
    assert fault.findtext(f".//{R}detail") == "Bạn không có quyền."
    assert fault.findtext(f".//{R}correlation_id") == "c-1"
    assert fault.find(".//faultstring").text == "not you"  # type: ignore[union-attr] # it is there


def test_the_contract_is_served_with_the_address_it_was_asked_at(gateway: Gateway) -> None:
    gateway.token = ""
    wsdl = gateway.ask("GET", f"{ADDRESS}?WSDL").text
    assert 'location="http://hub/soap/v1/reporting"' in wsdl
    assert 'schemaLocation="http://hub/soap/v1/reporting.xsd"' in wsdl
    assert gateway.ask("GET", f"{ADDRESS}.xsd").status_code == 200
    assert gateway.ask("GET", ADDRESS).status_code == 404
    named = Gateway(dataclasses.replace(SETTINGS, public_url="https://baocao.example/"))
    assert 'location="https://baocao.example/soap/v1/reporting"' in named.ask("GET", f"{ADDRESS}?wsdl").text


# -- X-Road ------------------------------------------------------------------------------------------


@pytest.fixture
def provider(gateway_with: Callable[[GatewaySettings], Gateway]) -> Gateway:
    """A gateway that is a service on X-Road, asked by a client that stands for one of the hub's."""
    made = gateway_with(dataclasses.replace(SETTINGS, xroad_service=OURS, xroad_secrets=(b"x" * 20, SECRET)))
    made.broker.answers["submissions.find_receipt"] = None
    made.broker.answers["integration.find_xroad_caller"] = {"partner": "bkh", "client": "client:bkh"}
    token = {"access_token": make_token(sub="client:bkh"), "token_type": "Bearer", "expires_in": 900, "scope": ""}
    made.broker.answers["accounts.vouch_for"] = token
    made.token = ""
    return made


TRUST = {"X-Hub-Security-Server": SECRET.decode()}


def test_the_answer_repeats_all_header_fields_in_their_order_with_their_values(provider: Gateway) -> None:
    extra = '<p:representedParty xmlns:p="http://x-road.eu/xsd/representation.xsd"><p:partyCode>1</p:partyCode></p:representedParty>'
    answer = post(provider, envelope(STATUS, X_HEADER + extra + "<r:Token>not repeated</r:Token>"), **TRUST)
    header = etree.fromstring(answer.content).find(f"{S}Header")
    asked = etree.fromstring(envelope(STATUS, X_HEADER + extra).encode()).find(f"{S}Header")
    assert header is not None and asked is not None
    assert [etree.tostring(item, method="c14n", exclusive=True) for item in header] == [
        etree.tostring(item, method="c14n", exclusive=True) for item in asked
    ]
    assert body_of(answer).tag == f"{R}GetReportStatusResponse"
    assert ("integration.find_xroad_caller", {"client": "VN/GOV/BKH/th%E1%BB%91ng%20k%C3%AA"}) in [
        (name, {"client": given["client"]}) for name, given in provider.broker.calls if "client" in given
    ]


@pytest.mark.parametrize("trust", [{}, {"X-Hub-Security-Server": "guess"}])
def test_without_the_security_servers_secret_an_x_road_header_is_refused_even_beside_a_token(
    provider: Gateway, trust: dict[str, str]
) -> None:
    provider.token = make_token()
    assert told(post(provider, envelope(STATUS, X_HEADER), **trust)) == ("Client", "gateway.not_a_security_server")
    assert provider.broker.calls == []


def test_without_a_service_or_secret_of_ours_nothing_is_x_roads(gateway_with: Any) -> None:
    for changes in ({"xroad_service": OURS}, {"xroad_secrets": (SECRET,)}):
        closed = gateway_with(dataclasses.replace(SETTINGS, **changes))
        code = told(post(closed, envelope(STATUS, X_HEADER), **TRUST))[1]
        assert code in ("gateway.not_a_security_server", "soap.xroad_service")
        assert (
            closed.ask("GET", f"/r1/{OURS}/v1/observations", headers={**TRUST, "X-Road-Client": "VN/G/M/S"})
            .json()["type"]
            .startswith("Server.ServerProxy")
        )


def test_a_client_that_stands_for_nobody_is_refused(provider: Gateway) -> None:
    provider.broker.answers["integration.find_xroad_caller"] = NotFound("integration.no_xroad_caller", "none")
    assert told(post(provider, envelope(STATUS, X_HEADER), **TRUST)) == ("Client", "gateway.unknown_xroad_client")
    provider.broker.answers["integration.find_xroad_caller"] = Unavailable("x.y", "away")
    assert told(post(provider, envelope(STATUS, X_HEADER), **TRUST))[0] == "Server"


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("<x:protocolVersion>4.0", "<x:protocolVersion>3.1", "soap.xroad_header"),
        ("<x:issue>12345</x:issue>", "<x:issue>1</x:issue><x:issue>2</x:issue>", "soap.xroad_header"),
        ("<x:issue>12345</x:issue>", "<x:isue>12345</x:isue>", "soap.xroad_header"),
        ("<x:id>4894e35d-bf0f-44a6-867a-8e51f1daa7e0</x:id>", "", "soap.xroad_header"),
        ("<x:id>4894e35d-bf0f-44a6-867a-8e51f1daa7e0</x:id>", "<x:id> </x:id>", "soap.xroad_header"),
        ("<i:serviceCode>GetReportStatus", "<i:serviceCode>SubmitReportData", "soap.xroad_header"),
        ("<i:memberCode>H35", "<i:memberCode>H36", "soap.xroad_service"),
        ("<i:memberCode>BKH", "<i:memberCode>a/../b", "xroad.bad_identifier"),
        ("<i:subsystemCode>thống kê</i:subsystemCode>", "", "soap.xroad_header"),
        ('i:objectType="SUBSYSTEM"', "", "soap.xroad_header"),
        ('i:objectType="SUBSYSTEM"', 'i:objectType="SERVICE"', "soap.xroad_header"),
        ('i:objectType="SUBSYSTEM"', 'i:objectType="MEMBER"', "soap.xroad_header"),
        ("<i:xRoadInstance>VN</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>BKH",
         "<i:memberClass>GOV</i:memberClass><i:xRoadInstance>VN</i:xRoadInstance><i:memberCode>BKH",
         "soap.xroad_header"),
    ],
)  # fmt: skip
def test_a_header_that_is_not_by_message_protocol_4_is_refused(
    provider: Gateway, wrong: str, right: str, code: str
) -> None:
    assert wrong in X_HEADER
    answer = post(provider, envelope(STATUS, X_HEADER.replace(wrong, right, 1)), **TRUST)
    assert told(answer) == ("Client", code)
    assert provider.broker.calls == []


def test_optional_fields_may_be_missing_and_a_compatible_minor_version_is_taken(provider: Gateway) -> None:
    header = X_HEADER.replace("<x:userId>VN012345678901</x:userId>", "").replace("<x:issue>12345</x:issue>", "")
    header = header.replace("<i:serviceVersion>v1</i:serviceVersion>", "").replace(">4.0<", ">4.1<")
    assert body_of(post(provider, envelope(STATUS, header), **TRUST)).findtext(f"{R}state") == "unknown"


R1 = f"/r1/{OURS}/v1/observations/NN01.NS/LC/2016"
CLIENT = {"X-Road-Client": "VN/GOV/BKH/th%E1%BB%91ng%20k%C3%AA"}


def test_by_r1_the_routes_answer_with_the_platforms_headers(provider: Gateway) -> None:
    provider.broker.answers["indicators.find_observation"] = {"value": "1"}
    answer = provider.ask("GET", R1, headers=TRUST | CLIENT | {"X-Road-Id": "id-1", "X-Road-UserId": "VN1"})
    assert answer.json() == {"value": "1"}
    assert answer.headers["x-road-client"] == CLIENT["X-Road-Client"]
    assert answer.headers["x-road-service"] == OURS
    assert answer.headers["x-road-id"] == "id-1"
    assert len(answer.headers["x-road-request-hash"]) == 88
    assert answer.headers["x-road-request-id"]
    assert "x-road-error" not in answer.headers
    assert {given["actor"]["id"] for _, given in provider.broker.calls if "actor" in given} == {"client:bkh"}


def test_long_identifiers_are_taken_encoded_and_our_service_may_be_named(provider: Gateway) -> None:
    provider.broker.answers["indicators.find_observation"] = {"value": "1"}
    long = {"X-Road-Client": "VN/GOV/BKH/" + "%E1%BB%91" * 60, "X-Road-Service": OURS}
    assert provider.ask("GET", R1, headers=TRUST | long).status_code == 200


def test_a_targeted_security_server_is_repeated_like_every_field(provider: Gateway) -> None:
    target = (
        '<x:securityServer i:objectType="SERVER"><i:xRoadInstance>VN</i:xRoadInstance><i:memberClass>GOV'
        "</i:memberClass><i:memberCode>H35</i:memberCode><i:serverCode>ss1</i:serverCode></x:securityServer>"
    )
    answer = etree.fromstring(post(provider, envelope(STATUS, X_HEADER + target), **TRUST).content)
    repeated = [etree.QName(item).localname for item in answer.iterfind(f"{S}Header/*")]
    assert repeated[-2:] == ["protocolVersion", "securityServer"]


def test_a_push_by_r1_is_a_push_of_the_client_it_stands_for(provider: Gateway) -> None:
    body = b'{"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [{"indicator": "GD01", "value": 1}]}'
    path = f"/r1/{OURS}/v1/data"
    answer = provider.ask("POST", path, content=body, headers=TRUST | CLIENT | {"Idempotency-Key": "k"})
    assert answer.status_code == 202
    [push] = pushed(provider)
    assert push.client_id == "client:bkh"
    behind = provider.ask("POST", "/v1/data", content=body, headers=TRUST | CLIENT | {"Idempotency-Key": "k2"})
    assert (behind.status_code, "x-road-service" in behind.headers) == (202, False)


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        (R1, TRUST, 400, "Client.BadRequest"),
        (R1, TRUST | {"X-Road-Client": "VN/GOV"}, 400, "Client.BadRequest"),
        (R1, TRUST | CLIENT | {"X-Road-Id": "x" * 300}, 400, "Client.BadRequest"),
        (R1.replace("/", "%2F"), TRUST | CLIENT, 404, None),
        (R1, TRUST | CLIENT | {"X-Road-Service": "VN/GOV/H35/baocao/other"}, 500, "Server.ServerProxy.UnknownService"),
        ("/v1/observations/NN01.NS/LC/2016", TRUST | CLIENT | {"X-Road-Service": "VN/GOV/H35/baocao/other"}, 404, None),
        ("/r1/VN/GOV", TRUST | CLIENT, 400, "Client.BadRequest"),
        (R1.replace("H35", "H36"), TRUST | CLIENT, 500, "Server.ServerProxy.UnknownService"),
        (f"/r1/{OURS}/metrics", TRUST | CLIENT, 500, "Server.ServerProxy.UnknownService"),
        (f"/r1/{OURS}/v1/%2e%2e/metrics", TRUST | CLIENT, 404, None),
        (R1, CLIENT, 500, "Server.ServerProxy.AccessDenied"),
        (R1, CLIENT | {"X-Hub-Security-Server": "guess"}, 500, "Server.ServerProxy.AccessDenied"),
        ("/v1/observations/NN01.NS/LC/2016", CLIENT | {"X-Hub-Security-Server": "guess"}, 403, None),
        ("/v1/observations/NN01.NS/LC/2016", CLIENT, 401, None),
    ],
)
def test_what_is_no_call_by_r1_is_told_as_an_error_of_the_platform(
    provider: Gateway, path: str, headers: dict[str, str], status: int, kind: str | None
) -> None:
    answer = provider.ask("GET", path, headers=headers)
    assert (answer.status_code, answer.headers.get("x-road-error")) == (status, kind)
    if kind is not None:
        assert answer.json()["type"] == kind
        assert set(answer.json()) == {"type", "message", "detail"}
    assert provider.broker.published == []


def test_a_lent_token_is_asked_for_once_a_minute_not_once_a_call(provider: Gateway) -> None:
    for _ in range(3):
        post(provider, envelope(STATUS, X_HEADER), **TRUST)
    assert [name for name, _ in provider.broker.calls].count("accounts.vouch_for") == 1
