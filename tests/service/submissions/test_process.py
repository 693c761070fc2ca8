"""The service as real processes: from messages on the broker to answers by RPC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

import catalogue
from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from services.submissions.testing import catalogue_event, push_event
from shared.contracts.actor import Actor
from shared.contracts.views.catalogue import LoadResult
from shared.contracts.views.obligations import AnnouncementView, CompletenessView
from shared.contracts.views.submissions import (
    CommentView,
    ReceiptView,
    RollupView,
    SubmissionDetail,
    SubmissionPage,
    SubmissionView,
)
from shared.errors import Invalid
from shared.testing import broker
from shared.testing.processes import eventually
from tests.conftest import Databases, Services
from tests.service.indicators.test_warehouse_service import published
from tests.service.submissions import test_rollups as rollups
from tests.service.submissions.conftest import CLERK, CLIENT, OFFICE, SCHOOLS, WHOLE


def test_a_push_that_came_before_the_catalogue_waits_for_it_and_is_submitted_by_rpc(
    run_service: Services, database: Databases, amqp_url: str
) -> None:
    database("submissions")
    run_service("submissions", "rpc,worker")

    def call(method: str, returns: Any = Any, /, **arguments: Any) -> Any:
        return broker.call(amqp_url, "submissions", method, returns, **arguments)

    listed = [{"indicator": code, "value": value} for code, value in WHOLE.items()]
    body = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [*listed, {"indicator": "GD02", "value": 7.0}]}
    broker.publish(amqp_url, push_event(body, receipt_id="r1").data)
    broker.publish(amqp_url, catalogue_event(testing.bodies()).data)
    receipt: ReceiptView = eventually(
        lambda: call("find_receipt", ReceiptView | None, actor=CLIENT, receipt_id="r1"), what="the receipt"
    )
    assert (receipt.counts["accepted"], receipt.counts["refused"]) == (4, 2)
    detail = call("read_submission", SubmissionDetail, actor=CLERK, submission_id=SCHOOLS)
    assert detail.missing == ["GD02"]
    with pytest.raises(Invalid, match=r"submissions\.value") as refused:
        call("edit_figure", actor=CLERK, submission_id=SCHOOLS, indicator="GD02", value="bảy")
    assert refused.value.context["finding"] == "V110"
    call("edit_figure", actor=CLERK, submission_id=SCHOOLS, indicator="GD02", value="1.007")
    paper = {"received_on": "2016-12-23", "document": "BC 415", "vouched_by": "vanthu", "reason": "mất đường truyền"}
    submitted = call("submit", SubmissionView, actor=CLERK, submission_id=SCHOOLS, paper=paper)
    assert (submitted.state, submitted.on_time, submitted.received_on) == ("submitted", False, None)
    confirmed = call("confirm_paper", SubmissionView, actor=OFFICE, submission_id=SCHOOLS, round=1)
    assert (confirmed.on_time, confirmed.received_on) == (True, date(2016, 12, 23))
    until = "2099-12-31T17:00:00+07:00"
    extended = call(
        "extend_obligations", AnnouncementView, actor=OFFICE, form="GD-NAM", period="2015", to=until, reason="mưa lũ"
    )
    assert (len(extended.changed), extended.until) == (1, datetime(2099, 12, 31, 10, tzinfo=UTC))
    counted = call("completeness", CompletenessView, actor=CLERK, by="form", form="GD-NAM", periods=["2015", "2016"])
    assert (counted.total.expected, counted.total.on_time, counted.total.overdue) == (2, 1, 0)


def test_what_the_warehouse_recorded_judges_the_next_years_draft(
    run_service: Services, database: Databases, amqp_url: str
) -> None:
    for service in ("submissions", "indicators"):
        database(service)
        run_service(service, "rpc,worker")
    run_service("relay", "", "--services", "submissions,indicators", wait=False)

    def call(method: str, returns: Any = Any, /, **arguments: Any) -> Any:
        return broker.call(amqp_url, "submissions", method, returns, actor=CLERK, **arguments)

    def submitted(period: str, **other: Any) -> SubmissionView:
        figures = {**{figure.indicator: figure.value for figure in published("GD-NAM", period)}, **other}
        listed = [{"indicator": code, "value": value} for code, value in figures.items()]
        body = {"form": "GD-NAM", "unit": "LC", "period": period, "figures": listed}
        broker.publish(amqp_url, push_event(body, receipt_id=f"r{period}").data)
        name = submission_id("GD-NAM", "LC", period)
        eventually(lambda: call("find_receipt", ReceiptView | None, receipt_id=f"r{period}"), what="the receipt")
        view: SubmissionView = call("submit", SubmissionView, submission_id=name)
        return view

    office = replace(CLERK, id="office", rights=("catalogue.manage",))
    broker.call(amqp_url, "indicators", "load_catalogue", LoadResult, actor=office, catalogue=catalogue.read())
    first = submitted("2015")
    broker.publish(amqp_url, rollups.approval(first))
    count = len(published("GD-NAM", "2015"))
    eventually(lambda: _reference_values(database) == count, what="reference values")
    with pytest.raises(Invalid, match=r"submissions\.comments_missing") as refused:
        submitted("2016", GD06=9999)
    found = [(item["code"], item["indicator"]) for item in refused.value.context["findings"]]
    assert found == [("V312", "GD06")]
    said = {"indicator": "GD06", "text": "Kể cả giáo viên hợp đồng"}
    [comment] = call("comment_finding", list[CommentView], submission_id=SCHOOLS, **said)
    assert (comment.code, comment.about) == ("V312", "GD06=9999")
    assert call("submit", SubmissionView, submission_id=SCHOOLS).state == "submitted"


def test_communes_approved_over_the_broker_roll_up_into_the_provinces_draft_by_rpc(
    run_service: Services, database: Databases, amqp_url: str
) -> None:
    database("submissions")
    run_service("submissions", "rpc,worker")
    broker.publish(amqp_url, catalogue_event(rollups.entries()).data)

    def call(method: str, returns: Any, actor: Actor = CLERK, /, **arguments: Any) -> Any:
        return broker.call(amqp_url, "submissions", method, returns, actor=actor, **arguments)

    eventually(lambda: call("list_submissions", SubmissionPage, form="XA-TONG").submissions, what="the obligations")
    for value, commune in enumerate(rollups.COMMUNES, 1):
        name, clerk = submission_id("XA-NAM", commune, "2016"), rollups.of(commune)
        call("edit_figure", Any, clerk, submission_id=name, indicator="XA01", value=str(value))
        broker.publish(amqp_url, rollups.approval(call("submit", SubmissionView, clerk, submission_id=name)))
    form = {"form": "XA-NAM", "period": "2016", "state": "approved"}
    eventually(lambda: len(call("list_submissions", SubmissionPage, **form).submissions) == 3, what="the approvals")
    made = call("aggregate", RollupView, submission_id=rollups.UPPER)
    assert (made.covered, made.expected, rollups.results(made)["XA01"]) == (3, 3, ("accepted", "6"))
    assert call("submit", SubmissionView, submission_id=rollups.UPPER).state == "submitted"
    read = call("read_contributions", RollupView, submission_id=rollups.UPPER, indicator="XA01")
    assert [(item.unit, item.value) for item in read.results[0].contributions] == [
        ("X-CU", "3"),
        ("X000", "1"),
        ("X001", "2"),
    ]


def _reference_values(database: Databases) -> int:
    with psycopg.connect(database.url("submissions")) as connection:
        row = connection.execute("SELECT count(*) FROM reference_values").fetchone()
    return 0 if row is None else int(row[0])
