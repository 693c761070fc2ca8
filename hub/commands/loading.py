"""`hub load`: read a folder, show what it would change or every fault with its file, row and column, then apply it.
`hub regimes`: show how the folder sets a province up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import catalogue
from catalogue import Fault, Reading, Source
from hub import overview, show
from hub.client import Gateway
from hub.settings import HubSettings

MAX_SHOWN = 60
"""Lines of a plan and letters of a value that a person is shown; `--json` has all."""
TIMEOUT_SECONDS = 120


def load(
    folder: Annotated[Path | None, typer.Argument(help="Catalogue folder; default: Lai Châu's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "--apply", "-y", help="Apply the plan without asking.")] = False,
    json_: show.AsJson = False,
) -> None:
    """Load a catalogue into the running hub: read, plan, apply. One fault (exit code 1) and nothing is loaded."""
    with show.plain_errors():
        gateway = Gateway.as_operator(HubSettings.read())
        reading = catalogue.read_places(folder)
        plan = _plan(gateway, reading)
        faults = _by_source([*reading.faults, *(_placed(reading, fault) for fault in plan.get("faults", ()))])
        if faults:
            _refuse(faults, max(plan.get("fault_count", 0), len(faults)), json_)
        if not json_:
            _show(plan)
        changes = bool(plan["added"] or plan["changed"])
        if json_ and (dry_run or not yes):
            show.as_json({"plan": plan, "faults": [], "result": None})
        elif changes and not dry_run and (yes or typer.confirm("apply it?", abort=True)):
            query = {"expected_version": plan["version"]}
            result = gateway.ask("PUT", "/v1/catalogue", json=reading.body, params=query, timeout=TIMEOUT_SECONDS)
            if json_:
                show.as_json({"plan": plan, "faults": [], "result": result})
            else:
                show.say(f"the catalogue is at version {result['version']}")


def regimes(
    folder: Annotated[Path | None, typer.Argument(help="Catalogue folder; default: Lai Châu's.")] = None,
    json_: show.AsJson = False,
) -> None:
    """Show how a province is set up: units, regimes with their deadlines, and who owes which form."""
    with show.plain_errors():
        found = overview.tables(catalogue.read(folder))
    if json_:
        show.as_json({table.title.lower(): [dict(zip(table.columns, row, strict=True)) for row in table.rows]
                      for table in found})  # fmt: skip
        return
    for table in found:
        show.table(table.title, table.columns, table.rows)


def _plan(gateway: Gateway, reading: Reading) -> dict[str, Any]:
    """Ask what the load would do; nothing, where a file could not be read at all: what is missing would be a fault of
    everything that refers to it."""
    if not reading.body or not all(fault.cell for fault in reading.faults):
        return {}
    answer: dict[str, Any] = gateway.ask("POST", "/v1/catalogue/plan", json=reading.body, timeout=TIMEOUT_SECONDS)
    return answer


def _placed(reading: Reading, fault: dict[str, str]) -> Fault:
    source = reading.places.find(fault["place"]) or Source(fault["place"])
    told = f"{fault['place']}: {fault['message']}"
    return Fault(source, fault["code"], told, f"{fault['place']}: {fault['detail']}")


def _by_source(faults: list[Fault]) -> list[Fault]:
    """Return the faults in order of file, row and column; what the reader told of a cell is not told again."""
    told = {fault.source for fault in faults if fault.cell}
    kept = [fault for fault in faults if fault.cell or fault.code != "shape" or fault.source not in told]
    return sorted(kept, key=lambda fault: fault.source)


def _refuse(faults: list[Fault], count: int, json_: bool) -> None:
    if json_:
        told = [asdict(fault.source) | {"code": fault.code, "message": fault.message, "detail": fault.detail}
                for fault in faults]  # fmt: skip
        show.as_json({"plan": None, "faults": told, "result": None})
    else:
        columns = ("file", "row", "column", "field", "code", "fault")
        rows = [
            (fault.source.file, fault.source.row or None, fault.source.column or None, fault.source.field, fault.code,
             fault.message)
            for fault in faults
        ]  # fmt: skip
        show.table(f"{count} faults, nothing is loaded", columns, rows)
    raise typer.Exit(show.FAILED)


def _show(plan: dict[str, Any]) -> None:
    added = Counter(place.partition("[")[0] for place in plan["added"])
    changed = Counter(entry["place"].partition("[")[0] for entry in plan["changed"])
    sections = [section for section in catalogue.SECTIONS if added[section] or changed[section]]
    title = f"Plan on version {plan['version']}: {plan['unchanged']} entries stay as they are"
    show.table(title, ("section", "added", "changed"), [(name, added[name], changed[name]) for name in sections])
    rows = [(place, None, None, "new") for place in plan["added"]] + [
        (entry["place"], change["field"], _short(change["before"]), _short(change["after"]))
        for entry in plan["changed"]
        for change in entry["fields"]
    ]
    if rows:
        show.table("Changes", ("entry", "field", "before", "after"), rows[:MAX_SHOWN])
    if len(rows) > MAX_SHOWN:
        show.say(f"{len(rows) - MAX_SHOWN} more lines: see --json")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
