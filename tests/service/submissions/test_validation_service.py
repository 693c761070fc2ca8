"""Reference values, comments on warnings and dry checks, on a real database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.submissions import references
from services.submissions.service import checking
from services.submissions.storage.tables import metadata
from services.submissions.testing import received
from shared.contracts.actor import Actor
from shared.contracts.events import Observation, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.contracts.views.warehouse import ReleasePage, ReleaseView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.service.submissions.conftest import CLERK, SCHOOLS, WHOLE, Hub


def recorded(
    observations: list[Observation], *, form: str = "GD-NAM", period: str = "2015", version: int = 1, batch: int = 1
) -> ObservationsRecorded:
    return ObservationsRecorded(
        batch=batch,
        version=version,
        form=form,
        unit="LC",
        agency="LC-SGDDT",
        period=period,
        level="province",
        submission_id="s",
        round=version,
        content_hash=release_hash(form, "LC", period, version, observations),
        index=0,
        total=1,
        observations=observations,
    )


def take(hub: Hub, *events: ObservationsRecorded) -> None:
    with hub.worker.unit() as unit:
        references.take(unit, [received(event) for event in events])


def held(hub: Hub) -> dict[tuple[str, str], tuple[str | None, str]]:
    with hub.engine.begin() as connection:
        rows = connection.execute(
            text("SELECT indicator, period, trim_scale(value)::text, form FROM reference_values ORDER BY 1, 2")
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


# -- reference values ------------------------------------------------------------------------------------------------


def test_what_is_recorded_becomes_reference_values_and_what_is_withdrawn_goes(hub: Hub) -> None:
    take(hub, recorded([Observation("GD01", "10"), Observation("GD02", None)]))
    assert held(hub) == {("GD01", "2015"): ("10", "GD-NAM"), ("GD02", "2015"): (None, "GD-NAM")}
    second = recorded([Observation("GD01", "12"), Observation("GD02", None, withdrawn=True)], version=2, batch=2)
    take(hub, second, second)
    assert held(hub) == {("GD01", "2015"): ("12", "GD-NAM")}


def test_an_older_version_changes_nothing_whether_it_comes_late_or_in_the_same_batch(hub: Hub) -> None:
    first, second = recorded([Observation("GD01", "10")]), recorded([Observation("GD01", "12")], version=2, batch=2)
    take(hub, second, first)
    take(hub, first)
    assert held(hub) == {("GD01", "2015"): ("12", "GD-NAM")}


def test_a_value_that_moved_to_another_form_is_not_taken_away_by_the_form_it_left(hub: Hub) -> None:
    before = recorded([Observation("GD01", "10")])
    left = recorded([Observation("GD01", "10", withdrawn=True)], version=2, batch=2)
    moved = recorded([Observation("GD01", "11")], form="NN-NAM", batch=3)
    for order in ((before, left, moved), (moved, before, left), (before, moved, left)):
        with hub.engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE reference_values, reference_releases")
        for event in order:
            take(hub, event)
        assert held(hub) == {("GD01", "2015"): ("11", "NN-NAM")}


def test_parts_wait_for_one_another_and_must_hash_to_what_was_recorded(hub: Hub) -> None:
    whole = recorded([Observation("GD01", "10"), Observation("GD02", "7")])
    first = msgspec.structs.replace(whole, total=2, observations=whole.observations[:1])
    second = msgspec.structs.replace(first, index=1, observations=whole.observations[1:])
    take(hub, second)
    assert held(hub) == {}
    take(hub, first)
    assert len(held(hub)) == 2
    with pytest.raises(Invalid, match=r"submissions\.content_differs"):
        take(hub, msgspec.structs.replace(whole, version=2))


class Warehouse:
    """The warehouse's answers to the check: its releases, and what it was asked to tell again."""

    def __init__(self, *events: ObservationsRecorded) -> None:
        self.events = {(event.form, event.unit, event.period): event for event in events}
        self.repeated: list[tuple[str, str, str]] = []

    def call(self, method: str, _result: Any, /, **arguments: Any) -> Any:
        if method == "repeat_releases":
            self.repeated += arguments["releases"]
            return len(arguments["releases"])
        views = [
            ReleaseView(
                form=event.form,
                unit=event.unit,
                period=event.period,
                version=event.version,
                batch=event.batch,
                cursor=f"{event.batch:03}",
            )
            for event in sorted(self.events.values(), key=lambda event: event.batch)
        ]
        after = arguments["after"] or ""
        found = [view for view in views if view.cursor > after]
        page = found[: arguments["limit"]]
        return ReleasePage(releases=page, next=page[-1].cursor if len(found) > len(page) else None)


