"""The shape of every event as it was told so far: what a process of the version before may still send or expect.

`python -m shared.testing.shapes` adds to the frozen shapes what is new, and refuses what an older process could not
live with. While an upgrade rolls, both versions read each other's messages.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts.events import EVENTS

FROZEN = Path(__file__).parents[2] / "tests" / "unit" / "shared" / "event_shapes.json"

Shape = dict[str, Any]
"""By event: `schema` number and the name of its payload; by payload: its fields with type, and whether required."""


def current() -> Shape:
    """Return the shapes that the contracts have now."""
    _, payloads = msgspec.json.schema_components(EVENTS, ref_template="{name}")
    return {
        "events": {event.event: {"schema": event.schema, "payload": event.__name__} for event in EVENTS},
        "payloads": {name: _fields(payload) for name, payload in sorted(payloads.items()) if "properties" in payload},
    }


def _fields(payload: dict[str, Any]) -> Shape:
    required = set(payload.get("required", ()))
    return {
        name: {
            "type": {key: value for key, value in said.items() if key not in ("default", "description")},
            "required": name in required,
        }
        for name, said in payload["properties"].items()
    }


def broken(old: Shape, new: Shape) -> list[str]:
    """Return what in `new` a reader or writer of `old` cannot live with, a line each: what went, what changed, what is
    asked for that was not told. Only an event whose schema number was raised may differ so."""
    raised = {
        said["payload"]
        for event, said in old["events"].items()
        if new["events"].get(event, said)["schema"] > said["schema"]
    }
    found = [f"{event}: gone" for event in old["events"].keys() - new["events"].keys()]
    for payload, fields in old["payloads"].items():
        if payload in raised:
            continue
        now = new["payloads"].get(payload)
        if now is None:
            found.append(f"{payload}: gone")
            continue
        for name, said in fields.items():
            if now.get(name) != said:
                found.append(f"{payload}.{name}: was {said}, is {now.get(name)}")
        asked = [name for name in now.keys() - fields.keys() if now[name]["required"]]
        found += [f"{payload}.{name}: new and without a default" for name in asked]
    return sorted(found)


def main() -> int:
    """Freeze what was added; refuse what breaks."""
    new = current()
    faults = broken(json.loads(FROZEN.read_text(encoding="utf-8")), new) if FROZEN.exists() else []
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    if not faults:
        FROZEN.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
