"""The message log: what goes out and comes in is kept, masked and whole, and found again."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import ProgrammingError

from services.integration.reconciling import Reconciler
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import deliveries
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, TOKEN, Record, Work, recorded, states
from tests.service.integration.test_deliveries import arm


def entries(engine: Engine, **equal: Any) -> list[Row[Any]]:
    where = " AND ".join(f"{name} = :{name}" for name in equal) or "true"
    with engine.connect() as connection:
        found = f"SELECT * FROM messages JOIN message_bodies ON message = id WHERE {where} ORDER BY id"  # noqa: S608 -- names
        return list(connection.execute(text(found), equal))


@pytest.mark.parametrize("partner", ["quoc-gia", "bo-nganh"])
def test_every_try_of_an_attempt_is_kept_with_request_and_answer_but_no_secret(
    partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, "unavailable")
    record(recorded("GD-NAM", 1, GD01="3507.6"))
    work(partner)
    tries = entries(engine, partner=partner)
    assert [(row.outcome, row.status, row.kind, row.unit, row.form) for row in tries] == [
        ("failed", 503, "submit", "LC", "GD-NAM"),
        ("answered", 200, "submit", "LC", "GD-NAM"),
    ]
    for row in tries:
        request, answer = zlib.decompress(row.request), zlib.decompress(row.response)
        assert b"3507.6" in request and TOKEN.encode() not in request + answer and b"***" in request
        assert (hashlib.sha256(request).digest(), hashlib.sha256(answer).digest()) == (
            row.request_kept,
            row.response_kept,
        )
        assert (row.delivery is None, row.attempt, row.correlation_id) == (False, 1, "correlation-of-test")


def test_an_attempt_whose_process_died_is_told_as_one_without_outcome(
    far: httpx.Client, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    with unit() as opened:
        [(claimed, _)] = deliveries.claim(opened.connection, "bo-nganh", 8)
        begun = [(claimed, "send", b'[["GD01","GD01","7","official"]]')]
        deliveries.start(opened.connection, begun, process="gone", lease_seconds=0.0, at=opened.now)
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"]
    with engine.connect() as connection:
        told = connection.execute(text("SELECT kind, outcome, attempt, request_digest FROM messages ORDER BY id"))
        assert [tuple(row)[:3] for row in told][:2] == [("submit", "interrupted", 1), ("status", "answered", 2)]


def test_questions_of_a_reconciliation_are_kept(
    far: httpx.Client,
    record: Record,
    work: Work,
    engine: Engine,
    service: IntegrationService,
    settings: IntegrationSettings,
    unit: UnitOfWork,
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    service.reconcile(ACTOR, "bo-nganh")
    Reconciler(unit, settings).work()
    assert [row.outcome for row in entries(engine, partner="bo-nganh", kind="digests")] == ["answered"]


@pytest.mark.parametrize(
    "change", ["UPDATE messages SET outcome = 'answered'", "DELETE FROM messages", "TRUNCATE messages"]
)
def test_the_database_refuses_to_change_or_drop_entries(
    change: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    with pytest.raises(ProgrammingError, match="never changed"), engine.begin() as connection:
        connection.execute(text(change))
