"""How a source is declared and read, without network or database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.integration.clients.mapped_rest import RestSpeaker
from services.integration.clients.sources import SourceClient
from services.integration.clients.transport import Reply
from services.integration.domain.dialects import Heard
from services.integration.domain.mapping import CodeMapping, Edition, Measure
from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import Source, Watermark, source_of
from services.integration.domain.pulled import Page, Reader, push_body, receipt_id
from services.integration.domain.pulls import Ask, first_ask, next_ask
from shared.catalogue.organisation import Organisation
from shared.contracts.push import PushBody
from shared.errors import HubError, Invalid

DECLARED: dict[str, Any] = {
    "forms": ["MT-THANG"],
    "path": "/changes",
    "schedule": {"cron": "0 7 * * *"},
    "watermark": {"parameter": "since", "overlap": 60},
    "rows": {"unit": "at.unit", "period": "at.period", "indicator": "code", "value": "value", "mark": "changed"},
}


def declared(**changes: Any) -> Source[Any]:
    source = source_of(partner({**DECLARED, **changes}))
    assert source is not None
    return source


def partner(source: dict[str, Any]) -> Partner:
    return Partner(id="p", name="", protocol="rest", endpoint="", credential="", forms=(), source=source)


def read(given: list[dict[str, Any]], mapping: CodeMapping, **changes: Any) -> Page:
    reader = Reader(declared(**changes), mapping, Organisation([]), {"LC"})
    return reader.page(msgspec.json.decode(msgspec.json.encode(given)))


def row(**changes: Any) -> dict[str, Any]:
    told = {"unit": "12", "period": "01/2026", "code": "A1", "value": 1, "changed": "2026-02-01T00:00:00Z"} | changes
    return {"at": {"unit": told.pop("unit"), "period": told.pop("period")}, **told}


MAPPING = CodeMapping(
    unit_scheme="",
    units={"LC": "12"},
    indicators={"MT01": "A1"},
    indicator_prefix="A.",
    periods={"month": "{month:02}/{year}"},
    measures={"MT01": Measure(unit="nghìn tấn", factor=Decimal("0.001"))},
    later=(Edition(version=2, valid_from=date(2026, 2, 1), unit_scheme="", units={"LC": "LC-2026"}),),
)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"forms": []}, r"\$\.forms"),
        ({"colour": "red"}, "colour"),
        ({"schedule": {}}, r"\$\.schedule"),
        ({"schedule": {"cron": "0 7 * *"}}, r"\$\.schedule\.cron"),
        ({"schedule": {"cron": "0 7 30 2 *"}}, r"\$\.schedule\.cron"),
        ({"schedule": {"every_seconds": 5, "cron": "0 7 * * *"}}, r"\$\.schedule"),
        ({"paging": {"kind": "cursor", "next": "next"}}, r"\$\.paging\.parameter"),
        ({"paging": {"kind": "link"}}, r"\$\.paging\.next"),
        ({"paging": {"kind": "number", "parameter": "since"}}, r"\$\.query"),
        ({"forms": ["A", "B"]}, r"\$\.rows\.form"),
        ({"watermark": {"parameter": "since", "start": "soon"}}, r"\$\.watermark\.start"),
        ({"path": "//elsewhere?x"}, r"\$\.path"),
        ({"rows": {**DECLARED["rows"], "value": "a..b"}}, r"\$\.rows\.value"),
    ],
)
def test_what_is_wrong_with_a_source_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place) as refused:
        source_of(partner({**DECLARED, **changes}))
    assert refused.value.code == "integration.bad_source"


def test_a_schedule_is_kept_in_vietnams_time() -> None:
    schedule = declared().schedule
    last = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)  # 07:30 in Vietnam
    assert not schedule.due(last, datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    assert schedule.due(last, datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    assert schedule.due(None, last)
    often = declared(schedule={"every_seconds": 60}).schedule
    assert not often.due(last, last + timedelta(seconds=59)) and often.due(last, last + timedelta(seconds=60))


@given(st.integers(0, 4_000_000_000_000_000), st.integers(0, 10_000))
def test_a_mark_is_read_back_as_it_was_told(mark: int, overlap: int) -> None:
    for kind in ("time", "number"):
        watermark = Watermark(parameter="since", kind=kind, overlap=overlap)  # type: ignore[arg-type]  # one of two
        assert watermark.read(watermark.text(mark)) == mark
        since = watermark.since(mark)
        assert since is not None and 0 <= since <= mark


def test_codes_periods_and_measures_are_read_by_the_edition_of_the_period() -> None:
    page = read([row(), row(unit="LC-2026", period="2026-02", code="MT01", value="3.5")], MAPPING)
    assert page.faults == []
    assert [(item.unit, item.period, item.indicator, item.value) for item in page.rows] == [
        ("LC", "2026-01", "MT01", "1000"),
        ("LC", "2026-02", "MT01", "3.5"),
    ]


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"unit": "99"}, "at.unit", "pulls.unmapped_unit"),
        ({"period": "2026-02"}, "at.unit", "pulls.unmapped_unit"),
        ({"period": "Q9"}, "at.period", "pulls.unmapped_period"),
        ({"code": "A2"}, "code", "pulls.unmapped_indicator"),
        ({"code": None}, "code", "pulls.no_code"),
        ({"code": "A\x001"}, "code", "pulls.no_code"),
        ({"value": True}, "value", "pulls.no_value"),
        ({"value": "1,5"}, "value", "pulls.bad_value"),
        ({"value": "1e3"}, "value", "pulls.bad_value"),
        ({"value": 10**30}, "value", "pulls.bad_value"),
        ({"changed": "yesterday"}, "changed", "pulls.no_mark"),
        ({"changed": 5}, "changed", "pulls.no_mark"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_next_one_is_read(
    changes: dict[str, Any], place: str, code: str
) -> None:
    page = read([row(**changes), row()], MAPPING)
    assert [(fault.position, fault.place, fault.code) for fault in page.faults] == [(0, place, code)]
    assert page.rows[-1].position == 1


def test_numbers_are_read_by_the_sign_that_the_source_declares() -> None:
    shape = {**DECLARED["rows"], "decimal": ",", "nothing": ["-", None]}
    given = ["3.507,6", "3507,6", "3.507", "-0,25", "-", None, "3507.6"]
    plain = CodeMapping(unit_scheme="", units={"LC": "12"}, indicators={"MT01": "A1"}, periods=MAPPING.periods)
    page = read([row(value=value) for value in given], plain, rows=shape)
    assert [item.value for item in page.rows] == ["3507.6", "3507.6", "3507", "-0.25", None, None]
    assert [fault.position for fault in page.faults] == [6]


@pytest.mark.parametrize("document", [{"rows": []}, None, "x", 5])
def test_a_page_that_is_none_fails_by_name(document: Any) -> None:
    with pytest.raises(Invalid, match="bad_page"):
        Reader(declared(), MAPPING, Organisation([]), {"LC"}).page(document)


class Answering:
    """A road at whose end one answer stands."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.reply = Reply(status, {}, body)
        self.sent: list[tuple[str, str, bytes | None, Any]] = []

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        self.sent.append((method, path, body, params))
        return self.reply

    def close(self) -> None:
        pass


