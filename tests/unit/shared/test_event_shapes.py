"""Both versions of an upgrade read each other's messages: events only grow, by fields with defaults."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from shared.contracts.events import EVENTS, Event
from shared.testing.shapes import FROZEN, broken, current

OLD = json.loads(FROZEN.read_text(encoding="utf-8"))
OF = {event.event: event for event in EVENTS}
SAMPLES: dict[str, Any] = {"integer": 1, "boolean": True, "number": 1.5, "object": {}, "null": None}
FORMATS = {"date": "2026-01-02", "uuid": "0199d8c4-0000-7000-8000-000000000001"}
TEXT = "2026-01-02T03:04:05Z"
"""A text that is a moment, too: the schema tells moments without a time zone apart from texts no better."""


def sample(said: dict[str, Any], *, optional: bool) -> Any:
    """Return a value of this type; of a payload, with or without its optional fields."""
    if "anyOf" in said:
        return sample(said["anyOf"][0], optional=optional)
    if "$ref" in said:
        fields = OLD["payloads"].get(said["$ref"], {})
        return {name: sample(f["type"], optional=optional) for name, f in fields.items() if f["required"] or optional}
    if "enum" in said:
        return said["enum"][0]
    if said.get("type") == "array":
        return [sample(said["items"], optional=optional)] if "items" in said else []
    if said.get("type") == "string":
        return FORMATS.get(said.get("format", ""), TEXT)
    return SAMPLES.get(said.get("type", "object"))


def test_what_was_told_before_is_told_still() -> None:
    assert broken(OLD, current()) == []


def test_what_is_new_is_frozen_so_that_it_stays() -> None:
    assert current() == OLD, "python -m shared.testing.shapes"


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize("optional", [True, False])
def test_a_message_of_the_frozen_shape_is_understood_and_unknown_fields_are_passed_over(
    name: str, optional: bool
) -> None:
    body = sample({"$ref": OLD["events"][name]["payload"]}, optional=optional)
    read = msgspec.json.decode(msgspec.json.encode({**body, "told_by_a_later_version": [1]}), type=OF[name])
    assert isinstance(read, Event)
    assert read == msgspec.json.decode(msgspec.json.encode(body), type=OF[name])


@pytest.mark.parametrize("fault", ["gone", "changed", "optional", "asked", "event gone"])
def test_what_an_older_process_cannot_live_with_is_found(fault: str) -> None:
    new = copy.deepcopy(OLD)
    fields = new["payloads"]["SubmissionReturned"]
    if fault == "gone":
        del fields["decided_by"]
    elif fault == "changed":
        fields["decided_by"]["type"] = {"type": "integer"}
    elif fault == "optional":
        fields["decided_by"]["required"] = False
    elif fault == "asked":
        fields["mood"] = {"type": {"type": "string"}, "required": True}
    else:
        del new["events"]["submission_returned"]
    assert len(broken(OLD, new)) == 1


def test_a_field_with_a_default_may_be_added_and_a_raised_schema_may_differ() -> None:
    new = copy.deepcopy(OLD)
    new["payloads"]["SubmissionReturned"]["mood"] = {"type": {"type": "string"}, "required": False}
    assert broken(OLD, new) == []
    del new["payloads"]["SubmissionReturned"]["decided_by"]
    new["events"]["submission_returned"]["schema"] = 2
    assert broken(OLD, new) == []
