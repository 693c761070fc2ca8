"""Towards sources: a source that only pushes posts what it holds; exactly the planted differences are found, each of
its class and its owner's task, and a new push that is approved settles them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from gateway.routes.sources import SourceDigests, SourceValues
from hub import docs
from services.integration import intake
from services.integration.clients.protocol import Cost, Listed, Listing, Unanswered
from services.integration.domain.mapping import CodeMapping
from services.integration.domain.partners import Partner, Permission
from services.integration.domain.reconciliation import Cell, Direction
from services.integration.domain.sources import NEXT_STEPS
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.source_comparing import PATIENCE, SourceComparing
from services.integration.storage import partners as partner_rows
from services.integration.storage import sources
from services.integration.worker import IntegrationWorker
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views.sources import ReceivedPage, ReceivedView, SourceComparisonView, StatedDigest, StatedValue
from shared.digest import Digest, entry_hash, of_hash, total
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, emitted, recorded
from tests.service.integration.test_pulls import SOURCE as PULLED

SOURCE = Actor(
    id="client:giao-duc",
    kind="client",
    name="CSDL giáo dục",
    rights=("sources.compare",),
    units=("LC",),
    forms=("GD-NAM", "YT-NAM"),
    partner="nguon-giao-duc",
)
PUSHED_AT = datetime(2017, 1, 5, 3, 0, tzinfo=UTC)
Place = tuple[str, str, str]  # form, period, indicator


def cell(indicator: str, value: str | None, *, form: str = "GD-NAM", period: str = "2016", **more: Any) -> ReceivedView:
    given = {
        "form": form, "unit": "LC", "period": period, "indicator": indicator, "value": value, "status": "official",
        "origin": "push", "sent": True, "removed": False, "accepted_at": PUSHED_AT, "waiting": False,
        "waiting_value": None, "waiting_status": "", "submission_id": f"{form}/{period}", "state": "approved",
        "agency": "LC-SGDDT",
    }  # fmt: skip
    return ReceivedView(**{**given, **more})


class Submissions:
    """What submissions holds of the source's clients; answers as its RPC does, in small pages."""

    def __init__(self, *cells: ReceivedView) -> None:
        self.cells = sorted(cells, key=lambda item: (item.form, item.unit, item.period, item.indicator))

    def call(self, method: str, returns: type[Any], /, *, actor: Actor, clients: list[str], **asked: Any) -> Any:
        assert actor.may("submissions.read") and SOURCE.id in clients
        seen = [item for item in self.cells if actor.covers(unit=item.unit, form=item.form)]
        if method == "read_received":
            keys = {tuple(key) for key in asked["keys"]}
            return ReceivedPage(cells=[item for item in seen if (item.form, item.unit, item.period) in keys])
        begin = int(asked["after"] or 0)
        parts = [item for item in seen if item.sent or item.waiting or item.accepted_at is not None]
        following = str(begin + 3) if begin + 3 < len(parts) else None
        return ReceivedPage(cells=parts[begin : begin + 3], next=following)


class Store:
    """What the source holds, and how it follows the protocol: root first, then only below what differs."""

    def __init__(self, service: IntegrationService, actor: Actor = SOURCE) -> None:
        self.service = service
        self.actor = actor
        self.values: dict[Place, list[StatedValue]] = {}

    def put(self, form: str, period: str, **values: str | None) -> None:
        for name, value in values.items():
            self.values[form, period, name] = [StatedValue(indicator=name, value=value)]

    def digests(self, level: str, below: Any = None) -> list[StatedDigest]:
        depth = ("root", "period", "form", "bucket").index(level)
        groups: dict[tuple[str, ...], list[Digest]] = {}
        for (form, period, _), listed in self.values.items():
            group = (period, form, "12")[:depth]
            if below is not None and not any(group[: len(parent)] == parent for parent in below):
                continue
            for item in listed:
                raw = entry_hash(form, "12", period, item.indicator, item.value, item.status)
                groups.setdefault(group, []).append(of_hash(raw))
        return [
            StatedDigest(
                count=(found := total(digests)).count,
                digest=found.text,
                **dict(zip(("period", "form", "unit"), group, strict=False)),
            )
            for group, digests in groups.items()
        ]

    def compare(self, work: Callable[[], None], level: str = "root") -> SourceComparisonView:
        """Follow the protocol to its end."""
        view = self.service.post_source_digests(self.actor, level, self.digests(level))
        assert view.state == "reading"
        for _ in range(12):
            work()
            view = self.service.read_source_comparison(self.actor, view.id)
            if view.state == "digests":
                assert view.level is not None
                below = [
                    tuple(part for part in (group.period, group.form, group.unit) if part) for group in view.differing
                ]
                self.service.post_source_digests(self.actor, view.level, self.digests(view.level, below), view.id)
            elif view.state == "values":
                for group in view.differing:
                    assert group.period and group.form and group.unit
                    listed = [
                        item
                        for (form, period, _), items in self.values.items()
                        for item in items
                        if (form, period) == (group.form, group.period)
                    ]
                    middle = len(listed) // 2
                    for page, part in ((1, listed[:middle]), (2, listed[middle:])):
                        self.service.post_source_values(
                            self.actor, view.id, group.period, group.form, group.unit, part, page, last=page == 2
                        )
            elif view.state not in ("reading", "comparing"):
                return view
        raise AssertionError(view)


