"""Units through time and reforms on a real PostgreSQL: found by code and day, reforms previewed and applied whole."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

import catalogue
from services.indicators.service import IndicatorsService
from shared.catalogue.units import Unit
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueChanged
from shared.contracts.views.organisation import ReformView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from shared.testing.eve import before

OFFICE = Actor("office", "person", "Văn phòng", ("catalogue.manage", "catalogue.read"), ("*",), ("*",))
READER = Actor("clerk", "person", "Chuyên viên", ("catalogue.read",), ("LC",), ("*",))
BEFORE, REFORM = date(2025, 6, 30), date(2025, 7, 1)
AREAS = ("province", "district", "commune")


def resolution() -> dict[str, Any]:
    """Return resolution 1670 as the catalogue has it."""
    text = (catalogue.FOLDER / "reforms-2025.json").read_text(encoding="utf-8")
    reform: dict[str, Any] = json.loads(text)["reforms"][0]
    return reform


def lai_chau() -> list[Unit]:
    return [unit for unit in msgspec.convert(catalogue.read()["units"], list[Unit]) if unit.kind in AREAS]


class Office:
    """The service on one fresh database, with what it told."""

    def __init__(self, engine: Engine, units: list[Unit]) -> None:
        self.engine = engine
        self.service = IndicatorsService()
        self.service.unit = UnitOfWork.for_engine(engine, "indicators")
        form = {
            "id": "XA-NAM", "name": "Xã, năm", "regime": "NAM", "period_kind": "year", "indicators": ["DS01"],
            "owed_by": {"each": "commune"}, "periods": {"from": 2020},
        }  # fmt: skip
        self.service.load_catalogue(
            OFFICE,
            {
                "measures": [{"id": "NGUOI", "name": "người", "dimension": "người"}],
                "units": msgspec.to_builtins(units),
                "indicators": [{"id": "DS01", "name": "Dân số", "measure": "người", "value_type": "integer"}],
                "regimes": [{"id": "NAM", "name": "Năm", "decision": "09/2019/NĐ-CP", "period_kind": "year",
                             "deadline": {"day": 25}, "level": "commune"}],
                "forms": [form],
            },
        )  # fmt: skip

    @property
    def version(self) -> int:
        return self.service.catalogue_version()

    def units(self) -> list[dict[str, Any]]:
        entries = self.service.read_catalogue(limit=5_000).entries
        return [{"id": entry.id, **(entry.body or {})} for entry in entries if entry.kind == "unit"]

    def told(self) -> list[CatalogueChanged]:
        with self.engine.begin() as connection:
            rows = connection.exec_driver_sql("SELECT body FROM outbox WHERE event = 'catalogue_changed' ORDER BY id")
            return [msgspec.json.decode(bytes(row.body), type=CatalogueChanged) for row in rows]

    def audited(self) -> list[str]:
        with self.engine.begin() as connection:
            return [row.subject for row in connection.exec_driver_sql("SELECT subject FROM audit ORDER BY 1")]


@pytest.fixture
def eve(database: Callable[[str], Engine]) -> Office:
    """Lai Châu on 30 June 2025: nothing of the reform is known."""
    return Office(database("indicators"), list(before(lai_chau(), REFORM).values()))


@pytest.fixture
def since(database: Callable[[str], Engine]) -> Office:
    """Lai Châu with all its history."""
    return Office(database("indicators"), lai_chau())


# -- reforms ---------------------------------------------------------------------------------------------------------


def test_a_preview_shows_the_whole_reform_and_changes_nothing(eve: Office) -> None:
    view = eve.service.preview_reform(OFFICE, resolution())
    assert (view.version, view.applied) == (1, False)
    assert view.counts == {"commune": {"before": 106, "since": 38}, "district": {"before": 8, "since": 0}}
    what = [word for change in view.units for word in change.what]
    assert {word: what.count(word) for word in set(what)} == {"ended": 104 + 8, "begun": 36, "moved": 2}
    assert len(view.codes) == 36  # the two untouched communes keep theirs
    [reused] = [item for item in view.codes if item.code == "gso:03388"]
    assert (reused.before_name, reused.since_name) == ("Phường Quyết Tiến", "Phường Đoàn Kết")
    assert view.forms == ["XA-NAM"]
    assert (eve.version, len(eve.told()), eve.service.list_reforms(OFFICE).reforms) == (1, 1, [])


def test_a_reform_is_applied_as_one_version_and_told_once(eve: Office) -> None:
    preview = eve.service.preview_reform(OFFICE, resolution())
    view = eve.service.apply_reform(OFFICE, resolution(), preview.version)
    assert (view.version, view.applied, view.units) == (2, True, preview.units)
    [_, told] = eve.told()
    assert told.version == 2
    assert len(told.entries or []) == 104 + 8 + 36 + 2 + 1
    assert eve.audited() == ["catalogue/1", "catalogue/2", "reform/NQ-1670-2025"]
    [entry] = eve.service.list_reforms(READER).reforms
    assert (entry.id, len(entry.changes)) == ("NQ-1670-2025", 39)


def test_the_reform_leads_to_the_same_units_as_the_loaded_catalogue(eve: Office, database: Any) -> None:
    eve.service.apply_reform(OFFICE, resolution(), 1)
    assert eve.units() == Office(database("indicators"), lai_chau()).units()


def test_the_same_reform_again_changes_nothing_and_another_under_its_id_is_refused(eve: Office) -> None:
    first = eve.service.apply_reform(OFFICE, resolution(), 1)
    assert eve.service.apply_reform(OFFICE, resolution(), 1) == first
    assert eve.service.preview_reform(OFFICE, resolution()) == first
    assert len(eve.told()) == 2
    with pytest.raises(Conflict) as caught:
        eve.service.apply_reform(OFFICE, resolution() | {"decision": "Nghị quyết khác"}, 2)
    assert caught.value.code == "indicators.reform_differs"


def test_a_reform_previewed_on_another_catalogue_is_refused(eve: Office) -> None:
    preview = eve.service.preview_reform(OFFICE, resolution())
    eve.service.load_catalogue(OFFICE, {"units": [{"id": "LC-MOI", "name": "Sở Mới", "kind": "agency"}]})
    with pytest.raises(Conflict) as caught:
        eve.service.apply_reform(OFFICE, resolution(), preview.version)
    assert caught.value.code == "indicators.catalogue_moved"
    assert eve.service.apply_reform(OFFICE, resolution(), eve.version).version == 3


def test_two_who_apply_at_once_apply_once(eve: Office) -> None:
    views: list[ReformView] = []
    both = threading.Barrier(2)

    def go() -> None:
        both.wait(10)
        views.append(eve.service.apply_reform(OFFICE, resolution(), 1))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [view.version for view in views] == [2, 2]
    assert len(eve.told()) == 2


def test_an_unsound_reform_is_refused_whole_with_every_fault(eve: Office) -> None:
    reform = copy.deepcopy(resolution())
    reform["changes"][0]["units"].append("LC-X99999")
    reform["changes"][3]["share"] = "0.5"
    with pytest.raises(Invalid) as caught:
        eve.service.apply_reform(OFFICE, reform, 1)
    errors: Any = caught.value.context["errors"]
    assert {(error["place"], error["code"]) for error in errors} == {
        ("changes[0].units", "unknown"),
        ("changes[3].share", "not_here"),
    }
    assert (eve.version, len(eve.told())) == (1, 1)


def test_a_reform_that_does_not_fit_the_rest_of_the_catalogue_is_refused(eve: Office) -> None:
    reform = resolution()
    reform["changes"] = [change for change in reform["changes"] if change["how"] != "move"]
    with pytest.raises(Invalid) as caught:
        eve.service.preview_reform(OFFICE, reform)
    errors: Any = caught.value.context["errors"]
    assert {(error["place"], error["code"]) for error in errors} == {
        ("units[LC-X03451-2004].parent", "parent_ended"),
        ("units[LC-X03463-2004].parent", "parent_ended"),
    }


def test_a_misspelt_field_is_named(eve: Office) -> None:
    with pytest.raises(Invalid) as caught:
        eve.service.preview_reform(OFFICE, resolution() | {"day": "2025-07-01"})
    errors: Any = caught.value.context["errors"]
    assert [(error["place"], error["code"]) for error in errors] == [("reforms[NQ-1670-2025]", "shape")]


def test_only_who_manages_the_catalogue_reforms(eve: Office) -> None:
    with pytest.raises(Forbidden):
        eve.service.preview_reform(READER, resolution())
    with pytest.raises(Forbidden):
        eve.service.apply_reform(READER, resolution(), 1)


def test_a_reform_that_the_loaded_units_agree_with_counts_as_applied(since: Office) -> None:
    since.service.load_catalogue(OFFICE, {"reforms": [resolution()]})
    view = since.service.apply_reform(OFFICE, resolution(), 0)
    assert (view.applied, view.version, view.counts["commune"]) == (True, 2, {"before": 106, "since": 38})


# -- units -----------------------------------------------------------------------------------------------------------


def test_a_reused_code_finds_the_unit_of_the_day(since: Office) -> None:
    def named(on: date | None) -> list[str]:
        return [unit.name for unit in since.service.list_units(READER, on=on, code="gso:03388").units]

    assert named(BEFORE) == ["Phường Quyết Tiến"]
    assert named(REFORM) == ["Phường Đoàn Kết"]
    assert named(None) == ["Phường Quyết Tiến", "Phường Đoàn Kết"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("03388", "indicators.bad_code"),
        ("qd20:H35.G22", "catalogue.identifier_order"),
        ("qcvn102:h35", "catalogue.identifier"),
    ],
)
def test_a_code_that_cannot_be_read_is_refused(since: Office, code: str, error: str) -> None:
    with pytest.raises(Invalid) as caught:
        since.service.list_units(READER, code=code)
    assert caught.value.code == error


def test_units_are_listed_by_all_that_is_above_them_on_the_day(since: Office) -> None:
    def ids(**asked: Any) -> set[str]:
        return {unit.id for unit in since.service.list_units(READER, limit=500, **asked).units}

    assert len(ids(on=BEFORE, under="LC", kind="commune")) == 106
    assert len(ids(on=BEFORE, parent="LC", kind="commune")) == 0
    assert len(ids(on=REFORM, under="LC", kind="commune")) == len(ids(on=REFORM, parent="LC", kind="commune")) == 38
    assert "LC-X03451-2004" in ids(on=BEFORE, under="LC-H107")
    assert ids(on=REFORM, under="LC-H107") == set()


def test_a_unit_tells_its_whole_history(since: Office) -> None:
    kept = since.service.find_unit(READER, "LC-X03451-2004")
    assert [span["parent"] for span in kept.parents] == ["LC-H107", "LC"]
    made = since.service.find_unit(READER, "LC-X03618-2025")
    assert {(edge.before_name, edge.how, edge.on) for edge in made.predecessors} == {
        ("Xã Phúc Than", "merged", "2025-07-01"),
        ("Xã Mường Mít", "merged", "2025-07-01"),
    }
    ended = since.service.find_unit(READER, "LC-H105")
    assert [(edge.after, edge.how) for edge in ended.successors] == [(None, "abolished")]
    with pytest.raises(NotFound):
        since.service.find_unit(READER, "LC-KHONG-CO")


def test_a_unit_is_traced_to_what_it_was_made_of(since: Office) -> None:
    traced = since.service.trace_unit(READER, "LC-X03618-2025", date(2024, 12, 31), date(2025, 12, 31))
    assert [(part.name, part.share) for part in traced.parts] == [("Xã Phúc Than", "1"), ("Xã Mường Mít", "1")]
    assert (traced.itself, traced.exact, traced.through) == (False, True, ["2025-07-01"])
    assert since.service.trace_unit(READER, "LC-X03451-2004", BEFORE).itself
