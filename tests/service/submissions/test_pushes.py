"""Pushes on a real database: drafts, receipts, repeats, conflicts, precision, concurrency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from services.submissions import testing
from services.submissions.domain.merge import Clock, Pushed, Source, enter, fresh
from services.submissions.domain.obligations import submission_id
from services.submissions.storage.figures import Key, insert_cells, read_cells, update_cells
from services.submissions.storage.tables import metadata
from services.submissions.testing import catalogue_event, push_event
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueEntry
from shared.errors import Unavailable
from tests.service.submissions.conftest import CLERK, CLIENT, SCHOOLS, WHOLE, Hub

NOON = datetime(2016, 12, 1, 12, tzinfo=UTC)


def figures(hub: Hub, submission: str = SCHOOLS) -> dict[str, str | None]:
    return {figure.indicator: figure.value for figure in hub.service.read_submission(CLERK, submission).figures}


def test_a_push_makes_an_obligation_a_draft_with_provenance(hub: Hub) -> None:
    assert hub.service.read_submission(CLERK, SCHOOLS).submission.state == "due"
    receipt = hub.push_figures(WHOLE, accepted_at=NOON)
    assert (receipt.state, receipt.counts["accepted"], receipt.outcomes) == ("processed", 5, [])
    assert receipt.submissions == [SCHOOLS]
    detail = hub.service.read_submission(CLERK, SCHOOLS)
    assert (detail.submission.state, detail.missing, detail.findings) == ("draft", [], [])
    figure = detail.figures[0]
    assert (figure.origin, figure.by, figure.receipt_id) == ("push", "csdl-giao-duc", receipt.receipt_id)


def test_bad_figures_are_refused_by_number_and_the_rest_stay(hub: Hub) -> None:
    receipt = hub.push_figures({"GD01": 10, "GD02": "bảy", "GD09": 1})
    assert receipt.counts == {"accepted": 1, "unchanged": 0, "refused": 2, "superseded": 0, "conflict": 0}
    assert [(outcome.position, outcome.code) for outcome in receipt.outcomes] == [(1, "V110"), (2, "V102")]
    assert "bảy" in (receipt.outcomes[0].detail or "")
    assert figures(hub) == {"GD01": "10"}


def test_a_repeated_push_has_no_effect_and_another_body_under_its_key_is_a_conflict(hub: Hub) -> None:
    hub.push_figures({"GD01": 1}, receipt_id="r1", fingerprint="one")
    again = hub.push_figures({"GD01": 1}, receipt_id="r1", fingerprint="one")
    assert (again.state, again.counts["accepted"]) == ("processed", 1)
    other = hub.push_figures({"GD01": 2}, receipt_id="r1", fingerprint="two")
    assert other.state == "conflict"
    assert figures(hub) == {"GD01": "1"}
    states = [hub.service.find_receipt(CLIENT, "r1", print_) for print_ in ("one", "two")]
    assert [view and view.state for view in states] == ["processed", "conflict"]
    assert "receipt.conflict" in hub.actions()


def test_the_same_push_twice_in_one_batch_counts_once(hub: Hub) -> None:
    body = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [{"indicator": "GD01", "value": 1}]}
    receipt = hub.push(push_event(body, receipt_id="r1"), push_event(body, receipt_id="r1"))
    assert receipt.counts["accepted"] == 1


def test_a_receipt_is_its_clients_own(hub: Hub) -> None:
    hub.push_figures({"GD01": 1}, receipt_id="r1")
    assert hub.service.find_receipt(Actor("khac", "client", ""), "r1") is None
    assert hub.service.find_receipt(CLERK, "r1") is not None
    assert hub.service.find_receipt(CLIENT, "r2") is None


@pytest.mark.parametrize("together", [True, False])
def test_pushes_out_of_order_leave_the_newest_and_say_superseded(hub: Hub, together: bool) -> None:
    def push(value: int, minutes: int) -> Any:
        listed = [{"indicator": "GD01", "value": value}]
        body = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": listed}
        return push_event(body, receipt_id=f"r{minutes}", accepted_at=NOON + timedelta(minutes=minutes))

    pushes = [push(1, 3), push(2, 1), push(3, 2)]
    if together:
        hub.push(*pushes)
    else:
        for message in pushes:
            hub.push(message)
    assert figures(hub) == {"GD01": "1"}
    late = hub.service.find_receipt(CLIENT, "r1")
    assert late is not None
    assert [(outcome.outcome, outcome.code) for outcome in late.outcomes] == [("superseded", "V151")]


def test_an_equal_later_push_keeps_an_older_one_out(hub: Hub) -> None:
    for value, minutes in ((1, 1), (1, 3), (2, 2)):
        receipt = hub.push_figures({"GD01": value}, accepted_at=NOON + timedelta(minutes=minutes))
    assert receipt.counts["superseded"] == 1
    assert figures(hub) == {"GD01": "1"}


def test_no_digit_is_lost_from_the_clients_json_to_the_draft(hub: Hub) -> None:
    body = (
        b'{"form":"NN-NAM","unit":"LC","period":"2016","figures":[{"indicator":"NN01.DT","value":12345678901234567.1234},'
        b'{"indicator":"NN01.SL","value":"3.507,6"},{"indicator":"NN02","nothing_occurred":true}]}'
    )
    assert hub.push(push_event(body)).counts["accepted"] == 3
    held = figures(hub, submission_id("NN-NAM", "LC", "2016"))
    assert held == {"NN01.DT": "12345678901234567.1234", "NN01.SL": "3507.6", "NN02": None}


def test_a_push_meeting_a_hand_entry_waits_beside_it(hub: Hub) -> None:
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01", "1.200")
    receipt = hub.push_figures({"GD01": 1300})
    assert [(outcome.outcome, outcome.code) for outcome in receipt.outcomes] == [("conflict", "V152")]
    detail = hub.service.read_submission(CLERK, SCHOOLS)
    assert detail.figures[0].value == "1200"
    assert (detail.figures[0].conflict or {})["value"] == "1300"
    assert "V205" in {finding.code for finding in detail.findings}
    kept = hub.service.resolve_conflict(CLERK, SCHOOLS, "GD01", "push")
    assert (kept.value, kept.origin, kept.conflict) == ("1300", "push", None)
    assert hub.service.resolve_conflict(CLERK, SCHOOLS, "GD01", "push") == kept


def test_a_pulled_figure_meeting_a_hand_entry_waits_beside_it_and_is_told_from_a_pushed_one(hub: Hub) -> None:
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01", "1.200")
    receipt = hub.push_figures({"GD01": 1300, "GD02": 7}, origin="pull", client_id="so-gddt", receipt_id="p_1")
    assert (receipt.counts["conflict"], receipt.counts["accepted"]) == (1, 1)
    kept, pulled = hub.service.read_submission(CLERK, SCHOOLS).figures[:2]
    assert (kept.value, (kept.conflict or {})["by"], (kept.conflict or {})["receipt_id"]) == ("1200", "so-gddt", "p_1")
    assert (pulled.value, pulled.by, pulled.receipt_id) == ("7", "so-gddt", "p_1")
    assert "figures.pulled" in hub.actions() and "figures.pushed" not in hub.actions()


def test_a_removed_figure_is_not_brought_back_by_a_push_accepted_before(hub: Hub) -> None:
    hub.push_figures(WHOLE, accepted_at=NOON)
    hub.service.remove_figure(CLERK, SCHOOLS, "GD02")
    hub.push_figures({"GD02": 8}, accepted_at=NOON + timedelta(minutes=1))
    assert "GD02" not in figures(hub)
    hub.push_figures({"GD02": 9}, accepted_at=datetime.now(UTC) + timedelta(minutes=1))
    assert figures(hub)["GD02"] == "9"


def test_a_push_to_what_is_submitted_is_refused_by_name(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS)
    receipt = hub.push_figures({"GD01": 11}, accepted_at=NOON + timedelta(days=1))
    assert [outcome.code for outcome in receipt.outcomes] == ["submission.submitted"]
    assert figures(hub)["GD01"] == "10"


def test_a_push_that_cannot_be_read_ends_in_its_receipt(hub: Hub) -> None:
    receipt = hub.push(push_event(b'{"form": 1}'))
    assert [outcome.code for outcome in receipt.outcomes] == ["V100"]


def test_nothing_is_judged_before_the_catalogue_has_arrived(database: Any) -> None:
    hub = Hub(database("submissions"))
    with pytest.raises(Unavailable, match="no_catalogue"):
        hub.push_figures({"GD01": 1})


def test_obligations_follow_the_catalogue_and_touched_ones_stay(hub: Hub) -> None:
    hub.push_figures({"GD01": 1})
    entries = testing.bodies()
    entries["form"]["GD-NAM"]["periods"] = {"from": 2017, "to": 2017}
    del entries["form"]["NN-NAM"]
    gone = catalogue_event(entries, version=2)
    assert gone.data.entries is not None
    gone.data.entries.append(CatalogueEntry("form", "NN-NAM", None))
    hub.handle(hub.worker.on_catalogue_changed, gone)
    periods = {item.period for item in hub.service.list_submissions(CLERK, form="GD-NAM").submissions}
    assert periods == {"2016", "2017"}
    assert hub.service.list_submissions(CLERK, form="NN-NAM").submissions == []


@pytest.mark.parametrize("keys", [[(1, "A"), (1, "B"), (2, "A"), (2, "B")], [(1, "A"), (2, "B")], [(3, "C")]])
def test_cells_that_changed_are_written_and_the_others_stay_as_they_are(hub: Hub, keys: list[Key]) -> None:
    source = Source("one", "r", Clock(NOON, "t"), NOON)
    cells = {(number, code): fresh(Pushed("1", "official"), source) for number in (1, 2, 3) for code in "ABC"}
    with hub.worker.unit() as unit:
        insert_cells(unit.connection, cells)
    for key in keys:
        enter(cells[key], Pushed("2.5", "estimate", "Đường\t\\N"), "hand", NOON + timedelta(1))
    with hub.worker.unit() as unit:
        update_cells(unit.connection, {key: cells[key] for key in keys})
        assert read_cells(unit.connection, [1, 2, 3]) == cells


def test_two_workers_and_a_submit_at_once_lose_nothing(hub: Hub) -> None:
    barrier = Barrier(5)

    def push(number: int) -> None:
        listed = [
            {"indicator": f"XA{i:02d}", "unit": unit, "period": str(year), "value": number}
            for i in range(1, 4)
            for unit in (("X000", "X001") if number % 2 else ("X001", "X000"))
            for year in (range(2010, 2016) if number % 2 else range(2015, 2009, -1))
        ]
        barrier.wait()
        at = NOON + timedelta(minutes=number)
        hub.push(push_event({"form": "XA-NAM", "figures": listed}, receipt_id=f"p{number}", accepted_at=at))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(push, range(5)))
    for unit in ("X000", "X001"):
        for year in range(2010, 2016):
            assert set(figures(hub, submission_id("XA-NAM", unit, str(year))).values()) == {"4"}


def test_one_receipt_raced_by_two_workers_takes_effect_once(hub: Hub) -> None:
    barrier = Barrier(4)

    def push(number: int) -> None:
        barrier.wait()
        hub.push_figures({"GD01": number}, receipt_id="same", fingerprint=str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(4)))
    receipt = hub.service.find_receipt(CLIENT, "same")
    assert receipt is not None
    assert (receipt.state, receipt.counts["accepted"]) == ("conflict", 1)
    assert figures(hub) == {"GD01": receipt.fingerprint}


def test_the_migrated_database_is_what_the_tables_say(hub: Hub) -> None:
    def described(engine: Engine) -> dict[str, set[tuple[str, bool]]]:
        seen = inspect(engine)
        return {
            table: {(column["name"], bool(column["nullable"])) for column in seen.get_columns(table)}
            for table in seen.get_table_names()
            if table != "alembic_version"
        }

    told = {table.name: {(c.name, bool(c.nullable)) for c in table.columns} for table in metadata.sorted_tables}
    assert described(hub.engine) == told


def test_a_frozen_round_cannot_be_changed_even_by_hand(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS)
    for statement in ("UPDATE rounds SET content = ''", "DELETE FROM rounds"):
        with pytest.raises(Exception, match="never changes"), hub.engine.begin() as connection:
            connection.execute(text(statement))
