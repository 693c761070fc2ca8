"""Dialects without a partner: what is described is checked, said and understood."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integration.clients.mapped import ListingClient, MappedClient, mapped_client
from services.integration.clients.protocol import Unanswered
from services.integration.clients.transport import Reply
from services.integration.domain.delivery import Said
from services.integration.domain.dialects import Doubt, Heard, Unsayable, dialect_of, judged, path_of, rendered
from services.integration.domain.dialects.answers import Fault, Reading
from services.integration.domain.dialects.listings import Values
from services.integration.domain.dialects.pointers import MISSING, at
from services.integration.domain.ledger import Packet
from services.integration.domain.partners import Partner
from services.integration.settings import IntegrationSettings
from shared.canonical import decimal_text
from shared.errors import Invalid

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
REST = json.loads((EXAMPLES / "partner-rest.json").read_text())
SOAP = json.loads((EXAMPLES / "partner-soap.json").read_text())


def altered(raw: Any, path: str, value: Any) -> Any:
    """The same with another value at a dotted path; None removes it."""
    copy = json.loads(json.dumps(raw))
    *way, last = path.split(".")
    place = copy
    for step in way:
        place = place.setdefault(step, {})
    place[last] = value
    if value is None:
        del place[last]
    return copy


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("submit.call.path", "/bao-cao/{bieu}", "submit.call.path: there is no 'bieu' here"),
        ("submit.call.path", "/a/../b", "submit.call.path: starts with /"),
        ("submit.call.body", {"x": 1}, "submit.call: says no values"),
        ("submit.call.body.ma_tin", {"$": "message_id", "at": 1}, "submit.call.body.ma_tin: unknown option 'at'"),
        ("submit.call.query", {"q": {"$rows": {}}}, "submit.call.query.q: $rows stands alone"),
        ("submit.call.headers.Authorization", "Bearer x", "'Authorization' is no header that a dialect may say"),
        ("submit.answer.state", "ket_qua", "submit.answer.state: 'ket_qua' is no JSON pointer"),
        ("submit.answer.words.00", "unknown", "unknown is what a status question tells"),
        ("submit.answer.words.00", "ok", "submit.answer.words[...]: Invalid enum value 'ok'"),
        ("submit.answer.http.2xx", "applied", "'2xx' is no HTTP status"),
        ("list.row.unit", None, "list.row.unit: missing"),
        ("list.pages.kind", "cursor", "list.call: pages follow each other by cursor"),
        ("list.page", {}, "list: Object contains unknown field `page`"),
        ("words.status.estimate", "SB", "words.status: no way back from SB"),
        ("auth.kind", "token", "auth.kind: rest has no token"),
        ("contract", {"wsdl": "../x.wsdl"}, "contract.wsdl: '../x.wsdl' is no plain name"),
        ("delete.call", {"method": "DELETE", "path": "/{unit}"}, None),
    ],
)
def test_a_fault_in_a_description_is_told_with_its_place(path: str, value: Any, told: str | None) -> None:
    raw = altered(REST["dialect"], path, value)
    if told is None:
        assert dialect_of("rest", raw).delete is not None
        return
    with pytest.raises(Invalid) as raised:
        dialect_of("rest", raw)
    errors = raised.value.context["errors"]
    assert isinstance(errors, list)
    assert told in "\n".join(f"{error['place'].removeprefix('dialect.')}: {error['message']}" for error in errors)


def test_how_a_doubt_is_settled_follows_from_what_the_partner_offers() -> None:
    def doubt(protocol: str, raw: Any) -> Doubt:
        return dialect_of(protocol, raw).doubt

    soap, rest = SOAP["dialect"], REST["dialect"]
    assert doubt("soap", soap) is Doubt.ASK
    assert doubt("soap", altered(soap, "status", None)) is Doubt.REPEAT
    assert doubt("rest", rest) is Doubt.READ
    assert doubt("rest", altered(rest, "list", None)) is Doubt.PERSON
    assert not msgspec.convert(REST, Partner).refuses_older and msgspec.convert(SOAP, Partner).refuses_older


def test_a_template_says_names_rows_and_nothing_else() -> None:
    template = {
        "k": {"$text": "{form}/{period}"},
        "n": {"$": "version", "as": "integer"},
        "none": {"$": "cursor"},
        "gone": {"$": "cursor", "optional": True},
        "rows": {"$rows": [{"$": "indicator"}, {"$": "value", "as": "number"}, {"$": "part.sex"}, "x"]},
    }
    rows = [{"indicator": "A", "value": "1.50", "part.sex": "NU"}, {"indicator": "B", "value": None}]
    said = rendered(template, {"form": "F", "period": "2016", "version": 3}, rows)
    assert said == {
        "k": "F/2016",
        "n": 3,
        "none": None,
        "rows": [["A", Decimal("1.50"), "NU", "x"], ["B", None, None, "x"]],
    }
    with pytest.raises(Unsayable, match="no integer"):
        rendered({"$": "version", "as": "integer"}, {"version": "ba"})


@given(st.text(min_size=1, max_size=20))
def test_a_name_in_a_path_is_one_step_and_leads_nowhere_else(unit: str) -> None:
    try:
        said = path_of("/a/{unit}/b", {"unit": unit})
    except Unsayable:
        assert unit in {".", ".."}
        return
    except UnicodeEncodeError:
        return
    assert said.count("/") == 3 and not set(said) & set("?#\\ \r\n")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_values_are_read_as_they_were_written(number: Decimal) -> None:
    ours = decimal_text(number)
    for values in (Values(), Values(comma=True), Values(kind="number"), Values(nothing="KPS")):
        encoded = msgspec.json.Encoder(decimal_format="number").encode(values.written(ours))
        assert values.read(msgspec.json.Decoder(float_hook=Decimal).decode(encoded)) == ours
        assert values.read(values.written(None)) is None


def test_values_with_grouped_thousands_and_words_are_read() -> None:
    values = Values(comma=True, nothing="KPS")
    assert [values.read(text) for text in ("1.234.567,50", "0,5", " KPS ", "không", None)] == [
        "1234567.5",
        "0.5",
        None,
        "không",
        None,
    ]


READING = Reading(
    state="/ma",
    words={"0": "applied", "1": "superseded", "true": "refused"},
    http={"409": "superseded", "422": "read", "202": "unclear"},
    about="/tin",
    reason="/vi",
    faults={"Client.X": "refused", "Bao": "not_applied"},
    code="/c",
)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (Heard(status=200, document={"ma": 0, "tin": "m"}), Said.APPLIED),
        (Heard(status=200, document={"ma": 0, "tin": "n"}), Said.UNCLEAR),
        (Heard(status=200, document={"ma": "9", "tin": "m"}), Said.UNCLEAR),
        (Heard(status=200, document=[]), Said.UNCLEAR),
        (Heard(status=200, trouble="no JSON"), Said.UNCLEAR),
        (Heard(status=422, document={"ma": True, "tin": "m"}), Said.REFUSED),
        (Heard(status=409, document={"tin": "m"}), Said.SUPERSEDED),
        (Heard(status=202, document={"tin": "m"}), Said.UNCLEAR),
        (Heard(status=503), None),
        (Heard(status=500, fault=Fault("Client.X", "no")), Said.REFUSED),
        (Heard(status=500, fault=Fault("Server.Bao", "later")), Said.NOT_APPLIED),
        (Heard(status=500, fault=Fault("Server", "later", {"c": "Bao"})), Said.NOT_APPLIED),
        (Heard(status=500, fault=Fault("Server", "what?")), Said.UNCLEAR),
    ],
)
def test_an_answer_means_what_is_described_and_is_unclear_otherwise(heard: Heard, said: Said | None) -> None:
    answer = judged(READING, heard, {"message_id": "m"})
    assert (answer and answer.said) == said


def test_a_pointer_finds_what_stands_there() -> None:
    document = {"a": [{"b/c": 1}], "n": None}
    assert (at(document, "/a/0/b~1c"), at(document, "/n"), at(document, "")) == (1, None, document)
    assert [at(document, place) for place in ("/a/1", "/a/x", "/n/x", "/m")] == [MISSING] * 4


class Pages:
    """A road at whose end a script answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []

    def send(self, method: str, path: str = "", *, params: Any = None, **_: Any) -> Reply:
        self.asked.append((path, dict(params or {})))
        answer = self.answers.pop(0)
        headers = answer.pop("headers", {}) if isinstance(answer, dict) else {}
        return Reply(200, headers, json.dumps(answer).encode())

    def close(self) -> None:
        pass


