"""The thirteen packets, both ways; what is wrong with one is told with its line and its element."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from shared.errors import Invalid, TooLarge
from shared.packets import report_data, schema, xml
from shared.packets.kind import Header, Kind
from shared.packets.registry import KINDS, kind_named
from shared.packets.report_data import Figure, ReportData
from shared.packets.xml import Packet, build, read
from tests.unit.shared.packets import samples

HEADER = Header(message_id="m-1", sender="lai-chau", created_at=datetime(2026, 3, 1, 2, 0, tzinfo=UTC))
DATA = ReportData(
    form="GD-NAM",
    unit="LC",
    period="2026",
    version=3,
    figures=(
        Figure(indicator="GD01", value="3507.6", status="official"),
        Figure(indicator="GD02", value=None, status="estimate"),
    ),
)


def altered(before: str, after: str) -> bytes:
    """Return the packet (4) of these tests with one text replaced by another."""
    text = build(Packet(HEADER, DATA)).decode()
    assert before in text
    return text.replace(before, after, 1).encode()


def findings(raw: bytes) -> list[dict[str, Any]]:
    """Return what reading this finds."""
    with pytest.raises(Invalid) as caught:
        read(raw)
    assert caught.value.code == "packets.invalid"
    found: list[dict[str, Any]] = caught.value.context["errors"]  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_built_is_read_back_as_it_was(kind: Kind, data: st.DataObject) -> None:
    packet = data.draw(samples.packets(kind))
    assert read(build(packet)) == packet


def test_there_are_thirteen_each_with_a_namespace_and_a_module_of_its_own() -> None:
    assert [kind.number for kind in KINDS] == list(range(1, 14))
    assert len({kind.namespace for kind in KINDS}) == len({kind.root for kind in KINDS}) == 13
    assert kind_named("report-data").namespace == "urn:laichau:qcvn125:1:report-data"


def test_the_schemas_are_written_from_the_tables_and_say_what_they_are_not() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in schema.FOLDER.glob("*.xsd")}
    assert written == schema.texts(), "run `python -m shared.packets.schema`"
    assert all("no conformity is claimed" in text for name, text in written.items() if name != schema.DATATYPES_FILE)


def test_official_names_go_into_the_table_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        **report_data.NAMES,
        ReportData: {**report_data.NAMES[ReportData], "form": "@MaBieuMau", "figures": "DanhSachSoLieu/SoLieu"},
        Figure: {**report_data.NAMES[Figure], "indicator": "@MaChiTieu", "value": ("GiaTri", "KhongPhatSinh")},
    }
    official = replace(report_data.KIND, names=names, root="DuLieuBaoCao", namespace="urn:example:official")
    compiled = etree.XMLSchema(
        etree.fromstring(schema.text_of(official).encode(), base_url=str(schema.FOLDER / "report_data.xsd"))
    )
    monkeypatch.setattr(xml, "schema_of", lambda _kind: compiled)
    root = xml.tree_of(Packet(HEADER, DATA), official)
    text = etree.tostring(root, encoding="unicode")
    assert '<DuLieuBaoCao xmlns="urn:example:official" MaBieuMau="GD-NAM">' in text
    assert '<SoLieu MaChiTieu="GD02">' in text and "<KhongPhatSinh/>" in text
    assert xml.packet_of(root, official) == Packet(HEADER, DATA)


def test_nothing_occurred_zero_and_missing_are_three_things() -> None:
    zero = replace_figures(Figure(indicator="A", value="0", status="official"))
    nothing = replace_figures(Figure(indicator="A", value=None, status="official"))
    missing = replace_figures()
    documents = {build(Packet(HEADER, item)) for item in (zero, nothing, missing)}
    assert len(documents) == 3
    assert {read(raw).content for raw in documents} == {zero, nothing, missing}


def replace_figures(*figures: Figure) -> ReportData:
    """Return the content of these tests with other figures."""
    return ReportData(form="GD-NAM", unit="LC", period="2026", figures=figures)


def test_a_decimal_with_zeros_at_its_ends_is_the_same_number() -> None:
    read_back = read(altered("<value>3507.6</value>", "<value>003507.6000</value>"), ReportData)
    assert read_back.content.figures[0].value == "3507.6"


def test_decomposed_letters_are_read_as_composed_ones() -> None:
    given_names = altered("<unit>LC</unit>", "<unit>LC</unit><unit_name>Lai Cha\u0302u</unit_name>")
    assert read(given_names, ReportData).content.unit_name == "Lai Châu"


@pytest.mark.parametrize(
    ("before", "after", "place", "code"),
    [
        ("3507.6", "3.507,6", "ReportData/figure[1]/value", "packets.schema"),
        ("<nothing_occurred/>", "", "ReportData/figure[2]/status", "packets.schema"),
        ("estimate", "guess", "ReportData/figure[2]/status", "packets.schema"),
        ("<period>2026</period>", "<period>2026-02-30</period>", "ReportData/period", "period.malformed"),
        ("<period>2026</period>", "<period>2026-13</period>", "ReportData/period", "packets.schema"),
        ("GD02", "GD01", "ReportData/figure[2]", "packets.schema"),
        ("<unit>LC</unit>", "", "ReportData/period", "packets.schema"),
        ("<unit>LC</unit>", "<unit>LC</unit><extra/>", "ReportData/extra", "packets.schema"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_element(before: str, after: str, place: str, code: str) -> None:
    found = findings(altered(before, after))
    assert (found[0]["place"], found[0]["code"]) == (place, code)
    assert found[0]["line"] > 2
    assert found[0]["detail"].endswith(".")
    assert "{urn:" not in found[0]["message"]


def test_what_cannot_be_told_in_xml_does_not_leave() -> None:
    for value in ("12.34567", "NaN", "3.507,6"):
        with pytest.raises(Invalid, match="figure/value") as caught:
            build(Packet(HEADER, replace_figures(Figure(indicator="A", value=value, status="official"))))
        assert caught.value.code == "packets.invalid"
    with pytest.raises(Invalid, match=r"U\+0000"):
        build(Packet(HEADER, replace_figures(Figure(indicator="A", value="1", status="official", label="a\x00"))))


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (BOMB.encode(), "packets.unreadable"),
        (BOMB.encode("utf-16"), "packets.unreadable"),
        (b"\xef\xbb\xbf" + BOMB.encode(), "packets.unreadable"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "packets.unreadable"),
        (b"<x>&nowhere;</x>", "packets.unreadable"),
        (b"<x>", "packets.unreadable"),
        (b"", "packets.unreadable"),
        (b"<x/>", "packets.unknown_kind"),
        (b'<ReportData xmlns="urn:laichau:qcvn125:2:report-data"/>', "packets.unknown_kind"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><x>\xe2</x>', "packets.unreadable"),
    ],
)
def test_hostile_and_foreign_documents_are_refused(raw: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(raw)
    assert caught.value.code == code


def test_size_and_depth_are_bounded() -> None:
    for raw in (b" " * (xml.MAX_BYTES + 1), b"<x>" * 40 + b"</x>" * 40):
        with pytest.raises(TooLarge, match=r"packets\.too_large"):
            read(raw)


def test_a_comment_inside_a_value_does_not_cut_it() -> None:
    assert read(altered("3507.6", "35<!-- -->07.6"), ReportData).content.figures[0].value == "3507.6"


def test_another_kind_than_the_expected_one_is_refused() -> None:
    with pytest.raises(Invalid, match=r"packets\.other_kind"):
        read(build(Packet(HEADER, DATA)), kind_named("kpi-data").content)
