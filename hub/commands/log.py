"""`hub log`: the messages with other systems. Search and read them, export them, and verify an export without a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings
from shared.message_verification import Fault, LogReport, verify

app = typer.Typer(help="Messages with other systems.", no_args_is_help=True)
Since = Annotated[str | None, typer.Option("--from", help="Not before, such as 2026-07-01T00:00:00+07:00.")]
Until = Annotated[str | None, typer.Option("--to", help="Before this instant.")]
MAX_SHOWN = 100


@app.command("list")
def list_messages(
    partner: Annotated[str | None, typer.Option(help="Only with this one.")] = None,
    direction: Annotated[str | None, typer.Option(help="Only out (the hub asked) or in.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only these, such as submit, push or digests.")] = None,
    road: Annotated[str | None, typer.Option(help="Only by rest, soap, xroad-rest or xroad-soap.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only those that ended so, such as timeout.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only about this unit.")] = None,
    form: Annotated[str | None, typer.Option(help="Only about this form.")] = None,
    period: Annotated[str | None, typer.Option(help="Only about this period.")] = None,
    correlation_id: Annotated[str | None, typer.Option(help="Only of this matter.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: show.AsJson = False,
) -> None:
    """List messages, newest first."""
    query: dict[str, Any] = {
        "partner": partner,
        "direction": direction,
        "kind": kind,
        "road": road,
        "outcome": outcome,
        "unit": unit,
        "form": form,
        "period": period,
        "correlation_id": correlation_id,
        "from": since,
        "to": until,
        "limit": limit,
    }
    with show.plain_errors():
        page = _operator().ask("GET", "/v1/messages", params={key: value for key, value in query.items() if value})
    if json_:
        show.as_json(page)
        return
    about = ("form", "unit", "period")
    columns = ("id", "at", "partner", "direction", "road", "kind", *about, "outcome", "status", "error")
    show.table("Messages", columns, [[row.get(column) for column in columns] for row in page["messages"]])


@app.command("show")
def show_message(message: Annotated[str, typer.Argument(help="The message's id.")], json_: show.AsJson = False) -> None:
    """Show one with what is kept of request and answer."""
    with show.plain_errors():
        found = _operator().ask("GET", f"/v1/messages/{message}")
    if json_:
        show.as_json(found)
        return
    show.table("Message", ("field", "value"), list(found["message"].items()))
    for side in ("request", "response"):
        show.console.print(f"[bold]{side}[/bold]")
        show.console.print(found[side] or "not kept", markup=False, soft_wrap=True)


@app.command("export")
def export_messages(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write.")],
    since: Since = None,
    until: Until = None,
) -> None:
    """Write all sealed messages of a time to a file, and verify it."""
    asked = {"from": since, "to": until}
    with show.plain_errors():
        params = {name: value for name, value in asked.items() if value}
        size = _operator().save("/v1/messages/export", file, params=params)
    report = _verified(file, None)
    show.say(f"{report.entries} messages, {size} bytes; head {report.head}")
    _end(report)


@app.command("verify")
def verify_log(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An export of the message log.")],
    head: Annotated[str | None, typer.Option(help="The last hash as it was noted elsewhere.")] = None,
    json_: show.AsJson = False,
) -> None:
    """Check an export without hub, database or network: names every message that was changed, removed, moved or
    doubled. Exit code 1 if there is any."""
    report = _verified(file, head)
    if json_:
        show.as_json({"holds": report.holds, **_plain(report)})
        if not report.holds:
            raise typer.Exit(show.FAILED)
        return
    if report.holds:
        gone = f"; {report.bodiless} no longer have their bodies" if report.bodiless else ""
        show.say(f"{report.entries} messages, {report.first} to {report.last}, are as they were sealed{gone}")
        show.say(f"head {report.head}")
    _end(report)


def _verified(file: Path, head: str | None) -> LogReport:
    with file.open("rb") as lines:
        return verify(lines, head)


def _end(report: LogReport) -> None:
    if report.holds:
        return
    first = report.faults[0]
    show.errors.print(f"[red]the log does not hold:[/red] first {_told(first)}", soft_wrap=True)
    for fault in report.faults[1:MAX_SHOWN]:
        show.errors.print(f"  {_told(fault)}", soft_wrap=True, markup=False)
    if len(report.faults) > MAX_SHOWN:
        show.errors.print(f"  and {len(report.faults) - MAX_SHOWN} more")
    raise typer.Exit(show.FAILED)


def _told(fault: Fault) -> str:
    number = "?" if fault.number is None else str(fault.number)
    span = number if fault.until is None else f"{number} to {fault.until}"
    line = "" if fault.line is None else f", line {fault.line}"
    message = "" if fault.message is None else f" ({fault.message})"
    return f"{fault.what}: message {span}{message}{line}: {fault.why}"


def _plain(report: LogReport) -> dict[str, Any]:
    faults = [
        {
            "what": fault.what,
            "number": fault.number,
            "until": fault.until,
            "line": fault.line,
            "message": fault.message,
            "why": fault.why,
        }
        for fault in report.faults
    ]
    return {
        "entries": report.entries,
        "first": report.first,
        "last": report.last,
        "head": report.head,
        "faults": faults,
    }


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
