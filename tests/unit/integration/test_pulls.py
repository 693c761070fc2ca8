"""How a source is declared and read, without network or database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integration.domain.mapping import CodeMapping, Edition, Measure
from services.integration.domain.partners import Partner
from services.integration.domain.pulled import Page, Reader, push_body, receipt_id
from services.integration.domain.pulls import Ask, Source, Watermark, first_ask, next_ask, source_of
from shared.catalogue.organisation import Organisation
from shared.contracts.push import PushBody
from shared.errors import Invalid

DECLARED: dict[str, Any] = {
    "forms": ["MT-THANG"],
    "path": "/changes",
    "schedule": {"cron": "0 7 * * *"},
    "watermark": {"parameter": "since", "overlap": 60},
    "rows": {"unit": "at.unit", "period": "at.period", "indicator": "code", "value": "value", "mark": "changed"},
}


def declared(**changes: Any) -> Source:
    source = source_of(partner({**DECLARED, **changes}))
    assert source is not None
    return source


def partner(source: dict[str, Any]) -> Partner:
    return Partner(id="p", name="", protocol="rest", endpoint="", credential="", forms=(), source=source)


def read(given: list[dict[str, Any]], mapping: CodeMapping, **changes: Any) -> Page:
    reader = Reader(declared(**changes), mapping, Organisation([]), {"LC"})
    return reader.page(msgspec.json.encode(given))


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


@pytest.mark.parametrize("raw", [b"<html>", b'{"rows": 1}', b"[" * 5000, b"", b"null", b'"x"'])
def test_a_page_that_is_none_fails_by_name(raw: bytes) -> None:
    with pytest.raises(Invalid, match="bad_page"):
        Reader(declared(), MAPPING, Organisation([]), {"LC"}).page(raw)


@given(st.binary(max_size=200))
def test_whatever_a_source_says_is_read_or_named(raw: bytes) -> None:
    try:
        page = Reader(declared(), MAPPING, Organisation([]), {"LC"}).page(raw)
    except Invalid as error:
        assert error.code == "integration.bad_page"
    else:
        assert page.read == len(page.rows) + len(page.faults)


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