def client(road: Pages, raw: Any) -> MappedClient:
    partner = msgspec.convert({**REST, "dialect": raw, "endpoint": "http://127.0.0.1:9/v3/"}, Partner)
    return mapped_client(road, partner, "secret", IntegrationSettings(secrets=Path()))


def row(number: int, unit: str = "12") -> dict[str, str]:
    return {
        "bieu": "B01/GD",
        "ky": "NAM-2016",
        "don_vi": unit,
        "ma": f"GD.0{number}",
        "gia_tri": f"{number},5",
        "loai": "SB",
    }


def test_a_listing_is_read_page_by_page_in_our_words() -> None:
    road = Pages({"dong": [row(1), row(2)], "tong_trang": 2}, {"dong": [row(3), row(4, unit="13")], "tong_trang": 2})
    asking = client(road, REST["dialect"])
    assert isinstance(asking, ListingClient)
    pages = asking.listing()
    assert [held.indicator for held in next(pages)] == ["GD.01", "GD.02"] and len(road.asked) == 1
    [first, other] = next(pages)
    assert (first.form, first.period, other.unit, first.cell.value, first.cell.status) == (
        "GD-NAM",
        "2016",
        "13",
        "3.5",
        "preliminary",
    )
    assert [params for _, params in road.asked] == [{"trang": "1", "so_dong": "2"}, {"trang": "2", "so_dong": "2"}]
    assert next(pages, None) is None and asking.cost.calls == 2


