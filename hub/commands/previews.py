"""`hub partner preview`: the request that a partner would be sent, before anything leaves."""

from __future__ import annotations

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
