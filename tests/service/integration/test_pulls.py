"""Pulls from a source over HTTP into PostgreSQL: what is new is pushed once, whatever the source and the process do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from services.integration import healing, intake
from services.integration import puller as pulling
from services.integration.domain import pulled
from services.integration.domain.partners import Partner
from services.integration.puller import Puller
from services.integration.settings import IntegrationSettings
from services.integration.storage import partners as partner_rows
from services.integration.storage import pulls
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.errors import Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, emitted, partners

SOURCE: dict[str, Any] = {
    "forms": ["MT-THANG"],
    "path": "/api/source/cursor",
    "schedule": {"every_seconds": 3600},
    "watermark": {"parameter": "since", "overlap": 3600},
    "paging": {
        "kind": "cursor",
        "parameter": "cursor",
        "next": "next",
        "size": 3,
        "size_parameter": "limit",
        "total": "total",
    },
    "rows": {
        "at": "rows",
        "unit": "unit",
        "period": "period",
        "indicator": "indicator",
        "value": "value",
        "status": "status",
        "mark": "changed_at",
        "deleted": "deleted",
        "nothing": ["-"],
    },
}
BY_NUMBER = {"kind": "number", "parameter": "page", "size": 3, "size_parameter": "limit"}
BY_LINK = {"kind": "link", "next": "next", "size": 3, "size_parameter": "limit"}


class Died(BaseException):
    """Stands for SIGKILL: nothing of the process runs on."""


@pytest.fixture(scope="module")
def engine(database: Any) -> Engine:
    made: Engine = database("integration")
    return made


@pytest.fixture(scope="module")
def unit(engine: Engine) -> UnitOfWork:
    made = UnitOfWork.for_engine(engine, "integration")
    body = {"name": "Tỉnh Lai Châu", "kind": "province", "codes": [{"scheme": "gso", "code": "12"}]}
    with made() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=1, entries=[CatalogueEntry("unit", "LC", body)]))
    return made


def forget_all(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in ("runs", "sources", "cells", "rows", "pages", "faults", "receipts"):
            connection.execute(text(f"DELETE FROM pull_{table}"))  # noqa: S608 -- names above
        connection.execute(text("DELETE FROM outbox"))


@pytest.fixture
def far_source(far: httpx.Client, engine: Engine) -> httpx.Client:
    far.delete("/control/source")
    forget_all(engine)
    return far


Declare = Callable[..., None]


@pytest.fixture
def declare(unit: UnitOfWork, address: str) -> Declare:
    """`declare(paging=…)` makes bo-nganh a source, declared as in SOURCE but for what is named."""

    def save(paging: dict[str, Any] | None = None, **other: Any) -> None:
        told = {**SOURCE, "paging": paging or SOURCE["paging"], **other}
        [partner] = [item for item in partners(address) if item.id == "bo-nganh"]
        with unit() as opened:
            partner_rows.save(opened.connection, replace(partner, forms=(), source=told))

    save()
    return save


@pytest.fixture
def source(unit: UnitOfWork, settings: IntegrationSettings, declare: Declare) -> Puller:
    return Puller(unit, "bo-nganh", replace(settings, pull_timeout_seconds=0.5, pull_tries=3))


def change(far: httpx.Client, *rows: tuple[str, Any], period: str = "2016-01", **other: Any) -> None:
    body = [{"unit": "12", "period": period, "indicator": name, "value": value, **other} for name, value in rows]
    far.post("/control/source/rows", json=body).raise_for_status()


def arm(far: httpx.Client, *kinds: str, **other: Any) -> None:
    far.post("/control/source/faults", json=[{"kind": kind, **other} for kind in kinds]).raise_for_status()


def work(source: Puller, steps: int = 60) -> None:
    """Take the run that is under way, or one that is due, to its end."""
    while source.step():
        steps -= 1
        assert steps, "never ends"


def pull(service: Any, source: Puller, **asked: Any) -> Any:
    """Pull now and return the run as it ended."""
    begun = service.pull(ACTOR, "bo-nganh", **asked)
    for _ in range(400):
        source.step()
        found = service.read_pull(ACTOR, begun.id)
        if found.pull.finished_at is not None:
            return found
    raise AssertionError("never ends")


def pushed(engine: Engine) -> list[tuple[str, str, Any]]:
    """What was pushed, in order: (period, indicator, value), a value of None being "nothing occurred"."""
    return [
        (body["body"]["period"], figure["indicator"], figure["value"])
        for body in emitted(engine, "push_accepted")
        for figure in body["body"]["figures"]
    ]


@pytest.mark.parametrize("paging", [SOURCE["paging"], BY_NUMBER, BY_LINK], ids=lambda paging: str(paging["kind"]))
def test_what_changed_since_the_last_run_is_pushed_by_unit_and_period(
    declare: Declare, source: Puller, far_source: httpx.Client, service: Any, engine: Engine, paging: dict[str, Any]
) -> None:
    declare(
        paging, path={"cursor": SOURCE["path"], "number": "/api/source/pages"}.get(paging["kind"], "/api/source/links")
    )
    change(far_source, ("MT01", 12.5), ("MT02", "7"), ("MT03", "-"), ("MT04", 10**19))
    change(far_source, ("MT01", "0.25"), period="2016-02", status="preliminary")
    run = pull(service, source)
    assert (run.pull.state, run.pull.read, run.pull.new, run.pull.pushes) == ("succeeded", 5, 5, 2)
    first, second = emitted(engine, "push_accepted")
    assert (first["origin"], first["client_id"], first["partner"]) == ("pull", "bo-nganh", "bo-nganh")
    assert (first["forms"], first["body"]["unit"], first["body"]["period"]) == (["MT-THANG"], "LC", "2016-01")
    assert [item["value"] for item in first["body"]["figures"]] == [12.5, 7, None, 10**19]
    assert first["body"]["figures"][2]["nothing_occurred"] is True
    assert second["body"]["figures"] == [{"indicator": "MT01", "value": 0.25, "status": "preliminary"}]
    assert {item.receipt_id for item in run.receipts} == {first["receipt_id"], second["receipt_id"]}
    with engine.connect() as connection:
        of_run = "SELECT count(*) FROM messages JOIN pull_runs ON token = message_id WHERE pull_runs.id = :run"
        noted = connection.execute(text(of_run), {"run": int(run.pull.id)}).scalar_one()
    assert noted == run.pull.pages

    change(far_source, ("MT02", 8))
    again = pull(service, source)
    assert (again.pull.new, again.pull.unchanged, again.pull.pushes) == (1, 4, 1)
    assert pushed(engine)[-1] == ("2016-01", "MT02", 8)
    assert pull(service, source).pull.pushes == 0


def test_codes_and_values_that_mean_nothing_here_are_named_and_hold_nobody_up(
    source: Puller, far_source: httpx.Client, service: Any, engine: Engine
) -> None:
    change(far_source, ("MT01", 1), ("MT02", "1.234,5"), ("MT03", None))
    change(far_source, ("MT01", 1), period="2016-13")
    body = [{"unit": "99", "period": "2016", "indicator": "MT01", "value": 3, "status": "official"}]
    far_source.post("/control/source/rows", json=body)
    change(far_source, ("MT04", 4), status="final")
    run = pull(service, source)
    told = {(error.place, error.code) for error in run.errors}
    assert told == {
        ("value", "pulls.bad_value"),
        ("value", "pulls.no_value"),
        ("period", "pulls.unmapped_period"),
        ("unit", "pulls.unmapped_unit"),
        ("status", "pulls.unmapped_status"),
    }
    assert (run.pull.read, run.pull.new, run.pull.unmapped, run.pull.refused) == (6, 1, 3, 2)
    assert all('"indicator"' in error.row and error.page in (1, 2) for error in run.errors)
    assert pushed(engine) == [("2016-01", "MT01", 1)]


def test_what_is_gone_at_the_source_is_told_and_not_taken_away(
    source: Puller, far_source: httpx.Client, service: Any, engine: Engine
) -> None:
    change(far_source, ("MT01", 5))
    pull(service, source)
    change(far_source, ("MT01", None), deleted=True)
    run = pull(service, source)
    assert (run.pull.deleted, run.pull.pushes) == (1, 0)
    [error] = run.errors
    assert (error.kind, error.code) == ("deleted", "pulls.deleted_there") and "held 5" in error.message
    assert pull(service, source).pull.deleted == 0
    change(far_source, ("MT01", 5))
    assert pull(service, source).pull.new == 1 and pushed(engine) == [("2016-01", "MT01", 5)] * 2


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("malformed", "integration.bad_page"),
        ("endless", "integration.pull_repeats"),
        ("lose_page", "integration.pull_incomplete"),
        ("refuse", "integration.source_refuses"),
        ("unavailable", "integration.source_away"),
        ("delay", "integration.source_away"),
    ],
)
def test_a_run_that_fails_says_why_and_keeps_the_watermark(
    source: Puller, far_source: httpx.Client, service: Any, engine: Engine, kind: str, code: str
) -> None:
    change(far_source, ("MT01", 1), ("MT02", 2), ("MT03", 3), ("MT04", 4))
    arm(far_source, kind, times=100 if kind in ("unavailable", "endless", "delay") else 1)
    run = pull(service, source)
    assert (run.pull.state, run.pull.error_code, run.pull.pushes) == ("failed", code, 0)
    assert pushed(engine) == []
    arm(far_source)
    assert pull(service, source).pull.new == 4
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pull_rows")).scalar_one() == 0
        assert connection.execute(text("SELECT failures FROM pull_sources")).scalar_one() == 0


def test_a_source_that_pages_in_circles_by_number_is_left(
    declare: Declare, source: Puller, far_source: httpx.Client, service: Any
) -> None:
    declare({"kind": "number", "parameter": "ignored", "size_parameter": "limit"}, path="/api/source/cursor")
    change(far_source, ("MT01", 1))
    assert pull(service, source).pull.error_code == "integration.pull_repeats"


def test_a_source_with_too_many_pages_is_read_in_several_runs_if_its_rows_are_in_order(
    declare: Declare, source: Puller, far_source: httpx.Client, service: Any, engine: Engine
) -> None:
    change(far_source, *((f"MT0{number}", number) for number in range(9)))
    declare({**SOURCE["paging"], "max_pages": 1})
    assert pull(service, source).pull.error_code == "integration.pull_too_long"
    ordered = {**SOURCE["paging"], "max_pages": 1, "ordered": True}
    declare(ordered, watermark={"parameter": "since", "overlap": 0})
    service.pull(ACTOR, "bo-nganh")
    work(source)
    assert [item.new for item in service.list_pulls(ACTOR, "bo-nganh").pulls][:-1] == [2, 2, 2, 3]
    assert len(pushed(engine)) == 9


def test_no_pull_without_a_permission_that_holds(
    unit: UnitOfWork, declare: Declare, source: Puller, far_source: httpx.Client, service: Any
) -> None:
    change(far_source, ("MT01", 1))
    service.pull(ACTOR, "bo-nganh")
    with unit() as opened:
        partner: Partner = partner_rows.load(opened.connection, "bo-nganh")
        partner_rows.save(opened.connection, replace(partner, permission=None))
    work(source)
    [run] = service.list_pulls(ACTOR, "bo-nganh").pulls
    assert (run.state, run.error_code) == ("failed", "integration.not_permitted")
    with pytest.raises(Forbidden, match="not_permitted"):
        service.pull(ACTOR, "bo-nganh")
    assert far_source.get("/control/source/faults").json()["asked"] == 0


def test_one_run_at_a_time_and_from_where_one_says(
    declare: Declare, source: Puller, far_source: httpx.Client, service: Any, engine: Engine
) -> None:
    change(far_source, ("MT01", 1), ("MT02", 2))
    begun = service.pull(ACTOR, "bo-nganh")
    assert service.pull(ACTOR, "bo-nganh").id == begun.id
    work(source)
    assert pull(service, source, since="2026-01-01T00:00:00.002Z", again=True).pull.new == 1
    assert pushed(engine) == [("2016-01", "MT01", 1), ("2016-01", "MT02", 2), ("2016-01", "MT02", 2)]
    with pytest.raises(Invalid, match="bad_mark"):
        service.pull(ACTOR, "bo-nganh", since="yesterday")


def test_old_runs_are_forgotten_and_what_the_source_held_is_not(
    source: Puller, far_source: httpx.Client, service: Any, engine: Engine
) -> None:
    change(far_source, ("MT01", 1), ("MT02", "?"))
    run = pull(service, source)
    with engine.begin() as connection:
        assert pulls.forget(connection, 1) == 0
        connection.execute(text("UPDATE pull_runs SET finished_at = now() - interval '2 days'"))
        assert pulls.forget(connection, 1) == 1
        left = "SELECT (SELECT count(*) FROM pull_faults) + (SELECT count(*) FROM pull_receipts)"
        assert connection.execute(text(left)).scalar_one() == 0
    with pytest.raises(NotFound, match="no_pull"):
        service.read_pull(ACTOR, run.pull.id)
    assert pull(service, source).pull.new == 0


CELLS = st.tuples(st.sampled_from(["MT01", "MT02", "MT03", "MT04", "MT05"]), st.integers(0, 3))
HAPPENINGS = st.one_of(
    st.lists(CELLS, min_size=1, max_size=4).map(lambda rows: ("change", rows)),
    st.sampled_from(["repeat_rows", "duplicate", "out_of_order", "lose_page", "malformed", "error"]).map(
        lambda kind: ("fault", kind)
    ),
    st.sampled_from(["pull.after_page", "pull.before_commit", "pull.after_commit"]).map(lambda at: ("die", at)),
    st.just(("step", None)),
    st.just(("step", None)),
    st.just(("run", None)),
)


@pytest.fixture
def death(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Failpoints at which the process dies the next time it comes by."""
    armed: set[str] = set()

    def pass_by(name: str) -> None:
        if name in armed:
            armed.discard(name)
            raise Died(name)

    monkeypatch.setattr(pulling, "failpoint", pass_by)
    yield armed