def test_pages_that_go_round_in_circles_or_lead_elsewhere_are_no_listing() -> None:
    endless = [{"dong": [row(1)], "tong_trang": 99} for _ in range(3)]
    with pytest.raises(Unanswered, match="circles"):
        client(Pages(*endless), REST["dialect"]).values("GD-NAM", "12", "2016")
    linked = altered(REST["dialect"], "list.pages", {"kind": "link", "next": "/sau"})
    for link in ("http://127.0.0.1:9/other", "https://127.0.0.1:9/v3/so-lieu", "//elsewhere/v3/x"):
        with pytest.raises(Unanswered, match="away from the partner"):
            client(Pages({"dong": [], "sau": link}), linked).values("GD-NAM", "12", "2016")
    road = Pages({"dong": [row(1)], "headers": {"link": '</v3/so-lieu?sau=2>; rel="next"'}}, {"dong": [row(2)]})
    assert set(client(road, linked).values("GD-NAM", "12", "2016").values) == {"GD.01", "GD.02"}
    assert road.asked[1] == ("/so-lieu?sau=2", {})


def packet(*values: tuple[str, str | None, str], unit: str = "12") -> Packet:
    return Packet(message_id="m", sender="s", form="GD-NAM", unit=unit, period="2016", version=1, values=values)


def test_a_partner_that_adds_is_told_to_drop_what_the_packet_no_longer_has() -> None:
    call = {"method": "DELETE", "path": "/so-lieu/{unit}/{indicator}"}
    raw = altered(REST["dialect"], "delete", {"call": call, "per": "value"})
    road = Pages({"ket_qua": {"ma": "00"}}, {"dong": [row(1), row(2)], "tong_trang": 1}, {})
    answer = client(road, raw).submit(packet(("GD.01", "1.5", "preliminary")))
    assert answer.said is Said.APPLIED and road.asked[2][0] == "/so-lieu/12/GD.02"


def test_what_does_not_fit_the_template_is_refused_and_never_sent() -> None:
    raw = altered(REST["dialect"], "submit.call.headers.X-So", {"$": "unit", "as": "integer"})
    road = Pages()
    refused = client(road, raw).submit(packet(("GD.01", "1", "official"), unit="mười hai"))
    assert refused.said is Said.REFUSED and "no integer" in str(refused.error) and road.asked == []