@pytest.fixture
def partner(unit: UnitOfWork) -> Partner:
    made = Partner(
        id="nguon-giao-duc",
        name="CSDL ngành giáo dục",
        protocol="rest",
        endpoint="",
        credential="partner_quoc-gia",
        forms=(),
        comparing="none",
        mapping=CodeMapping(unit_scheme="gso"),
        permission=Permission(decision="QĐ 1", focal_agency="LC-VP", valid_from=date(2016, 1, 1)),
    )
    with unit() as opened:
        partner_rows.save(opened.connection, made)
    return made


@pytest.fixture
def work(unit: UnitOfWork, settings: IntegrationSettings) -> Iterator[Callable[[Submissions], Callable[[], None]]]:
    yield lambda submissions: SourceComparing(unit, submissions, settings).work


def found(view: SourceComparisonView) -> list[tuple[str, str, str | None, str | None, str]]:
    return [(d.indicator, d.kind, d.received, d.stated, d.owner) for d in view.differences]


def test_exactly_the_planted_differences_are_found_each_of_its_class_and_with_its_owner(
    partner: Partner, service: IntegrationService, record: Record, work: Any, engine: Engine, unit: UnitOfWork
) -> None:
    form = {"indicators": [f"GD{number:02}" for number in range(1, 15)]}
    with unit() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=2, entries=[CatalogueEntry("form", "GD-NAM", form)]))
    hand = {"origin": "hand", "sent": False}
    submissions = Submissions(
        cell("GD01", "7"),
        cell("GD02", None),
        cell("GD03", "100"),
        cell("GD04", "5"),
        cell("GD05", "3"),
        cell("GD06", "9", **hand),
        cell("GD07", "4", **hand, accepted_at=None, waiting=True, waiting_value="6", waiting_status="official"),
        cell("GD08", "8", removed=True, sent=False),
        cell("GD10", "2"),
        cell("GD11", "1.234"),
        cell("GD12", "1"),
        cell("GD13", "12"),
        cell("GD14", "14"),
        cell("GD01", "7", period="2017"),
        cell("YT01", "1", form="YT-NAM"),
    )
    record(
        recorded(
            "GD-NAM",
            1,
            GD01="7",
            GD02=None,
            GD03="100",
            GD04="5",
            GD05="3",
            GD06="9",
            GD07="4",
            GD10="2",
            GD11="1.234",
            GD12="1",
            GD13="13",
            GD14="14",
        ),
        recorded("GD-NAM", 1, period="2017", GD01="7"),
        recorded("YT-NAM", 1, YT01="1"),
    )
    store = Store(service)
    store.put(
        "GD-NAM", "2016", GD01="7", GD02=None, GD03="0.1", GD04="50.5", GD06="10", GD07="6", GD08="8", GD09="1",
        GD10="3", GD11="1.23", GD13="12",
    )  # fmt: skip
    store.put("GD-NAM", "2017", GD01="7")
    store.put("YT-NAM", "2016", YT01="1")
    store.values["GD-NAM", "2016", "GD10"] = [
        StatedValue(indicator="GD10", value="3", changed_at=PUSHED_AT + timedelta(days=1))
    ]
    store.values["GD-NAM", "2016", "GD12"] = [
        StatedValue(indicator="GD12", value="1"),
        StatedValue(indicator="GD12", value="1"),
    ]
    store.values["GD-NAM", "2016", "GD14"] = [StatedValue(indicator="GD14", value="14", status="estimate")]
    store.values["GD-NAM", "2016", "LA01"] = [StatedValue(indicator="LA01", value="1")]  # no code of the form's
    view = store.compare(work(submissions))
    assert (view.state, view.equal, view.pending, view.omitted) == ("different", False, 0, 0)
    assert found(view) == [
        ("GD03", "unit_scale", "100", "0.1", "LC-VP"),
        ("GD04", "value", "5", "50.5", "LC-VP"),
        ("GD05", "missing_there", "3", None, "LC-VP"),
        ("GD06", "by_hand", "9", "10", "LC-SGDDT"),
        ("GD07", "conflict", "4", "6", "LC-SGDDT"),
        ("GD08", "by_hand", None, "8", "LC-SGDDT"),
        ("GD09", "missing_here", None, "1", "LC-VP"),
        ("GD10", "older_version", "2", "3", "LC-VP"),
        ("GD11", "rounding", "1.234", "1.23", "LC-VP"),
        ("GD12", "duplicate", "1", "1; 1", "LC-VP"),
        ("GD13", "approved_other", "13", "12", "LC-SGDDT"),
        ("GD14", "status", "14", "14 (estimate)", "LC-VP"),
        ("LA01", "mapping_gap", None, "1", "LC-VP"),
    ]
    assert {kind for _, kind, _, _, _ in found(view)} == set(NEXT_STEPS), "every class is planted"
    assert {item["agency"]: (item["task_of"], sum(item["differences"].values())) for item in tasks(engine)} == {
        "LC-SGDDT": ("entry_desk", 4),
        "LC-VP": ("source", 9),
    }
    report = service.read_report(ACTOR, view.id)
    assert report.verdict.startswith("Còn 13 số liệu khác nhau trong ") and report.direction == "source"
    assert [(scope.form, scope.period, scope.differing) for scope in report.scopes] == [
        ("GD-NAM", "2016", 13), ("GD-NAM", "2017", 0), ("YT-NAM", "2016", 0),
    ]  # fmt: skip
    assert {item.state for item in report.differences} == {"task"} and all(item.note for item in report.differences)
    assert service.list_differences(ACTOR, direction="source", task=True, limit=50).differences[0].owner == "LC-VP"


