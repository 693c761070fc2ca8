"""What is written into headers is what a reader gets."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from shared.contracts.events import FinalisedRequested
from shared.envelope import ATTEMPT, Decoder, NewerSchema, headers_of, new_message_id

EVENT = FinalisedRequested(submission_id="s", round=2)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEAD = headers_of(EVENT, message_id="0199d8c4-0000-7000-8000-000000000001", correlation_id="c", at=AT)


def test_headers_are_cloudevents() -> None:
    assert HEAD == {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": "0199d8c4-0000-7000-8000-000000000001",
        "cloudEvents_source": "indicators",
        "cloudEvents_type": "finalised_requested",
        "cloudEvents_time": "2026-01-02T03:04:05+00:00",
        "cloudEvents_subject": "s/2",
        "correlation_id": "c",
        "schema": 1,
    }


def test_a_reader_gets_what_was_written() -> None:
    message = Decoder(FinalisedRequested, "q").read(msgspec.json.encode(EVENT), {**HEAD, ATTEMPT: 3})
    assert message.data == EVENT
    assert (message.id, message.correlation_id, message.time) == (UUID(HEAD["cloudEvents_id"]), "c", AT)
    assert (message.attempt, message.subject, message.queue) == (4, "s/2", "q")


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (b"{", HEAD),
        (b'{"submission_id": 1, "round": 2}', HEAD),
        (b"\xff", HEAD),
        (msgspec.json.encode(EVENT), {}),
        (msgspec.json.encode(EVENT), {**HEAD, "cloudEvents_id": "no uuid"}),
    ],
)
def test_what_cannot_be_read_is_a_value_error(body: bytes, head: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Decoder(FinalisedRequested, "q").read(body, head)


def test_a_newer_schema_is_for_another_process() -> None:
    with pytest.raises(NewerSchema):
        Decoder(FinalisedRequested, "q").read(msgspec.json.encode(EVENT), {**HEAD, "schema": 2})


def test_message_ids_are_version_7_and_rise() -> None:
    ids = [new_message_id() for _ in range(100)]
    assert {identity.version for identity in ids} == {7}
    assert len(set(ids)) == 100
    assert ids[0].int >> 80 <= ids[-1].int >> 80