@examples(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HAPPENINGS, min_size=3, max_size=14))
def test_whatever_happens_every_change_is_pushed_once_and_the_newest_last(
    far_source: httpx.Client,
    service: Any,
    source: Puller,
    engine: Engine,
    death: set[str],
    story: list[tuple[str, Any]],
) -> None:
    far_source.delete("/control/source")
    death.clear()
    forget_all(engine)

    def step() -> None:
        with suppress(Died):
            source.step()

    faults: list[str] = []
    for what, with_what in story:
        if what == "change":
            change(far_source, *with_what)
        elif what == "fault":
            faults.append(with_what)
            arm(far_source, *faults)
        elif what == "die":
            death.add(with_what)
        elif what == "step":
            step()
        else:
            service.pull(ACTOR, "bo-nganh")
            for _ in range(6):
                step()
    death.clear()
    arm(far_source)
    pull(service, source)
    assert pull(service, source).pull.state == "succeeded"

    history: dict[str, list[int]] = {}
    for _, indicator, value in pushed(engine):
        history.setdefault(indicator, []).append(value)
    there = {row["indicator"]: row["value"] for row in far_source.get("/control/source/rows").json()}
    assert {indicator: values[-1] for indicator, values in history.items()} == there
    for values in history.values():
        assert all(one != other for one, other in pairwise(values))


