"""`hub security-servers`: the registry of Đ11: what stands, and what is announced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="Security servers: list, announce a change, retire.", no_args_is_help=True)
Effective = Annotated[str, typer.Option("--from", help="The day it takes effect, YYYY-MM-DD.")]
Emergency = Annotated[bool, typer.Option("--emergency", help="Sooner than three working days; needs a reason.")]
Reason = Annotated[str, typer.Option(help="Why.")]


@app.command("list")
def list_servers(
    on: Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD; today if none is named.")] = None,
    json_: show.AsJson = False,
) -> None:
    """List what stands on a day, and what is announced for later."""
    with show.plain_errors():
        found = _operator().ask("GET", "/v1/security-servers", params={} if on is None else {"on": on})
    _shown(found, json_)


@app.command("announce")
def announce(
    file: Annotated[Path, typer.Argument(help="One JSON document: the server as it becomes.", exists=True)],
    effective_on: Effective,
    emergency: Emergency = False,
    reason: Reason = "",
    json_: show.AsJson = False,
) -> None:
    """Announce that a server is, from a day on, as this document says."""
    try:
        becomes = json.loads(file.read_text("utf-8"))
        server = str(becomes["id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise typer.BadParameter(f"{file} holds no server with an id: {error}") from error
    body = {"effective_on": effective_on, "becomes": becomes, "emergency": emergency, "reason": reason}
    _announced(server, body, json_)


@app.command("retire")
def retire(
    server: Annotated[str, typer.Argument(help="The server's id.")],
    effective_on: Effective,
    emergency: Emergency = False,
    reason: Reason = "",
    json_: show.AsJson = False,
) -> None:
    """Announce that a server stands no more from a day on."""
    _announced(server, {"effective_on": effective_on, "emergency": emergency, "reason": reason}, json_)


def _announced(server: str, body: dict[str, Any], json_: bool) -> None:
    path = f"/v1/security-servers/{quote(server, safe='')}/announcements"
    with show.plain_errors():
        found = _operator().ask("POST", path, json=body)
    _shown(found, json_)


def _shown(found: dict[str, Any], json_: bool) -> None:
    if json_:
        show.as_json(found)
        return
    columns = ("id", "owner", "address", "purpose", "valid_from", "valid_to", "fingerprint")
    show.table(
        f"Standing on {found['on']}", columns, [[row.get(name) for name in columns] for row in found["standing"]]
    )
    columns = ("number", "server", "effective_on", "announced_at", "announced_by", "emergency", "reason")
    rows = [[row.get(name) for name in columns] for row in found["announced"]]
    show.table(f"Announced; a change may take effect from {found['earliest']} on", columns, rows)


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
