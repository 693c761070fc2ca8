"""Roles, tokens' contents and locks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import catalogue
from services.accounts.bootstrap import CLIENTS, PEOPLE
from services.accounts.domain import MAX_LOCK, ROLES, Account, check_rights, claims, lock_after, narrowed, rights_of
from shared.contracts.actor import RIGHTS
from shared.errors import Invalid


def test_every_right_of_a_role_is_a_right_of_the_hub() -> None:
    for rights in ROLES.values():
        check_rights(rights)


def test_every_right_of_the_hub_is_carried_by_someone_of_the_demo() -> None:
    carried = {right for client in CLIENTS for right in client.rights}
    carried |= {right for person in PEOPLE for right in rights_of(person.roles)}
    assert carried == RIGHTS.keys()


def test_administrators_and_aggregators_decide_nothing() -> None:
    for role in ("quan_tri", "tong_hop"):
        assert not ROLES[role] & {"cases.decide", "submissions.edit", "submissions.submit", "data.push"}


def test_no_single_role_enters_and_decides() -> None:
    for rights in ROLES.values():
        assert not ("submissions.edit" in rights and "cases.decide" in rights)


def test_systems_never_decide() -> None:
    assert all("cases.decide" not in client.rights for client in CLIENTS)


def test_an_unknown_role_or_right_is_refused() -> None:
    with pytest.raises(Invalid, match=r"accounts\.unknown_role"):
        rights_of(["vua"])
    with pytest.raises(Invalid, match=r"accounts\.unknown_right"):
        check_rights(["cases.read", "cases.forget"])


def test_a_scope_narrows_and_never_widens() -> None:
    held = ("a", "b")
    assert narrowed(held, None) == narrowed(held, " ") == held
    assert narrowed(held, "b") == ("b",)
    with pytest.raises(Invalid, match=r"accounts\.scope_not_granted"):
        narrowed(held, "b c")


def test_locks_begin_after_five_failures_double_and_end_at_fifteen_minutes() -> None:
    assert [lock_after(count).total_seconds() for count in (1, 5, 6, 7, 8, 9)] == [0, 0, 1, 2, 4, 8]
    assert lock_after(16) == lock_after(10**9) == MAX_LOCK


def test_a_token_says_who_until_when_and_what() -> None:
    account = Account(
        kind="person",
        id="person:x",
        login="x",
        name="X",
        rights=("cases.read", "inbox.read"),
        units=("LC",),
        forms=("GD-NAM",),
        agency="LC-SGDDT",
        partner=None,
        secret_hash="",
        active=True,
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = claims(account, ("cases.read",), issuer="i", audience="a", at=at, life_seconds=900, token_id="t")
    assert said["exp"] == int((at + timedelta(minutes=15)).timestamp())
    assert (said["sub"], said["kind"], said["rights"], said["agency"]) == (
        "person:x",
        "person",
        ["cases.read"],
        "LC-SGDDT",
    )
    assert "secret_hash" not in said


def test_people_of_the_demo_act_for_units_and_forms_that_the_catalogue_has() -> None:
    entries = catalogue.read()
    units, forms = ({entry["id"] for entry in entries[section]} | {"*", None} for section in ("units", "forms"))
    for person in PEOPLE:
        assert {person.agency, *person.units} <= units, person.username
        assert set(person.forms) <= forms, person.username


def test_two_people_of_the_office_can_publish_so_that_nobody_publishes_alone() -> None:
    assert sum("catalogue.publish" in rights_of(person.roles) and person.agency == "LC-VP" for person in PEOPLE) == 2