def test_a_pull_that_was_under_way_when_a_copy_was_taken_pushes_under_receipts_of_its_own(
    far_source: httpx.Client, engine: Engine, unit: UnitOfWork, source: Puller, service: Any
) -> None:
    change(far_source, ("MT01", "7"))
    ended = pull(service, source)
    change(far_source, ("MT01", "8"))
    begun = service.pull(ACTOR, "bo-nganh")
    assert source.step()  # a page is stored; the copy is of this moment, and the original goes on to the end

    def tokens() -> dict[str, str]:
        with engine.connect() as connection:
            return {str(row.id): row.token for row in connection.execute(text("SELECT id, token FROM pull_runs"))}

    before = tokens()
    with unit() as opened:
        assert healing.settle(opened, None, None) == []  # type: ignore[arg-type]  # neighbours are not asked
    after = tokens()
    assert after[ended.pull.id] == before[ended.pull.id] and after[begun.id] != before[begun.id]
    work(source)
    pushes = [item["receipt_id"] for item in emitted(engine, "push_accepted")]
    lost = pulled.receipt_id(before[begun.id], "MT-THANG", "LC", "2016-01", 0)
    assert len(pushes) == 2 and pushes[1] == pulled.receipt_id(after[begun.id], "MT-THANG", "LC", "2016-01", 0) != lost
