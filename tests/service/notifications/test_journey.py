"""Approval, notifications and accounts as real processes: an event in, a decision by RPC, a notice, a token."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.accounts import bootstrap
from services.accounts.keys import ALGORITHM
from services.accounts.passwords import Passwords
from services.accounts.settings import AccountsSettings
from shared.contracts.events import SubmissionReturned
from shared.contracts.views.approval import CaseView
from shared.contracts.views.everyday import InboxPage, TokenView
from shared.errors import Conflict, Forbidden, NotFound, Unauthenticated
from shared.storage import UnitOfWork
from shared.testing import broker
from shared.testing.processes import eventually
from shared.topology import dead_queue, queue_name
from tests.conftest import Databases, Services
from tests.service.approval.test_decisions import submitted
from tests.service.notifications.test_inbox import CLERK
from tests.unit.approval.test_cases import LEADER


def test_a_submitted_round_is_returned_and_its_clerk_told(
    run_service: Services, database: Databases, amqp_url: str, tmp_path: Path
) -> None:
    engine = database("approval")
    database("notifications")
    run_service("approval", HUB_SECRETS_DIR=str(tmp_path))
    run_service("notifications")
    name = f"s-{uuid.uuid4().hex[:8]}"

    def case() -> CaseView | None:
        try:
            return broker.call(amqp_url, "approval", "read_case", CaseView, actor=LEADER, submission_id=name, round=1)
        except NotFound:
            return None

    assert case() is None
    broker.publish(amqp_url, submitted(name))
    assert eventually(case, what="the case").state == "open"

    def decide(actor: dict[str, Any]) -> CaseView:
        return broker.call(
            amqp_url,
            "approval",
            "return_submission",
            CaseView,
            actor=actor,
            submission_id=name,
            round=1,
            content_hash="h1",
            reasons=[{"text": "Chưa khớp với sổ", "indicator": "GD03.THPT"}],
        )

    leader = msgspec.to_builtins(LEADER)
    with pytest.raises(Forbidden, match=r"approval\.own_submission"):
        decide({**leader, "id": "person:clerk"})
    assert decide(leader) == decide(leader)
    with engine.connect() as connection:
        sent = connection.exec_driver_sql("SELECT event, body FROM outbox WHERE event <> 'command_done'").all()
    assert [event for event, _ in sent] == ["submission_returned"]
    assert (tmp_path / "approval_signing_key").stat().st_mode & 0o777 == 0o600

    event = msgspec.json.decode(sent[0][1], type=SubmissionReturned)
    broker.publish(amqp_url, event)
    broker.publish(amqp_url, event)

    def inbox() -> InboxPage | None:
        page: InboxPage = broker.call(amqp_url, "notifications", "list_inbox", InboxPage, actor=CLERK)
        return page if page.entries else None

    page: InboxPage = eventually(inbox, what="the notice")
    assert [entry.subject for entry in page.entries] == [name]
    assert "GD03.THPT: Chưa khớp với sổ" in page.entries[0].text


def test_a_round_told_with_another_hash_ends_with_the_dead_letters_and_is_audited(
    run_service: Services, database: Databases, amqp_url: str, tmp_path: Path
) -> None:
    engine = database("approval")
    run_service("approval", "worker", HUB_SECRETS_DIR=str(tmp_path))
    name = f"s-{uuid.uuid4().hex[:8]}"
    broker.publish(amqp_url, submitted(name))
    broker.publish(amqp_url, submitted(name, content_hash="h2"))
    ((headers, _),) = broker.take(amqp_url, dead_queue(queue_name("approval", "submission_submitted")))
    assert Conflict.__name__ in str(headers["hub_error"]) or "approval.other_content" in str(headers["hub_error"])
    with engine.connect() as connection:
        actions = connection.exec_driver_sql("SELECT action FROM audit ORDER BY id").scalars().all()
    assert sorted(set(actions)) == ["case.contradicted", "case.opened"]


def test_a_token_is_issued_by_a_real_process(
    run_service: Services, database: Databases, amqp_url: str, tmp_path: Path
) -> None:
    settings = AccountsSettings(secrets=tmp_path)
    bootstrap.run(UnitOfWork.for_engine(database("accounts"), "accounts"), settings, Passwords(64, 1))
    known = json.loads(settings.demo_accounts.read_text())
    run_service("accounts", HUB_SECRETS_DIR=str(tmp_path))
    view: TokenView = broker.call(
        amqp_url, "accounts", "sign_in", TokenView, username="quantri", password=known["people"]["quantri"]
    )
    keys = KeySet.import_key_set(broker.call(amqp_url, "accounts", "public_keys"))
    assert jwt.decode(view.access_token, keys, algorithms=[ALGORITHM]).claims["sub"] == "person:quantri"
    client: TokenView = broker.call(
        amqp_url,
        "accounts",
        "authenticate_client",
        TokenView,
        client_id="van-hanh",  # the hub's own: no partner's permission to ask for
        secret=known["clients"]["van-hanh"],
        scope="deliveries.read",
    )
    assert client.scope == "deliveries.read"
    with pytest.raises(Unauthenticated):
        broker.call(amqp_url, "accounts", "sign_in", TokenView, username="quantri", password="wrong")
