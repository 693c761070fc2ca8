"""Calls between processes: conversion, errors, correlation, timeouts, and a hub that never blocks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.contracts.actor import Actor
from shared.contracts.views.approval import CaseView
from shared.contracts.views.everyday import ServiceStatus
from shared.errors import Conflict, Forbidden, Internal, Invalid, Unavailable
from shared.testing import broker
from tests.conftest import Services
from tests.service.backbone.conftest import PACKAGE

ACTOR = Actor(id="u1", kind="person", name="Lò Thị Én")


def test_calls_cross_with_their_types_errors_and_correlation(
    run_service: Services, approval: Engine, indicators: Engine, amqp_url: str
) -> None:
    service = run_service("approval", "rpc", *PACKAGE)
    run_service("indicators", "rpc", *PACKAGE)

    def call(method: str, returns: Any = Any, /, **arguments: Any) -> Any:
        return broker.call(amqp_url, "approval", method, returns, **arguments)

    at = datetime(2026, 1, 1, tzinfo=UTC)
    case = call("read_case", CaseView, actor=ACTOR, case_id="c", at=at, reasons=["sai"])
    assert (case.submitted_by, case.submitted_at, case.reasons) == ("u1", at, [{"text": "sai"}])
    assert call("describe_status", ServiceStatus).service == "approval"

    with pytest.raises(Conflict) as conflict:
        call("refuse")
    assert (conflict.value.code, conflict.value.detail, conflict.value.context) == ("toy.conflict", None, {"round": 3})
    with pytest.raises(Internal) as internal:
        call("fail", correlation_id="find-me")
    assert internal.value.code == "hub.internal"
    failed = service.await_log("rpc.failed", correlation_id="find-me")
    assert "ZeroDivisionError" in failed["exception"]
    for arguments in ({"nonsense": 1}, {"seconds": "no number"}, {}):
        with pytest.raises(Invalid, match=r"hub\.bad_argument"):
            call("sleep", **arguments)
    with pytest.raises(Invalid, match=r"hub\.bad_call"):
        call("no_such_method")

    assert call("correlation", correlation_id="c-7") == "c-7"
    assert call("ask", method="correlation", correlation_id="c-8") == "c-8"
    with pytest.raises(Forbidden, match=r"toy\.forbidden"):
        call("ask", method="forbid")
    with pytest.raises(Unavailable, match=r"hub\.timeout"):
        call("ask", method="dawdle", within=0.3)


def test_a_slow_query_blocks_no_other_call(run_service: Services, approval: Engine, amqp_url: str) -> None:
    run_service("approval", "rpc", *PACKAGE)
    with ThreadPoolExecutor(6) as pool:
        began = time.monotonic()
        slow = [pool.submit(broker.call, amqp_url, "approval", "sleep", float, seconds=1.0) for _ in range(5)]
        quick: list[float] = []
        while not all(call.done() for call in slow):
            before = time.monotonic()
            broker.call(amqp_url, "approval", "correlation")
            quick.append(time.monotonic() - before)
        took = time.monotonic() - began
    assert [call.result() for call in slow] == [1.0] * 5
    assert took < 3.0
    assert len(quick) >= 3
    assert max(quick) < 0.9


def test_a_service_that_does_not_run_is_unavailable(run_service: Services, approval: Engine, amqp_url: str) -> None:
    run_service("approval", "rpc", *PACKAGE)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        broker.call(amqp_url, "approval", "ask", method="correlation", within=1.0)
    assert time.monotonic() - began < 6
