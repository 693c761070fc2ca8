"""The AsyncAPI 3.0 document and the tables of docs/events.md, generated from the contracts and the topology.

`python -m shared.asyncapi` writes both; a test fails while they are not current.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts.events import EVENTS, Event
from shared.topology import (
    CONSUMERS,
    DELAYS,
    EVENTS_EXCHANGE,
    EXCHANGES,
    MAX_ATTEMPTS,
    QUEUES,
    dead_queue,
    queue_name,
)

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
_REFERENCE = "#/components/schemas/{name}"

_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["cloudEvents_id", "cloudEvents_type", "correlation_id", "schema"],
    "properties": {
        "cloudEvents_specversion": {"const": "1.0"},
        "cloudEvents_id": {"type": "string", "format": "uuid", "description": "the message's id; readers skip repeats"},
        "cloudEvents_source": {"type": "string", "description": "the service that says so"},
        "cloudEvents_type": {"type": "string", "description": "the event's name"},
        "cloudEvents_time": {"type": "string", "format": "date-time"},
        "cloudEvents_subject": {"type": "string", "description": "the id of what the event is about"},
        "cloudEvents_traceparent": {
            "type": "string",
            "description": "while traces are on: the span that published it (W3C Trace Context)",
        },
        "correlation_id": {"type": "string", "description": "from the first HTTP request to the last acknowledgement"},
        "schema": {"type": "integer", "description": "rises when a payload's meaning changes"},
        "hub_attempt": {"type": "integer", "description": "on retries: attempts made so far"},
        "hub_error": {"type": "string", "description": "on retries and dead letters: the last error"},
    },
}


def document() -> dict[str, Any]:
    """Return the AsyncAPI document of all events."""
    _, schemas = msgspec.json.schema_components(EVENTS, ref_template=_REFERENCE)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lai Châu reporting hub: events",
            "version": "1.0.0",
            "description": "What the hub's services tell each other, on the topic exchange `hub.events`.",
        },
        "defaultContentType": "application/json",
        "channels": {event.event: _channel(event) for event in EVENTS},
        "operations": {**_sends(), **_receives()},
        "components": {"schemas": {**schemas, "Headers": _HEADERS}},
    }


def tables() -> str:
    """Return the Markdown tables of events, exchanges and queues."""
    lines = ["## Events", "", "| event | from | to | meaning |", "|---|---|---|---|"]
    for event in EVENTS:
        readers = ", ".join(CONSUMERS[event.event])
        lines.append(f"| `{event.event}` | {event.source} | {readers} | {_meaning(event)} |")
    lines += ["", "## Payloads", ""]
    for event in EVENTS:
        names = ", ".join(f"`{item.encode_name}`" for item in msgspec.structs.fields(event))
        lines.append(f"- **{event.event}** (schema {event.schema}): {names}")
    lines += ["", "## Exchanges", "", "| exchange | kind |", "|---|---|"]
    lines += [f"| `{exchange.name}` | {exchange.kind} |" for exchange in EXCHANGES]
    lines += ["", "## Queues", "", "| queue | bound to | arguments |", "|---|---|---|"]
    for queue in QUEUES:
        bound = ", ".join(f"`{source}`" + (f" by `{key}`" if key else "") for source, key in queue.bindings)
        arguments = ", ".join(f"{name[2:]}={value!r}" for name, value in queue.arguments.items())
        lines.append(f"| `{queue.name}` | {bound or 'the default exchange'} | {arguments} |")
    waits = ", ".join(f"{seconds} s" for seconds in DELAYS)
    lines += [
        "",
        f"A retry waits {waits}, then as long as the last; after {MAX_ATTEMPTS} attempts it is a dead letter.",
    ]
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """Return this page with what stands between its markers replaced by the current tables."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{tables()}\n\n{END}{tail}"


def text() -> str:
    """Return the AsyncAPI document as docs/asyncapi.json holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def _channel(event: type[Event]) -> dict[str, Any]:
    message = {
        "name": event.event,
        "summary": _meaning(event),
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": _REFERENCE.format(name=event.__name__)},
    }
    exchange = {"name": EVENTS_EXCHANGE, "type": "topic", "durable": True}
    return {
        "address": event.event,
        "messages": {event.event: message},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange}},
    }


def _sends() -> dict[str, Any]:
    return {
        f"{event.source}.sends.{event.event}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{event.event}"},
            "tags": [{"name": event.source}],
        }
        for event in EVENTS
    }


def _receives() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for event, services in CONSUMERS.items():
        for service in services:
            queue = queue_name(service, event)
            operations[f"{service}.receives.{event}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{event}"},
                "description": f"From the quorum queue `{queue}`; dead letters in `{dead_queue(queue)}`.",
                "tags": [{"name": service}],
            }
    return operations


def _meaning(event: type[Event]) -> str:
    first, _, _ = inspect.cleandoc(event.__doc__ or "").partition("\n\n")
    return " ".join(first.split())


def main() -> None:
    """Write docs/asyncapi.json and the tables of docs/events.md."""
    (DOCS / "asyncapi.json").write_text(text(), encoding="utf-8")
    page = DOCS / "events.md"
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