def test_a_new_database_asks_for_what_it_lacks_until_all_is_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "PAGE", 2)
    events = [recorded([Observation("GD01", "10")], period=str(2010 + n), batch=n) for n in range(1, 6)]
    warehouse: Any = Warehouse(*events)
    take(hub, events[0])
    assert references.catch_up(hub.worker.unit, warehouse) == 1
    assert warehouse.repeated == [("GD-NAM", "LC", "2012")]
    take(hub, events[1])
    assert references.catch_up(hub.worker.unit, warehouse) == 1
    take(hub, *events[2:4])
    assert references.catch_up(hub.worker.unit, warehouse) == 1
    take(hub, events[4])
    assert references.catch_up(hub.worker.unit, warehouse) == 0
    warehouse.repeated.clear()
    newer = recorded([Observation("GD01", "11")], period="2011", version=2, batch=6)
    warehouse.events[("GD-NAM", "LC", "2011")] = newer
    assert references.catch_up(hub.worker.unit, warehouse) == 1
    assert warehouse.repeated == [("GD-NAM", "LC", "2011")]


# -- warnings and comments -------------------------------------------------------------------------------------------


def test_the_same_findings_come_by_push_and_by_hand_at_entry_and_on_reading(hub: Hub) -> None:
    take(hub, recorded([Observation("GD02", "100")]))
    hub.push_figures(WHOLE)
    by_push = hub.service.read_submission(CLERK, SCHOOLS).findings
    assert [(finding.code, finding.indicator, finding.wants_comment) for finding in by_push] == [("V312", "GD02", True)]
    entered = hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 7)
    assert entered.findings == by_push
    assert hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 7).findings == by_push
    assert hub.service.validate_submission(CLERK, SCHOOLS).findings == by_push
    assert hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 99).findings == []


def test_a_warning_wants_a_comment_before_submitting_and_the_leader_reads_it(hub: Hub) -> None:
    take(hub, recorded([Observation("GD02", "100")]))
    hub.push_figures(WHOLE)
    with pytest.raises(Invalid, match=r"submissions\.comments_missing") as refused:
        hub.service.submit(CLERK, SCHOOLS)
    assert [finding.code for finding in refused.value.context["findings"]] == ["V312"]  # type: ignore[attr-defined]  # context is open
    said = hub.service.comment_finding(CLERK, SCHOOLS, "Sáp nhập trường", code="V312", indicator="GD02")
    assert [(comment.about, comment.by) for comment in said] == [("GD02=7", CLERK.id)]
    assert hub.service.comment_finding(CLERK, SCHOOLS, "Sáp nhập trường", code="V312", indicator="GD02") == said
    assert hub.actions().count("finding.commented") == 1
    listed = hub.service.validate_submission(CLERK, SCHOOLS)
    assert (listed.submittable, listed.findings[0].comment) == (True, "Sáp nhập trường")
    hub.service.submit(CLERK, SCHOOLS)
    assert hub.service.read_submission(CLERK, SCHOOLS, 1).comments == said
    assert hub.service.read_submission(CLERK, SCHOOLS).comments == said
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        hub.service.comment_finding(CLERK, SCHOOLS, "Khác", code="V312", indicator="GD02")
    take(hub, recorded([Observation("GD02", "7")], version=2, batch=2))
    detail = hub.service.read_submission(CLERK, SCHOOLS)
    assert (detail.findings, detail.comments) == ([], said)  # the past was corrected; what was said stands


def test_another_value_asks_for_another_comment_and_the_old_value_finds_its_own_again(hub: Hub) -> None:
    take(hub, recorded([Observation("GD02", "100")]))
    hub.push_figures(WHOLE)
    hub.service.comment_finding(CLERK, SCHOOLS, "Sáp nhập trường", indicator="GD02")
    hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 8)
    assert not hub.service.validate_submission(CLERK, SCHOOLS).submittable
    hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 7)
    assert hub.service.validate_submission(CLERK, SCHOOLS).submittable


# Alembic hands an identity column's options on in a way that this SQLAlchemy does not know yet.
@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")
def test_migrated_tables_are_those_of_the_metadata(hub: Hub) -> None:
    with hub.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _known})
        assert compare_metadata(context, metadata) == []


