"""`hub pull`, `hub pulls`: what the hub fetches from source systems."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="What was fetched from source systems.", no_args_is_help=True)
Source = Annotated[str, typer.Argument(help="The source's partner id.")]
_COUNTS = ("pages", "read", "new", "unchanged", "unmapped", "refused", "deleted", "pushes")


def pull(
    partner: Source,
    since: Annotated[str | None, typer.Option(help="From this time or number on, not where the last ended.")] = None,
    again: Annotated[bool, typer.Option(help="Send on again what was sent before.")] = False,
    wait_seconds: Annotated[float, typer.Option(help="How long to wait for the result.")] = 300,
    json_: show.AsJson = False,
) -> None:
    """Fetch what changed at a source into drafts, now. Exit code 1 unless it succeeds."""
    with show.plain_errors():
        gateway = _operator()
        begun = gateway.ask("POST", f"/v1/partners/{partner}/pull", json={"since": since, "again": again})
        end = time.monotonic() + wait_seconds
        with show.console.status(f"pulling from {partner} …") as shown:
            while True:
                found = gateway.ask("GET", f"/v1/pulls/{begun['id']}")
                run = found["pull"]
                if run["finished_at"] is not None or time.monotonic() > end:
                    break
                shown.update(f"{run['pages']} pages, {run['read']} rows")
                time.sleep(0.3)
    if json_:
        show.as_json(found)
    else:
        _show(found)
    if run["state"] != "succeeded":
        raise typer.Exit(show.FAILED)


@app.command("list")
def list_pulls(
    partner: Source,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: show.AsJson = False,
) -> None:
    """List the pulls from a source, newest first."""
    with show.plain_errors():
        page = _operator().ask("GET", f"/v1/partners/{partner}/pulls", params={"limit": limit})
    if json_:
        show.as_json(page)
        return
    columns = ("id", "state", "requested_by", "started_at", *_COUNTS, "error")
    show.table(f"Pulls from {partner}", columns, [[row.get(column) for column in columns] for row in page["pulls"]])
    show.say(f"pulled up to {page['watermark']}; last success {page['last_good_at']}; {page['failures']} failed since")


@app.command("show")
def show_pull(
    run: Annotated[str, typer.Argument(help="The pull's id.")],
    json_: show.AsJson = False,
) -> None:
    """Show one pull with the rows that were not sent on and the receipts of what was."""
    with show.plain_errors():
        found = _operator().ask("GET", f"/v1/pulls/{run}")
    if json_:
        show.as_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    run = found["pull"]
    if found["errors"]:
        _table("Rows not sent on", found["errors"], "page", "position", "kind", "place", "message", "row")
    if found["receipts"]:
        _table("Receipts", found["receipts"], "receipt_id", "form", "unit", "period", "figures")
    counts = ", ".join(f"{run[name]} {name}" for name in _COUNTS)
    show.say(f"pull {run['id']} from {run['partner']}: {run['state']}; {counts}")
    if run["error"]:
        show.say(f"{run['error_code']}: {run['error']}")


def _table(title: str, rows: list[dict[str, Any]], *columns: str) -> None:
    show.table(title, columns, [[row.get(column) for column in columns] for row in rows])


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