def tasks(engine: Engine) -> list[dict[str, Any]]:
    return emitted(engine, "source_differed")


def test_a_new_push_that_is_approved_settles_what_was_a_task(
    partner: Partner, service: IntegrationService, record: Record, work: Any, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    store = Store(service)
    store.put("GD-NAM", "2016", GD01="8")
    first = store.compare(work(Submissions(cell("GD01", "7"))))
    assert found(first) == [("GD01", "value", "7", "8", "LC-VP")]
    assert len(tasks(engine)) == 1
    again = store.compare(work(Submissions(cell("GD01", "7"))))
    assert found(again) == found(first) and len(tasks(engine)) == 1, "told once"
    # Pushed anew, and not approved yet: no difference any more, and no equality either.
    second = store.compare(work(Submissions(cell("GD01", "8", state="submitted"))))
    assert (second.state, second.equal, second.pending, second.differences) == ("different", False, 1, [])
    record(recorded("GD-NAM", 2, GD01="8"))
    third = store.compare(work(Submissions(cell("GD01", "8"))))
    assert (third.state, third.equal, third.pending, third.entries) == ("equal", True, 0, 1)
    settled = service.list_differences(ACTOR, direction="source", settled=True).differences
    assert [(item.indicator, item.state, item.times_seen) for item in settled] == [("GD01", "repaired", 2)]
    report = service.read_report(ACTOR, third.id)
    assert (report.tone, report.verdict) == ("good", "Hai bên khớp 100 %: cả 1 số liệu giống nhau.")
    assert [item.left for item in report.trend] == [0, 1, 1] and len(tasks(engine)) == 1


def test_what_was_corrected_here_to_the_sources_value_is_equal(
    partner: Partner, service: IntegrationService, record: Record, work: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="8", GD02="5"))
    entered = cell("GD02", "5", origin="hand", sent=False, accepted_at=None)
    store = Store(service)
    store.put("GD-NAM", "2016", GD01="8", GD02="5")
    view = store.compare(work(Submissions(cell("GD01", "8", origin="hand", sent=False), entered)), level="bucket")
    assert (view.state, view.equal, view.differences) == ("equal", True, [])