def _known(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or name in metadata.tables


def test_frozen_comments_never_change(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS)
    with pytest.raises(DBAPIError, match="a submitted round never changes"), hub.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rounds SET comments = '[{}]'")


def test_a_comment_needs_words_a_warning_and_the_right_to_edit(hub: Hub) -> None:
    hub.push_figures({**WHOLE, "GD01": 11})
    with pytest.raises(NotFound, match=r"submissions\.no_finding"):  # V202 is an error: it cannot be explained away
        hub.service.comment_finding(CLERK, SCHOOLS, "Đúng vậy", code="V202", indicator="GD01")
    with pytest.raises(Invalid, match=r"submissions\.comment"):
        hub.service.comment_finding(CLERK, SCHOOLS, "  ", code="V312", indicator="GD02")
    with pytest.raises(Forbidden):
        reader = replace(CLERK, rights=("submissions.read",))
        hub.service.comment_finding(reader, SCHOOLS, "Đúng vậy", code="V312", indicator="GD02")


# -- dry checks ------------------------------------------------------------------------------------------------------

PUSHER = Actor("csdl", "client", "CSDL", ("data.push",), ("*",), ("*",), partner="p")


def body(form: str, **figures: Any) -> str:
    listed = [{"indicator": code.replace("_", "."), "value": value} for code, value in figures.items()]
    return msgspec.json.encode({"form": form, "unit": "LC", "period": "2016", "figures": listed}).decode()


def test_a_check_tells_what_a_push_would_come_to_and_stores_nothing(hub: Hub) -> None:
    take(hub, recorded([Observation("GD02", "100")]))
    hub.push_figures({"GD01": 10, "GD01.TH": 5})
    before, events = hub.service.read_submission(CLERK, SCHOOLS), hub.events()
    checked = hub.service.check(PUSHER, body("GD-NAM", GD01_THCS=6, GD02=7, GD01_THPT=2.5))
    assert checked.counts == {"accepted": 2, "unchanged": 0, "refused": 1, "superseded": 0, "conflict": 0}
    assert [(item.position, item.code) for item in checked.outcomes] == [(2, "V113")]
    [draft] = checked.drafts
    assert [finding.code for finding in draft.findings] == ["V203", "V301", "V312"]
    assert (hub.service.read_submission(CLERK, SCHOOLS), hub.events()) == (before, events)


def test_a_check_compares_derived_figures_that_a_push_may_not_bring(hub: Hub) -> None:
    checked = hub.service.check(PUSHER, body("NN-NAM", NN01_DT=30, NN01_SL=104.7, NN01_NS=34.2))
    assert [(item.position, item.code) for item in checked.outcomes] == [(2, "V106")]
    [draft] = checked.drafts
    assert [(finding.code, finding.indicator) for finding in draft.findings if finding.severity == "error"] == [
        ("V204", "NN01.NS")
    ]
    right = hub.service.check(PUSHER, body("NN-NAM", NN01_DT=30, NN01_SL=104.7, NN01_NS=34.9))
    assert [finding.code for finding in right.drafts[0].findings if finding.severity == "error"] == []


def test_a_check_keeps_to_the_actors_scope_and_reads_no_nonsense(hub: Hub) -> None:
    outside = hub.service.check(replace(PUSHER, forms=("NN-NAM",)), body("GD-NAM", GD02=7))
    assert ([item.code for item in outside.outcomes], outside.drafts) == (["V108"], [])
    assert [item.code for item in hub.service.check(PUSHER, "{").outcomes] == ["V100"]
    with pytest.raises(Forbidden):
        hub.service.check(replace(CLERK, rights=("submissions.read",)), body("GD-NAM", GD02=7))


def test_a_check_by_a_system_meets_hand_entries_as_a_push_would(hub: Hub) -> None:
    hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 9)
    checked = hub.service.check(PUSHER, body("GD-NAM", GD02=7))
    assert checked.counts["conflict"] == 1
    assert "V205" in [finding.code for finding in checked.drafts[0].findings]


def test_a_check_of_too_many_drafts_is_refused_before_any_is_judged(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MAX_DRAFTS", 2)
    figures = [{"indicator": "GD02", "value": 7, "period": str(year)} for year in (2014, 2015, 2016)]
    asked = msgspec.json.encode({"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": figures[:2]}).decode()
    assert len(hub.service.check(PUSHER, asked).drafts) == 2
    asked = msgspec.json.encode({"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": figures}).decode()
    with pytest.raises(Invalid, match=r"submissions\.too_many_drafts"):
        hub.service.check(PUSHER, asked)
