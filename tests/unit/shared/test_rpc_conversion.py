"""Arguments and errors as they cross a process border."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from shared.contracts.actor import Actor
from shared.errors import LEAVES, HubError, Internal, Invalid
from shared.rpc import Arguments, error_from, error_payload


class Toy:
    def method(self, actor: Actor, at: datetime, count: int = 3, names: tuple[str, ...] = ()) -> None:
        """Take arguments."""


def test_arguments_become_what_the_annotations_say() -> None:
    actor = Actor(id="a", kind="person", name="Én", units=("LC",))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    given = json.loads(msgspec.json.encode({"actor": actor, "at": at, "names": ["x"]}))
    assert Arguments(Toy.method).convert([], given) == {"actor": actor, "at": at, "names": ("x",)}


@pytest.mark.parametrize("arguments", [{}, {"actor": 1, "at": 2}, {"actor": {}, "at": "x", "other": 1}])
def test_other_arguments_are_invalid(arguments: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        Arguments(Toy.method).convert([], arguments)
    assert refused.value.code == "hub.bad_argument"


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_crosses_unchanged(leaf: type[HubError]) -> None:
    sent = leaf("x.y", "message", None, {"round": 3, "list": [1]})
    received = error_from(json.loads(msgspec.json.encode(error_payload(sent))))
    assert type(received) is leaf
    assert received.args == sent.args


def test_any_other_error_becomes_internal() -> None:
    assert isinstance(error_from(error_payload(ZeroDivisionError("x"))), Internal)