def asked(source: Source[Any], road: Answering, ask: Ask) -> Heard:
    return SourceClient(source, RestSpeaker(source.manner, road, "http://h/api", "secret")).fetch(ask)


ASK = Ask("/changes", {})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["at", "code", "value", "x"]), inner),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.lists(ANYTHING, max_size=3).map(json.dumps).map(str.encode))
@example(b"1e99999999999999999999")
@example(b"[" * 5000)
@example(b"")
def test_whatever_a_source_says_is_read_or_named(raw: bytes) -> None:
    source = declared()
    try:
        page = Reader(source, MAPPING, Organisation([]), {"LC"}).page(asked(source, Answering(raw), ASK).document)
    except Invalid as error:
        assert error.code == "integration.bad_page"
    else:
        assert page.read == len(page.rows) + len(page.faults)


@pytest.mark.parametrize(
    ("status", "code"), [(503, "source_away"), (429, "source_away"), (403, "source_refuses"), (201, "source_refuses")]
)
def test_an_answer_other_than_a_page_says_whether_asking_again_helps(status: int, code: str) -> None:
    with pytest.raises(HubError, match=code):
        asked(declared(), Answering(b"[]", status), ASK)


CALL = {"method": "POST", "path": "/find", "body": {"from": {"$": "since"}, "after": {"$": "cursor", "optional": True}}}
CALLED: dict[str, Any] = {"path": "", "call": CALL, "watermark": {"kind": "number"}}


