"""Ids of traces are made from correlation ids: any process knows them without being told."""

from __future__ import annotations

import hashlib
import re

import pytest

from shared import traces


def test_the_trace_id_is_half_of_the_correlation_ids_digest() -> None:
    assert traces.trace_of("abc") == hashlib.sha256(b"abc").hexdigest()[:32]


def test_a_traceparent_is_w3cs_and_is_read_again() -> None:
    value = traces.traceparent("abc", traces.span_of("message"))
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", value)
    assert traces.parent_in(value) == traces.span_of("message")


@pytest.mark.parametrize("value", [None, "", "x", 7, "00-a-b-01", "00-a-0123456789abcdef"])
def test_a_malformed_traceparent_names_no_parent(value: object) -> None:
    assert traces.parent_in(value) == ""


def test_nothing_is_carried_while_traces_are_off() -> None:
    assert not traces.on()
    assert traces.carried(traces.TRACEPARENT, "abc", traces.span_of("message")) == {}
    traces.record("nothing", "server", "abc", 0.1)
