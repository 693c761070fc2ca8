"""`hub partner`: who the hub exchanges figures with, on which terms, and whether it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="Partners: list, show, put, suspend, resume, check.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The partner's id.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the version and in the audit chain.", prompt=True)]

_SIGNS = {True: "đạt", False: "KHÔNG ĐẠT", None: "–"}


@app.command("list")
def list_partners(json_: show.AsJson = False) -> None:
    """List the partners and how the hub stands with each."""
    with show.plain_errors():
        found = _operator().ask("GET", "/v1/partners")
    if json_:
        show.as_json(found)
        return
    columns = ("id", "name", "protocol", "endpoint", "deliveries", "last_proof_at")
    rows = [
        [row["id"], row["name"], row["protocol"], row["endpoint"], _counts(row["deliveries"]), row.get("last_proof_at")]
        for row in found
    ]
    show.table("Partners", columns, rows)


@app.command("show")
def show_partner(partner: Id, json_: show.AsJson = False) -> None:
    """Show a partner whole: `--json` prints the document that `hub partner put` takes under `document`."""
    with show.plain_errors():
        found = _operator().ask("GET", _path(partner))
    if json_:
        show.as_json(found)
        return
    document = found["document"]
    rows = [(name, json.dumps(value, ensure_ascii=False)) for name, value in document.items() if value not in ({}, "")]
    show.table(f"{partner}, version {found['version']}", ("field", "value"), rows)
    if found["held"]:
        show.console.print(f"[yellow]{found['held']}[/yellow]: {found['held_reason']}", soft_wrap=True)
        show.console.print(f"next call: {found['next_call_at'] or 'when a person acts'}", soft_wrap=True)
    if found["gaps"]:
        show.console.print(f"[yellow]{found['gaps']} contents have no code of a unit there[/yellow]")
    columns = ("version", "at", "by", "act", "reason", "fields")
    versions = [
        [row["version"], row["at"], row["by"], row["action"], row["reason"], _fields(row["changes"])]
        for row in found["versions"]
    ]
    show.table("Versions", columns, versions)


@app.command("put")
def put_partner(
    file: Annotated[Path, typer.Argument(help="One JSON document, with its id.", exists=True, dir_okay=False)],
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json_: show.AsJson = False,
) -> None:
    """Create or change a partner: shows what would change, asks, and does it."""
    with show.plain_errors():
        document = _document(file)
        partner, gateway = str(document["id"]), _operator()
        query: dict[str, Any] = {"reason": reason}
        plan = gateway.ask("PUT", _path(partner), json=document, params=query | {"dry_run": "true"})
        if not json_:
            _show_plan(plan, document)
        sure = yes or json_
        if not dry_run and plan["changes"] and (sure or typer.confirm("put it?", abort=True)):
            query["expected_version"] = plan["version"]
            plan = gateway.ask("PUT", _path(partner), json=document, params=query)
            if not json_:
                show.say(f"{partner} is {plan['action']}, version {plan['version']}; try it: hub partner check")
    if json_:
        show.as_json(plan)


@app.command("suspend")
def suspend_partner(partner: Id, reason: Reason, json_: show.AsJson = False) -> None:
    """Have nothing pass between this partner and the hub; what it is due waits."""
    _act(partner, "suspend", reason, json_)


@app.command("resume")
def resume_partner(partner: Id, reason: Reason, json_: show.AsJson = False) -> None:
    """Let a suspended partner be called again, and its systems in."""
    _act(partner, "resume", reason, json_)


@app.command("check")
def check_partner(partner: Id, json_: show.AsJson = False) -> None:
    """Try a partner step by step, giving it nothing. Exit code 1 if a step fails."""
    with show.plain_errors():
        found = _operator().ask("POST", _path(partner, "/check"), timeout=60)
    if json_:
        show.as_json(found)
    else:
        rows = [
            (step["step"], _SIGNS[step["passed"]], step["detail"], step["told"], f"{step['seconds']:.3f} s")
            for step in found["steps"]
        ]
        show.table(f"{partner}", ("step", "kết quả", "chi tiết", "in English", "time"), rows)
    if not found["passed"]:
        raise typer.Exit(show.FAILED)


def _act(partner: str, act: str, reason: str, json_: bool) -> None:
    with show.plain_errors():
        found = _operator().ask("POST", _path(partner, f"/{act}"), json={"reason": reason})
    if json_:
        show.as_json(found)
    else:
        show.say(f"{partner}: {found['held_reason'] or 'may be called'}")


def _document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file} is no JSON: {error}") from error
    if not isinstance(document, dict) or not document.get("id"):
        raise typer.BadParameter(f"{file} holds no partner with an id")
    return document


def _show_plan(plan: dict[str, Any], document: dict[str, Any]) -> None:
    """Show what changes; of a new partner what its document says, and that the rest is as usual."""
    changes = plan["changes"]
    told = [item for item in changes if item["before"] is not None or item["field"].partition(".")[0] in document]
    rows = [
        (change["field"], *(json.dumps(change[side], ensure_ascii=False) for side in ("before", "after")))
        for change in told
    ]
    show.table(f"{plan['partner']}: {plan['action']}", ("field", "before", "after"), rows)
    if len(told) < len(changes):
        show.say(f"{len(plan['changes']) - len(told)} fields that the document does not name have their defaults")
    if plan["deliveries"]:
        least = "" if plan["all_counted"] else "at least "
        show.console.print(f"deliveries that follow: {least}{plan['deliveries']}", soft_wrap=True)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{state} {count}" for state, count in sorted(counts.items()))


def _fields(changes: list[dict[str, Any]]) -> str:
    names = [str(change["field"]) for change in changes]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _path(partner: str, act: str = "") -> str:
    return f"/v1/partners/{quote(partner, safe='')}{act}"


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
