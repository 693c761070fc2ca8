"""Docs say what the code does: a rule without a check drifts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

import catalogue
from gateway.routes.deliveries import DeliveryState
from hub import docs
from services.indicators.domain.catalogue import accept
from services.integration.domain.delivery import State
from services.submissions.domain.catalogue import compile_catalogue
from services.submissions.domain.intake import Scope, judge
from shared.contracts.push import PushBody


@pytest.mark.parametrize("name", ["rpc.md", "metrics.md", "errors.md"])
def test_generated_tables_are_current(name: str) -> None:
    written = (docs.ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == docs.current(name, docs.tables()[name]), "run `python -m hub.docs`"


def test_every_rpc_method_says_what_it_does() -> None:
    silent = [
        f"{service}.{call}"
        for service, methods in docs.rpc_methods(docs.sources()).items()
        for call, told in methods
        if not told
    ]
    assert silent == []


def test_every_code_belongs_to_one_class_of_error() -> None:
    classes: dict[str, set[str]] = {}
    for code, kind, *_ in docs.errors(docs.sources()):
        classes.setdefault(code, set()).add(kind)
    assert {code: kinds for code, kinds in classes.items() if len(kinds) > 1} == {}


def test_every_metric_is_named_by_the_hubs_rule() -> None:
    for name, kind, _, told in docs.metrics(docs.sources()):
        assert name.startswith("hub_")
        assert (kind == "counter") == name.endswith("_total"), name
        assert told, name


def test_every_setting_is_documented() -> None:
    operations = (docs.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert sorted(name for name in docs.settings(docs.sources()) if name not in operations) == []


def test_the_api_names_every_state_of_a_delivery() -> None:
    assert set(get_args(DeliveryState)) == {state.value for state in State}


def test_the_push_of_the_integrators_guide_is_taken_whole() -> None:
    guide = (docs.ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    example = guide.split(" -d '", 1)[1].split("'", 1)[0]
    bodies: dict[str, dict[str, Any]] = {}
    for (kind, name), body in accept({}, catalogue.read()).items():
        bodies.setdefault(kind, {})[name] = body
    everything = Scope(frozenset("*"), frozenset("*"))
    body = msgspec.json.decode(example, type=PushBody)
    judged = judge(body, compile_catalogue(1, bodies), everything, datetime(2016, 12, 1, tzinfo=UTC))
    assert (len(judged.candidates), judged.refusals) == (3, [])
