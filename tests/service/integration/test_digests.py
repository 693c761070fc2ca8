"""The hub offers the digests and listings that its partners offer it, and shows nobody what he may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from services.integration.clients import Recorder
from services.integration.clients.rest import RestClient
from services.integration.clients.soap import SoapClient
from services.integration.clients.transport import DirectRoad
from services.integration.service import IntegrationService
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor
from shared.contracts.views.digests import DigestView, ListedValue
from shared.digest import Digest, entry_hash, of_hash, total
from shared.errors import Forbidden, Invalid
from shared.storage import UnitOfWork
from tests.service.gateway.test_over_xroad import served
from tests.service.integration.conftest import TOKEN, Record, Work, recorded
from tests.unit.gateway.conftest import Gateway

SYSTEM = Actor(
    id="client:bo", kind="client", name="Bộ", rights=("digests.read",), units=("*",), forms=("*",), partner="quoc-gia"
)
READER = Actor(
    id="person:tonghop",
    kind="person",
    name="Tổng hợp",
    rights=("digests.read", "observations.read"),
    units=("LC",),
    forms=("GD-NAM", "YT-NAM"),
)


@pytest.fixture
def held(record: Record, far: httpx.Client) -> Any:
    record(
        recorded("GD-NAM", 3, GD01="7", GD02=None, GD03="0.5"),
        recorded("GD-NAM", 1, period="2017", GD01="8"),
        recorded("YT-NAM", 1, period="2017", YT01="9"),
        recorded("NN-NAM", 1, NN01="4"),
    )


def told(views: list[DigestView]) -> list[dict[str, Any]]:
    rows = [{"period": v.period, "form": v.form, "unit": v.unit, "count": v.count, "digest": v.digest} for v in views]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize(
    "asked", [{"level": "root"}, {"level": "period"}, {"level": "form", "period": "2017"}, {"level": "bucket"}]
)
def test_a_partner_reads_the_very_digests_that_it_computes_of_its_own_store(
    asked: dict[str, Any], held: Any, far: httpx.Client, work: Work, service: IntegrationService
) -> None:
    work("quoc-gia")
    own = far.get("/api/v1/digests", params=asked, headers={"Authorization": f"Bearer {TOKEN}"}).json()["digests"]
    page = service.read_digests(SYSTEM, **asked)
    assert page.store == "expected" and own
    assert told(page.digests) == own


def test_below_a_form_a_partner_reads_what_its_own_store_tells(
    held: Any, far: httpx.Client, work: Work, service: IntegrationService
) -> None:
    work("quoc-gia")
    place = {"period": "2016", "form": "GD-NAM"}
    shown = {"Authorization": f"Bearer {TOKEN}"}

    def own(path: str, **asked: Any) -> list[dict[str, Any]]:
        answer = far.get(f"/api/v1/{path}", params={**place, **asked}, headers=shown).raise_for_status()
        rows: list[dict[str, Any]] = answer.json()[path]
        return rows

    def ours(level: Any, shares: int, **asked: Any) -> list[dict[str, Any]]:
        found = service.search_digests(SYSTEM, level, shares=shares, **place, **asked).digests
        return [
            {name: value for name, value in msgspec.to_builtins(view).items() if value is not None} for view in found
        ]

    assert ours("part", 4) == own("digests", level="part", parts=4) != []
    parts = list(range(4))
    assert ours("bucket", 4, chosen=parts) == own("digests", level="bucket", parts=4, part=parts)
    groups = ours("group", 3, units=["12"])
    assert groups == own("digests", level="group", groups=3, unit="12") and len(groups) > 1
    share = groups[0]["share"]
    listed = service.list_groups(SYSTEM, shares=3, of=[("12", share)], **place).values
    assert [item.indicator for item in listed] == [
        item["indicator"] for item in own("values", groups=3, of=f"{share}:12")
    ]
    whole = service.search_digests(READER, "group", shares=1, units=["LC"], **place).digests
    assert [(item.unit, item.share, item.count) for item in whole] == [("LC", 0, 3)]
    elsewhere = replace(READER, units=("LC-XA1",))
    assert service.search_digests(elsewhere, "part", shares=4, **place).digests == []
    with pytest.raises(Invalid, match="bad_filter"):
        service.search_digests(SYSTEM, "part", shares=5_000, **place)


def every(call: Any, key: str, **asked: Any) -> Iterator[Any]:
    after = None
    while True:
        page = call(after=after, limit=1, **asked)
        yield from getattr(page, key)
        after = page.next
        if after is None:
            return


def test_a_listing_is_read_page_by_page_in_the_partners_codes(held: Any, service: IntegrationService) -> None:
    whole = service.list_values(SYSTEM, form="GD-NAM", period="2016", unit="12")
    assert [(item.indicator, item.value, item.version) for item in whole.values] == [
        ("T12.GD01", "7", 3),
        ("T12.GD02", None, 3),
        ("T12.GD03", "0.5", 3),
    ]

    def paged(**asked: Any) -> Any:
        return service.list_values(SYSTEM, **asked)

    everything: list[ListedValue] = list(every(paged, "values"))
    assert [(v.period, v.form, v.indicator) for v in everything] == [
        ("2016", "GD-NAM", "T12.GD01"),
        ("2016", "GD-NAM", "T12.GD02"),
        ("2016", "GD-NAM", "T12.GD03"),
        ("2016", "NN-NAM", "T12.NN01"),
        ("2017", "GD-NAM", "T12.GD01"),
        ("2017", "YT-NAM", "T12.YT01"),
    ]
    digests = list(every(lambda **asked: service.read_digests(SYSTEM, level="form", **asked), "digests"))
    assert [(d.period, d.form, d.count) for d in digests] == [
        ("2016", "GD-NAM", 3), ("2016", "NN-NAM", 1), ("2017", "GD-NAM", 1), ("2017", "YT-NAM", 1),
    ]  # fmt: skip
    with pytest.raises(Invalid, match="bad_filter"):
        service.read_digests(SYSTEM, level="form", after="2016")


def test_a_reader_sees_the_warehouse_within_its_scope_and_no_count_of_what_lies_outside(
    held: Any, service: IntegrationService
) -> None:
    seen = [("GD-NAM", "2016", "GD01", "7"), ("GD-NAM", "2016", "GD02", None), ("GD-NAM", "2016", "GD03", "0.5"),
            ("GD-NAM", "2017", "GD01", "8"), ("YT-NAM", "2017", "YT01", "9")]  # fmt: skip
    root = total(of_hash(entry_hash(form, "LC", period, name, value, "official")) for form, period, name, value in seen)
    page = service.read_digests(READER)
    assert page.store == "warehouse"
    assert [Digest.parse(item.count, item.digest) for item in page.digests] == [root]
    listed = service.list_values(READER)
    assert sorted((v.form, v.period, v.indicator, v.value) for v in listed.values) == sorted(seen)
    elsewhere = replace(READER, units=("LC-XA1",))
    assert service.read_digests(elsewhere).digests == [] and service.list_values(elsewhere).values == []
    nobody = replace(SYSTEM, units=(), forms=())
    assert service.read_digests(nobody).digests == [] and service.list_values(nobody).values == []


@pytest.mark.parametrize(
    ("actor", "asked", "code"),
    [
        (replace(READER, rights=("observations.read",)), {}, "right_missing"),
        (replace(READER, rights=("digests.read",)), {}, "right_missing"),
        (replace(SYSTEM, rights=("digests.read",)), {"store": "warehouse"}, "right_missing"),
        (READER, {"form": "NN-NAM"}, "out_of_scope"),
        (READER, {"store": "expected"}, "not_permitted"),
        (replace(SYSTEM, partner="tai-thu"), {"store": "expected"}, "not_permitted"),
    ],
)
def test_without_the_right_or_the_scope_nothing_is_shown(
    actor: Actor, asked: dict[str, Any], code: str, service: IntegrationService
) -> None:
    for call in (service.read_digests, service.list_values):
        with pytest.raises(Forbidden, match=code):
            call(actor, **asked)
    with pytest.raises(Forbidden, match="out_of_scope"):
        service.list_values(READER, unit="LC-XA1")


def test_a_partner_whose_permission_has_ended_is_shown_nothing(
    held: Any, unit: UnitOfWork, service: IntegrationService
) -> None:
    with unit() as opened:
        partner = partner_rows.load(opened.connection, "quoc-gia")
        assert partner.permission is not None
        ended = replace(partner.permission, valid_to=partner.permission.valid_from)
        partner_rows.save(opened.connection, replace(partner, permission=ended))
    with pytest.raises(Forbidden, match="not_permitted"):
        service.read_digests(SYSTEM)


def test_by_soap_the_same_is_read_below_a_form(
    held: Any, far: httpx.Client, work: Work, service: IntegrationService
) -> None:
    work("quoc-gia")
    hub = Gateway()
    for method in ("read_digests", "search_digests", "list_values", "list_groups"):
        asked = getattr(service, method)
        hub.broker.answers[f"integration.{method}"] = lambda actor, _asked=asked, **given: _asked(SYSTEM, **given)
    with served(hub.app) as address:
        ours = SoapClient(DirectRoad(f"{address}/soap/v1/reporting", 5, Recorder("hub", 0)), hub.token)
        own = RestClient(DirectRoad(str(far.base_url).rstrip("/"), 5, Recorder("own", 0)), TOKEN)
        assert ours.parts("2016", "GD-NAM", 4) == own.parts("2016", "GD-NAM", 4) != {}
        assert ours.units("2016", "GD-NAM", 4, range(4)) == own.units("2016", "GD-NAM", 4, range(4)) != {}
        groups = ours.groups("2016", "GD-NAM", 3, ["12"])
        assert groups == own.groups("2016", "GD-NAM", 3, ["12"]) and len(groups) > 1
        chosen = list(groups)
        found, wanted = (client.entries("2016", "GD-NAM", 3, chosen) for client in (ours, own))
        assert found == wanted and set(found) == {"12"}
        ours.close()
        own.close()
