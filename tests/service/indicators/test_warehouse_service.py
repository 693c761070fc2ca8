"""Catalogue and warehouse on a real PostgreSQL: loading, recording in any order, corrections, reads as of a batch."""

from __future__ import annotations

import csv
import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

import catalogue
from services.indicators.service import IndicatorsService
from services.indicators.storage.tables import metadata
from services.indicators.worker import IndicatorsWorker
from shared.contracts.actor import Actor
from shared.contracts.events import (
    CatalogueChanged,
    Event,
    Figure,
    FinalisedRequested,
    ObservationsRecorded,
    ObservationsRequested,
    SubmissionFinalised,
)
from shared.contracts.hashes import release_hash, round_hash
from shared.entrypoints import Received
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork

OFFICE = Actor(
    "office", "person", "Văn phòng", ("catalogue.manage", "catalogue.read", "observations.read"), ("*",), ("*",)
)


class Desk:
    """Service and worker on one fresh database, with a short way to record a round and to read what was emitted."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.service, self.worker = IndicatorsService(), IndicatorsWorker()
        self.service.unit = self.worker.unit = UnitOfWork.for_engine(engine, "indicators")
        self.seen = 0

    def handle(self, handler: Callable[..., None], event: Event) -> None:
        message = Received(event, uuid.uuid4(), "test", datetime.now(UTC))
        with self.worker.unit() as unit:
            handler(unit, message)

    def finalise(self, form: str, period: str, figures: list[Figure], number: int = 1, unit: str = "LC") -> None:
        for part in finalised(form, period, figures, number, unit=unit):
            self.handle(self.worker.on_submission_finalised, part)

    def emitted(self, event: type[Any]) -> list[Any]:
        """Return the events of this kind emitted since the last call (of any kind)."""
        with self.engine.begin() as connection:
            rows = connection.exec_driver_sql(
                "SELECT id, event, body FROM outbox WHERE id > %s ORDER BY id", (self.seen,)
            ).all()
        self.seen = max([self.seen, *(row.id for row in rows)])
        return [msgspec.json.decode(bytes(row.body), type=event) for row in rows if row.event == event.event]

    def held(self, **asked: Any) -> dict[str, str | None]:
        page = self.service.list_observations(OFFICE, **asked)
        return {item.indicator: item.value for item in page.observations}


def finalised(
    form: str, period: str, figures: list[Figure], number: int, unit: str = "LC", size: int = 5_000
) -> list[SubmissionFinalised]:
    parts = [figures[start : start + size] for start in range(0, max(len(figures), 1), size)]
    return [
        SubmissionFinalised(
            submission_id=f"{form}.{unit}.{period}",
            round=number,
            content_hash=round_hash(form, unit, period, number, figures),
            form=form,
            unit=unit,
            agency="LC-SNNMT",
            period=period,
            level="province",
            approved_at=datetime.now(UTC),
            index=index,
            total=len(parts),
            figures=part,
        )
        for index, part in enumerate(parts)
    ]


def published(form: str, year: str) -> list[Figure]:
    entered = next(item["indicators"] for item in catalogue.read()["forms"] if item["id"] == form)
    with (catalogue.FOLDER / "values_province.csv").open(encoding="utf-8") as file:
        return [
            Figure(row["code"], row["value"], row["status"])
            for row in csv.DictReader(file)
            if row["year"] == year and row["code"] in entered
        ]


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("indicators"))
    desk.service.load_catalogue(OFFICE, catalogue.read())
    desk.emitted(CatalogueChanged)
    return desk


PADDY = [Figure("NN01.DT", "31.3"), Figure("NN01.SL", "136.1")]


def test_labels_of_open_lists_are_kept_told_and_hashed(desk: Desk) -> None:
    desk.finalise("GD-NAM", "2016", [Figure("GD01", "9"), Figure("DA01.R1", "5", "official", "Trường A")])
    told = {item.indicator: item.label for event in desk.emitted(ObservationsRecorded) for item in event.observations}
    assert (told["DA01.R1"], told["GD01"]) == ("Trường A", None)
    assert desk.service.find_observation(OFFICE, "DA01.R1", "LC", "2016").label == "Trường A"
    desk.finalise("GD-NAM", "2016", [Figure("GD01", "9"), Figure("DA01.R1", "5", "official", "Trường B")], 2)
    [event] = desk.emitted(ObservationsRecorded)
    assert event.version == 2
    assert event.content_hash == release_hash("GD-NAM", "LC", "2016", 2, event.observations)


def test_migrated_tables_are_those_of_the_metadata(database: Callable[[str], Engine]) -> None:
    with database("indicators").connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _known})
        assert compare_metadata(context, metadata) == []


def _known(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or name in metadata.tables


def test_a_load_makes_one_version_and_a_repeat_none(database: Callable[[str], Engine]) -> None:
    desk = Desk(database("indicators"))
    assert desk.service.catalogue_version() == 0
    assert desk.service.read_catalogue().entries == []
    total = sum(len(entries) for entries in catalogue.read().values())
    first = desk.service.load_catalogue(OFFICE, catalogue.read())
    assert (first.version, first.added, first.changed, first.unchanged) == (1, total, 0, 0)
    [event] = desk.emitted(CatalogueChanged)
    assert event.version == 1
    assert event.entries is None or len(event.entries) == total
    again = desk.service.load_catalogue(OFFICE, catalogue.read())
    assert (again.version, again.added, again.changed, again.unchanged) == (1, 0, 0, total)
    assert desk.emitted(CatalogueChanged) == []


def test_a_plan_changes_nothing_and_is_applied_only_to_the_version_it_was_made_for(desk: Desk) -> None:
    regime = {"id": "KTXH-NAM-2", "name": "Chế độ thử", "decision": "Quyết định thử", "level": "province",
              "period_kind": "year", "deadline": {"month": 12, "day": 20}}  # fmt: skip
    planned = desk.service.plan_catalogue(OFFICE, {"regimes": [regime]})
    assert (planned.version, planned.added, planned.changed) == (1, ["regimes[KTXH-NAM-2]"], [])
    assert desk.service.catalogue_version() == 1
    renamed = {**regime, "id": "KTXH-NAM-3"}
    desk.service.load_catalogue(OFFICE, {"regimes": [renamed]}, expected_version=1)
    with pytest.raises(Conflict, match="catalogue_moved"):
        desk.service.load_catalogue(OFFICE, {"regimes": [regime]}, expected_version=planned.version)
    assert desk.service.load_catalogue(OFFICE, {"regimes": [regime]}, expected_version=2).version == 3
    with pytest.raises(Forbidden):
        desk.service.plan_catalogue(replace(OFFICE, rights=("catalogue.read",)), {"regimes": [regime]})


def test_a_large_delta_is_left_to_the_snapshot_whose_pages_hold_all(desk: Desk) -> None:
    extra = [
        {"id": f"ZZ{number:04}", "name": "Chỉ tiêu thử", "measure": "lớp", "value_type": "integer", "rollup": "sum"}
        for number in range(501)
    ]
    result = desk.service.load_catalogue(OFFICE, {"indicators": extra})
    assert (result.version, result.added) == (2, 501)
    [event] = desk.emitted(CatalogueChanged)
    assert event.entries is None
    found, after = [], None
    for _ in itertools.count():
        page = desk.service.read_catalogue(after, 100)
        assert page.version == 2
        found += [(entry.kind, entry.id) for entry in page.entries]
        if (after := page.next) is None:
            break
    assert len(found) == len(set(found)) == sum(map(len, catalogue.read().values())) + 501


def test_a_faulty_load_is_refused_whole(desk: Desk) -> None:
    load = catalogue.read()
    load["forms"][0]["regime"] = "XX"
    load["indicators"][0]["name"] = "Đổi tên"
    with pytest.raises(Invalid) as caught:
        desk.service.load_catalogue(OFFICE, load)
    assert caught.value.context["count"] == 1
    assert desk.service.catalogue_version() == 1
    assert desk.service.list_indicators(OFFICE, limit=500).indicators[7].name != "Đổi tên"


def test_only_who_manages_the_catalogue_loads_it(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        desk.service.load_catalogue(Actor("x", "person", "X"), {})


def test_units_are_listed_as_of_a_day(desk: Desk) -> None:
    old = desk.service.list_units(OFFICE, on=date(2025, 6, 30), kind="commune", limit=500)
    new = desk.service.list_units(OFFICE, on=date(2025, 7, 1), kind="commune", limit=500)
    assert (len(old.units), len(new.units)) == (106, 38)
    of_district = desk.service.list_units(OFFICE, on=date(2025, 6, 30), parent="LC-H107", limit=500)
    assert len(of_district.units) == 14
    first = desk.service.list_units(OFFICE, kind="district", limit=5)
    rest = desk.service.list_units(OFFICE, kind="district", limit=5, after=first.next)
    assert (len(first.units), len(rest.units), rest.next) == (5, 3, None)
    after = sorted(form["id"] for form in catalogue.read()["forms"] if form["id"] > "DL")
    assert [form.id for form in desk.service.list_forms(OFFICE, after="DL").forms] == after


def test_a_round_is_recorded_with_its_ratio_and_told_with_its_hash(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", PADDY)
    found = desk.service.find_observation(OFFICE, "NN01.NS", "LC", "2016")
    assert (found.value, found.derived, found.batch, found.version, found.round) == ("43.5", True, 1, 1, 1)
    [event] = desk.emitted(ObservationsRecorded)
    assert (event.form, event.batch, event.version, event.total) == ("NN-NAM", 1, 1, 1)
    assert {item.indicator: item.value for item in event.observations} == {
        "NN01.DT": "31.3",
        "NN01.NS": "43.5",
        "NN01.SL": "136.1",
    }
    assert event.content_hash == release_hash("NN-NAM", "LC", "2016", 1, event.observations)


def test_a_ratio_over_two_forms_appears_with_the_second_and_tells_its_own_form(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", published("NN-NAM", "2016"))
    assert "NN07" not in desk.held(unit="LC", period_from="2016", period_to="2016")
    desk.emitted(ObservationsRecorded)
    desk.finalise("DS-NAM", "2016", published("DS-NAM", "2016"))
    events = {event.form: event for event in desk.emitted(ObservationsRecorded)}
    assert {form: (event.batch, event.version, event.submission_id) for form, event in events.items()} == {
        "DS-NAM": (2, 1, "DS-NAM.LC.2016"),
        "NN-NAM": (2, 2, "NN-NAM.LC.2016"),
    }
    assert "NN07" in {item.indicator for item in events["NN-NAM"].observations}
    assert len(events["NN-NAM"].observations) == len(published("NN-NAM", "2016")) + 5


def test_parts_may_come_reordered_and_repeated(desk: Desk) -> None:
    figures = [Figure(f"NN{number:02}", str(number)) for number in range(8, 13)]
    parts = finalised("NN-NAM", "2015", figures, 1, size=2)
    for part in (parts[2], parts[0], parts[2], parts[1], parts[0]):
        desk.handle(desk.worker.on_submission_finalised, part)
    assert len(desk.held(form="NN-NAM")) == 5
    assert len(desk.emitted(ObservationsRecorded)) == 1
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chunks").scalar_one() == 0


def test_missing_parts_are_asked_for_after_half_a_minute(desk: Desk) -> None:
    parts = finalised("NN-NAM", "2015", PADDY, 3, size=1)
    desk.handle(desk.worker.on_submission_finalised, parts[1])
    desk.worker.request_missing()
    assert desk.emitted(FinalisedRequested) == []
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chunks SET received_at = now() - interval '31 s'")
    desk.worker.request_missing()
    assert desk.emitted(FinalisedRequested) == [FinalisedRequested(submission_id="NN-NAM.LC.2015", round=3)]
    for part in parts:
        desk.handle(desk.worker.on_submission_finalised, part)
    desk.worker.request_missing()
    assert desk.emitted(FinalisedRequested) == []


def test_figures_other_than_the_approved_ones_are_refused(desk: Desk) -> None:
    [part] = finalised("NN-NAM", "2016", PADDY, 1)
    with pytest.raises(Invalid, match="content_differs"):
        desk.handle(
            desk.worker.on_submission_finalised, msgspec.structs.replace(part, figures=[Figure("NN01.DT", "31.4")])
        )
    assert desk.held() == {}


def test_an_older_or_repeated_round_changes_nothing(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", PADDY, 2)
    desk.emitted(ObservationsRecorded)
    desk.finalise("NN-NAM", "2016", [Figure("NN01.DT", "1")], 1)
    desk.finalise("NN-NAM", "2016", PADDY, 2)
    assert desk.emitted(ObservationsRecorded) == []
    assert desk.held()["NN01.DT"] == "31.3"


def test_a_correction_supersedes_what_changed_and_as_of_reads_never_change(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", [*PADDY, Figure("NN08", "98.9"), Figure("NN09", None)], 1)
    before = desk.held(as_of=1)
    assert before == desk.held()
    desk.emitted(ObservationsRecorded)
    desk.finalise("NN-NAM", "2016", [PADDY[0], Figure("NN01.SL", "150"), Figure("NN09", None)], 2)
    assert desk.held() == {"NN01.DT": "31.3", "NN01.SL": "150", "NN01.NS": "47.9", "NN09": None}
    assert desk.held(as_of=1) == before
    assert desk.held(as_of=0) == {}
    unchanged = desk.service.find_observation(OFFICE, "NN01.DT", "LC", "2016")
    assert (unchanged.batch, unchanged.round) == (1, 1)
    [event] = desk.emitted(ObservationsRecorded)
    assert {item.indicator for item in event.observations if item.withdrawn} == {"NN08"}
    assert event.content_hash == release_hash("NN-NAM", "LC", "2016", 2, event.observations)
    with pytest.raises(NotFound):
        desk.service.find_observation(OFFICE, "NN08", "LC", "2016")


def test_a_withdrawn_value_is_told_once_and_may_return(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", [*PADDY, Figure("NN08", "98.9")], 1)
    desk.finalise("NN-NAM", "2016", PADDY, 2)
    desk.finalise("NN-NAM", "2016", PADDY, 3)
    third = desk.emitted(ObservationsRecorded)[-1]
    assert not any(item.withdrawn for item in third.observations)
    desk.finalise("NN-NAM", "2016", [*PADDY, Figure("NN08", "98.9")], 4)
    assert desk.service.find_observation(OFFICE, "NN08", "LC", "2016").batch == 4
    assert ["NN08" in desk.held(as_of=batch) for batch in (1, 2, 3, 4)] == [True, False, False, True]


def test_an_empty_round_withdraws_everything(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", PADDY, 1)
    desk.finalise("NN-NAM", "2016", [], 2)
    assert desk.held() == {}
    event = desk.emitted(ObservationsRecorded)[-1]
    assert all(item.withdrawn for item in event.observations)
    assert len(event.observations) == 3


def test_what_was_told_is_told_again_the_same(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", [*PADDY, Figure("NN08", "98.9")], 1)
    desk.finalise("NN-NAM", "2016", PADDY, 2)
    told = desk.emitted(ObservationsRecorded)[-1]
    asked = ObservationsRequested(form="NN-NAM", unit="LC", period="2016")
    desk.handle(desk.worker.on_observations_requested, asked)
    assert desk.emitted(ObservationsRecorded) == [told]
    desk.handle(desk.worker.on_observations_requested, ObservationsRequested(form="XX", unit="LC", period="2016"))
    assert desk.emitted(ObservationsRecorded) == []


def test_batch_order_is_commit_order_for_two_recorders_at_once(desk: Desk) -> None:
    barrier = threading.Barrier(2)
    failures: list[Exception] = []

    def record(form: str) -> None:
        try:
            barrier.wait(10)
            for year in range(2010, 2017):
                desk.finalise(form, str(year), published(form, str(year)))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=record, args=(form,)) for form in ("NN-NAM", "DS-NAM")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    page = desk.service.list_observations(OFFICE, indicator="NN07")
    assert len(page.observations) == 7  # whichever form came second derived it
    with desk.engine.connect() as connection:
        numbers = connection.exec_driver_sql("SELECT batch FROM batches ORDER BY batch").scalars().all()
    assert list(numbers) == list(range(1, 15))


def test_lists_are_paged_filtered_and_bounded_by_scope(desk: Desk) -> None:
    for year in ("2015", "2016"):
        desk.finalise("NN-NAM", year, published("NN-NAM", year))
        desk.finalise("GD-NAM", year, published("GD-NAM", year))
    everything = desk.service.list_observations(OFFICE).observations
    found, after = [], None
    while True:
        page = desk.service.list_observations(OFFICE, after=after, limit=7)
        found += page.observations
        if (after := page.next) is None:
            break
    assert found == everything
    one = everything[0]
    assert desk.service.find_observation(OFFICE, one.indicator, one.unit, one.period) == one
    assert {item.period for item in desk.service.list_observations(OFFICE, period_to="2015").observations} == {"2015"}
    school = Actor("gd", "client", "Giáo dục", ("observations.read",), ("LC",), ("GD-NAM",))
    assert {item.form for item in desk.service.list_observations(school).observations} == {"GD-NAM"}
    assert desk.service.find_observation(school, "GD01.TH", "LC", "2016").derived is False
    with pytest.raises(Forbidden):
        desk.service.find_observation(school, "NN01.DT", "LC", "2016")
    with pytest.raises(Forbidden):
        desk.service.list_observations(school, form="NN-NAM")
    with pytest.raises(Invalid):
        desk.service.list_observations(OFFICE, after="x")


def test_a_large_form_is_told_in_parts(desk: Desk) -> None:
    codes = [f"ZZ{number:05}" for number in range(5_001)]
    indicators = [
        {"id": code, "name": "Chỉ tiêu thử", "measure": "lớp", "value_type": "integer", "rollup": "sum"}
        for code in codes
    ]
    owed = [{"unit": "LC", "agency": "LC-STK"}]
    form: dict[str, Any] = {"id": "ZZ-NAM", "name": "Biểu thử", "regime": "KTXH-NAM", "period_kind": "year"}
    form |= {"indicators": codes, "owed_by": owed, "periods": {"from": 2016, "to": 2016}}
    desk.service.load_catalogue(OFFICE, {"indicators": indicators, "forms": [form]})
    desk.finalise("ZZ-NAM", "2016", [Figure(code, "1") for code in codes])
    events = desk.emitted(ObservationsRecorded)
    assert [(event.index, event.total, len(event.observations)) for event in events] == [(0, 2, 5_000), (1, 2, 1)]
    assert len({(event.batch, event.version, event.content_hash) for event in events}) == 1
