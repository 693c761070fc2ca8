"""Docs say what the code does: a rule without a check drifts."""

from __future__ import annotations

import pytest

from hub import docs


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
