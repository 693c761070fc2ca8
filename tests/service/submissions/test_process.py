"""The service as real processes: from messages on the broker to answers by RPC."""

from __future__ import annotations

from typing import Any

import pytest

from services.submissions import testing
from services.submissions.testing import catalogue_event, push_event
from shared.contracts.views import ReceiptView, SubmissionDetail, SubmissionView
from shared.errors import Invalid
from shared.testing import broker
from shared.testing.processes import eventually
from tests.conftest import Databases, Services
from tests.service.submissions.conftest import CLERK, CLIENT, SCHOOLS, WHOLE


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
    assert call("submit", SubmissionView, actor=CLERK, submission_id=SCHOOLS).state == "submitted"