def test_a_source_is_heard_within_its_scope_and_sees_its_own_comparisons_alone(
    partner: Partner, service: IntegrationService, unit: UnitOfWork, work: Any
) -> None:
    root = [StatedDigest(count=0, digest="0" * 64)]
    for actor, code in (
        (replace(SOURCE, rights=("data.push",)), "right_missing"),
        (replace(SOURCE, partner="ai-do"), "not_permitted"),
        (replace(SOURCE, partner=None), "not_permitted"),
    ):
        with pytest.raises(Forbidden, match=code):
            service.post_source_digests(actor, "root", root)
    outside = StatedDigest(period="2016", form="NN-NAM", count=1, digest="0" * 64)
    with pytest.raises(Forbidden, match="out_of_scope"):
        service.post_source_digests(SOURCE, "form", [outside])
    for wrong in (replace(outside, form=None), replace(outside, form="GD-NAM", digest="0")):
        with pytest.raises(Invalid, match="bad_digest"):
            service.post_source_digests(SOURCE, "form", [wrong])
    view = service.post_source_digests(SOURCE, "root", root)
    with pytest.raises(NotFound, match="no_reconciliation"):
        service.read_source_comparison(replace(SOURCE, partner="quoc-gia"), view.id)
    with pytest.raises(Conflict, match="not_waiting"):
        service.post_source_values(SOURCE, view.id, "2016", "GD-NAM", "12", [])
    again = service.post_source_digests(SOURCE, "root", root)  # begun anew: the first one is over
    assert again.id != view.id and service.read_source_comparison(SOURCE, view.id).state == "superseded"
    work(Submissions())()
    work(Submissions())()
    assert service.read_source_comparison(SOURCE, again.id).state == "equal"


def test_a_source_that_falls_silent_is_not_waited_for_for_ever(
    partner: Partner, service: IntegrationService, unit: UnitOfWork, work: Any
) -> None:
    submissions = Submissions(cell("GD01", "7"))
    view = service.post_source_digests(SOURCE, "root", [StatedDigest(count=0, digest="0" * 64)])
    work(submissions)()
    assert service.read_source_comparison(SOURCE, view.id).state == "digests"
    with unit() as opened:
        opened.connection.exec_driver_sql(
            "UPDATE source_runs SET posted_at = posted_at - %s::interval", (PATIENCE * 2,)
        )
    work(submissions)()
    ended = service.read_source_comparison(SOURCE, view.id)
    assert (ended.state, ended.equal) == ("failed", None) and "posted nothing more" in (ended.error or "")