def test_a_call_says_since_cursor_and_limit_and_goes_on_where_the_page_says() -> None:
    call = {**CALL, "body": {**CALL["body"], "size": {"$": "limit"}}}
    source = declared(**{**CALLED, "call": call}, paging={"kind": "cursor", "next": "next", "size": 50})
    road = Answering(b"[]")
    first = first_ask(source, 7)
    asked(source, road, first)
    second = next_ask(source, first, {"next": 51}, 50, "http://h/api")
    assert second is not None
    asked(source, road, second)
    bodies = [msgspec.json.decode(body or b"") for _, _, body, _ in road.sent]
    assert bodies == [{"from": 7, "size": 50}, {"from": 7, "after": "51", "size": 50}]
    assert {(method, path) for method, path, _, _ in road.sent} == {("POST", "/find")}
    assert msgspec.json.decode(msgspec.json.encode(second), type=Ask) == second  # a run that is taken up goes on so


def test_a_link_is_followed_by_get_whatever_asked_for_the_first_page() -> None:
    source = declared(**CALLED, paging={"kind": "link", "next": "next"})
    road = Answering(b"[]")
    second = next_ask(source, first_ask(source, None), {"next": "?page=2"}, 1, "http://h/api")
    assert second == Ask("/find", {"page": "2"})
    asked(source, road, second)
    assert road.sent == [("GET", "/find", None, {"page": "2"})]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"path": "/changes"}, r"\$\.path"),
        ({"call": {**CALL, "body": {"$": "unit"}}}, r"\$\.call\.body"),
        ({"call": {**CALL, "method": "GET"}}, r"\$\.call\.body"),
        ({"call": {**CALL, "path": "find"}}, r"\$\.call\.path"),
        ({"call": {"operation": "Find"}}, r"\$\.call"),
        ({"watermark": {"parameter": "since"}}, r"\$\.watermark\.parameter"),
        ({"query": {"kind": "monthly"}}, r"\$\.query"),
        ({"paging": {"kind": "number"}}, r"\$\.call"),
        ({"auth": {"kind": "basic"}}, r"\$\.auth\.user"),
        ({"auth": {"kind": "token", "user": "u"}}, r"\$\.auth\.kind"),
        ({"headers": {"Authorization": "x"}}, r"\$\.headers"),
    ],
)
def test_what_is_wrong_with_a_call_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place) as refused:
        declared(**{**CALLED, **changes})
    assert refused.value.code == "integration.bad_source"


SOAP: dict[str, Any] = {
    **DECLARED,
    "path": "",
    "watermark": {"kind": "number"},
    "contract": {"wsdl": "theirs.wsdl"},
    "call": {"operation": "Changes", "arguments": {"From": {"$": "since"}, "Page": {"$": "page"}}},
    "paging": {"kind": "number"},
}


