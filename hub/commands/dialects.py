"""`hub partner preview` and `fetch-wsdl`: partners that are described as data, before anything leaves for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings


def preview(
    partner: Annotated[str, typer.Argument(help="Partner's id, such as quoc-gia.")],
    form: Annotated[str, typer.Option(help="The form's code.")],
    unit: Annotated[str, typer.Option(help="The unit's id.")],
    period: Annotated[str, typer.Option(help="The period, such as 2016 or 2026-M03.")],
    json_: show.AsJson = False,
) -> None:
    """Show the exact request by which a partner would be handed what is approved now; credentials are masked, nothing
    is sent."""
    key = {"form": form, "unit": unit, "period": period}
    with show.plain_errors():
        found = Gateway.as_operator(HubSettings.read()).ask("GET", f"/v1/partners/{partner}/preview", params=key)
    if json_:
        show.as_json(found)
        return
    show.say(f"{found['values']} values, version {found['version']}; this would be sent:")
    typer.echo("\n".join([f"{found['method']} {found['address']}", *found["headers"], "", found["body"]]))


def fetch_wsdl(
    url: Annotated[str, typer.Argument(help="Where the partner shows its WSDL, such as https://…/service?wsdl.")],
    name: Annotated[str, typer.Argument(help="What dialects call it, such as so-y-te.wsdl.")],
    authority: Annotated[
        Path | None, typer.Option(help="Certificate of the authority that signed the partner's.")
    ] = None,
) -> None:
    """Fetch a partner's WSDL, with what it imports from the same host, into the folder of contracts, and say what it
    offers. The hub itself never fetches anything: run this where HUB_CONTRACTS_DIR can be written."""
    step = [sys.executable, "-m", "services.integration.fetching", url, name]
    step += [] if authority is None else ["--authority", str(authority)]
    environ = {"HUB_VAR": str(HubSettings.read().var), **os.environ}
    raise typer.Exit(subprocess.run(step, env=environ, check=False).returncode)
