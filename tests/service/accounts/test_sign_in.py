"""The accounts service on a real database: tokens, refusals, locks, the demo's accounts."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import Engine, text

from services.accounts import bootstrap, storage
from services.accounts.domain import ROLES
from services.accounts.keys import ALGORITHM, SigningKeys
from services.accounts.passwords import Passwords
from services.accounts.service import AccountsService
from services.accounts.settings import AccountsSettings
from services.accounts.worker import AccountsWorker
from shared.calendar import VIETNAM, local_date
from shared.contracts.views.partners import PartnerPermit
from shared.errors import Forbidden, Invalid, NotFound, TooMany, Unauthenticated, Unavailable
from shared.storage import UnitOfWork

CHEAP = Passwords(memory_kib=64, time_cost=1)


class Integration:
    """What integration answers when it is asked who is a partner."""

    def __init__(self) -> None:
        self.told: list[PartnerPermit] = []
        self.away = False

    def call(self, method: str, returns: Any, /) -> list[PartnerPermit]:
        assert method == "partner_permits"
        if self.away:
            raise Unavailable("hub.timeout")
        return self.told


def standing(version: int = 1, *, active: bool = True, **days: date) -> PartnerPermit:
    return PartnerPermit(
        partner="nguon-giao-duc", version=version, active=active, **{"valid_from": date(2024, 1, 1), **days}
    )


class Accounts:
    """The service with the demo's accounts and their secrets."""

    def __init__(self, engine: Engine, secrets: Path) -> None:
        self.engine = engine
        self.settings = AccountsSettings(secrets=secrets)
        self.unit = UnitOfWork.for_engine(engine, "accounts")
        bootstrap.run(self.unit, self.settings, CHEAP)
        self.service = AccountsService()
        self.service.unit = self.unit
        self.service.settings = lambda: self.settings
        keys = SigningKeys(self.settings.signing_keys)
        self.service.keys = lambda: keys
        self.service.passwords = lambda: CHEAP
        known = json.loads(self.settings.demo_accounts.read_text())
        self.service.remote = Integration()  # type: ignore[assignment]  # answers what the test says
        self.people: dict[str, str] = known["people"]
        self.clients: dict[str, str] = known["clients"]

    def claims(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.service.public_keys())  # type: ignore[arg-type] # its own TypedDict
        return dict(jwt.decode(token, keys, algorithms=[ALGORITHM]).claims)

    def rows(self, query: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture(scope="module")
def accounts(database: Callable[[str], Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    yield Accounts(database("accounts"), tmp_path_factory.mktemp("secrets"))


@pytest.fixture(autouse=True)
def _unlocked(accounts: Accounts) -> None:
    with accounts.unit() as unit:
        unit.connection.execute(text("DELETE FROM attempts"))
        unit.connection.execute(text("DELETE FROM partners"))
        storage.keep_partners(unit.connection, [standing()])


def test_a_person_gets_a_token_for_quarter_of_an_hour_with_rights_and_scope(accounts: Accounts) -> None:
    view = accounts.service.sign_in("SGDDT.lanhdao ", accounts.people["sgddt.lanhdao"])
    said = accounts.claims(view.access_token)
    assert (view.token_type, view.expires_in) == ("Bearer", 900)
    assert said["exp"] - said["iat"] == 900
    assert (said["sub"], said["kind"], said["agency"]) == ("person:sgddt.lanhdao", "person", "LC-SGDDT")
    assert (said["units"], said["forms"]) == (["LC"], ["GD-NAM"])
    assert set(said["rights"]) == ROLES["lanh_dao"]
    assert view.scope.split() == said["rights"]


def test_a_system_whose_partner_may_not_connect_today_gets_no_token(accounts: Accounts) -> None:
    secret = accounts.clients["csdl-giao-duc"]
    today, day = local_date(datetime.now(UTC)), timedelta(days=1)
    refused = [
        (standing(2, active=False), "partner_suspended"),
        (standing(3, valid_to=today), "partner_not_permitted"),
        (standing(4, valid_from=today + day), "partner_not_permitted"),
        (PartnerPermit(partner="nguon-giao-duc", version=5, active=True), "partner_not_permitted"),
    ]
    for told, code in refused:
        with accounts.unit() as unit:
            assert storage.keep_partners(unit.connection, [told, standing(1)]) == 1
        with pytest.raises(Forbidden, match=code):
            accounts.service.authenticate_client("csdl-giao-duc", secret)
    with accounts.unit() as unit:
        storage.keep_partners(unit.connection, [standing(6, valid_from=today, valid_to=today + day)])
    ends = datetime.combine(today + day, datetime.min.time(), VIETNAM)
    said = accounts.claims(accounts.service.authenticate_client("csdl-giao-duc", secret).access_token)
    assert said["exp"] <= ends.timestamp() + 1 and said["exp"] - said["iat"] <= 900
    with pytest.raises(Unauthenticated):  # who has no secret learns nothing of the partner
        accounts.service.authenticate_client("csdl-giao-duc", "guessed")


def test_a_token_says_whether_what_its_system_pushes_must_be_signed(accounts: Accounts) -> None:
    secret = accounts.clients["csdl-giao-duc"]

    def signs() -> object:
        return accounts.claims(accounts.service.authenticate_client("csdl-giao-duc", secret).access_token)["signs"]

    assert signs() is False
    with accounts.unit() as unit:  # of the same version: a process of the version before had not known it
        assert storage.keep_partners(unit.connection, [replace(standing(), signs=True)]) == 1
        assert storage.keep_partners(unit.connection, [replace(standing(), signs=True)]) == 0
    assert signs() is True


def test_of_a_partner_nobody_told_of_integration_is_asked_and_the_hubs_own_tools_need_none(accounts: Accounts) -> None:
    secret, integration = accounts.clients["csdl-y-te"], accounts.service.remote
    assert isinstance(integration, Integration)
    integration.away = True
    with pytest.raises(Unavailable):
        accounts.service.authenticate_client("csdl-y-te", secret)
    assert accounts.service.authenticate_client("van-hanh", accounts.clients["van-hanh"])
    integration.away = False
    with pytest.raises(Forbidden, match="partner_unknown"):
        accounts.service.authenticate_client("csdl-y-te", secret)
    integration.told = [PartnerPermit(partner="nguon-y-te", version=1, active=True, valid_from=date(2024, 1, 1))]
    assert accounts.service.authenticate_client("csdl-y-te", secret)
    integration.away = True
    assert accounts.service.authenticate_client("csdl-y-te", secret)


def test_a_client_gets_the_rights_it_asks_for_and_no_others(accounts: Accounts) -> None:
    secret = accounts.clients["csdl-giao-duc"]
    whole = accounts.claims(accounts.service.authenticate_client("csdl-giao-duc", secret).access_token)
    assert (whole["partner"], whole["forms"], whole["kind"]) == ("nguon-giao-duc", ["GD-NAM"], "client")
    part = accounts.service.authenticate_client("csdl-giao-duc", secret, "data.push")
    assert accounts.claims(part.access_token)["rights"] == ["data.push"]
    with pytest.raises(Invalid, match=r"accounts\.scope_not_granted"):
        accounts.service.authenticate_client("csdl-giao-duc", secret, "cases.decide")


def test_the_gateway_may_vouch_for_a_partners_own_active_client_only(accounts: Accounts) -> None:
    said = accounts.claims(accounts.service.vouch_for("csdl-giao-duc", "nguon-giao-duc").access_token)
    assert (said["sub"], said["partner"], said["forms"]) == ("csdl-giao-duc", "nguon-giao-duc", ["GD-NAM"])
    with accounts.unit() as unit:
        unit.connection.execute(text("UPDATE clients SET active = false WHERE client_id = 'csdl-y-te'"))
    others = [("csdl-giao-duc", "nguon-y-te"), ("csdl-y-te", "nguon-y-te"), ("quantri", ""), ("nul\x00", "x")]
    for client, partner in others:
        with pytest.raises(NotFound, match=r"accounts\.no_client"):
            accounts.service.vouch_for(client, partner)


def test_a_person_is_no_client_and_a_client_no_person(accounts: Accounts) -> None:
    with pytest.raises(Unauthenticated):
        accounts.service.authenticate_client("quantri", accounts.people["quantri"])
    with pytest.raises(Unauthenticated):
        accounts.service.sign_in("van-hanh", accounts.clients["van-hanh"])


def test_wrong_unknown_and_inactive_are_refused_in_the_same_words(accounts: Accounts) -> None:
    with accounts.unit() as unit:
        unit.connection.execute(text("UPDATE people SET active = false WHERE username = 'sct.lanhdao'"))
    answers = set()
    for name, word in (
        ("quantri", "wrong"),
        ("nobody", "wrong"),
        ("sct.lanhdao", accounts.people["sct.lanhdao"]),
        ("quantri", "x" * 100_000),
        ("nul\x00byte", "x"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            accounts.service.sign_in(name, word)
        answers.add(refused.value.args[:3])
    assert len(answers) == 1


def test_failures_lock_known_and_unknown_names_alike_and_time_opens_them(accounts: Accounts) -> None:
    for name in ("quantri", "nobody"):
        for _ in range(6):
            with pytest.raises(Unauthenticated):
                accounts.service.sign_in(name, "wrong")
        with pytest.raises(TooMany, match=r"accounts\.locked") as locked:
            accounts.service.sign_in(name, accounts.people["quantri"])
        assert locked.value.context["retry_after"] in (1, 2)
    with accounts.unit() as unit:
        unit.connection.execute(text("UPDATE attempts SET locked_until = now() - interval '1 second'"))
    accounts.service.sign_in("quantri", accounts.people["quantri"])
    assert accounts.rows("SELECT count(*) FROM attempts") == [(1,)], "success starts the count anew"


def test_failures_are_forgotten_after_a_day(accounts: Accounts) -> None:
    now = datetime.now(UTC)
    with accounts.unit() as unit:
        storage.record_failure(unit.connection, "person", "old", now - timedelta(days=2))
        storage.record_failure(unit.connection, "person", "new", now)
    worker = AccountsWorker()
    worker.unit = accounts.unit
    worker.forget_old_failures()
    assert accounts.rows("SELECT failures FROM attempts") == [(1,)]


def test_sign_ins_are_audited_without_secrets_or_unknown_names(accounts: Accounts) -> None:
    accounts.service.sign_in("stk.nhaplieu", accounts.people["stk.nhaplieu"])
    with pytest.raises(Unauthenticated):
        accounts.service.sign_in("mat-khau-go-nham", "bi-mat")
    entries = accounts.rows("SELECT actor, action, subject, details::text FROM audit ORDER BY id DESC LIMIT 2")
    assert entries[1][:3] == ("person:stk.nhaplieu", "account.signed_in", "person:stk.nhaplieu")
    assert entries[0][1:3] == ("account.refused", "unknown")
    everything = str(accounts.rows("SELECT actor, subject, details::text FROM audit"))
    hashed = str(accounts.rows("SELECT * FROM attempts"))
    for word in ("mat-khau-go-nham", "bi-mat", *accounts.people.values(), *accounts.clients.values()):
        assert word not in everything + hashed


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(memory_kib=8_192, time_cost=2)
    kept = passwords.hash("right")

    def median(hash_kept: str | None) -> float:
        times = []
        for _ in range(9):
            began = time.process_time()
            assert not passwords.matches(hash_kept, "wrong")
            times.append(time.process_time() - began)
        return statistics.median(times)

    known, unknown = median(kept), median(None)
    assert 0.5 < known / unknown < 2


def test_running_the_bootstrap_again_changes_nothing(accounts: Accounts) -> None:
    query = "SELECT username, password_hash FROM people UNION SELECT client_id, secret_hash FROM clients ORDER BY 1"
    before = accounts.rows(query), accounts.settings.demo_accounts.read_text(), accounts.service.public_keys()
    bootstrap.run(accounts.unit, accounts.settings, CHEAP)
    after = accounts.rows(query), accounts.settings.demo_accounts.read_text(), accounts.service.public_keys()
    assert before == after
    assert accounts.settings.demo_accounts.stat().st_mode & 0o777 == 0o600
    assert len(accounts.people) == len(bootstrap.PEOPLE)
    created = len(bootstrap.PEOPLE) + len(bootstrap.CLIENTS)
    assert accounts.rows("SELECT count(*) FROM audit WHERE action = 'account.created'") == [(created,)]


def test_checking_a_password_leaves_the_eventlet_hub_ticking() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.service.accounts.ticking"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    apart, inside = map(float, ran.stdout.split())
    assert apart < inside / 2, f"the hub stood still for {apart} ms; in the hub itself it takes {inside} ms"