class CalledSource:
    """A source that answers questions: the client of a partner that is asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cost = Cost()

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Any, Digest]:
        self.cost.calls += 1
        return {
            (item.period, item.form, item.unit): Digest.parse(item.count, item.digest)
            for item in self.store.digests(level)
            if (period is None or item.period == period) and (form is None or item.form == form)
        }

    def values(self, form: str, unit: str, period: str) -> Listing:
        self.cost.calls += 1
        listing = Listing()
        for (of_form, of_period, name), items in self.store.values.items():
            if (of_form, of_period) == (form, period):
                for item in items:
                    listing.add(name, Cell(item.value, item.status))
        return listing

    def close(self) -> None:
        """Nothing is kept."""


def test_a_source_that_can_be_called_is_asked_the_same_questions(
    partner: Partner, service: IntegrationService, unit: UnitOfWork, settings: IntegrationSettings, record: Record
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="5"), recorded("YT-NAM", 1, YT01="1"))
    store = Store(service)
    store.put("GD-NAM", "2016", GD01="7", GD02="6")
    store.put("YT-NAM", "2016", YT01="1")
    with unit() as opened:
        partner_rows.save(opened.connection, replace(partner, comparing="digest"))
        sources.note_clients(opened.connection, [(partner.id, SOURCE.id)])
    started = service.reconcile(ACTOR, partner.id, direction=Direction.SOURCE)
    received = Submissions(cell("GD01", "7"), cell("GD02", "5"), cell("YT01", "1", form="YT-NAM"))
    comparing = SourceComparing(unit, received, settings, lambda *_: CalledSource(store))  # type: ignore[arg-type, return-value] # reads only
    comparing.work()
    comparing.work()
    ended = service.read_reconciliation(ACTOR, started.id)
    assert (ended.state, ended.entries, ended.calls) == ("different", 3, 5)
    assert [(d.indicator, d.kind, d.expected, d.found, d.state) for d in ended.differences] == [
        ("GD02", "value", "5", "6", "task")
    ]


class ListingSource(CalledSource):
    """A source that lists everything, in pages of two, and breaks off once."""

    broken = True

    def digests(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("it has none")

    values = digests

    def listing(self) -> Iterator[list[Listed]]:
        rows = [
            Listed(period, form, "12", name, Cell(item.value, item.status))
            for (form, period, name), items in self.store.values.items()
            for item in items
        ]
        for start in range(0, len(rows), 2):
            self.cost.calls += 1
            if start and self.broken:
                self.broken = False
                raise Unanswered("the page did not come")
            yield rows[start : start + 2]


class PlainSource(CalledSource):
    """A source that tells only what stands under a key."""

    def digests(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("it has none")


@pytest.mark.parametrize("made", [ListingSource, PlainSource])
def test_a_source_that_only_lists_is_compared_when_its_timetable_says_so(
    made: type[CalledSource],
    partner: Partner,
    service: IntegrationService,
    unit: UnitOfWork,
    settings: IntegrationSettings,
    record: Record,
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="5"), recorded("YT-NAM", 1, YT01="1"))
    store = Store(service)
    store.put("GD-NAM", "2016", GD01="7.0", GD02="6")
    store.put("YT-NAM", "2016", YT01="1.50")
    told = {**PULLED, "compare": {"every_seconds": 3600}}
    with unit() as opened:
        partner_rows.save(opened.connection, replace(partner, comparing="listing", source=told))
        sources.note_clients(opened.connection, [(partner.id, SOURCE.id)])
    received = Submissions(cell("GD01", "7"), cell("GD02", "5"), cell("YT01", "1.5", form="YT-NAM"))
    record(recorded("YT-NAM", 2, YT01="1.5"))
    comparing = SourceComparing(unit, received, settings, lambda *_: made(store))  # type: ignore[arg-type, return-value] # reads only
    worker = IntegrationWorker()
    worker.unit = unit

    def compared() -> Any:
        worker.start_source_comparisons()
        for _ in range(3):
            comparing.work()
        return service.list_reconciliations(ACTOR, partner.id).reconciliations

    (first,) = compared()
    view = service.read_reconciliation(ACTOR, first.id)
    assert (view.state, view.equal, view.entries, view.method) == ("different", False, 3, "listing")
    assert [(d.indicator, d.kind, d.expected, d.found) for d in view.differences] == [("GD02", "value", "5", "6")]
    store.put("GD-NAM", "2016", GD02="5")
    assert len(compared()) == 1, "not before its hour is over"
    with unit() as opened:
        opened.connection.exec_driver_sql("UPDATE reconciliations SET started_at = started_at - interval '1 hour'")
    newest, _ = compared()
    assert (newest.direction, newest.state, newest.equal) == ("source", "equal", True)


def blocks(language: str) -> list[str]:
    """The blocks of the integrators' chapter on comparing."""
    chapter = (docs.ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    chapter = chapter.partition("## Comparing with the hub")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)


def test_the_integrators_example_can_be_followed_to_the_letter(
    partner: Partner, service: IntegrationService, record: Record, work: Any, unit: UnitOfWork
) -> None:
    program = subprocess.run([sys.executable, "-c", *blocks("python")], capture_output=True, text=True, check=True)
    count, digest = program.stdout.split()
    stated, listed, told = (msgspec.json.decode(block) for block in blocks("json"))
    assert [(item["count"], item["digest"]) for item in stated["digests"]] == [(int(count), digest)]
    permission = Permission(decision="QĐ 1", focal_agency="LC-SGDDT", valid_from=date(2016, 1, 1))
    with unit() as opened:
        partner_rows.save(opened.connection, replace(partner, permission=permission))
    record(recorded("GD-NAM", 1, **{"GD03.THPT": "8966", "GD06": "2511"}))
    step = work(Submissions(cell("GD03.THPT", "8966"), cell("GD06", "2511")))
    posted = SourceDigests.model_validate(stated)
    digests = [StatedDigest(**item.model_dump()) for item in posted.digests]
    began = service.post_source_digests(SOURCE, posted.level, digests)
    step()
    assert service.read_source_comparison(SOURCE, began.id).state == "values"
    group = SourceValues.model_validate(listed)
    values = [StatedValue(**item.model_dump()) for item in group.values]
    service.post_source_values(SOURCE, began.id, group.period, group.form, group.unit, values)
    step()
    ended = service.read_source_comparison(SOURCE, began.id)
    assert ended.state == "different" and msgspec.to_builtins(ended.differences) == told