def soap(**changes: Any) -> Source[Any]:
    source = source_of(replace(partner({**SOAP, **changes}), protocol="soap"))
    assert source is not None
    return source


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"contract": None}, r"\$\.contract"),
        ({"contract": {"wsdl": "../x"}}, r"\$\.contract\.wsdl"),
        ({"paging": {"kind": "link", "next": "next"}}, r"\$\.paging\.kind"),
        ({"call": {"operation": "Changes", "arguments": {"Page": {"$": "unit"}}}}, r"\$\.call\.arguments\.Page"),
        ({"headers": {"X": "1"}}, r"\$\.headers"),
    ],
)
def test_what_is_wrong_with_a_soap_source_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place):
        soap(**changes)


@pytest.mark.parametrize(("rows", "count"), [(None, 0), ({"code": "A1"}, 1), ([{"code": "A1"}] * 3, 3)])
def test_xml_says_one_row_or_none_without_a_list(rows: Any, count: int) -> None:
    source = soap(rows={**DECLARED["rows"], "at": "Page.Row"}, paging={"kind": "number", "total": "Total"})
    page = Reader(source, MAPPING, Organisation([]), {"LC"}).page({"Page": {"Row": rows}, "Total": "3"})
    assert (page.read, page.total) == (count, 3)


def test_a_source_is_known_as_the_partners_dialect_is_unless_it_says_otherwise() -> None:
    named = {"kind": "header", "name": "X-Key"}
    submit = {
        "call": {"method": "PUT", "path": "/x", "body": {"$rows": {"a": {"$": "indicator"}, "b": {"$": "value"}}}}
    }
    spoken = replace(partner(DECLARED), dialect={"auth": named, "submit": submit})
    assert source_of(spoken).manner.auth.name == "X-Key"  # type: ignore[union-attr]
    own = replace(spoken, source={**DECLARED, "auth": {"kind": "none"}})
    assert source_of(own).manner.auth.kind == "none"  # type: ignore[union-attr]
    assert declared().manner.auth.kind == "bearer"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("http://h:80/api/changes?page=2", "/changes"),
        ("/api/changes?page=2", "/changes"),
        ("?page=2", "/changes"),
        ("http://evil/api/changes?page=2", None),
        ("//evil/api/changes", None),
        ("https://h/api/changes", None),
        ("http://h@evil/api/x", None),
        ("/other", None),
        ("http://[", None),
    ],
)
def test_a_next_link_stays_under_the_partners_address(link: str, path: str | None) -> None:
    source = declared(paging={"kind": "link", "next": "next"})
    ask = Ask("/changes", {"page": "1"})
    if path is None:
        with pytest.raises(Invalid, match=r"pull_leaves_host|bad_page"):
            next_ask(source, ask, {"next": link}, 1, "http://h/api")
    else:
        assert next_ask(source, ask, {"next": link}, 1, "http://h/api/") == Ask(path, {"page": "2"})


def test_requests_carry_watermark_size_and_page() -> None:
    paging = {"kind": "number", "parameter": "page", "size_parameter": "limit", "size": 50, "first": 0}
    source = declared(paging=paging, query={"kind": "monthly"})
    first = first_ask(source, source.watermark.read("2026-01-01T07:00:00"))
    assert first.parameters == {"kind": "monthly", "since": "2026-01-01T00:00:00Z", "limit": "50", "page": "0"}
    second = next_ask(source, first, [], 50, "http://h")
    assert second is not None and second.parameters["page"] == "1"
    assert next_ask(source, second, [], 0, "http://h") is None


def test_a_push_says_values_as_numbers_and_nothing_as_nothing() -> None:
    body = push_body("F", "LC", "2026", [("A", "3507.6", "official"), ("B", None, "estimate")])
    assert b'"value":3507.6' in body
    read_back = msgspec.json.decode(body, type=PushBody)
    assert [(item.nothing_occurred, item.status) for item in read_back.figures] == [
        (False, "official"),
        (True, "estimate"),
    ]
    ids = {receipt_id(token, "F", unit, "2026", part) for token in "ab" for unit in ("x", "y") for part in (0, 1)}
    assert len(ids) == 8 and all(item.startswith("p_") and len(item) == 36 for item in ids)
