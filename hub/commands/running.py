"""`hub deliveries`, `sync`, `reconcile`: ask the running hub, over the gateway's HTTP API."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

Partner = Annotated[str, typer.Argument(help="Partner's id, such as quoc-gia.")]
STILL_AT_WORK = {"running", "repairing"}


def deliveries(
    partner: Annotated[str | None, typer.Option(help="Only this partner's.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state, such as waiting or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: show.AsJson = False,
) -> None:
    """List what partners are due, newest first."""
    query = {"partner": partner, "state": state, "limit": limit}
    with show.plain_errors():
        page = _operator().ask("GET", "/v1/deliveries", params={key: value for key, value in query.items() if value})
    if json_:
        show.as_json(page)
        return
    columns = ("id", "partner", "form", "unit", "period", "version", "kind", "state", "attempts", "error")
    show.table("Deliveries", columns, [[row.get(column) for column in columns] for row in page["deliveries"]])


def sync(partner: Partner, json_: show.AsJson = False) -> None:
    """Send what waits for a partner now, without its back-off."""
    with show.plain_errors():
        answer = _operator().ask("POST", f"/v1/partners/{partner}/sync")
    if json_:
        show.as_json(answer)
    else:
        show.say(f"{answer['due']} deliveries to {partner} are due now; look: hub deliveries --partner {partner}")


def settle(
    delivery: Annotated[str, typer.Argument(help="The delivery's id, of one that is in_doubt.")],
    applied: Annotated[bool, typer.Option("--applied/--not-applied", help="What the partner's people say.")],
    reason: Annotated[str, typer.Option(help="Who said so, and how; kept in the audit chain.", prompt=True)],
    json_: show.AsJson = False,
) -> None:
    """Say how a delivery in doubt ended, where the partner cannot be asked: acknowledged, or sent again."""
    body = {"applied": applied, "reason": reason}
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/deliveries/{delivery}/settle", json=body)
    if json_:
        show.as_json(found)
    else:
        show.say(f"{delivery} is {found['state']}")


def reconcile(
    partner: Partner,
    repair: Annotated[bool, typer.Option(help="Send anew what differs, and read again.")] = True,
    source: Annotated[bool, typer.Option("--source", help="Compare as a source: what was received from it.")] = False,
    wait_seconds: Annotated[float, typer.Option(help="How long to wait for the result.")] = 300,
    json_: show.AsJson = False,
) -> None:
    """Compare with what a partner holds, repair differences, prove equality. Exit code 1 unless equal or repaired."""
    direction = {"direction": "source"} if source else {}
    with show.plain_errors():
        gateway = _operator()
        report = gateway.ask("POST", "/v1/reconciliations", json={"partner": partner, "repair": repair, **direction})
        end = time.monotonic() + wait_seconds
        with show.console.status(f"comparing with {partner} …") as shown:
            while report["state"] in STILL_AT_WORK and time.monotonic() < end:
                time.sleep(0.3)
                report = gateway.ask("GET", f"/v1/reconciliations/{report['id']}")
                shown.update(f"{report['state']}: {report['calls']} calls, {len(report['differences'])} differences")
    if json_:
        show.as_json(report)
    else:
        _show_reconciliation(report)
    if report["state"] not in {"equal", "repaired"}:
        raise typer.Exit(show.FAILED)


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())


def _show_reconciliation(report: dict[str, Any]) -> None:
    columns = ("kind", "form", "unit", "period", "indicator", "expected", "found", "state")
    if report["differences"]:
        show.table("Differences", columns, [[row.get(column) for column in columns] for row in report["differences"]])
    age = report.get("scrub_age_seconds")
    show.say(
        f"{report['partner']}: {report['state']}; {report['entries']} entries in {report['calls']} calls, "
        f"{report['bytes_compared']} bytes; "
        + (f"own digests scrubbed {age:.0f} s ago" if age is not None else "own digests never scrubbed")
        + (f"; {report['error']}" if report.get("error") else "")
    )
